"""Rules on the fine-tune checkpoint: what is found, and the near misses that are right."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from odapi_runner.formats.runlog import EventLog
from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.rules import checkpoint
from odapi_runner.pipeline.rules.subject import build_subject
from odapi_runner.proto.text import parse_pipeline
from odapi_runner.rundir import RunDir
from odapi_runner.workspace import Workspace
from support import detectors
from support.checkpoints import write_checkpoint
from support.detectors import Shapes
from support.rule_cases import Case, bend

PLACE = "train_config.fine_tune_checkpoint"
TYPE = "train_config.fine_tune_checkpoint_type"
TAKE = "Take the checkpoint that belongs to this model, or train with --from-scratch."
D0 = """
  ssd {
    num_classes: 3 add_background_class: false
    feature_extractor {
      type: "ssd_efficientnet-b0_bifpn_keras" bifpn { num_iterations: 3 num_filters: 64 }
    }
  }
"""
RESNET_FPN = """
  ssd {
    num_classes: 3
    feature_extractor { type: "ssd_resnet50_v1_fpn_keras" fpn { } }
  }
"""
SSD = 'ssd { num_classes: 3 feature_extractor { type: "ssd_mobilenet_v2_keras" } }'
FASTER_RCNN = """
  faster_rcnn {
    num_classes: 3 feature_extractor { type: "faster_rcnn_resnet101_keras" }
  }
