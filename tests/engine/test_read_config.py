"""Configs become the engine's spec, whole, or are refused (DESIGN.md, decision 5)."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf.descriptor import FieldDescriptor

import odapi_runner
from odapi_runner.anchors import MultiscaleAnchors
from odapi_runner.engine import spec as specs
from odapi_runner.engine.augment.spec import HorizontalFlip, ScaleCropPad
from odapi_runner.engine.ignored import IGNORED
from odapi_runner.engine.read_config import _read, build_spec, refused
from odapi_runner.engine.spec.backbone import Backbone, BiFpnNeck
from odapi_runner.engine.spec.boxes import FasterRcnnCoder
from odapi_runner.engine.spec.input import Input
from odapi_runner.engine.spec.layers import BatchNorm, Hyperparams, NormalInitializer, Regularizer
from odapi_runner.engine.spec.resizer import KeepAspect
from odapi_runner.engine.ssd.loss_spec import FocalSigmoid
from odapi_runner.errors import ConfigError
from odapi_runner.proto.messages import is_repeated
from odapi_runner.proto.text import read_pipeline
from odapi_runner.schedules import ConstantRate, CosineDecay
from support.configs import d0_config
from support.ssd_configs import ssd_config

# Fields that the Object Detection API reads, too, but that say nothing beside the others of
# efficientdet-d0.
OVERRULED = {
    "train_config.from_detection_checkpoint": "fine_tune_checkpoint_type is set, and decides",
    "train_config.fine_tune_checkpoint_version": "it counts with fine_tune_checkpoint only",
    "train_config.fine_tune_checkpoint_type": "it counts with fine_tune_checkpoint only",
}

Edit = Callable[[Any], Any]


def f32(value: float) -> float:
    """The value as a config's field of type float holds it."""
    return float(np.float32(value))


def other_value(field: FieldDescriptor, value: Any) -> Any:
    """Another value than the one that stands there, inside the field's range."""
    if field.enum_type is not None:
        return next(one.number for one in field.enum_type.values if one.number != value)
    if isinstance(value, bool):
        return not value
    return {int: lambda: value + 100, float: lambda: value + 0.25, str: lambda: f"{value}x"}[
        type(value)
    ]()


def edits(message: Any, path: str = "") -> Iterator[tuple[str, Edit]]:
    """What sets each field of a message alone, and the path of that field.

    Messages that are absent are set empty, and walked into; lists get one more element; of a
    oneof the other members are set, empty.
    """
    for field in message.DESCRIPTOR.fields:
        where = f"{path}.{field.name}" if path else field.name
        if not field.has_presence and field.message_type:
            yield f"{where}[{len(getattr(message, field.name))}]", partial(edit, field)
        elif not field.message_type or not message.HasField(field.name):
            yield where, partial(edit, field)
        for place, part in parts(message, field):
            for inner, change in edits(part(message), f"{where}{place}"):
                yield inner, partial(edit_part, part, change)


def edit(field: FieldDescriptor, message: Any) -> None:
    value = getattr(message, field.name)
    if field.message_type is None and is_repeated(field):
        value.append(
            other_value(field, "" if field.cpp_type == FieldDescriptor.CPPTYPE_STRING else 0)
        )
    elif field.message_type is None:
        setattr(message, field.name, other_value(field, value))
    elif field.message_type.GetOptions().map_entry:
        value.update(a="b")
    elif is_repeated(field):
        value.add()
    else:
        value.SetInParent()


def edit_part(part: Edit, change: Edit, message: Any) -> None:
    change(part(message))


def parts(message: Any, field: FieldDescriptor) -> Iterator[tuple[str, Edit]]:
    """The messages that a field holds: their places, and how to get at them."""
    if field.message_type is None or field.message_type.GetOptions().map_entry:
        return
    if is_repeated(field):
        for place in range(len(getattr(message, field.name))):
            yield f"[{place}]", partial(element, field.name, place)
    elif field.containing_oneof is None or message.HasField(field.name):
        yield "", attrgetter(field.name)


def element(name: str, place: int, message: Any) -> Any:
    return getattr(message, name)[place]


def variants(config: Any) -> Iterator[tuple[str, Any]]:
    """Copies of a config, each with one field set alone, and the path of that field."""
    for path, change in edits(config):
        copy = type(config)()
        copy.CopyFrom(config)
        change(copy)
        yield path, copy


def with_constant_rate(config: Any) -> Any:
    rate = config.train_config.optimizer.momentum_optimizer.learning_rate
    rate.constant_learning_rate.learning_rate = 0.01
    return config


