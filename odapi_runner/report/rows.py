"""What a log tells: a row for each step that was logged, and one for each that was evaluated."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TrainRow:
    """The losses and the learning rate that the trainer logged at one step."""

    step: int
    seconds_per_step: float
    values: dict[str, float]  # by tag: "Loss/total_loss", "learning_rate", …


@dataclass(frozen=True, slots=True)
class EvalRow:
    """What one evaluation gave."""

    step: int | None  # None: the log holds the printed table only, which names no step
    metrics: dict[str, float]  # by tag; -1: no groundtruth of that kind


Row = TrainRow | EvalRow


@dataclass(frozen=True, slots=True)
class ParsedLog:
    """The rows of one log in its order; after a resume the same step may come twice."""

    train: tuple[TrainRow, ...]
    evaluations: tuple[EvalRow, ...]
