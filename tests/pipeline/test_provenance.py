"""Where the values of a preset come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.presets import preset_names, read_preset
from odapi_runner.pipeline.provenance import Origin, origins_of
from odapi_runner.pipeline.render import build_pipeline
from odapi_runner.proto.differences import differing_fields
from odapi_runner.workspace import Workspace

WORKSPACE = Workspace(Path(__file__).parent)


def origins(name: str) -> dict[str, Origin]:
    found = origins_of(read_preset(name, WORKSPACE), WORKSPACE)

    assert len({origin.name for origin in found}) == len(found)
    return {origin.name: origin for origin in found}


def test_a_value_is_told_once_as_it_is_in_the_config() -> None:
    """kitti-d0's batch of 4, not also the published 128; rates as they were scaled."""
    found = origins("kitti-d0")

    batch = found["train_config.batch_size"]
    assert (batch.value, batch.published, batch.differs) == (4, 128, True)
    assert batch.source.startswith("20 epochs of 5985 images")
    assert "batch_size" not in found
    assert "learning_rate_base" not in found
    schedule = "train_config.optimizer.momentum_optimizer.learning_rate.cosine_decay_learning_rate"
    rate = found[f"{schedule}.learning_rate_base"]
    assert (rate.value, rate.published) == (0.0025, 0.08)
    assert found[f"{schedule}.warmup_steps"].source == batch.source


def test_a_default_is_told_with_its_reason() -> None:
    """What is left out has no value."""
    found = origins("efficientdet-d0")

    assert found["train_config.use_bfloat16"] == Origin(
        "train_config.use_bfloat16", None, True, "it counts on TPUs only", differs=True
    )
    start = found["train_config.fine_tune_checkpoint"]
    assert start.value == "model_zoo/efficientdet_d0_coco17_tpu-32/checkpoint/ckpt-0"
    assert start.published == "model_zoo/efficientnet_b0/ckpt-0"
    assert "fine_tune_checkpoint" not in found
    assert found["backbone"].value == found["backbone"].published == "efficientnet-b0"


@pytest.mark.parametrize("name", preset_names(WORKSPACE))
def test_every_difference_is_told_with_a_source(name: str) -> None:
    """Those and no others, with the values that the two configs have."""
    preset = read_preset(name, WORKSPACE)
    published = read_preset(preset.name, WORKSPACE)
    while not published.published and published.extends:
        published = read_preset(published.extends, WORKSPACE)
    before = build_pipeline(published.name, Changes(), WORKSPACE, as_published=True).message
    now = build_pipeline(name, Changes(), WORKSPACE).message

    told = {path: origin for path, origin in origins(name).items() if origin.differs}

    expected = differing_fields([before, now])
    assert set(told) == set(expected)
    assert all(origin.source for origin in told.values())
    for path, (was, is_now) in expected.items():
        assert told[path].published == was
        assert told[path].value in (is_now, None)


def test_a_backbone_that_differs_is_not_told_as_published() -> None:
    """The variable is named after the message whose type it is."""
    found = origins("centernet-resnet101-v1-fpn-512")

    assert "feature_extractor" not in found
    assert found["model.center_net.feature_extractor.type"].value == "resnet_v1_101_fpn"


def test_a_presets_own_field_is_told(tmp_path: Path) -> None:
    """A full path that a user's preset sets."""
    workspace = Workspace(tmp_path)
    path = workspace.templates / "presets" / "mine.toml"
    path.parent.mkdir(parents=True)
    path.write_text(
        'about = "a"\nextends = "kitti-d0"\n[set.clipping]\nfrom = "experiment 3"\n'
        '"train_config.gradient_clipping_by_norm" = 10.0\n',
        encoding="utf-8",
    )

    found = {o.name: o for o in origins_of(read_preset("mine", workspace), workspace)}

    clipping = found["train_config.gradient_clipping_by_norm"]
    assert (clipping.value, clipping.published, clipping.source) == (10.0, 0.0, "experiment 3")
