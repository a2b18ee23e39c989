"""Every mistake that can be known before TensorFlow starts, each in a workspace otherwise right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from odapi_runner.errors import ConfigError
from odapi_runner.pipeline.check import check
from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.overrides import Changes, apply_changes
from odapi_runner.pipeline.render import build_pipeline
from odapi_runner.pipeline.rendered import write_rendered
from odapi_runner.workspace import Workspace
from support.rule_cases import make_base

REPOSITORY = Path(__file__).parent.parent.parent
RATE = "train_config.optimizer.momentum_optimizer.learning_rate.cosine_decay_learning_rate"
FOLDER = "model_zoo/efficientdet_d0_coco17_tpu-32"
CHECKPOINT = f"{FOLDER}/checkpoint/ckpt-0"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace in which kitti-d0 has everything that it needs."""
    return make_base(tmp_path)


def found(workspace: Workspace, *overrides: str, **options: Any) -> list[Finding]:
    """What a check finds of kitti-d0 with full paths and words set on the rendered config."""
    message = build_pipeline("kitti-d0", Changes(), workspace).message
    message = apply_changes(message, Changes(overrides)).message
    return check(message, workspace, **options)


def only(findings: list[Finding]) -> Finding:
    assert len(findings) == 1, findings
    return findings[0]


def test_nothing_is_found_where_nothing_is_wrong(workspace: Workspace) -> None:
    """A message and a file are checked alike."""
    assert found(workspace) == []
    assert found(workspace, every_record=True) == []
    path = write_rendered("kitti-d0", Changes(), workspace)
    assert check(path, workspace) == check(str(path), workspace) == []


def test_a_file_that_is_no_config_raises(workspace: Workspace) -> None:
    """There is nothing that rules could look at."""
    with pytest.raises(ConfigError, match="no such file"):
        check(workspace.root / "absent.config", workspace)


@pytest.mark.parametrize(
    ("override", "rule", "severity", "what"),
    [
        ("num_classes=2", "num-classes", "error", "reach to 3"),
        ("num_classes=4", "num-classes", "error", "4 classes, but the ids of data/kitti/label_map"),
        ("train_config.num_steps=0", "num-steps", "error", "num_steps is 0"),
        ("train_config.batch_size=0", "batch-size", "error", "batch_size is 0"),
        ("learning_rate=0", "learning-rate", "error", "the rate is 0"),
        (
            # 29925 of the published 300,000 steps are a tenth: the rate has hardly come down.
            f"{RATE}.total_steps=300000",
            "schedule-long",
            "warning",
            "the schedule has 300000 steps, but training ends after 29925, at a rate of still 0.00",
        ),
        (
            f"{RATE}.total_steps=1000",
            "schedule-short",
            "error",
            "the rate is 0 after 1000 steps, but training has 29925",
        ),
        (
            f"{RATE}.warmup_steps=29925",
            "warmup-steps",
            "error",
            "a warm-up of 29925 steps, but the schedule has 29925",
        ),
        (
            f"{RATE}.warmup_learning_rate=0.01",
            "warmup-rate",
            "error",
            "the warm-up begins at 0.01, above the base rate 0.0025",
        ),
        (
            f"{RATE}.learning_rate_base=0.00002",
            "warmup-rate",
            "error",
            "the warm-up begins at 3.125e-05, above the base rate 2e-05",
        ),
        (
            "train_config.fine_tune_checkpoint_version=V1",
            "checkpoint-version",
            "error",
            "TF2 reads checkpoints of version V2 only",
        ),
        (
            "train_config.fine_tune_checkpoint_type=fine_tune",
            "checkpoint-type",
            "error",
            '"fine_tune" is a type no longer',
        ),
        (
            "train_config.fine_tune_checkpoint_type=",
            "checkpoint-type",
            "error",
            "no type is set, which means classification",
        ),
        ("train_records=", "records", "error", "no record files are named"),
        ("label_map=", "label-map", "error", "no label map is named"),
    ],
)
def test_a_mistake_in_the_config(
    workspace: Workspace, override: str, rule: str, severity: str, what: str
) -> None:
    """One mistake is one finding (two where two readers share it)."""
    findings = found(workspace, override)

    assert {(item.rule, item.severity) for item in findings} == {(rule, severity)}
    assert what in findings[0].what
    assert findings[0].fix


def test_a_warm_up_of_no_steps_has_no_rate(workspace: Workspace) -> None:
    """The warm-up rate has no effect then, as in the Object Detection API."""
    assert found(workspace, f"{RATE}.warmup_steps=0", f"{RATE}.warmup_learning_rate=1") == []


def test_an_empty_config_is_described_by_what_it_lacks(workspace: Workspace) -> None:
    """Model, sizes, optimizer, data: nothing crashes on what is not set."""
    message = build_pipeline("kitti-d0", Changes(), workspace).message
    message.Clear()

    rules = [finding.rule for finding in check(message, workspace)]

    assert rules == [
        "model",
        "label-map",
        "num-steps",
        "optimizer",
        "records",
        "records",
        "from-scratch",
    ]


# Label maps


