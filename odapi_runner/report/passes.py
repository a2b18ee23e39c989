"""What it means that the steps of a log go back: a run that was resumed, or another run."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from odapi_runner.report.rows import EvalRow, Row, TrainRow


@dataclass(slots=True)
class _Stretch:
    first: int
    last: int
    distance: int = 0

    def __contains__(self, step: int) -> bool:
        if not self.first <= step <= self.last:
            return False
        return step == self.first if not self.distance else (step - self.first) % self.distance == 0


@dataclass(slots=True)
class _Steps:
    """The steps that were told, in stretches of even distance: logs may be of any length."""

    first: int | None = None
    distance: int = 0  # the smallest between two steps; 0 where there are none
    _stretches: list[_Stretch] = field(default_factory=list)

    def add(self, step: int) -> None:
        if self.first is None:
            self.first = step
        last = self._stretches[-1] if self._stretches else None
        if last and step > last.last:
            self.distance = min(self.distance or step, step - last.last)
        if last and (last.distance == 0 or step - last.last == last.distance) and step > last.last:
            last.distance, last.last = step - last.last, step
        else:
            self._stretches.append(_Stretch(step, step))

    def __contains__(self, step: int) -> bool:
        return any(step in stretch for stretch in reversed(self._stretches))


@dataclass(slots=True)
class _Kind:
    run: int = 1
    steps: _Steps = field(default_factory=_Steps)
    times: dict[int, int] = field(default_factory=dict)  # of those that were told again
    only: str = ""  # the first row of the run, while there is no other

    def place(self, row: Row) -> tuple[int, Row]:
        step = row.step
        if step is None:
            return self.run, row
        if self._begins_another(step, row):
            self.run += 1
            self.steps, self.times, self.only = _Steps(), {}, ""
        self.only = repr(row) if self.steps.first is None else ""
        if step not in self.steps:
            self.steps.add(step)
            return self.run, row
        self.times[step] = self.times.get(step, 1) + 1
        return self.run, replace(row, times=self.times[step])

    def _begins_another(self, step: int, row: Row) -> bool:
        first = self.steps.first
        if first is None or step > first:
            return False
        if self.steps.distance:
            return step <= self.steps.distance
        # One step was told so far. A checkpoint that is evaluated again gives the same numbers;
        # of training several processes may tell the same step.
        return step < first or (isinstance(row, EvalRow) and self.only not in {"", repr(row)})


@dataclass(slots=True)
class Passes:
    """Numbers the runs of a log, and counts how often each step of one is told.

    A step that is told again belongs to a run that was resumed, and the later row counts. Where
    the steps begin anew, at the first or before it, another run has begun: a run goes back to a
    checkpoint, not to its beginning. Training and evaluation are counted apart.
    """

    _training: _Kind = field(default_factory=_Kind)
    _evaluation: _Kind = field(default_factory=_Kind)

    def place(self, row: Row) -> tuple[int, Row]:
        """The number of the run, from 1, and the row with the times that its step was told."""
        kind = self._training if isinstance(row, TrainRow) else self._evaluation
        return kind.place(row)
