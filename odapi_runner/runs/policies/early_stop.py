"""`--early-stop mAP:patience=5,min-delta=0.002,min-steps=2000`: training that is useless by now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from odapi_runner.runs.policies.metric import Patience, parse_rule


@dataclass(frozen=True, slots=True)
class EarlyStop:
    """When to stop: after so many evaluations without a better score, from some step on."""

    metric: str
    patience: int
    min_delta: float
    min_steps: int

    def reason(self, scores: Mapping[int, float], overruled: int = -1) -> str | None:
        """Why to stop, by all scores so far (ascending by step); None: go on.

        Up to the step `overruled` nothing counts as waiting: that had stopped a training which
        was told to go on all the same.
        """
        seen = Patience(self.metric, self.min_delta)
        for step, score in scores.items():
            seen.see(step, score)
            if step <= overruled:
                seen.waited = 0
            if seen.waited >= self.patience and step >= self.min_steps:
                return (
                    f"{self.metric} was best at step {seen.best_step} ({seen.best:.4f}), and not "
                    f"better by more than {self.min_delta:g} in {seen.waited} evaluations since"
                )
        return None


def overruled_step(events: Iterable[Mapping[str, Any]]) -> int:
    """The last step evaluated when early stopping ended the training, by a run's events; else -1.

    A supervisor that starts after such an end was told to go on. One that takes over from another
    which died before it had ended the training was not.
    """
    overruled = evaluated = -1
    is_ending = False
    for event in events:
        kind = event["kind"]
        if kind == "evaluated":
            evaluated = max(evaluated, event["step"])
        elif kind == "ending":
            is_ending = event["outcome"] == "finished"
        elif event.get("role") == "supervise" and kind in {"started", "finished"}:
            if kind == "finished" and is_ending:
                overruled = evaluated
            is_ending = False
    return overruled


def parse_early_stop(text: str) -> EarlyStop:
    """What `--early-stop` says.

    Raises:
        ValueError: it is no such rule.
    """
    absent = {"patience": 5.0, "min-delta": 0.0, "min-steps": 0.0}
    metric, numbers = parse_rule(text, absent)
    if numbers["patience"] < 1:
        raise ValueError("patience is an evaluation at least")
    return EarlyStop(
        metric, int(numbers["patience"]), numbers["min-delta"], int(numbers["min-steps"])
    )
