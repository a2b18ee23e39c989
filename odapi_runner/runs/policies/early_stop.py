"""`--early-stop mAP:patience=5,min-delta=0.002,min-steps=2000`: training that is useless by now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from odapi_runner.runs.policies.metric import Patience, parse_rule


@dataclass(frozen=True, slots=True)
class EarlyStop:
    """When to stop: after so many evaluations without a better score, from some step on."""

    metric: str
    patience: int
    min_delta: float
    min_steps: int

    def reason(self, scores: Mapping[int, float]) -> str | None:
        """Why to stop, by all scores so far (ascending by step); None: go on."""
        seen = Patience(self.metric, self.min_delta)
        for step, score in scores.items():
            seen.see(step, score)
            if seen.waited >= self.patience and step >= self.min_steps:
                return (
                    f"{self.metric} was best at step {seen.best_step} ({seen.best:.4f}), and not "
                    f"better by more than {self.min_delta:g} in {seen.waited} evaluations since"
                )
        return None


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