def with_other_optimizer(config: Any, kind: str) -> Any:
    rate = getattr(config.train_config.optimizer, kind).learning_rate
    if kind == "adam_optimizer":
        rate.manual_step_learning_rate.schedule.add(step=100, learning_rate=0.1)
    else:
        rate.exponential_decay_learning_rate.decay_steps = 100
    return config


def with_hard_examples(config: Any) -> Any:
    loss = config.model.ssd.loss
    loss.classification_loss.weighted_softmax.logit_scale = 2.0
    loss.hard_example_miner.num_hard_examples = 100
    return config


def without_places(path: str) -> str:
    return "".join(part.split("]")[-1] for part in path.split("["))


def lies_in(path: str, parent: str) -> bool:
    return path == parent or path.startswith((f"{parent}.", f"{parent}["))


BASES = {
    "d0": d0_config(),
    "d0 with a constant rate": with_constant_rate(d0_config()),
    "pyramid": ssd_config("ssd_mobilenet_v2_fpnlite"),
    "smaller maps": ssd_config("ssd_mobilenet_v2"),
    "hard examples": with_hard_examples(ssd_config("ssd_mobilenet_v2")),
    "rmsprop, stairs": with_other_optimizer(d0_config(), "rms_prop_optimizer"),
    "adam, steps": with_other_optimizer(d0_config(), "adam_optimizer"),
}


@pytest.mark.parametrize("base", BASES.values(), ids=BASES)
def test_no_field_set_alone_stays_without_effect_unnoticed(base: Any) -> None:
    """It changes the spec, or it is refused by its path, or it is listed as ignored."""
    spec = build_spec(base)
    overlooked = []
    for path, config in variants(base):
        changed, refusals = _read(config)
        effect = changed != spec or any(lies_in(path, one.path) for one in refusals)
        if not effect and without_places(path) not in {**IGNORED, **OVERRULED}:
            overlooked.append(path)

    assert overlooked == []


def test_the_walk_reaches_fields_of_every_kind() -> None:
    """In lists, in oneofs, in messages that are not set."""
    assert {path for path, _ in variants(BASES["d0"])} > {
        "model.ssd.feature_extractor.bifpn.combine_method",
        "model.ssd.mask_head_config.conv_hyperparams.batch_norm",
        "model.faster_rcnn",
        "train_config.data_augmentation_options[1].random_scale_crop_and_pad_to_square.scale_min",
        "train_config.freeze_variables",
        "eval_input_reader[0].sample_1_of_n_examples",
    }


def test_an_ignored_field_changes_nothing() -> None:
    """Set alone, it is neither refused nor in the spec."""
    found = set()
    for base in BASES.values():
        spec = build_spec(base)
        for path, config in variants(base):
            if without_places(path) in IGNORED:
                found.add(without_places(path))
                assert _read(config) == (spec, []), path

    assert found == set(IGNORED)


def test_every_field_of_the_spec_is_used() -> None:
    """Reading a field is not yet honouring it: some module looks at what became of it."""
    package = Path(odapi_runner.__file__).parent
    engine = package / "engine"
    readers = {engine / "spec.py", engine / "read_config.py", *(engine / "reading").glob("*.py")}
    modules = {
        *(package / "engine").rglob("*.py"),
        package / "anchors.py",
        package / "schedules.py",
    }
    source = "\n".join(path.read_text("utf-8") for path in sorted(modules - readers))
    kinds = [one for one in vars(specs).values() if dataclasses.is_dataclass(one)]
    names = {field.name for kind in kinds for field in dataclasses.fields(kind)}

    assert {name for name in names if not re.search(rf"\.{name}\b", source)} == set()


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


def test_one_of_no_examples_is_every_example() -> None:
    """The Object Detection API takes a part for numbers above 1 only."""
    config = d0_config()
    config.train_input_reader.sample_1_of_n_examples = 0

    assert build_spec(config).train_input.sample_1_of_n == 1


SSD = "model.ssd"
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
            ("train_config.fine_tune_checkpoint_version=V1",),
            {"train_config.fine_tune_checkpoint_version": "V1 is not supported"},
        ),
        (
            ("train_config.fine_tune_checkpoint_type=fine_tune",),
            {"train_config.fine_tune_checkpoint_type": "fine_tune is not supported"},
        ),
        (
            ("eval_config.metrics_set=[pascal_voc_detection_metrics]",),
            {"eval_config.metrics_set": "pascal_voc_detection_metrics is not supported"},
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
            (f"{HEIGHT}=336", f"{EXTRACTOR}.use_explicit_padding=true"),
            {},
        ),
        ("ssd_mobilenet_v2", (f"{HEIGHT}=333",), {}),
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


@pytest.mark.parametrize(("count", "reason"), [(0, "is there 0 times"), (2, "is there 2 times")])
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
