"""Configs become the engine's spec, whole, or are refused (DESIGN.md, decision 5)."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import odapi_runner
from odapi_runner.anchors import MultiscaleAnchors
from odapi_runner.engine.augment.spec import HorizontalFlip, ScaleCropPad
from odapi_runner.engine.read_config import build_spec, refused
from odapi_runner.engine.spec.backbone import Backbone, BiFpnNeck
from odapi_runner.engine.spec.boxes import FasterRcnnCoder
from odapi_runner.engine.spec.input import Input
from odapi_runner.engine.spec.layers import BatchNorm, Hyperparams, NormalInitializer, Regularizer
from odapi_runner.engine.spec.resizer import KeepAspect
from odapi_runner.engine.ssd.loss_spec import FocalSigmoid
from odapi_runner.errors import ConfigError
from odapi_runner.proto.text import read_pipeline
from odapi_runner.schedules import ConstantRate, CosineDecay
from support.configs import d0_config
from support.ssd_configs import ssd_config


def f32(value: float) -> float:
    """The value as a config's field of type float holds it."""
    return float(np.float32(value))


def with_constant_rate(config: Any) -> Any:
    rate = config.train_config.optimizer.momentum_optimizer.learning_rate
    rate.constant_learning_rate.learning_rate = 0.01
    return config


def test_every_field_of_the_spec_is_used() -> None:
    """Reading a field is not yet honouring it: some module looks at what became of it."""
    package = Path(odapi_runner.__file__).parent
    modules = set((package / "engine").rglob("*.py"))
    readers = {path for path in modules if "read" in path.name or path.parent.name == "reading"}
    specs = {path for path in modules if "spec" in path.name or path.parent.name == "spec"}
    users = {package / "anchors.py", package / "schedules.py", *(modules - readers - specs)}
    source = "\n".join(path.read_text("utf-8") for path in sorted(users))
    kinds = {
        kind
        for path in specs
        for kind in vars(import_module(module_name(path))).values()
        if dataclasses.is_dataclass(kind)
    }
    names = {field.name for kind in kinds for field in dataclasses.fields(kind)}

    assert names > {"depth_multiplier", "clip_norm", "max_boxes", "iou_threshold"}
    assert {name for name in names if not re.search(rf"\.{name}\b", source)} == set()


def module_name(path: Path) -> str:
    relative = path.relative_to(Path(odapi_runner.__file__).parent.parent).with_suffix("")
    return ".".join(relative.parts).removesuffix(".__init__")


def test_the_spec_of_efficientdet_d0() -> None:
    """The published values arrive where they belong."""
    spec = build_spec(d0_config())

    norm = BatchNorm(decay=f32(0.99), center=True, scale=True, epsilon=f32(0.001))
    assert spec.model.resizer == KeepAspect(512, 512, (0.0, 0.0, 0.0))
    assert spec.model.backbone == Backbone(
        type="ssd_efficientnet-b0_bifpn_keras",
        hyperparams=Hyperparams(
            regularizer=Regularizer("l2", f32(4e-5)),
            initializer=NormalInitializer(0.0, f32(0.03), truncated=True),
            activation="SWISH",
            batch_norm=norm,
            force_use_bias=True,
        ),
        override_hyperparams=False,
        depth_multiplier=1.0,
        min_depth=16,
        pad_to_multiple=1,
        explicit_padding=False,
        depthwise=False,
        neck=BiFpnNeck(3, 7, num_iterations=3, num_filters=64, combine_method="fast_attention"),
    )
    assert spec.model.box_predictor.hyperparams.initializer == NormalInitializer(
        0.0, f32(0.01), truncated=False
    )
    assert spec.model.anchors == MultiscaleAnchors(3, 7, 4.0, (1.0, 2.0, 0.5), 3, normalize=True)
    assert spec.model.box_coder == FasterRcnnCoder(10.0, 10.0, 5.0, 5.0)
    assert spec.train.augmentations == (
        HorizontalFlip(0.5),
        ScaleCropPad(512, f32(0.1), 2.0),
    )
    assert spec.train.schedule == CosineDecay(f32(0.08), 300_000, f32(0.001), 2500, 0)
    assert spec.eval_input == Input(
        label_map="data/coco/label_map.pbtxt",
        patterns=("data/coco/val-*.record",),
        weights=(),
        shuffle=False,
        sample_1_of_n=1,
        max_boxes=100,
    )


