"""A whole config."""

from __future__ import annotations

from dataclasses import dataclass

from odapi_runner.engine.spec.input import Evaluation, Input
from odapi_runner.engine.spec.train import Train
from odapi_runner.engine.ssd.spec import Ssd


@dataclass(frozen=True, slots=True)
class Spec:
    """A whole config, as the engine understands it."""

    model: Ssd
    train: Train
    train_input: Input
    evaluation: Evaluation
    eval_input: Input
