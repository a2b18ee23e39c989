"""What was done about a run while nobody looked, in words: from the events of its supervisors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from odapi_runner.formats.runlog import read_events
from odapi_runner.rundir import RunDir
from odapi_runner.runs.process import describe_exit

HUNG, WENT_ON = "hung", "went_on"

_WORDS: Final[dict[str, Callable[[dict[str, Any]], str]]] = {
    "ending": lambda event: str(event["what"]),
    "evaluator_given_up": lambda event: str(event["what"]),
    HUNG: lambda event: f"{_who(event)}{event['what']}",
    WENT_ON: lambda event: f"{_who(event)}step {event['step']} after {event['seconds']:.0f} s",
    "notified": lambda event: f"{event['program']}: {_result(event)}",
    "rate": lambda event: f"{event['factor']:g} times the schedule's{_why_rate(event)}",
    "rejected": lambda event: f"ckpt-{event['number']}: {event['what']}",
    "rejected_evaluation": lambda event: str(event["what"]),
    "retrying": lambda event: f"{event['done']}: {event['what']}",  # which may be sentences
    "revised": lambda event: f"as revision {event['revision']}: {event['why']}",
    "requeued": lambda event: f"job {event['job']} goes on when Slurm lets it",
    "rolled_back": lambda event: f"to ckpt-{event['number']}",
    "skipped": lambda event: f"ckpt-{event['number']} is not evaluated, too many wait",
    "unevaluated": lambda event: str(event["what"]),
}


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


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that a supervisor did, or found."""

    time: float  # since the epoch
    kind: str  # of the event
    what: str


def read_deeds(run: RunDir) -> list[Deed]:
    """Those of a run, in their order."""
    return [
        Deed(event["time"], event["kind"], _WORDS[event["kind"]](event))
        for event in read_events(run, "supervise")
        if event["kind"] in _WORDS
    ]