def test_defaults_are_those_of_the_language() -> None:
    """Fields that a config leaves out have the schema's defaults."""
    config = d0_config()
    config.model.ssd.loss.classification_loss.weighted_sigmoid_focal.Clear()
    config.model.ssd.feature_extractor.conv_hyperparams.ClearField("regularizer")
    config.model.ssd.feature_extractor.conv_hyperparams.ClearField("batch_norm")
    config.train_config.ClearField("batch_size")
    spec = build_spec(config)

    assert spec.model.loss.classification == FocalSigmoid(None, 2.0)
    assert spec.model.backbone.hyperparams.regularizer is None
    assert spec.model.backbone.hyperparams.batch_norm is None
    assert spec.train.batch_size == 32


def test_a_constant_rate() -> None:
    """The other schedule."""
    spec = build_spec(with_constant_rate(d0_config()))

    assert spec.train.schedule == ConstantRate(f32(0.01))


@pytest.mark.parametrize(
    ("deletes", "changes", "kind"),
    [
        ((), (), "detection"),
        ((), ("train_config.fine_tune_checkpoint_type=full",), "full"),
        (("fine_tune_checkpoint_type",), (), "classification"),
        (
            ("fine_tune_checkpoint_type",),
            ("train_config.from_detection_checkpoint=true",),
            "detection",
        ),
    ],
)
def test_the_type_of_a_fine_tune_checkpoint(
    deletes: tuple[str, ...], changes: tuple[str, ...], kind: str
) -> None:
    """Without a type it is `classification`, unless the deprecated field says otherwise."""
    config = d0_config(*changes)
    for name in deletes:
        config.train_config.ClearField(name)

    assert build_spec(config).train.fine_tune_type == kind


def test_averages_and_patterns_are_read() -> None:
    """`use_moving_average` is true where it is not set; a decay alone says nothing."""
    config = d0_config("train_config.freeze_variables=[Conv1, stem]")
    assert build_spec(config).train.average_decay is None
    config.train_config.optimizer.ClearField("use_moving_average")
    config.eval_config.use_moving_averages = True
    spec = build_spec(config)

    assert spec.train.average_decay == f32(0.9999)
    assert spec.evaluation.use_averages
    assert spec.train.freeze_variables == ("Conv1", "stem")
    assert (spec.train.update_variables, spec.train.bias_multiplier) == ((), 1.0)


def test_one_of_no_examples_is_every_example() -> None:
    """The Object Detection API takes a part for numbers above 1 only."""
    config = d0_config()
    config.train_input_reader.sample_1_of_n_examples = 0

    assert build_spec(config).train_input.sample_1_of_n == 1


