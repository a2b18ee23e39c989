"""`odapi sweep`, and `odapi train --queue`: what is made of them, and put into the queue.

tests/runs/test_queue.py has what becomes of it: here the queue is served by nobody.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from odapi_runner.cli import main
from odapi_runner.errors import ConfigError
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.render import build_pipeline
from odapi_runner.proto.text import read_pipeline
from odapi_runner.rundir import RunDir
from odapi_runner.runs.queue.entries import read_queue
from odapi_runner.runs.queue.serve import take_serve_lock
from odapi_runner.runs.spec import RunSpec, Sweep
from odapi_runner.runs.sweep import parse_axes, plan_sweep
from odapi_runner.workspace import Workspace


@pytest.fixture(autouse=True)
def _served(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A machine of its own, whose queue counts as served: nothing starts."""
    monkeypatch.setenv("ODAPI_STATE", str(tmp_path / "state"))
    lock = take_serve_lock()
    assert lock is not None
    yield
    os.close(lock)


def odapi(*words: str) -> Result:
    return CliRunner().invoke(main, words, catch_exceptions=False)


def in_queue() -> list[str]:
    return [entry.root.name for entry in read_queue().entries]


@pytest.mark.usefixtures("rendered")
def test_a_grid_becomes_a_run_each(workspace: Workspace) -> None:
    """The last of what varies changes first; what has one value holds for all."""
    result = odapi(
        "sweep", "kitti-d0", "-s", "batch_size=1,2", "-s", "learning_rate=0.01,0.02",
        "-s", "train_config.gradient_clipping_by_norm=5", "--seed", "3",
    )  # fmt: skip

    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "kitti-d0-sweep.01: batch_size=1, learning_rate=0.01",
        "kitti-d0-sweep.02: batch_size=1, learning_rate=0.02",
        "kitti-d0-sweep.03: batch_size=2, learning_rate=0.01",
        "kitti-d0-sweep.04: batch_size=2, learning_rate=0.02",
    ]
    assert "4 runs in the queue" in result.stderr
    assert in_queue() == [f"kitti-d0-sweep.0{number}" for number in (1, 2, 3, 4)]
    run = RunDir(workspace.train / "kitti-d0-sweep.03")
    spec, config = RunSpec.load(run), read_pipeline(run.config).train_config
    assert spec.sweep == Sweep("kitti-d0-sweep", {"batch_size": "2", "learning_rate": "0.01"})
    assert (spec.device, spec.options.seed) == ("auto", 3)
    rate = config.optimizer.momentum_optimizer.learning_rate.cosine_decay_learning_rate
    assert (config.batch_size, config.gradient_clipping_by_norm) == (2, 5)
    assert rate.learning_rate_base == pytest.approx(0.01)

    assert odapi("status", "--format", "csv").stdout.count("queued") == 4


@pytest.mark.usefixtures("rendered")
def test_a_second_sweep_gets_another_name(workspace: Workspace) -> None:
    """As a run does; one that was named is not renamed."""
    grid = ("sweep", "kitti-d0", "-s", "batch_size=1,2")
    odapi(*grid)

    assert odapi(*grid).stdout.splitlines()[1] == "kitti-d0-sweep-2.02: batch_size=2"
    assert odapi(*grid, "--name", "밤샘").stdout.startswith("밤샘.01: ")
    again = odapi(*grid, "--name", "밤샘")
    assert again.exit_code == 1
    assert "밤샘.01: there is a run of this name already" in again.stderr


@pytest.mark.usefixtures("rendered")
def test_samples_are_points_of_the_grid(workspace: Workspace) -> None:
    """Each once, the same by the same seed; more than there are is all of them."""

    def points(samples: int, seed: int = 0) -> list[dict[str, str]]:
        overrides = ["batch_size=1,2", "learning_rate=0.01,0.02,0.03,0.04"]
        plan = plan_sweep("kitti-d0", overrides=overrides, samples=samples, samples_seed=seed)
        assert plan.total == 8
        return [dict(point.values) for point in plan.points]

    three = points(3)
    assert len({tuple(point.items()) for point in three}) == 3
    assert three == points(3)
    assert three != points(3, seed=1)
    assert len(points(9)) == 8
    assert not workspace.train.exists()


@pytest.mark.usefixtures("rendered")
def test_patches_vary_as_values_do(workspace: Workspace) -> None:
    """A run with each; compare has their names."""
    for name, clip in (("a", 1), ("b", 2)):
        patch = f"set\n  train_config {{ gradient_clipping_by_norm: {clip} }}\n"
        (workspace.root / f"{name}.txt").write_text(patch)
    result = odapi("sweep", "kitti-d0", "--patch", "a.txt", "--patch", "b.txt", "--name", "clips")

    assert result.stdout.splitlines() == ["clips.01: patch=a.txt", "clips.02: patch=b.txt"]
    configs = [read_pipeline(workspace.train / f"clips.0{n}" / "pipeline.config") for n in (1, 2)]
    assert [config.train_config.gradient_clipping_by_norm for config in configs] == [1, 2]
    rows = json.loads(odapi("compare", "clips", "--format", "json").stdout)
    told = [(row["run"], row["sweep"], row["patch"]) for row in rows]
    assert told == [("clips.01", "clips", "a.txt"), ("clips.02", "clips", "b.txt")]
    assert [row["gradient_clipping_by_norm"] for row in rows] == [1, 2]
    near = odapi("compare", "clip")
    assert 'Did you mean "clips"' in near.stderr


