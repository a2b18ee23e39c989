"""model_zoo/catalogue.toml: what there is to start from."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from odapi_runner.pipeline.presets import preset_names, read_preset
from odapi_runner.pipeline.zoo import read_catalogue, start_of
from odapi_runner.workspace import Workspace
from support.zoo import ZOO


def test_every_sample_has_one_start() -> None:
    """40 samples; 39 start from a detector, Faster R-CNN with FPN from a classifier."""
    starts = [sample for entry in read_catalogue().values() for sample in entry.starts]

    assert sorted(starts) == sorted(sample.file for sample in ZOO.values())
    kinds = [entry.kind for sample in ZOO.values() if (entry := start_of(sample.file))]
    assert (kinds.count("detection"), kinds.count("classification")) == (39, 1)


def test_an_archive_is_named_after_its_folder() -> None:
    """Of the detectors; two classifiers lost a letter."""
    for name, entry in read_catalogue().items():
        address = urlsplit(entry.url)
        assert address.netloc == "download.tensorflow.org"
        archive = Path(address.path).name.removesuffix(".tar.gz")
        assert archive == name.replace("mobilenet_v", "mobilnet_v") or entry.kind == "detection"
        assert archive == name or entry.kind == "classification"


def test_what_presets_name_below_model_zoo_is_in_the_catalogue() -> None:
    """So that `check` can tell the archive of a checkpoint that is not there."""
    workspace = Workspace(Path(__file__).parent)
    for name in preset_names(workspace):
        for setting in read_preset(name, workspace).values:
            if setting.name == "fine_tune_checkpoint" and setting.value.startswith("model_zoo/"):
                folder, _, checkpoint = setting.value.removeprefix("model_zoo/").partition("/")
                assert read_catalogue()[folder].checkpoint == checkpoint


def test_a_path_is_relative_to_the_workspace() -> None:
    """As `fine_tune_checkpoint` has it."""
    assert read_catalogue()["efficientdet_d0_coco17_tpu-32"].path == (
        "model_zoo/efficientdet_d0_coco17_tpu-32/checkpoint/ckpt-0"
    )
    assert start_of("none.config") is None
