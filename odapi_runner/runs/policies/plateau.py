"""`--reduce-on-plateau loss_total:patience=3,factor=0.5`: a lower rate where nothing gets better.

The factor multiplies what the config's schedule gives at each step.

Source: tf_keras/callbacks.py, `ReduceLROnPlateau`, whose names and meaning these are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from odapi_runner.runs.policies.metric import Patience, parse_rule


@dataclass(frozen=True, slots=True)
class Plateau:
    """When to reduce the rate, by what, and how far."""

    metric: str
    patience: int
    factor: float
    min_delta: float
    cooldown: int  # evaluations after a reduction that do not count
    min_factor: float  # the product of all reductions stays above

    def reductions(self, scores: Mapping[int, float]) -> dict[int, float]:
        """By the scores so far (ascending by step): what factor counts from which evaluation on."""
        found: dict[int, float] = {}
        seen, factor, resting = Patience(self.metric, self.min_delta), 1.0, 0
        for step, score in scores.items():
            seen.see(step, score)
            if resting:
                resting, seen.waited = resting - 1, 0
            if seen.waited >= self.patience and factor > self.min_factor:
                factor = max(factor * self.factor, self.min_factor)
                found[step] = factor
                seen.waited, resting = 0, self.cooldown
        return found


def parse_plateau(text: str) -> Plateau:
    """What `--reduce-on-plateau` says.

    Raises:
        ValueError: it is no such rule.
    """
    absent = {
        "patience": 3.0,
        "factor": 0.1,
        "min-delta": 1e-4,
        "cooldown": 0.0,
        "min-factor": 1e-4,
    }
    metric, numbers = parse_rule(text, absent)
    if numbers["patience"] < 1:
        raise ValueError("patience is an evaluation at least")
    if not 0 < numbers["factor"] < 1:
        raise ValueError("factor is a number between 0 and 1")
    return Plateau(
        metric,
        int(numbers["patience"]),
        numbers["factor"],
        numbers["min-delta"],
        int(numbers["cooldown"]),
        numbers["min-factor"],
    )
