"""When the launcher lets a training end: a loop of no network in the place of the program's."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from odapi_runner.backends.tf_models.launcher.messages import Messages
from odapi_runner.backends.tf_models.launcher.training import Training


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
    """Two steps an iteration, a checkpoint at the beginning, up to step 6."""

    def __init__(self, wish_at: int, *, saving: bool = False) -> None:
        self.told = Told()
        self.training = Training({"start": None, "loop": {}, "keep_every_hours": None}, self.told)
        self.step, self._wish_at, self._saving = 0, wish_at, saving
        self.checkpoint = SimpleNamespace(step=SimpleNamespace(numpy=lambda: self.step))
        self.training._tf2 = SimpleNamespace(executing_eagerly=lambda: True)
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
            self.training._see_scalar("steps_per_sec", 1.0)
        self.save()


def ended(loop: Loop) -> list[tuple[str, Any]]:
    loop.training._train_loop()
    return loop.told.lines


BEGUN = [("compiling", None), ("saving", 0), ("saved", 0)]


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        # After the iteration, with a checkpoint of it.
        (lambda: Loop(4), [("step", 2), ("step", 4), ("saving", 4), ("saved", 4), ("stopped", 4)]),
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