@pytest.mark.parametrize(
    ("text", "rule", "what"),
    [
        ("item { id: 0 name: 'Car' }", "label-map", '"Car" has id 0'),
        ("item { id: 1 nam: 'Car' }", "label-map", "label_map.pbtxt:1:14: "),
        ("", "label-map", "no item in this label map"),
        (
            "item { id: 1 name: 'Car' } item { id: 3 name: 'Cyclist' display_name: 'Pedestrian' }",
            "label-map-gaps",
            "no class has id 2, but others have larger ids",
        ),
    ],
)
def test_a_mistake_in_the_label_map_is_said_once(
    workspace: Workspace, text: str, rule: str, what: str
) -> None:
    """Training and evaluation share it."""
    label_map = workspace.data / "kitti" / "label_map.pbtxt"
    message = build_pipeline("kitti-d0", Changes(), workspace).message
    label_map.write_text(text, encoding="utf-8")

    finding = only(check(message, workspace))

    assert finding.rule == rule
    assert what in finding.what


def test_cocos_own_gaps_are_right(workspace: Workspace) -> None:
    """80 classes with ids up to 90, as the published detectors have them; other gaps are not."""
    coco = (REPOSITORY / "data" / "coco" / "label_map.pbtxt").read_text("utf-8")
    path = workspace.root / "coco.pbtxt"
    path.write_text(coco, encoding="utf-8")
    assert coco.count("item {") == 80

    def rules() -> list[str]:
        label_map = ["label_map=coco.pbtxt", "num_classes=90"]
        return [item.rule for item in found(workspace, *label_map) if "map" in item.rule]

    assert rules() == []
    path.write_text(coco.replace("id: 1\n", "id: 12\n"), encoding="utf-8")
    assert rules() == ["label-map-gaps"]


def test_an_absent_label_map(workspace: Workspace) -> None:
    """The path as written, and the two things to do."""
    finding = only(found(workspace, "label_map=자료/없음.pbtxt"))

    assert finding == Finding(
        "label-map",
        "error",
        "train_input_reader.label_map_path",
        "자료/없음.pbtxt: no such file",
        "Convert the data (odapi data convert --help), or -s label_map=data/NAME/label_map.pbtxt",
    )


# Checkpoints


def test_a_published_checkpoint_that_is_absent_is_one_finding(workspace: Workspace) -> None:
    """Its address, the folder to unpack it into, and the way without."""
    (workspace.root / CHECKPOINT).with_name("ckpt-0.index").unlink()

    finding = only(found(workspace))

    assert finding == Finding(
        "checkpoint",
        "error",
        "train_config.fine_tune_checkpoint",
        f"{CHECKPOINT}: the published detector is not there",
        "Unpack http://download.tensorflow.org/models/object_detection/tf2/20200711/"
        f"efficientdet_d0_coco17_tpu-32.tar.gz into {workspace.model_zoo}, "
        "or train with --from-scratch.",
    )
    assert found(workspace, from_scratch=True) == []


@pytest.mark.parametrize(
    ("value", "what", "fix"),
    [
        (FOLDER, f"{FOLDER} is a folder", f"-s fine_tune_checkpoint={CHECKPOINT}"),
        (
            f"{FOLDER}/checkpoint/",
            f"{FOLDER}/checkpoint/ is a folder",
            f"-s fine_tune_checkpoint={CHECKPOINT}",
        ),
        (
            "data",
            "data is a folder",
            "Write the prefix of a checkpoint; data holds none.",
        ),
        (
            f"{CHECKPOINT}.index",
            f"{CHECKPOINT}.index is a file of a checkpoint, not its prefix",
            f"-s fine_tune_checkpoint={CHECKPOINT}",
        ),
        (
            f"{CHECKPOINT}.data-00000-of-00001",
            f"{CHECKPOINT}.data-00000-of-00001 is a file of a checkpoint, not its prefix",
            f"-s fine_tune_checkpoint={CHECKPOINT}",
        ),
        (
            "train/first/ckpt-3",
            "train/first/ckpt-3: there is no ckpt-3.index in ROOT/train/first",
            "-s fine_tune_checkpoint=train/first/ckpt-12",
        ),
        (
            "nowhere/ckpt-3",
            "nowhere/ckpt-3: there is no ckpt-3.index in ROOT/nowhere",
            "Correct the path, or train with --from-scratch.",
        ),
        (
            "train/first/ckpt-9",
            "ROOT/train/first/ckpt-9.index: not the index of a checkpoint, or cut short",
            "Unpack or copy the checkpoint again.",
        ),
    ],
)
def test_a_checkpoint_is_a_prefix(workspace: Workspace, value: str, what: str, fix: str) -> None:
    """The usual mistakes, each with what would be right."""
    for name in ("ckpt-9.index", "ckpt-12.index"):
        path = workspace.train / "first" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    finding = only(found(workspace, f"fine_tune_checkpoint={value}"))

    assert finding.what.replace(str(workspace.root), "ROOT") == what
    assert finding.fix == fix


def test_without_a_checkpoint_nothing_of_it_matters(workspace: Workspace) -> None:
    """Type and version are of no effect, which is told where random weights were not asked for."""
    kind = "train_config.fine_tune_checkpoint_type=nonsense"

    assert found(workspace, "fine_tune_checkpoint=", kind, from_scratch=True) == []
    unused = only(found(workspace, "fine_tune_checkpoint=", kind))
    assert (unused.rule, unused.what) == (
        "checkpoint-type-unused",
        '"nonsense" is without effect: no checkpoint is named, and all weights are random',
    )
