"""What a log tells: a row for each step that was logged, and one for each that was evaluated."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar


@dataclass(frozen=True, slots=True)
class TrainRow:
    """The losses and the learning rate that the trainer logged at one step."""

    step: int | None  # None: the format counts the steps of each epoch anew
    seconds_per_step: float | None
    values: dict[str, float]  # by tag: "Loss/total_loss", "learning_rate", …
    times: int = 1  # how often the log has told this step so far: 2 where a resume passed it again


@dataclass(frozen=True, slots=True)
class EvalRow:
    """What one evaluation gave."""

    step: int | None  # None: the log holds the printed table only, which names no step
    metrics: dict[str, float]  # by tag; -1: no groundtruth of that kind
    times: int = 1  # as in TrainRow


Row = TrainRow | EvalRow
_Kind = TypeVar("_Kind", TrainRow, EvalRow, Row)


def keep_later(rows: Iterable[_Kind]) -> list[_Kind]:
    """The rows that count: of one step the later one, for a resumed run has passed it twice.

    Rows that name no step are rows of their own.
    """
    kept: dict[object, _Kind] = {}
    for row in rows:
        kept[(len(kept),) if row.step is None else row.step] = row
    return list(kept.values())


@dataclass(frozen=True, slots=True)
class Unused:
    """A line that is of a format, and yet cannot be used."""

    why: str
    text: str  # the line, without what is around it


@dataclass(frozen=True, slots=True)
class Remarks:
    """What a notebook says of an experiment beside its metrics."""

    set: str  # config text, as `odapi render --patch` takes it below a line "set"
    remove: str
    note: str


@dataclass(frozen=True, slots=True)
class ParsedLog:
    """The rows of one run in the order of its log; of a step that was told again the later one."""

    train: tuple[TrainRow, ...]
    evaluations: tuple[EvalRow, ...]
    # Which of its file's runs it is: "2", an experiment's number, a folder; "" where it is alone.
    name: str = ""
    remarks: Remarks | None = None