"""
CENTER_NET = 'center_net { num_classes: 3 feature_extractor { type: "resnet_v1_50_fpn" } }'


ZOO = "model_zoo/efficientdet_d0_coco17_tpu-32/checkpoint/ckpt-0"


def stores(shapes: Shapes, **more: Any) -> Callable[[Workspace], object]:
    """Put another checkpoint in the place of the published one."""

    def write_another(workspace: Workspace) -> None:
        for path in (workspace.root / ZOO).parent.iterdir():
            path.unlink()
        write_checkpoint(workspace.root / ZOO, shapes, **more)

    return write_another


def resizes(change: int) -> Callable[[Workspace], object]:
    """Make the data file longer or shorter."""

    def resize(workspace: Workspace) -> None:
        stores(detectors.ssd("efficientnet-b0", classes=90))(workspace)
        data = (workspace.root / ZOO).with_name("ckpt-0.data-00000-of-00001")
        with data.open("r+b") as stream:
            stream.truncate(data.stat().st_size + change)

    return resize


def has_run(*kinds: str) -> Callable[[Workspace], object]:
    """Make a run whose supervisor has told of these events, with a checkpoint."""

    def make(workspace: Workspace) -> None:
        run = RunDir(workspace.train / "first")
        shapes = detectors.ssd("efficientnet-b0", classes=90)
        write_checkpoint(run.root / "ckpt-3", shapes, step=9)
        run.run_json.write_text(json.dumps({"format": 1}), encoding="utf-8")
        log = EventLog(run, "supervise")
        for kind in kinds:
            log.write(kind, what="")

    return make


D0_90 = detectors.ssd("efficientnet-b0", classes=90)
D0_3 = detectors.ssd("efficientnet-b0", classes=3)
EXTRACTOR = next(path for path in D0_90 if "_feature_extractor" in path)
HEAD = next(path for path in D0_90 if "_box_predictor" in path)
OF_FIRST = "fine_tune_checkpoint=train/first/ckpt-3"

CASES = {
    "from-scratch": Case(
        fails=bend(deletes=(PLACE, TYPE)),
        passes=bend(),
        options=(("from_scratch", False),),
    ),
    "checkpoint-type-unused": Case(
        fails=bend(deletes=(PLACE,)), passes=bend(), options=(("from_scratch", False),)
    ),
    "checkpoint": Case(
        bend(f"fine_tune_checkpoint={ZOO[:-1]}1"), bend(f"fine_tune_checkpoint=./{ZOO}")
    ),
    "checkpoint-damaged": Case(bend(files=resizes(-1)), bend(files=resizes(1))),
    "checkpoint-type": Case(bend(f"{TYPE}=fine_tune"), bend(f"{TYPE}=full", files=stores(D0_3))),
    "checkpoint-version": Case(bend(f"{PLACE}_version=V1"), bend(f"{PLACE}_version=V2")),
    "checkpoint-rotates": Case(
        bend(OF_FIRST, files=has_run("started", "trainer_started")),
        bend(OF_FIRST, files=has_run("started", "trainer_started", "finished")),
    ),
    "checkpoint-tf1": Case(
        bend(files=stores(D0_90, object_based=False)), bend(files=stores(D0_90))
    ),
    "checkpoint-contents": Case(
        bend(f"{TYPE}=classification"),
        bend(f"{TYPE}=classification", files=stores(detectors.backbone("efficientnet-b0"))),
    ),
    "checkpoint-classes": Case(bend(f"{TYPE}=full"), bend(f"{TYPE}=full", files=stores(D0_3))),
    "checkpoint-precision": Case(
        bend(files=stores(D0_90, dtypes={EXTRACTOR: "float16"})),
        bend(files=stores(D0_90, dtypes={HEAD: "float16"})),
    ),
    "checkpoint-step": Case(bend(files=stores(D0_90, step=0)), bend(files=stores(D0_90, step=1))),
    "checkpoint-averages": Case(
        bend(files=stores(D0_90, slots=("momentum", "average"))),
        bend(files=stores(D0_90, slots=("momentum",))),
    ),
    "checkpoint-extractor": Case(
        bend(files=stores(detectors.ssd_fpn("resnet50", classes=90))), bend(files=stores(D0_90))
    ),
    "checkpoint-backbone": Case(
        bend(files=stores(detectors.ssd("efficientnet-b1", classes=90))),
        bend(files=stores(detectors.ssd("efficientnet-b0", classes=7))),
    ),
    "checkpoint-neck": Case(
        bend("model.ssd.feature_extractor.bifpn.num_filters=88"),
        bend("model.ssd.feature_extractor.bifpn.num_filters=64"),
    ),
}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def found(
    workspace: Workspace, model: str = D0, kind: str = "detection", prefix: str = "zoo/ckpt-0"
) -> list[Finding]:
    """What the rules on checkpoints find of a config with this model."""
    text = (
        f"model {{ {model} }} train_config {{ fine_tune_checkpoint: '{prefix}' "
        f"fine_tune_checkpoint_type: '{kind}' fine_tune_checkpoint_version: V2 }}"
    )
    subject = build_subject(parse_pipeline(text, "text"), workspace)
    findings = []
    for rule in checkpoint.RULES:
        for finding in rule.find(subject):
            assert (finding.rule, finding.severity) == (rule.id, rule.severity)
            findings.append(finding)
    return findings


def write(workspace: Workspace, shapes: Shapes, **more: Any) -> None:
    write_checkpoint(workspace.root / "zoo" / "ckpt-0", shapes, **more)


def only(findings: list[Finding]) -> Finding:
    assert len(findings) == 1, findings
    return findings[0]


DETECTORS = {
    "D0": (D0, detectors.ssd("efficientnet-b0", classes=3)),
    "ResNet FPN": (RESNET_FPN, detectors.ssd_fpn("resnet50", classes=3)),
    "SSD": (SSD, detectors.ssd_plain("mobilenet_v2", classes=3)),
    "Faster R-CNN": (FASTER_RCNN, detectors.faster_rcnn("resnet101", classes=3)),
    "CenterNet": (CENTER_NET, detectors.center_net("resnet50", classes=3)),
}


@pytest.mark.parametrize("kind", ["detection", "full"])
@pytest.mark.parametrize("name", DETECTORS)
def test_a_detector_fits_its_own_config(workspace: Workspace, name: str, kind: str) -> None:
    """One of each family, restored in part and as a whole."""
    model, shapes = DETECTORS[name]
    write(workspace, shapes, step=1000)

    assert found(workspace, model, kind) == []


@pytest.mark.parametrize(
    ("model", "backbone"),
    [
        (D0, "efficientnet-b0"),
        (RESNET_FPN, "resnet50"),
        (FASTER_RCNN, "resnet101"),
        (CENTER_NET, "resnet50"),
        ('center_net { feature_extractor { type: "hourglass_104" } }', "resnet50"),
    ],
)
def test_a_backbone_fits_as_classification(workspace: Workspace, model: str, backbone: str) -> None:
    """Its classifier is left alone; what is not known of a model is not judged."""
    write(workspace, detectors.backbone(backbone))

    assert found(workspace, model, "classification") == []


@pytest.mark.parametrize(
    ("kind", "what", "fix"),
    [
        ("", "no type is set, which means classification", f"Set detection {TYPE}"),
        ("detector", '"detector" is no type', 'Did you mean "detection"?'),
        (
            "fine_tune",
            '"fine_tune" is a type no longer: it was that of CenterNet, now named "detection"',
            f"-s {TYPE}=detection",
        ),
    ],
)
def test_a_type_that_is_none(workspace: Workspace, kind: str, what: str, fix: str) -> None:
    """What it means in the Object Detection API, and what to write."""
    write(workspace, DETECTORS["D0"][1])

    finding = only(found(workspace, kind=kind))

    assert (finding.rule, finding.place, finding.what) == ("checkpoint-type", TYPE, what)
    assert all(word in finding.fix for word in fix.split(" "))


def test_an_empty_type_may_mean_detection(workspace: Workspace) -> None:
    """Where the older field says so."""
    write(workspace, DETECTORS["D0"][1])
    text = "train_config { fine_tune_checkpoint: 'zoo/ckpt-0' from_detection_checkpoint: true }"
    subject = build_subject(parse_pipeline(text, "text"), workspace)

    finding = only(list(checkpoint.checkpoint_has_a_type(subject)))

    assert finding.what == "no type is set, which means detection"


@pytest.mark.parametrize(
    ("name", "what", "fix"),
    [
        (
            "detector.tar.gz",
            "zoo/detector.tar.gz is one file, and a checkpoint of TF2 is the prefix of several",
            "Unpack it, and name the prefix of the checkpoint inside.",
        ),
        (
            "weights.h5",
            "zoo/weights.h5 is one file, and a checkpoint of TF2 is the prefix of several",
            "Name a checkpoint such as FOLDER/ckpt-0, or train with --from-scratch.",
        ),
    ],
)
def test_one_file_is_no_checkpoint(workspace: Workspace, name: str, what: str, fix: str) -> None:
    """An archive, the weights of Keras, TF1's first format."""
    path = workspace.root / "zoo" / name
    path.parent.mkdir()
    path.write_bytes(b"")

    finding = only(found(workspace, prefix=f"zoo/{name}"))

    assert (finding.rule, finding.what, finding.fix) == ("checkpoint", what, fix)