SSD = "model.ssd"
OPTIMIZER = "train_config.optimizer"
KEEP = f"{SSD}.image_resizer.keep_aspect_ratio_resizer"
BIFPN = f"{SSD}.feature_extractor.bifpn"
ANCHORS = f"{SSD}.anchor_generator.multiscale_anchor_generator"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            (f"{KEEP}.min_dimension=500", f"{KEEP}.max_dimension=500"),
            {f"{KEEP}.max_dimension": "500 does not fit the pyramid"},
        ),
        (
            (
                f"{KEEP}.min_dimension=500",
                f"{KEEP}.max_dimension=500",
                f"{SSD}.feature_extractor.pad_to_multiple=128",
            ),
            {},
        ),
        (
            (f"{KEEP}.min_dimension=513",),
            {f"{KEEP}.min_dimension": "is above max_dimension (512)"},
        ),
        (
            (f"{KEEP}.pad_to_max_dimension=false", "eval_config.batch_size=1"),
            {
                f"{KEEP}": "gives sides that do not fit the pyramid",
                "train_config.batch_size": (
                    "128 is not supported: images of different sizes make no batch"
                ),
            },
        ),
        (
            (f"{KEEP}.per_channel_pad_value=[1, 2]",),
            {f"{KEEP}.per_channel_pad_value": "has not three values"},
        ),
        (
            (f"{ANCHORS}.min_level=4",),
            {f"{ANCHORS}.min_level": "4 is not supported: bifpn has 3"},
        ),
        (
            (f"{BIFPN}.min_level=7", f"{ANCHORS}.min_level=7"),
            {f"{BIFPN}.min_level": "7 makes no pyramid up to 7"},
        ),
        ((f"{BIFPN}.num_iterations=0",), {f"{BIFPN}.num_iterations": "is below 1"}),
        ((f"{SSD}.num_classes=0",), {f"{SSD}.num_classes": "is below 1"}),
        (
            (f"{SSD}.matcher.argmax_matcher.unmatched_threshold=0.6",),
            {
                f"{SSD}.matcher.argmax_matcher.unmatched_threshold": (
                    "is above matched_threshold (0.5)"
                )
            },
        ),
        (
            ("train_config.load_all_detection_checkpoint_vars=true",),
            {"train_config.load_all_detection_checkpoint_vars": "true is not supported"},
        ),
        (("train_config.batch_size=0",), {"train_config.batch_size": "is 0"}),
        (("eval_config.batch_size=0",), {"eval_config.batch_size": "is 0"}),
        (
            ("train_input_reader.max_number_of_boxes=0",),
            {"train_input_reader.max_number_of_boxes": "is 0"},
        ),
        (
            ("train_config.bias_grad_multiplier=-1",),
            {"train_config.bias_grad_multiplier": "-1 is below 0"},
        ),
        (
            (f"{OPTIMIZER}.momentum_optimizer.momentum_optimizer_value=9",),
            {
                f"{OPTIMIZER}.momentum_optimizer.momentum_optimizer_value": (
                    "9 is not between 0 and 1"
                )
            },
        ),
        (
            (f"{OPTIMIZER}.use_moving_average=true", f"{OPTIMIZER}.moving_average_decay=1.5"),
            {f"{OPTIMIZER}.moving_average_decay": "1.5 is not between 0 and 1"},
        ),
        (
            ("train_config.freeze_variables=[Conv1, 'Conv(2']",),
            {
                "train_config.freeze_variables[1]": (
                    "is no regular expression (missing ), unterminated subpattern at position 4)"
                )
            },
        ),
        (
            ("train_config.update_trainable_variables=['']",),
            {"train_config.update_trainable_variables[0]": ("is empty and would match everything")},
        ),
        (
            ("train_config.fine_tune_checkpoint_version=V1",),
            {"train_config.fine_tune_checkpoint_version": "V1 is not supported"},
        ),
        (
            ("train_config.fine_tune_checkpoint_type=fine_tune",),
            {"train_config.fine_tune_checkpoint_type": "fine_tune is not supported"},
        ),
        (
            ("eval_config.metrics_set=[coco_mask_metrics]",),
            {
                "eval_config.metrics_set": (
                    "coco_mask_metrics is not supported: what an ssd finds is measured "
                    "by coco_detection_metrics here"
                )
            },
        ),
    ],
)
def test_what_cannot_be_honoured_is_refused_where_it_stands(
    changes: tuple[str, ...], expected: dict[str, str]
) -> None:
    """One refusal, at the field that is wrong."""
    config = d0_config(*changes)

    assert {one.path: one.reason for one in refused(config)} == expected


EXTRACTOR = f"{SSD}.feature_extractor"
HEIGHT = f"{SSD}.image_resizer.fixed_shape_resizer.height"
PREDICTOR = f"{SSD}.box_predictor.weight_shared_convolutional_box_predictor"
SSD_ANCHORS = f"{SSD}.anchor_generator.ssd_anchor_generator"


