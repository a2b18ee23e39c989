"""Runs for TensorBoard's table of hyperparameters, in TensorBoard's own messages."""

from __future__ import annotations

from pathlib import Path

import pytest
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.plugins.hparams import metadata

from odapi_runner.errors import OdapiError
from odapi_runner.formats.event_file import read_scalars
from odapi_runner.formats.tfrecord import read_records
from odapi_runner.report.exports.export import export
from odapi_runner.workspace import Workspace


def test_the_table_of_hyperparameters_has_every_setting(workspace: Workspace) -> None:
    """Numbers as numbers, texts as texts; the curves are those of the evaluations."""
    (where,) = export(["a"], to="tensorboard", workspace=workspace)

    folder = workspace.root / "tensorboard" / "a"
    (path,) = folder.iterdir()
    events = [Event.FromString(payload) for payload in read_records(path)]
    (value,) = events[1].summary.value
    told = metadata.parse_session_start_info_plugin_data(value.metadata.plugin_data.content)
    assert where == f"a: {folder}"
    assert events[0].file_version == "brain.Event:2"
    assert value.tag == metadata.SESSION_START_INFO_TAG
    assert told.hparams["train_config.batch_size"].number_value == 4
    flip = "train_config.data_augmentation_options[random_horizontal_flip]"
    assert told.hparams[flip].string_value == "set"
    assert [one for one in read_scalars(path) if one[1] != value.tag] == [
        (10, "mAP", 0.25),
        (10, "loss_total", 1.0),
        (20, "mAP", 0.5),
        (20, "loss_total", 2.0),
    ]


def test_a_second_export_replaces_the_first(workspace: Workspace, tmp_path: Path) -> None:
    """One file a run, in the folder that was named."""
    target = f"tensorboard={tmp_path / 'tb dir'}"
    export(["a"], to=target, workspace=workspace)
    before = next((tmp_path / "tb dir" / "a").iterdir()).read_bytes()

    export(["a"], to=target, workspace=workspace)

    (path,) = (tmp_path / "tb dir" / "a").iterdir()
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_written_is_said(workspace: Workspace, tmp_path: Path) -> None:
    """A file is in its place."""
    (tmp_path / "x").write_bytes(b"")

    with pytest.raises(OdapiError, match="cannot be written"):
        export(["a"], to=f"tensorboard={tmp_path / 'x'}", workspace=workspace)
