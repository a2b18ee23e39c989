"""What two runs differ in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import odapi_runner as odapi
from odapi_runner.errors import RunError
from odapi_runner.proto.differences import Difference
from odapi_runner.rundir import RunDir
from odapi_runner.runs.options import RunOptions
from odapi_runner.runs.spec import Digests, RunSpec
from odapi_runner.workspace import Workspace

SPEC = RunSpec(
    name="a",
    created="2025-01-01T10:00:00+09:00",
    command=("odapi", "train", "a", "--gpu", "0"),
    engine="builtin",
    device="0",
    environment={"CUDA_VISIBLE_DEVICES": "0"},
    num_steps=20,
    overrides=(),
    options=RunOptions(),
    versions={"odapi": "0.1.0", "tensorflow": "2.20.0"},
    digests=Digests("c" * 64, {"map": "1" * 64}, {"records": "2" * 64, "more": "3" * 64}),
)


def write_run(workspace: Workspace, spec: RunSpec, batch: int = 4) -> str:
    run = RunDir(workspace.train / spec.name)
    run.root.mkdir(parents=True)
    run.config.write_text(f"train_config {{ batch_size: {batch} }}", "utf-8")
    spec.dump(run)
    return spec.name


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.chdir(tmp_path)
    return Workspace(tmp_path)


def test_two_runs_differ_in_config_options_versions_and_files(workspace: Workspace) -> None:
    """A name, a time, and files that only one of them reads are no difference."""
    other = replace(
        SPEC,
        name="b",
        created="2025-02-02T10:00:00+09:00",
        command=("odapi", "train", "--run", "b c"),
        options=RunOptions(seed=3),
        versions={"odapi": "0.1.0", "tensorflow": "2.20.1", "numpy": "2"},
        digests=Digests("d" * 64, {"map": "4" * 64}, {"records": "2" * 64, "others": "5" * 64}),
    )
    names = write_run(workspace, SPEC), write_run(workspace, other, batch=8)

    found = odapi.diff(*names, workspace=workspace)

    neither = (False, False)
    assert found.sides == ("the run train/a", "the run train/b")
    assert found.differences == (
        Difference("train_config.batch_size", (4, 8), neither),
        Difference("run.command", ("odapi train a --gpu 0", "odapi train --run 'b c'"), neither),
        Difference("run.options.seed", (0, 3), neither),
        Difference("run.versions.numpy", (None, "2"), neither),
        Difference("run.versions.tensorflow", ("2.20.0", "2.20.1"), neither),
        Difference("run.digests.label_maps[map]", ("1" * 12, "4" * 12), neither),
    )


def test_semantically_the_command_and_the_gpu_do_not_count(workspace: Workspace) -> None:
    """What was typed differs, and what trains does not."""
    environment = {"CUDA_VISIBLE_DEVICES": "1"}
    other = replace(SPEC, name="b", command=("x",), device="1", environment=environment)
    names = write_run(workspace, SPEC), write_run(workspace, other)

    assert [each.path for each in odapi.diff(*names, workspace=workspace).differences] == [
        "run.command",
        "run.device",
        "run.environment.CUDA_VISIBLE_DEVICES",
    ]
    assert odapi.diff(*names, semantic=True, workspace=workspace).differences == ()


def test_a_run_and_a_config_are_compared_by_their_configs(workspace: Workspace) -> None:
    """A config has no run.json; one of a run that is broken is an error."""
    name = write_run(workspace, SPEC)
    config = Path("my.config")
    config.write_text("train_config { batch_size: 5 }", "utf-8")

    found = odapi.diff(name, config, workspace=workspace)
    RunDir(workspace.train / name).run_json.write_text("{}", "utf-8")

    assert found.differences == (Difference("train_config.batch_size", (4, 5), (False, False)),)
    with pytest.raises(RunError, match=r"not the run\.json of a run"):
        odapi.diff(name, name, workspace=workspace)
