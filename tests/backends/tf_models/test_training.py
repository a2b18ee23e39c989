"""When the launcher lets a training end, and which of its steps are recorded.

A loop of no network in the place of the program's.
"""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from odapi_runner.backends.tf_models.launcher.messages import Messages
from odapi_runner.backends.tf_models.launcher.training import Training
from odapi_runner.backends.tf_models.program import steps_at_once


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


class Told(Messages):
    """Keeps what is told."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[tuple[str, Any]] = []

    def tell(self, kind: str, **fields: Any) -> None:
        self.lines.append((kind, fields.get("step")))


class Loop:
    """Two steps an iteration, a checkpoint at the beginning, up to step 6.

    Args:
        wish_at: the step at which it is asked to stop.
        saving: while that is saved.
        inside: the losses are written in the graph of the steps, as up to 2021.
        loss: of every step.
    """

    def __init__(
        self, wish_at: int, *, saving: bool = False, inside: bool = False, loss: float = 0.5
    ) -> None:
        self.told = Told()
        self.training = Training({"start": None, "loop": {}, "keep_every_hours": None}, self.told)
        self.step, self._wish_at, self._saving = 0, wish_at, saving
        self._inside, self._loss, self._is_eager = inside, loss, True
        self.checkpoint = SimpleNamespace(step=SimpleNamespace(numpy=lambda: self.step))
        self.training._tf2 = SimpleNamespace(executing_eagerly=lambda: self._is_eager)
        self.training._scalar = lambda *_, **__: None
        self.training._loop = self.run

    def save(self) -> None:
        self.training.see_save(self._write)

    def _write(self) -> str:
        if self._saving and self.step == self._wish_at:
            os.kill(os.getpid(), signal.SIGTERM)
        return "ckpt"

    def run(self) -> None:
        self.training.take_manager(self)
        self.save()
        while self.step < 6:
            self.step += 2
            if not self._saving and self.step == self._wish_at:
                os.kill(os.getpid(), signal.SIGTERM)
            if self._inside:
                self._write_loss(eagerly=False)
            self.training._see_scalar("steps_per_sec", 1.0)
            if not self._inside:
                self._write_loss(eagerly=True)
        self.save()

    def _write_loss(self, *, eagerly: bool) -> None:
        self._is_eager = eagerly
        self.training._see_scalar("Loss/total_loss", self._loss if eagerly else object())
        self._is_eager = True


def ended(loop: Loop) -> list[tuple[str, Any]]:
    loop.training._train_loop()
    return [line for line in loop.told.lines if line[0] != "loss"]


BEGUN = [("compiling", None), ("saving", 0), ("saved", 0)]


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        # After the iteration, with a checkpoint of it.
        (lambda: Loop(4), [("step", 2), ("step", 4), ("saving", 4), ("saved", 4), ("stopped", 4)]),
        # Also where nobody outside of the steps is told their losses.
        (
            lambda: Loop(4, inside=True),
            [("step", 2), ("step", 4), ("saving", 4), ("saved", 4), ("stopped", 4)],
        ),
        # While the first one is written: not before that is whole, and no second one of the step.
        (lambda: Loop(0, saving=True), [("stopped", 0)]),
        # Never: one checkpoint at the end.
        (
            lambda: Loop(-1),
            [("step", 2), ("step", 4), ("step", 6), ("saving", 6), ("saved", 6), ("finished", 6)],
        ),
    ],
)
def test_a_wish_to_stop_is_heeded_once_all_is_saved(
    make: Callable[[], Loop], expected: list[tuple[str, Any]]
) -> None:
    """Each step that was made is in a checkpoint, and the end is told last."""
    assert ended(make()) == [*BEGUN, *expected]


def test_a_stop_saves_no_weights_of_a_loss_that_is_no_number() -> None:
    """In the iteration whose loss is the first such, the wish is of no account."""
    loop = Loop(2, loss=math.nan)
    with pytest.raises(SystemExit):
        loop.training._train_loop()
    assert loop.told.lines == [*BEGUN, ("step", 2), ("not_finite", 2)]


@pytest.mark.parametrize(
    ("start", "steps", "every", "first"),
    [
        (0, 30000, 1000, [100, 200, 300]),
        # 25590 steps are left: ten at once, from a step that is no multiple of them.
        (4335, 29925, 1000, [4405, 4505, 4605]),
        # Nine at once, as 63 is the common divisor.
        (0, 630, 63, [108, 207, 306]),
        (137, 1000, 100, [200, 300, 400]),  # one at once
    ],
)
def test_figures_of_every_hundred_steps_are_recorded(
    start: int, steps: int, every: int, first: list[int]
) -> None:
    """At the first end of an iteration from each hundred on, wherever a training was stopped."""
    size = steps_at_once(steps - start, every)
    assert recorded(range(start + size, steps + 1, size), size)[:3] == first


def test_an_older_loop_records_each_of_its_hundreds() -> None:
    """It was killed at step 140, where a checkpoint was made by another engine."""
    assert recorded(range(240, 600, 100), None) == [240, 340, 440, 540]


def test_inside_of_an_iteration_one_step_of_a_hundred_is_recorded() -> None:
    """The images of the input are written by a step, and would be by ten in a row."""
    assert recorded(range(95, 305), 10, eagerly=False) == [100, 200, 300]


def recorded(steps: Iterable[int], size: int | None, *, eagerly: bool = True) -> list[int]:
    """Which of the steps are, in iterations of a size."""
    loop = {} if size is None else {"num_steps_per_iteration": size}
    training = Training({"start": None, "loop": loop, "keep_every_hours": None}, Told())
    training._tf2 = SimpleNamespace(executing_eagerly=lambda: eagerly)
    training._record_if = lambda condition: condition  # as TensorFlow's, which asks it later
    is_recorded = training._record_sometimes(None)
    assert not is_recorded()  # a checkpoint to begin with is loaded
    found = []
    for step in steps:
        training.take_manager(SimpleNamespace(checkpoint=SimpleNamespace(step=step)))
        if is_recorded():
            found.append(step)
    return found
