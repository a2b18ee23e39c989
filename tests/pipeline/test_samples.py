"""Every model of the TF2 zoo is a preset: exactly as published, and with odapi's defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from odapi_runner.errors import ConfigError
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.presets import preset_names, read_preset
from odapi_runner.pipeline.render import build_pipeline
from odapi_runner.pipeline.shorthands import schedule_of
from odapi_runner.proto.differences import differing_fields
from odapi_runner.proto.text import read_pipeline
from odapi_runner.workspace import Workspace
from support.zoo import ZOO

PATHS = {"fine_tune_checkpoint", "input_path", "keypoint_label_map_path", "label_map_path"}
WORKSPACE = Workspace(Path(__file__).parent)

# The only fields that odapi's defaults touch, and those of single samples.
CHANGED = {
    "train_config.fine_tune_checkpoint",
    "train_config.fine_tune_checkpoint_type",
    "train_config.use_bfloat16",
    "train_config.sync_replicas",
    "train_config.replicas_to_aggregate",
    "train_config.startup_delay_steps",
    "model.ssd.inplace_batchnorm_update",
    "eval_config.include_metrics_per_category",
}
OF_ONE = {
    "centernet-resnet101-v1-fpn-512": {"model.center_net.feature_extractor.type"},
    "mask-rcnn-inception-resnet-v2-1024": {"eval_config.eval_instance_masks"},
    "centernet-hourglass104-512-keypoints": {
        "eval_input_reader[0].num_epochs",
        "eval_input_reader[0].shuffle",
    },
}


def published(name: str) -> Any:
    return build_pipeline(name, Changes(), WORKSPACE, as_published=True).message


def ours(name: str, *overrides: str) -> Any:
    return build_pipeline(name, Changes(overrides), WORKSPACE).message


def without_paths(message: Any) -> Any:
    """A message in which every path is the same; that there is one stays."""
    for field, value in message.ListFields():
        if field.name in PATHS:
            if isinstance(value, str):
                setattr(message, field.name, "path")
            else:
                value[:] = ["path"] * len(value)
        elif field.message_type and not field.message_type.GetOptions().map_entry:
            for part in [value] if field.has_presence else value:
                without_paths(part)
    return message


def test_each_sample_is_published_by_one_preset() -> None:
    """40 presets for 40 samples; the others are odapi's own."""
    presets = [read_preset(name, WORKSPACE) for name in preset_names(WORKSPACE)]

    assert {p.name: p.published for p in presets if p.published} == {
        name: sample.file for name, sample in ZOO.items()
    }
    assert [preset.name for preset in presets if not preset.published] == [
        *(f"kitti-d{number}" for number in range(8)),
        "kitti-faster-rcnn-resnet50",
        "kitti-ssd-mobilenet-v2-fpnlite",
        "weighted-multi-source",
    ]


@pytest.mark.parametrize("name", ZOO)
def test_as_published_is_the_sample_message_by_message(reference: Path, name: str) -> None:
    """Each field that the sample writes is written, defaults included; paths alone differ."""
    sample = read_pipeline(reference / "zoo_configs" / ZOO[name].file)

    assert without_paths(published(name)) == without_paths(sample)


def test_the_comparison_sees_a_default_that_is_not_written() -> None:
    """Equal values are not enough: a field is written or it is not."""
    message = published("efficientdet-d0")
    other = published("efficientdet-d0")
    other.model.ssd.ClearField("freeze_batchnorm")

    assert differing_fields([message, other]) == {}
    assert without_paths(message) != without_paths(other)


@pytest.mark.parametrize("name", ZOO)
def test_the_figures_of_a_sample(name: str) -> None:
    """What tells one sample from the others, as literals."""
    message = published(name)
    sample = ZOO[name]

    family = getattr(message.model, message.model.WhichOneof("model"))
    resizer = family.image_resizer
    chosen = getattr(resizer, resizer.WhichOneof("image_resizer_oneof"))
    _, schedule = schedule_of(message) or ("", None)
    base = getattr(schedule, "learning_rate_base", None) or schedule.initial_learning_rate
    sides = ("height", "width") if hasattr(chosen, "height") else ("min_dimension", "max_dimension")
    assert family.num_classes == 90
    assert family.feature_extractor.type == sample.extractor
    assert tuple(getattr(chosen, side) for side in sides) == sample.size
    assert message.train_config.batch_size == sample.batch
    assert message.train_config.num_steps == sample.steps
    assert base == pytest.approx(sample.rate, rel=1e-6)


@pytest.mark.parametrize("name", ZOO)
def test_odapis_defaults_change_these_fields_only(name: str) -> None:
    """The detector to start from, results by category, nothing that only TPUs or TF1 read."""
    differing = set(differing_fields([published(name), ours(name)]))

    assert differing <= CHANGED | OF_ONE.get(name, set())
    assert OF_ONE.get(name, set()) <= differing


@pytest.mark.parametrize("name", preset_names(WORKSPACE))
def test_every_preset_can_be_fine_tuned_by_tf2(name: str) -> None:
    """Version and type of the checkpoint, a schedule of the training's length, no EMA."""
    train = ours(name).train_config
    config = ours(name)

    kind, schedule = schedule_of(config) or ("", None)
    detector = name != "faster-rcnn-resnet50-fpn-640"
    assert train.fine_tune_checkpoint_type == ("detection" if detector else "classification")
    assert train.fine_tune_checkpoint.startswith("model_zoo/")
    assert train.fine_tune_checkpoint_version == 2
    assert not train.optimizer.use_moving_average
    assert config.eval_config.metrics_set[0] == "coco_detection_metrics"
    assert config.eval_config.include_metrics_per_category
    if kind == "cosine_decay_learning_rate":
        assert schedule.total_steps == train.num_steps
        assert schedule.warmup_learning_rate < schedule.learning_rate_base
    else:
        assert max(step.step for step in schedule.schedule) < train.num_steps


@pytest.mark.parametrize("name", preset_names(WORKSPACE))
def test_every_preset_takes_the_words_that_people_change(name: str) -> None:
    """Classes, batch, steps, size and records, whatever the family."""
    config = ours(name, "num_classes=7", "batch_size=2", "num_steps=5000", "label_map=a.pbtxt")

    family = getattr(config.model, config.model.WhichOneof("model"))
    assert family.num_classes == 7
    assert (config.train_config.batch_size, config.train_config.num_steps) == (2, 5000)
    assert config.eval_input_reader[0].label_map_path == "a.pbtxt"


def test_only_what_was_published_is_rendered_as_published() -> None:
    """A preset of odapi's own says what it extends."""
    with pytest.raises(ConfigError) as caught:
        published("kitti-d0")

    assert caught.value.what == "kitti-d0 was not published by the Object Detection API"
    assert caught.value.fix == (
        "Leave out --as-published, or render what it extends: efficientdet-d0."
    )