def test_an_absent_pipeline_is_rendered_without_what_varies(workspace: Workspace) -> None:
    """It is no point of the sweep; what holds for all runs is in it, once."""
    option = "train_config.data_augmentation_options+={ random_vertical_flip {} }"
    small = ["-s", "image_size=128", "-s", "num_steps=4", "-s", option]
    result = odapi("sweep", "kitti-d0", *small, "-s", "batch_size=1,2", "--from-scratch")

    assert result.exit_code == 0, result.output
    before = build_pipeline("kitti-d0", Changes(), workspace).message.train_config
    there = read_pipeline(workspace.pipeline_config("kitti-d0")).train_config
    run = read_pipeline(workspace.train / "kitti-d0-sweep.01" / "pipeline.config").train_config
    assert (there.batch_size, run.batch_size) == (before.batch_size, 1)
    flips = len(before.data_augmentation_options) + 1
    assert len(there.data_augmentation_options) == len(run.data_augmentation_options) == flips


@pytest.mark.usefixtures("rendered")
@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["-s", "batch_size=4"], "nothing varies in this sweep"),
        (["-s", "batch_size=1,"], "-s batch_size=1,: a value is empty"),
        (["-s", "batch_size=1,2", "-s", "batch_size=3,4"], "-s batch_size: given twice"),
        (["-s", "batch_size=1,zwei"], "batch_size=zwei: "),
        (["-s", f"seed_={','.join(map(str, range(1001)))}"], "1001 runs are too many for a sweep"),
    ],
)
def test_what_is_refused(workspace: Workspace, words: list[str], what: str) -> None:
    """Two lines, and nothing is made: not even the runs before the bad one."""
    result = odapi("sweep", "kitti-d0", *words)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: {what}")
    assert not workspace.train.exists()
    assert in_queue() == []


@pytest.mark.parametrize(
    ("text", "axes"),
    [
        ("a=1,2", {"a": ["1", "2"]}),
        ("a= 1 , 2", {"a": ["1", "2"]}),
        ("a=[1,2]", {}),
        ("a=[1,2],[3]", {"a": ["[1,2]", "[3]"]}),
        ('a="x,y",z', {"a": ['"x,y"', "z"]}),
        ("a={ b: 1, c: 2 },{}", {"a": ["{ b: 1, c: 2 }", "{}"]}),
        ("a+=1,2", {"a+": ["1", "2"]}),
    ],
)
def test_commas_part_values(text: str, axes: dict[str, list[str]]) -> None:
    """Those in brackets and quotes belong to one."""
    assert parse_axes([text]) == axes


def test_an_empty_value_is_an_error() -> None:
    """It is a slip of the keyboard."""
    with pytest.raises(ConfigError, match="a value is empty"):
        parse_axes(["a=1,,2"])


@pytest.mark.usefixtures("rendered")
def test_a_run_waits_in_the_queue(workspace: Workspace) -> None:
    """Behind another that is named; `queue list` says for what."""
    first = odapi("train", "kitti-d0", "--queue")
    second = odapi("train", "kitti-d0", "--after", "kitti-d0", "--gpu", "none")

    assert first.stdout == (
        "kitti-d0: will train pipelines/kitti-d0/pipeline.config in train/kitti-d0\n"
    )
    assert (second.exit_code, second.stderr) == (0, "  odapi queue list\n")
    rows = json.loads(odapi("queue", "list", "--format", "json").stdout)
    assert rows == [
        {
            "place": 1,
            "run": "kitti-d0",
            "workspace": str(workspace.root),
            "state": "waiting",
            "device": "auto",
            "why": "",
        },
        {
            "place": 2,
            "run": "kitti-d0-2",
            "workspace": str(workspace.root),
            "state": "waiting",
            "device": "none",
            "why": "after kitti-d0",
        },
    ]
    assert odapi("train", "kitti-d0", "--queue", "--foreground").exit_code == 2


@pytest.mark.usefixtures("rendered")
def test_the_queue_by_its_commands(workspace: Workspace) -> None:
    """Moved, paused, cancelled; what was cancelled can be started, and says how."""
    for _ in range(3):
        odapi("train", "kitti-d0", "--queue")

    moved = odapi("queue", "move", "kitti-d0-3", "1")
    assert (moved.exit_code, moved.stderr) == (0, "kitti-d0-3: at place 1 of 3\n")
    assert in_queue() == ["kitti-d0-3", "kitti-d0", "kitti-d0-2"]
    assert odapi("queue", "pause").stderr == "Paused; go on with: odapi queue resume\n"
    assert "The queue is paused" in odapi("queue", "list").stderr
    assert "The queue is paused" in odapi("train", "kitti-d0", "--queue").stderr
    assert odapi("stop", "kitti-d0-4").exit_code == 0
    result = odapi("queue", "cancel", "kitti-d0-2", "kitti-d0")
    assert result.stdout.splitlines()[0] == (
        "kitti-d0-2: taken out of the queue; start it: odapi resume kitti-d0-2"
    )
    assert in_queue() == ["kitti-d0-3"]
    assert odapi("stop", "kitti-d0-3").exit_code == 0
    assert odapi("queue", "list").stdout == ""
    assert odapi("queue", "resume").exit_code == 0
    assert not read_queue().paused


def test_a_unit_of_systemd_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the state is stays what it is; signs that mean something to systemd do not there."""
    monkeypatch.setenv("ODAPI_STATE", '/밤 100%/"q"')
    text = odapi("queue", "start", "--unit").stdout

    assert '\nEnvironment="ODAPI_STATE=/밤 100%%/\\"q\\""\n' in text
    assert text.count(" -P -m odapi_runner queue start\n") == 1
