"""No false alarm: what is said of configs that are known to train."""

from __future__ import annotations

from pathlib import Path

import pytest

from odapi_runner.backends.check import check
from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.presets import preset_names
from odapi_runner.pipeline.render import build_pipeline
from odapi_runner.workspace import Workspace

# Published configs name no files yet.
PATHS = {"path-placeholder", "label-map", "records"}

# What TF1 read, and what a TPU alone has an effect on.
LEFT = ("train_config.max_number_of_boxes",)
SYNC = ("train_config.sync_replicas", "train_config.replicas_to_aggregate")
TF1 = (*SYNC, "train_config.startup_delay_steps", *LEFT)
SSD = ("model.ssd.inplace_batchnorm_update", *TF1)
BFLOAT16 = ("train_config.use_bfloat16",)

# By the beginning of its name: the fields of which a hint says that they have no effect.
PUBLISHED = {
    "center_net_deepmac_": LEFT,
    "centernet_": LEFT,
    "centernet_hourglass104_512x512_kpts_coco17_tpu-32": ("eval_input_reader[0].shuffle", *LEFT),
    "faster_rcnn_": (*TF1, *BFLOAT16),
    "faster_rcnn_resnet101_v1_800x1333_": (),
    "faster_rcnn_resnet152_v1_800x1333_": (),
    "faster_rcnn_resnet50_v1_800x1333_": (),
    "mask_rcnn_": ("eval_config.eval_instance_masks",),
    "ssd_efficientdet_": (*SSD, *BFLOAT16),
    "ssd_mobilenet_": SSD,
    "ssd_resnet": (*SSD, *BFLOAT16),
}

# They begin with random weights, without being asked to.
SCRATCH = ("hint", "from-scratch")

# Test configs of the reference: 100 steps of schedule, trained for none.
SHORT = ("error", "schedule-short")
NUMERICS = {
    "centernet_resnet101": [SHORT, SCRATCH, *[("hint", "no-effect")] * 1],
    "efficientdet_d0": [
        SHORT,
        ("warning", "augmentation-size"),
        SCRATCH,
        *[("hint", "no-effect")] * 5,
        ("hint", "bfloat16"),
    ],
    "faster_rcnn_resnet50": [SHORT, SCRATCH, *[("hint", "no-effect")] * 4, ("hint", "bfloat16")],
    "ssd_mobilenet_v1_fpn": [SHORT, SCRATCH, *[("hint", "no-effect")] * 5],
    "ssd_mobilenet_v2": [SHORT, SCRATCH, *[("hint", "no-effect")] * 5],
    "ssd_mobilenet_v2_fpnlite": [SHORT, SCRATCH, *[("hint", "no-effect")] * 5],
    "ssd_resnet50_v1_fpn": [SHORT, SCRATCH, *[("hint", "no-effect")] * 5, ("hint", "bfloat16")],
}

# Configs that trained well in 1,000 and in 600 steps, the second with a checkpoint at their end.
RUNS = {
    "raccoon_mobilenet_v2_fpnlite": [SCRATCH, *[("hint", "no-effect")] * 5],
    "raccoon_efficientdet_d0_256": [
        ("warning", "steps-unsaved"),
        SCRATCH,
        *[("hint", "no-effect")] * 5,
    ],
}


# Files that presets name and that are not there yet.
ABSENT = PATHS | {"checkpoint", "keypoint-map"}

# Of a dataset's size, so many steps; under the Object Detection API they become other ones.
STEPS = {"steps-hundred", "steps-unsaved"}

# The memory of its 14 shuffle buffers under the Object Detection API; the engine has none.
TUNED = {"weighted-multi-source": {"tuning"}}


def found(path: Path, tmp_path: Path) -> list[Finding]:
    everything = check(path, Workspace(tmp_path), engine="tf-models")
    return [item for item in everything if item.rule not in PATHS]


def test_of_published_configs_hints_are_told_and_nothing_else(
    reference: Path, tmp_path: Path
) -> None:
    """Of all 40: fields without an effect, each one listed here; no rate looks too high."""
    paths = sorted((reference / "zoo_configs").glob("*.config"))
    assert len(paths) == 40
    for path in paths:
        findings = found(path, tmp_path)
        longest = max((name for name in PUBLISHED if path.name.startswith(name)), key=len)

        assert {item.severity for item in findings} <= {"hint"}, path.name
        assert sorted(item.place for item in findings) == sorted(PUBLISHED[longest]), path.name


@pytest.mark.parametrize("name", NUMERICS)
def test_of_configs_for_numbers(reference: Path, tmp_path: Path, name: str) -> None:
    """Their schedule is shorter than their training, which nobody makes."""
    findings = found(reference / "numerics" / f"{name}.config", tmp_path)

    assert [(item.severity, item.rule) for item in findings] == NUMERICS[name]


@pytest.mark.parametrize("name", RUNS)
def test_of_configs_that_trained(reference: Path, tmp_path: Path, name: str) -> None:
    """16 times the published rate for the batch went well, and is no reason to warn."""
    findings = found(reference / "runs" / f"{name}.config", tmp_path)

    assert [(item.severity, item.rule) for item in findings] == RUNS[name]


def test_of_presets_absent_files_are_told(tmp_path: Path) -> None:
    """And what of a model the builtin engine does not have; nothing else."""
    workspace = Workspace(tmp_path)
    for name in preset_names(workspace):
        message = build_pipeline(name, Changes(), workspace).message
        theirs = {item.rule for item in check(message, workspace, engine="tf-models")}
        ours = {item.rule for item in check(message, workspace)}

        assert theirs - ABSENT <= (STEPS if name.startswith("kitti-") else set()), name
        assert ours - ABSENT - {"engine"} <= TUNED.get(name, set()), name


def test_what_a_rule_refuses_the_engine_does_not_refuse_again(tmp_path: Path) -> None:
    """Evaluating averages that no training keeps: one error of that field, not two."""
    workspace = Workspace(tmp_path)
    changes = Changes(("eval_config.use_moving_averages=true",))
    message = build_pipeline("efficientdet-d0", changes, workspace).message
    place = "eval_config.use_moving_averages"

    told = [one.rule for one in check(message, workspace) if one.place == place]
    assert told == ["averages-missing"]
