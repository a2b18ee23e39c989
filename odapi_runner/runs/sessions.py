"""What a run has used up since a person asked for it: hours at work, and tries.

A supervisor that is started by itself (in a job that Slurm has queued again, by the queue after a
reboot or a kill) has what the one before left over; `odapi resume` begins anew, by an event.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from odapi_runner.formats.runlog import ENDS, read_events
from odapi_runner.rundir import RunDir

ASKED = "resumed"


def read_since_asked(run: RunDir) -> list[dict[str, Any]]:
    """The events of a run since somebody last asked for it to go on; else all."""
    told = read_events(run)
    asked = (at for at, event in enumerate(told, 1) if _is(event, "launch", ASKED))
    return told[max(asked, default=0) :]


def seconds_at_work(told: Iterable[Mapping[str, Any]]) -> float:
    """How long supervisors were at work, by the events that they and their trainers told.

    One that was killed counts until the last of these.
    """
    seconds = 0.0
    since: float | None = None  # what was counted last, of a session that has not ended
    for event in told:
        if _is(event, "supervise", "started"):
            since = event["time"]
        elif since is not None and event.get("role") in {"supervise", "train"}:
            seconds, since = seconds + event["time"] - since, event["time"]
            if _is(event, "supervise", *ENDS):
                since = None
    return seconds


def _is(event: Mapping[str, Any], role: str, *kinds: str) -> bool:
    return event.get("role") == role and event["kind"] in kinds
