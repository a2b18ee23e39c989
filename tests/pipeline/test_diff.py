"""Which config is meant, and what two differ in."""

from __future__ import annotations

from pathlib import Path

import pytest

from odapi_runner.errors import ConfigError
from odapi_runner.pipeline.diff import diff_configs, read_side
from odapi_runner.proto.differences import Difference
from odapi_runner.proto.text import parse_pipeline
from odapi_runner.workspace import Workspace


def write(path: Path, batch: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"train_config {{ batch_size: {batch} }}", "utf-8")
    return path


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.chdir(tmp_path)
    return Workspace(tmp_path)


def test_a_difference_is_a_field_with_its_defaults() -> None:
    """In the order of the schema."""
    one = parse_pipeline("train_config { num_steps: 3 batch_size: 4 }", "x")
    other = parse_pipeline("train_config { batch_size: 4 } model { ssd { } }", "x")

    assert diff_configs(one, other) == (
        Difference("model.model", (None, "ssd"), (False, False)),
        Difference("train_config.num_steps", (3, 0), (False, True)),
    )
    assert diff_configs(one, one) == ()


def test_a_name_is_a_path_a_run_a_pipeline_or_a_preset(workspace: Workspace) -> None:
    """The first of these that is there; a run is known by its run.json."""
    assert read_side("kitti-d0", workspace).what == "the preset kitti-d0"
    write(workspace.pipeline_config("kitti-d0"), 1)
    pipeline = read_side("kitti-d0", workspace)
    run_config = write(workspace.train / "kitti-d0" / "pipeline.config", 2)
    (run_config.parent / "run.json").write_text("{}", "utf-8")
    run = read_side("kitti-d0", workspace)
    write(Path("kitti-d0"), 3)
    file = read_side("kitti-d0", workspace)

    found = [(side.what, side.message.train_config.batch_size) for side in (pipeline, run, file)]
    assert found == [
        ("the pipeline pipelines/kitti-d0", 1),
        ("the run train/kitti-d0", 2),
        ("the file kitti-d0", 3),
    ]
    assert run.run is not None
    assert run.run.root == workspace.train / "kitti-d0"
    assert read_side("train/kitti-d0", workspace).what == "the run train/kitti-d0"
    assert read_side(workspace.pipelines / "kitti-d0", workspace).run is None


def test_as_published_a_preset_comes_first(workspace: Workspace) -> None:
    """Without odapi's defaults: batch 128 from a classifier's weights, as the sample says."""
    write(workspace.pipeline_config("efficientdet-d0"), 1)

    side = read_side("efficientdet-d0", workspace, as_published=True)
    file = read_side(workspace.pipeline_config("efficientdet-d0"), workspace, as_published=True)

    training = side.message.train_config
    assert side.what == "the preset efficientdet-d0, as published"
    assert (training.batch_size, training.fine_tune_checkpoint_type) == (128, "classification")
    assert file.message.train_config.batch_size == 1


@pytest.mark.parametrize(
    ("given", "what", "fix"),
    [
        (
            "kitty-d0",
            '"kitty-d0": neither a config nor the name of a run, a pipeline or a preset',
            'Did you mean "kitti-d0"',
        ),
        ("mien.config", '"mien.config": neither a config', 'Did you mean "mine.config"?'),
        ("data", "data: there is no pipeline.config in this folder", "Give a config itself."),
        (
            "§",
            '"§": neither a config',
            "The presets: odapi presets   The runs: odapi status",
        ),
    ],
)
def test_nothing_of_a_name_is_said(workspace: Workspace, given: str, what: str, fix: str) -> None:
    """With what is nearest."""
    write(Path("mine.config"), 1)
    Path("data").mkdir()

    with pytest.raises(ConfigError) as caught:
        read_side(given, workspace)

    assert caught.value.what.startswith(what)
    assert caught.value.fix.startswith(fix)


def test_a_faulty_config_is_an_error_with_its_place(workspace: Workspace) -> None:
    """Of the file that was meant."""
    path = write(workspace.pipeline_config("mine"), 1)
    path.write_text("train_config { batch_sise: 4 }", "utf-8")

    with pytest.raises(ConfigError, match=r"pipelines/mine/pipeline\.config:1:"):
        read_side("mine", workspace)
