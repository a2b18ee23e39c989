"""A workspace with a small dataset and a rendered pipeline, and an engine that only pretends."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from odapi_runner import backends
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.rendered import write_rendered
from odapi_runner.records.draw import draw_streets
from odapi_runner.records.kitti import convert_kitti
from odapi_runner.rundir import RunDir
from odapi_runner.runs import gpus
from odapi_runner.runs.spec import RunSpec
from odapi_runner.workspace import Workspace
from support.small_runs import FAKE_ENGINE, SCRATCH, SETTINGS


@pytest.fixture(scope="session")
def streets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A converted dataset of ten drawn images."""
    folder = tmp_path_factory.mktemp("streets")
    draw_streets(folder / "raw", images=10, seed=1, size_hw=(96, 128))
    convert_kitti(folder / "raw", folder / "kitti", shards=1)
    return folder / "kitti"


@pytest.fixture
def workspace(tmp_path: Path, streets: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The current folder: a workspace with the dataset, and an engine that only pretends."""
    place = Workspace(tmp_path / "작업")
    place.data.mkdir(parents=True)
    (place.data / "kitti").symlink_to(streets)
    monkeypatch.chdir(place.root)

    def argv(mode: str, extra: list[str], run: RunDir) -> list[str]:
        return [sys.executable, str(FAKE_ENGINE), mode, str(run.root), *extra]

    fake = backends.Backend(
        lambda run, **_: argv("train", [str(RunSpec.load(run).num_steps), "2", "0.01"], run),
        lambda run, **_: argv("eval", [], run),
        rules=backends.builtin.RULES,
    )
    monkeypatch.setitem(backends.ENGINES, "builtin", fake)
    monkeypatch.setattr(gpus, "read_gpus", list)
    return place


@pytest.fixture
def rendered(workspace: Workspace) -> Path:
    """pipelines/kitti-d0, small and from scratch."""
    return write_rendered("kitti-d0", Changes(SETTINGS, SCRATCH), workspace)
