"""What has happened to a run while nobody looked, in words: from the events of who looks after it.

How it ended last is its state; what came before, and was gone on from, is told here.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from odapi_runner.formats.runlog import read_events
from odapi_runner.rundir import RunDir
from odapi_runner.runs.process import describe_exit

HUNG, WENT_ON = "hung", "went_on"

_WORDS: Final[dict[str, Callable[[dict[str, Any]], str]]] = {
    "ending": lambda event: str(event["what"]),
    "evaluator_ended": lambda event: f"it {event['how']}",
    "evaluator_given_up": lambda event: str(event["what"]),
    HUNG: lambda event: f"{_who(event)}{event['what']}",
    WENT_ON: lambda event: f"{_who(event)}step {event['step']} after {event['seconds']:.0f} s",
    "mended": lambda event: str(event["what"]),
    "no_remedy": lambda event: str(event["what"]),
    "notified": lambda event: f"{event['program']}: {_result(event)}",
    "rate": lambda event: f"{event['factor']:g} times the schedule's{_why_rate(event)}",
    "rejected": lambda event: (
        f"ckpt-{event['number']}{_of_step(event)}: {event['what']}; it lies in rejected/ now"
    ),
    "rejected_evaluation": lambda event: str(event["what"]),
    "retrying": lambda event: f"{event['done']}: {event['what']}",  # which may be sentences
    "revised": lambda event: f"as revision {event['revision']}: {event['why']}",
    "requeued": lambda event: f"job {event['job']} goes on when Slurm lets it",
    "rolled_back": lambda event: f"to ckpt-{event['number']}",
    "skipped": lambda event: f"ckpt-{event['number']} is not evaluated, too many wait",
    "trainer_ended": lambda event: f"it {event['how']}",
    "unmeasured": lambda event: str(event["what"]),
    "unevaluated": lambda event: str(event["what"]),
}
_ENDS: Final = {
    "finished": "it had ended",
    "failed": "it had failed",
    "stopped": "it had been stopped",
}
_PROCESS_ENDS = ("trainer_ended", "evaluator_ended")


def _result(event: dict[str, Any]) -> str:
    """What has become of a program that was called."""
    return str(event["what"]) if event["code"] is None else describe_exit(event["code"])


def _why_rate(event: dict[str, Any]) -> str:
    """From which evaluation on, and for what; nothing of a run from before that was told."""
    metric, step, rollbacks = event.get("metric"), event["since"], event["nan"]
    whys = [] if not metric or step is None else [f"{metric} got no better until step {step}"]
    if rollbacks:
        losses = "a loss was" if rollbacks == 1 else f"{rollbacks} losses were"
        whys.append(f"{losses} not finite")
    return f": {', '.join(whys)}" if whys else ""


def _who(event: dict[str, Any]) -> str:
    """Whom it is about, where that is not the trainer."""
    name = event.get("process_name", "trainer")
    return "" if name == "trainer" else f"the {name}: "


def _of_step(event: dict[str, Any]) -> str:
    return "" if event["step"] is None else f" of step {event['step']}"


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that was done about a run, or found."""

    time: float  # since the epoch
    kind: str  # of the event; `resumed` where it went on
    what: str


def read_deeds(run: RunDir) -> list[Deed]:
    """Those of a run, in their order."""
    deeds: list[Deed] = []
    before: str | None = None  # what has become of the session before; None: this is the first
    for event in read_events(run, "supervise", "launch"):
        kind, what = event["kind"], None
        if kind == "started":
            what, before = before, "its supervisor had died without a word"
        elif kind in _ENDS and event["role"] == "supervise":
            before = f"{_ENDS[kind]}: {event['what']}" if event["what"] else _ENDS[kind]
        elif kind in _WORDS and _is_told(event):
            what = _WORDS[kind](event)
        if what is not None:
            deeds.append(Deed(event["time"], "resumed" if kind == "started" else kind, what))
    return deeds


def _is_told(event: dict[str, Any]) -> bool:
    """Of trainer and evaluator only that they were killed, and not by who looks after them."""
    if event["kind"] not in _PROCESS_ENDS:
        return True
    return bool(event["code"] < 0 and event["code"] != -signal.SIGTERM)
