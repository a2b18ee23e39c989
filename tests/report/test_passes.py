"""Steps that go back: a run that was resumed, several runs in one log."""

from __future__ import annotations

import pytest

from odapi_runner.report.passes import Passes
from odapi_runner.report.rows import EvalRow, TrainRow


def training(*steps: int) -> list[tuple[int, int | None, int]]:
    """Run, step and times of rows of training."""
    passes = Passes()
    placed = [passes.place(TrainRow(step, 0.5, {})) for step in steps]
    return [(run, row.step, row.times) for run, row in placed]


def evaluating(*rows: tuple[int, float]) -> list[tuple[int, int | None, int]]:
    """The same of evaluations, by step and value."""
    passes = Passes()
    placed = [passes.place(EvalRow(step, {"a": value})) for step, value in rows]
    return [(run, row.step, row.times) for run, row in placed]


def test_steps_that_are_told_again_belong_to_a_resumed_run() -> None:
    """Killed at 450 and resumed from 200, twice."""
    assert training(100, 200, 300, 400, 300, 400, 500, 300) == [
        (1, 100, 1),
        (1, 200, 1),
        (1, 300, 1),
        (1, 400, 1),
        (1, 300, 2),
        (1, 400, 2),
        (1, 500, 1),
        (1, 300, 3),
    ]


def test_a_log_that_begins_in_the_middle_may_go_back_before_it() -> None:
    """5000 is no beginning where steps are 100 apart."""
    assert [run for run, _, _ in training(5100, 5200, 5000, 5100)] == [1, 1, 1, 1]


def test_steps_that_begin_anew_are_another_run() -> None:
    """Also where they begin at 0 or 1, as those of estimators do."""
    assert [run for run, _, _ in training(100, 200, 300, 100, 200, 100)] == [1, 1, 1, 2, 2, 3]
    assert [run for run, _, _ in training(0, 100, 200, 0, 100)] == [1, 1, 1, 2, 2]
    assert training(100, 200, 100, 200, 200)[-2:] == [(2, 200, 1), (2, 200, 2)]


def test_one_step_that_several_processes_tell_is_one_run() -> None:
    """Each worker of a cluster logs."""
    assert training(100, 100, 200, 200) == [(1, 100, 1), (1, 100, 2), (1, 200, 1), (1, 200, 2)]


def test_evaluations_of_one_step_are_told_apart_by_their_numbers() -> None:
    """The same checkpoint evaluated again gives the same; three logs of one step each do not."""
    assert evaluating((1000, 0.5), (1000, 0.5)) == [(1, 1000, 1), (1, 1000, 2)]
    assert [run for run, _, _ in evaluating((1000, 0.5), (1000, 0.6), (1000, 0.7))] == [1, 2, 3]
    assert [run for run, _, _ in evaluating((2000, 0.5), (1000, 0.5))] == [1, 2]
    assert [run for run, _, _ in evaluating((1000, 0.1), (2000, 0.2), (2000, 0.3))] == [1, 1, 1]


def test_training_and_evaluation_are_counted_apart() -> None:
    """In one file they take turns."""
    passes = Passes()
    rows = [TrainRow(100, 0.5, {}), EvalRow(50, {}), TrainRow(200, 0.5, {}), EvalRow(100, {})]

    assert [passes.place(row)[0] for row in rows] == [1, 1, 1, 1]


@pytest.mark.parametrize("row", [TrainRow(None, 0.5, {}), EvalRow(None, {})])
def test_a_row_without_a_step_is_what_it_is(row: TrainRow | EvalRow) -> None:
    """Nothing is said of it."""
    passes = Passes()

    assert [passes.place(row) for _ in range(2)] == [(1, row), (1, row)]


def test_a_long_log_needs_no_memory_of_its_steps() -> None:
    """A hundred thousand steps are one stretch; each of them is known."""
    passes = Passes()
    for step in range(100, 10_000_100, 100):
        passes.place(TrainRow(step, None, {}))

    kind = passes._training
    assert len(kind.steps._stretches) == 1
    assert passes.place(TrainRow(5_432_100, None, {}))[1].times == 2
    assert passes.place(TrainRow(5_432_150, None, {}))[1].times == 1
