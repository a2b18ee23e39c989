"""Which checkpoints the launcher hands to an evaluation, and when: no network, files of odapi's."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from odapi_runner.backends.tf_models.launcher.evaluation import Evaluation, without_optimizer
from odapi_runner.backends.tf_models.launcher.messages import Messages
from odapi_runner.rundir import RunDir
from support.checkpoints import write_checkpoint
from support.tf_models.no_network import Reader


class Minder(Messages):
    """Takes what has no weights out of the queue, and publishes slower than any evaluation."""

    def __init__(self, run: RunDir) -> None:
        super().__init__()
        self.run, self.told = run, list[tuple[str, int]]()

    def tell(self, kind: str, **fields: Any) -> None:
        self.told.append((kind, fields["number"]))
        if kind == "weightless":
            self.run.drop_pending(fields["number"])


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    """Its first checkpoint is of before the network has variables."""
    made = RunDir(tmp_path / "밤")
    made.pending.mkdir(parents=True)
    made.detections.mkdir()
    for number in (1, 2, 3):
        variables = {"model/w" if number > 1 else "w": (2,)}
        write_checkpoint(made.root / f"ckpt-{number}", variables, step=4 * number)
        made.put_pending(number)
    return made


def evaluation(run: RunDir, *checkpoints: int) -> tuple[Any, Minder]:
    minder = Minder(run)
    settings = {
        "root": str(run.root),
        "pending": str(run.pending),
        "checkpoints": checkpoints,
        "boxes": str(run.detections / ".boxes.npz"),
    }
    made: Any = Evaluation(settings, minder)
    made._tf = SimpleNamespace(train=SimpleNamespace(load_checkpoint=Reader))
    return made, minder


def test_what_waits_is_evaluated_once_and_in_order(run: RunDir) -> None:
    """However late it leaves the queue; what comes back without weights is passed over again."""
    made, minder = evaluation(run)
    paths = made._checkpoints()

    assert next(paths) == str(run.pending / "ckpt-2")
    run.put_pending(1)  # as at the end of a training: it has no evaluation
    assert next(paths) == str(run.pending / "ckpt-3")
    (run.pending / "closed").touch()
    assert list(paths) == []

    passed, evaluated = ("weightless", 1), [("evaluating", 2), ("evaluated", 2)]
    assert minder.told == [passed, *evaluated, passed, ("evaluating", 3), ("evaluated", 3)]
    assert run.pending_checkpoints() == [2, 3]


def test_chosen_ones_are_those_of_the_run(run: RunDir) -> None:
    """Whatever waits, and one without weights does not hold up the others."""
    shutil.rmtree(run.pending)
    made, minder = evaluation(run, 3, 1, 2)

    assert list(made._checkpoints()) == [str(run.root / f"ckpt-{number}") for number in (3, 2)]
    assert [kind for kind, number in minder.told if number == 1] == ["weightless"]


def test_an_optimizer_is_not_restored() -> None:
    """Everything else is, by its name."""

    class Kept:
        def __init__(self, *root: Any, **objects: Any) -> None:
            self.given = root, objects

    given = without_optimizer(Kept)(step=1, model=np.ones(2), optimizer=3).given
    assert (given[0], list(given[1])) == ((), ["step", "model"])