@pytest.mark.parametrize(
    ("name", "changes", "expected"),
    [
        (
            "ssd_mobilenet_v2_fpnlite",
            (f"{HEIGHT}=336",),  # 42, 21, 11: 21 is not twice 11
            {HEIGHT: "336 does not fit the pyramid"},
        ),
        ("ssd_mobilenet_v2_fpnlite", (f"{HEIGHT}=336", f"{EXTRACTOR}.pad_to_multiple=32"), {}),
        (
            "ssd_mobilenet_v2_fpnlite",
            (f"{EXTRACTOR}.pad_to_multiple=0",),
            {f"{EXTRACTOR}.pad_to_multiple": "is not above 0"},
        ),
        (
            "ssd_mobilenet_v2_fpnlite",
            (f"{HEIGHT}=336", f"{EXTRACTOR}.use_explicit_padding=true"),
            {},
        ),
        ("ssd_mobilenet_v2", (f"{HEIGHT}=333",), {}),
        (
            "ssd_mobilenet_v2_fpnlite",
            (f"{EXTRACTOR}.num_layers=4",),
            {
                f"{EXTRACTOR}.num_layers": (
                    "4 is not supported: the levels of a pyramid are those of fpn or bifpn"
                )
            },
        ),
        (
            "ssd_mobilenet_v2_fpnlite",
            (f"{PREDICTOR}.kernel_size=1",),
            {f"{PREDICTOR}.kernel_size": "is 1, and use_depthwise needs a larger kernel"},
        ),
        (
            "ssd_resnet50_v1_fpn",
            (f"{EXTRACTOR}.use_depthwise=true",),
            {
                f"{EXTRACTOR}.use_depthwise": (
                    "true is not supported: a ResNet's pyramid has no such layers"
                )
            },
        ),
        (
            "ssd_resnet50_v1_fpn",
            (f"{EXTRACTOR}.fpn.additional_layer_depth=128",),
            {
                f"{EXTRACTOR}.fpn.additional_layer_depth": (
                    "128 is not supported: the Object Detection API's ResNets have 256 always"
                )
            },
        ),
        (
            "ssd_mobilenet_v1_fpn",
            (f"{EXTRACTOR}.fpn.min_level=1",),
            {
                f"{EXTRACTOR}.fpn.min_level": "1 makes no pyramid up to 7",
                f"{SSD}.anchor_generator.multiscale_anchor_generator.min_level": (
                    "3 is not supported: fpn has 1"
                ),
            },
        ),
        (
            "ssd_mobilenet_v2",
            (f"{EXTRACTOR}.num_layers=5",),
            {SSD_ANCHORS: "is for 6 feature maps, and there are 5"},
        ),
        (
            "ssd_mobilenet_v2",
            (f"{EXTRACTOR}.num_layers=1", f"{SSD_ANCHORS}.num_layers=1"),
            {f"{SSD_ANCHORS}.num_layers": "1 leaves no step between two scales"},
        ),
        (
            "ssd_mobilenet_v2",
            (f"{SSD_ANCHORS}.height_stride=[16, 32]", f"{SSD_ANCHORS}.width_stride=[16, 32]"),
            {
                f"{SSD_ANCHORS}.height_stride": "has not 6 values",
                f"{SSD_ANCHORS}.width_stride": "has not 6 values",
            },
        ),
        (
            "ssd_mobilenet_v2",
            (f"{SSD}.box_predictor.convolutional_box_predictor.min_depth=8",),
            {
                f"{SSD}.box_predictor.convolutional_box_predictor.min_depth": (
                    "is above max_depth (0)"
                )
            },
        ),
        (
            "ssd_mobilenet_v2",
            (f"{SSD}.add_background_class=false", f"{SSD}.encode_background_as_zeros=false"),
            {
                f"{SSD}.encode_background_as_zeros": (
                    "false is not supported: without a background class the first class would "
                    "stand for it"
                )
            },
        ),
    ],
)
def test_what_the_other_models_cannot_honour(
    name: str, changes: tuple[str, ...], expected: dict[str, str]
) -> None:
    """One refusal, at the field that is wrong; none where another field makes it right."""
    found = {one.path: one.reason for one in refused(ssd_config(name, *changes))}

    assert found == expected