def test_half_a_checkpoint_is_found(workspace: Workspace) -> None:
    """Data that broke off, data that is absent, an index that is none."""
    write(workspace, DETECTORS["D0"][1])
    data = workspace.root / "zoo" / "ckpt-0.data-00000-of-00001"
    size = data.stat().st_size
    with data.open("r+b") as stream:
        stream.truncate(size // 2)
    finding = only(found(workspace))
    assert finding == Finding(
        "checkpoint-damaged",
        "error",
        PLACE,
        f"{data}: cut short, {size // 2:,} of {size:,} bytes are there",
        "Unpack or copy the checkpoint again.",
    )

    (workspace.root / "zoo" / "ckpt-0.index").write_bytes(b"index")
    finding = only(found(workspace))
    index = workspace.root / "zoo" / "ckpt-0.index"
    assert finding.what == f"{index}: not the index of a checkpoint, or cut short"


def test_a_checkpoint_of_tf1(workspace: Workspace) -> None:
    """Its variables have names, and nothing can be restored by them."""
    shapes = {"FeatureExtractor/MobilenetV1/Conv2d_0/weights": (3, 3, 3, 32)}
    write(workspace, shapes, object_based=False)

    assert only(found(workspace)) == Finding(
        "checkpoint-tf1",
        "error",
        PLACE,
        "zoo/ckpt-0 is of TF1: names of variables, such as "
        "FeatureExtractor/MobilenetV1/Conv2d_0/weights, and no object graph",
        "Take a detector of the TF2 zoo, or train with --from-scratch.",
    )


@pytest.mark.parametrize(
    ("model", "shapes", "kind", "what", "fix"),
    [
        (
            D0,
            DETECTORS["D0"][1],
            "classification",
            'zoo/ckpt-0 has no feature_extractor, which the type "classification" restores',
            f"-s {TYPE}=detection",
        ),
        (
            FASTER_RCNN,
            detectors.backbone("resnet101"),
            "detection",
            (
                "zoo/ckpt-0 has no model/_feature_extractor_for_box_classifier_features, which the "
                'type "detection" restores'
            ),
            f"-s {TYPE}=classification",
        ),
        (
            D0,
            {"layer-0/kernel": (3, 3, 3, 32)},
            "detection",
            'zoo/ckpt-0 has no model/_feature_extractor, which the type "detection" restores',
            "Take a checkpoint that the Object Detection API or odapi saved.",
        ),
        (
            D0,
            {k: v for k, v in DETECTORS["D0"][1].items() if "_box_predictor" not in k},
            "full",
            'zoo/ckpt-0 has no model/_box_predictor, which the type "full" restores',
            f"-s {TYPE}=detection",
        ),
        (
            CENTER_NET,
            DETECTORS["Faster R-CNN"][1],
            "detection",
            "zoo/ckpt-0 holds a Faster R-CNN, and the model is a CenterNet",
            "Take a checkpoint of the same family, or train with --from-scratch.",
        ),
    ],
)
def test_a_type_restores_what_is_there(
    workspace: Workspace, model: str, shapes: Shapes, kind: str, what: str, fix: str
) -> None:
    """Each type looks in another place, and a detector is of one family."""
    write(workspace, shapes)

    finding = only(found(workspace, model, kind))

    assert (finding.rule, finding.what, finding.fix) == ("checkpoint-contents", what, fix)


@pytest.mark.parametrize("kind", ["detection", "full"])
def test_another_kind_of_feature_extractor(workspace: Workspace, kind: str) -> None:
    """A BiFPN is looked for where the checkpoint has an FPN: one finding, not five."""
    write(workspace, detectors.ssd_fpn("resnet50", classes=90))

    assert only(found(workspace, kind=kind)) == Finding(
        "checkpoint-extractor",
        "error",
        PLACE,
        "the feature extractor in zoo/ckpt-0 has an FPN, ssd_efficientnet-b0_bifpn_keras has a "
        "BiFPN",
        TAKE,
    )


@pytest.mark.parametrize(
    ("model", "shapes", "kind", "what", "theirs"),
    [
        (
            D0,
            detectors.ssd("efficientnet-b1", classes=90),
            "detection",
            (
                "110 of 115 kernels of the backbone in zoo/ckpt-0 are not those of "
                "efficientnet-b0: number 6 is 3x3x16x1 there, 1x1x16x96 here"
            ),
            "efficientnet-b1",
        ),
        (
            RESNET_FPN,
            detectors.backbone("resnet101"),
            "classification",
            (
                "10 of 53 kernels of the backbone in zoo/ckpt-0 are not those of resnet50: "
                "number 44 is 1x1x1024x256 there, 1x1x1024x512 here"
            ),
            "resnet101",
        ),
        (
            FASTER_RCNN,
            detectors.faster_rcnn("resnet50", classes=90),
            "detection",
            (
                "51 of 94 kernels of the backbone in zoo/ckpt-0 are not those of resnet101: number "
                "44 is absent there, 1x1x1024x256 here"
            ),
            "resnet50",
        ),
        # Restored without a word by the Object Detection API: the first 43 are alike.
        (
            FASTER_RCNN.replace("101", "50"),
            detectors.faster_rcnn("resnet101", classes=90),
            "detection",
            (
                "51 of 94 kernels of the backbone in zoo/ckpt-0 are not those of resnet50: "
                "number 44 is 1x1x1024x256 there, absent here"
            ),
            "resnet101",
        ),
    ],
)
def test_another_backbone(
    workspace: Workspace, model: str, shapes: Shapes, kind: str, what: str, theirs: str
) -> None:
    """Deeper, shallower or another: how many kernels differ, the first, and whose it is."""
    write(workspace, shapes)

    finding = only(found(workspace, model, kind))

    assert (finding.rule, finding.what) == ("checkpoint-backbone", what)
    assert finding.fix == f"It is {theirs}. {TAKE}"


@pytest.mark.parametrize("field", ["depth_multiplier: 0.5", "min_depth: 32"])
def test_a_narrow_backbone_is_not_judged(workspace: Workspace, field: str) -> None:
    """With a multiplier its kernels are others than the published ones."""
    write(workspace, detectors.ssd_fpn("mobilenet_v1", classes=3, depth=128))
    extractor = f'type: "ssd_mobilenet_v1_fpn_keras" {field} fpn {{ }}'
    model = f"ssd {{ num_classes: 3 feature_extractor {{ {extractor} }} }}"

    assert found(workspace, model) == []


@pytest.mark.parametrize(
    ("model", "shapes", "place", "what"),
    [
        (
            D0,
            detectors.ssd("efficientnet-b0", classes=90, filters=88, iterations=4),
            "bifpn",
            "num_filters is 88 there, 64 here, num_iterations is 4 there, 3 here",
        ),
        (
            RESNET_FPN.replace("fpn { }", "fpn { additional_layer_depth: 128 }"),
            detectors.ssd_fpn("resnet50", classes=90),
            "fpn",
            "additional_layer_depth is 256 there, 128 here",
        ),
        (
            RESNET_FPN.replace("fpn { }", "fpn { min_level: 2 }"),
            detectors.ssd_fpn("resnet50", classes=90),
            "fpn",
            "the number of levels is 5 there, 6 here",
        ),
    ],
)
def test_a_neck_of_another_size(
    workspace: Workspace, model: str, shapes: Shapes, place: str, what: str
) -> None:
    """The figures that differ, each with both values."""
    write(workspace, shapes)

    assert only(found(workspace, model)) == Finding(
        "checkpoint-neck",
        "error",
        f"model.ssd.feature_extractor.{place}",
        f"the {place} in zoo/ckpt-0 has another size: {what}",
        TAKE,
    )


@pytest.mark.parametrize(
    ("model", "shapes"),
    [
        (D0, detectors.ssd("efficientnet-b0", classes=90)),
        (RESNET_FPN, detectors.ssd_fpn("resnet50", classes=90)),
        (SSD, detectors.ssd_plain("mobilenet_v2", classes=90)),
        (FASTER_RCNN, detectors.faster_rcnn("resnet101", classes=90)),
        (CENTER_NET, detectors.center_net("resnet50", classes=90)),
    ],
)
def test_full_needs_the_same_classes(workspace: Workspace, model: str, shapes: Shapes) -> None:
    """Background counted where the head has it; detection leaves the heads alone."""
    write(workspace, shapes)

    assert only(found(workspace, model, "full")) == Finding(
        "checkpoint-classes",
        "error",
        TYPE,
        '"full" restores the heads: those of zoo/ckpt-0 are for 90 classes, the model\'s for 3',
        f"Restore all but the heads: -s {TYPE}=detection",
    )
    assert found(workspace, model, "detection") == []


def test_halved_variables(workspace: Workspace) -> None:
    """float16 in what is restored; elsewhere it does not matter."""
    shapes = DETECTORS["D0"][1]
    head = next(path for path in shapes if "_box_predictor" in path)
    write(workspace, shapes, dtypes={head: "float16"})

    assert found(workspace) == []
    assert only(found(workspace, kind="full")).what == (
        "1 variables of zoo/ckpt-0 are float16, the model's float32"
    )


def test_a_checkpoint_from_before_the_first_step(workspace: Workspace) -> None:
    """`ckpt-1` of a training is what it started from."""
    write(workspace, DETECTORS["D0"][1], step=0)
    finding = only(found(workspace))
    assert (finding.rule, finding.severity) == ("checkpoint-step", "warning")

    write(workspace, DETECTORS["D0"][1], step=1)
    assert found(workspace) == []


def test_moving_averages_are_not_restored(workspace: Workspace) -> None:
    """They are slots of the optimizer; momentum is one that nobody misses."""
    write(workspace, DETECTORS["D0"][1], slots=("average", "momentum"))
    finding = only(found(workspace))
    assert (finding.rule, finding.severity) == ("checkpoint-averages", "hint")

    write(workspace, DETECTORS["D0"][1], slots=("momentum",))
    assert found(workspace) == []


def test_a_checkpoint_of_a_run_that_goes_on(workspace: Workspace) -> None:
    """It is going to be removed; one of a run that has ended stays."""
    run = RunDir(workspace.train / "first")
    prefix = write_checkpoint(run.root / "ckpt-3", DETECTORS["D0"][1], step=9)
    run.run_json.write_text(json.dumps({"format": 1}), encoding="utf-8")
    log = EventLog(run, "supervise")
    log.write("started")

    assert only(found(workspace, prefix="train/first/ckpt-3")) == Finding(
        "checkpoint-rotates",
        "warning",
        PLACE,
        "train/first/ckpt-3 belongs to first, which has not ended and keeps its newest only",
        "Copy its files elsewhere, and begin with the copy.",
    )
    log.write("finished", what="")
    log.write("notified", program="./tell", code=0)  # of its end
    assert found(workspace, prefix=prefix) == []


def test_the_best_checkpoint_of_a_run_that_goes_on(workspace: Workspace) -> None:
    """A better one takes its place; that of a run that has ended stays."""
    run = RunDir(workspace.train / "first")
    prefix = write_checkpoint(run.best / "ckpt-3", DETECTORS["D0"][1], step=9)
    run.run_json.write_text(json.dumps({"format": 1}), encoding="utf-8")
    log = EventLog(run, "supervise")
    log.write("started")

    finding = only(found(workspace, prefix="train/first/best/ckpt-3"))
    assert finding.rule == "checkpoint-rotates"
    assert finding.what.endswith("which has not ended and keeps its best only")
    log.write("finished", what="")
    assert found(workspace, prefix=prefix) == []


def test_a_checkpoint_is_read_once(workspace: Workspace) -> None:
    """A hundred configs that begin with it take less than a second; a new one is noticed."""
    write(workspace, DETECTORS["Faster R-CNN"][1])
    found(workspace, FASTER_RCNN)
    start = time.perf_counter()
    for _ in range(100):
        found(workspace, FASTER_RCNN)
    assert time.perf_counter() - start < 1

    write(workspace, DETECTORS["D0"][1])
    assert only(found(workspace, FASTER_RCNN)).rule == "checkpoint-contents"


MODELS = (
    *("centernet_resnet101", "efficientdet_d0", "faster_rcnn_resnet50", "ssd_mobilenet_v1_fpn"),
    *("ssd_mobilenet_v2", "ssd_mobilenet_v2_fpnlite", "ssd_resnet50_v1_fpn"),
)


@pytest.mark.parametrize("kind", ["detection", "full"])
@pytest.mark.parametrize("model", MODELS)
def test_no_alarm_about_the_object_detection_apis_own(
    workspace: Workspace, reference: Path, model: str, kind: str
) -> None:
    """The variables of the reference's models, each beside the config that built it."""
    folder = reference / "numerics"
    shapes: Shapes = json.loads((folder / f"{model}.json").read_text("utf-8"))["variables"]
    # A key is one path of several: the layers of EfficientNet have a second one.
    first, second = (
        f"model/_feature_extractor/{name}" for name in ("_efficientnet", "classification_backbone")
    )
    layers = {path.rpartition("/")[0] for path in shapes if path.startswith(f"{first}/")}
    write(workspace, shapes, aliases={path.replace(first, second): path for path in layers})
    config = parse_pipeline((folder / f"{model}.config").read_text("utf-8"), model)
    config.train_config.fine_tune_checkpoint = "zoo/ckpt-0"
    config.train_config.fine_tune_checkpoint_type = kind
    config.train_config.fine_tune_checkpoint_version = 2
    subject = build_subject(config, workspace)

    assert [finding for rule in checkpoint.RULES for finding in rule.find(subject)] == []