@pytest.mark.parametrize(
    ("place", "member", "reason"),
    [
        (
            f"{SSD}.anchor_generator",
            "grid_anchor_generator",
            "it is Faster R-CNN's, and takes one map of unknown image size",
        ),
        (
            f"{SSD}.box_predictor",
            "rfcn_box_predictor",
            "it predicts for regions, and an ssd has none",
        ),
        (
            f"{SSD}.feature_extractor.conv_hyperparams",
            "group_norm",
            "TF2's Object Detection API would normalise nothing",
        ),
    ],
)
def test_what_the_api_itself_cannot_use_is_refused_with_the_reason(
    place: str, member: str, reason: str
) -> None:
    """One refusal, and none of what stands in for it."""
    config = d0_config()
    getattr(attrgetter(place)(config), member).SetInParent()

    assert [(one.path, one.reason) for one in refused(config)] == [
        (f"{place}.{member}", f"is not supported: {reason}")
    ]


@pytest.mark.parametrize(
    ("count", "reason"),
    [(0, "is missing"), (2, "is there 2 times, and an evaluation is of one")],
)
def test_there_is_one_evaluation_reader(count: int, reason: str) -> None:
    """None or several are one refusal, whatever is in them."""
    config = d0_config()
    one = type(config.eval_input_reader[0])()
    one.CopyFrom(config.eval_input_reader[0])
    del config.eval_input_reader[:]
    config.eval_input_reader.extend([one] * count)

    assert [(one.path, one.reason) for one in refused(config)] == [("eval_input_reader", reason)]


def test_the_error_names_all_that_is_refused_and_the_remedies() -> None:
    """One sentence for the whole config."""
    config = d0_config(f"{SSD}.freeze_batchnorm=true", "eval_config.use_moving_averages=true")
    config.model.ssd.mask_head_config.mask_height = 7
    with pytest.raises(ConfigError) as caught:
        build_spec(config)

    assert caught.value.what == (
        "the builtin engine cannot honour this config: "
        "eval_config.use_moving_averages finds no averages: use_moving_average is false; "
        "model.ssd.mask_head_config is not supported by the builtin engine"
    )
    assert caught.value.fix == "Use false. Remove it: -d model.ssd.mask_head_config"


def test_the_published_ssds_are_honoured_and_no_other_architecture(
    reference: Path,
) -> None:
    """Of the 40 sample configs; of a foreign architecture nothing inside it is reported."""
    found = {
        path.name: refused(read_pipeline(path))
        for path in sorted((reference / "zoo_configs").glob("*.config"))
    }

    assert [name for name, refusals in found.items() if not refusals] == [
        name for name in found if name.startswith("ssd_")
    ]
    foreign = found["faster_rcnn_resnet50_v1_fpn_640x640_coco17_tpu-8.config"]
    assert [one.path for one in foreign] == ["model.faster_rcnn"]
    assert foreign[0].fix == (
        "The builtin engine trains the ssd family only; odapi check --engine tf-models checks a "
        "config for the Object Detection API."
    )


def test_sides_that_differ_are_told_to_be_padded() -> None:
    """A pyramid and a batch both ask for inputs of one size."""
    pad = f"{KEEP}.pad_to_max_dimension"

    fixes = {one.path: one.fix for one in refused(d0_config(f"{pad}=false"))}

    assert fixes[KEEP] == f"-s {pad}=true"
    assert fixes["train_config.batch_size"] == f"-s {pad}=true, or a batch_size of 1."


def test_reading_a_config_needs_no_tensorflow() -> None:
    """`check` says in about a second what the engine refuses."""
    code = "import sys, odapi_runner.engine.read_config; print('tensorflow' in sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert ended.stdout == "False\n"
