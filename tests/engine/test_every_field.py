"""Every field of the language, set alone, has an effect or is named (DESIGN.md, decision 5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from operator import attrgetter
from typing import Any, NamedTuple

import pytest
from google.protobuf.descriptor import FieldDescriptor

from odapi_runner.engine.ignored import IGNORED
from odapi_runner.engine.read_config import _read, build_spec
from odapi_runner.engine.spec.pipeline import Spec
from odapi_runner.proto.messages import is_repeated
from odapi_runner.proto.text import parse_pipeline
from support.configs import d0_config
from support.ssd_configs import ssd_config

# Fields that the Object Detection API reads, too, but that say nothing beside the others of
# the configs that are walked.
OVERRULED = {
    "train_config.from_detection_checkpoint": "fine_tune_checkpoint_type is set, and decides",
    "train_config.fine_tune_checkpoint_version": "it counts with fine_tune_checkpoint only",
    "train_config.fine_tune_checkpoint_type": "it counts with fine_tune_checkpoint only",
}

Edit = Callable[[Any], Any]


class Variant(NamedTuple):
    """A config with one field set alone, and where."""

    path: str
    field: FieldDescriptor
    config: Any

    @property
    def bare(self) -> str:
        """The path without list places."""
        return "".join(part.split("]")[-1] for part in self.path.split("["))

    @property
    def is_member(self) -> bool:
        """Whether the field is a message that is one of several."""
        return self.field.message_type is not None and self.field.containing_oneof is not None

    @property
    def says_nothing(self) -> bool:
        """Whether the field is a message that was absent, and is empty, which is the same."""
        return (
            self.field.message_type is not None
            and not is_repeated(self.field)
            and not self.is_member
        )


def other_value(field: FieldDescriptor, value: Any) -> Any:
    """Another value than the one that stands there, inside the field's range."""
    if field.enum_type is not None:
        return next(one.number for one in field.enum_type.values if one.number != value)
    if isinstance(value, bool):
        return not value
    return {int: lambda: value + 100, float: lambda: value + 0.25, str: lambda: f"{value}x"}[
        type(value)
    ]()


def edits(message: Any, path: str = "") -> Iterator[tuple[str, FieldDescriptor, Edit]]:
    """What sets each field of a message alone, that field and its path.

    Messages that are absent are set empty, and walked into; lists get one more element; of a
    oneof the other members are set, empty.
    """
    for field in message.DESCRIPTOR.fields:
        where = f"{path}.{field.name}" if path else field.name
        if not field.has_presence and field.message_type:
            yield f"{where}[{len(getattr(message, field.name))}]", field, partial(edit, field)
        elif not field.message_type or not message.HasField(field.name):
            yield where, field, partial(edit, field)
        for place, part in parts(message, field):
            for inner, inner_field, change in edits(part(message), f"{where}{place}"):
                yield inner, inner_field, partial(edit_part, part, change)


def edit(field: FieldDescriptor, message: Any) -> None:
    value = getattr(message, field.name)
    if field.message_type is None and is_repeated(field):
        value.append(
            other_value(field, "" if field.cpp_type == FieldDescriptor.CPPTYPE_STRING else 0)
        )
    elif field.message_type is None:
        setattr(message, field.name, other_value(field, value))
    elif field.message_type.GetOptions().map_entry:
        edit_map(field.message_type.fields_by_name, value)
    elif is_repeated(field):
        value.add()
    else:
        value.SetInParent()


def edit_map(entry: Any, value: Any) -> None:
    key = other_value(entry["key"], entry["key"].default_value)
    if entry["value"].message_type:
        value.get_or_create(key)
    else:
        value[key] = other_value(entry["value"], entry["value"].default_value)


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


def variants(config: Any, inside: str = "") -> Iterator[Variant]:
    """Copies of a config, each with one field set alone; all, or those inside a message."""
    for path, field, change in edits(config):
        if inside and not path.startswith(f"{inside}."):
            continue
        copy = type(config)()
        copy.CopyFrom(config)
        change(copy)
        yield Variant(path, field, copy)


def merged(config: Any, text: str) -> Any:
    """A config with more said in it."""
    config.MergeFrom(parse_pipeline(text, "test"))
    return config


SCHEDULE = "train_config { optimizer { %s { learning_rate { %s } } } }"
CALIBRATION = "model { ssd { post_processing { calibration_config { %s } } } }"
RESIZER = "model { ssd { image_resizer { %s } } } train_config { batch_size: 1 }"
SMALLER_MAPS = "ssd_mobilenet_v2"


class Base(NamedTuple):
    """A config that is honoured, and the message whose fields are set; without one all are."""

    config: Any
    inside: str = ""


# Each member of each oneof that is honoured stands in one of these with what it cannot do without,
# or can do without everything.
BASES = {
    "d0": Base(d0_config()),
    "pyramid": Base(ssd_config("ssd_mobilenet_v2_fpnlite")),
    "smaller maps": Base(ssd_config(SMALLER_MAPS)),
    "hard examples": Base(
        merged(
            ssd_config(SMALLER_MAPS),
            "model { ssd { loss { classification_loss { weighted_softmax { logit_scale: 2 } } "
            "hard_example_miner { num_hard_examples: 100 } } } }",
        ),
        "model",
    ),
    "clipped codes, grids": Base(
        merged(
            ssd_config(SMALLER_MAPS),
            "model { ssd { feature_extractor { num_layers: 1 } anchor_generator { "
            "flexible_grid_anchor_generator { anchor_grid { base_sizes: 32 aspect_ratios: 1 "
            "height_stride: 16 width_stride: 16 } } } box_predictor { convolutional_box_predictor "
            "{ box_encodings_clip_range { min: -1 max: 1 } } } } }",
        ),
        "model",
    ),
    **{
        schedule: Base(merged(d0_config(), SCHEDULE % (optimizer, schedule)), "train_config")
        for optimizer, schedule in (
            ("momentum_optimizer", "constant_learning_rate { learning_rate: 0.01 }"),
            ("rms_prop_optimizer", "exponential_decay_learning_rate { decay_steps: 100 }"),
            ("adam_optimizer", "manual_step_learning_rate { schedule { step: 9 } }"),
        )
    },
    "fine-tuning": Base(
        merged(d0_config(), "train_config { fine_tune_checkpoint: 'model_zoo/d0/ckpt-0' }"),
        "train_config",
    ),
    "steps that need values": Base(
        merged(
            ssd_config(SMALLER_MAPS),
            """train_config {
              use_multiclass_scores: true
              data_augmentation_options { convert_class_logits_to_softmax { } }
              data_augmentation_options { normalize_image { original_maxval: 255 } }
              data_augmentation_options { random_resize_method { target_height: 8, target_width: 8 }
              }
              data_augmentation_options { resize_image { new_height: 80 new_width: 80 } }
              data_augmentation_options { subtract_channel_mean { means: [1, 2, 3] } }
              data_augmentation_options { drop_label_probabilistically { label: 2 } }
              data_augmentation_options { remap_labels { original_labels: 1 new_label: 3 } }
            }
            train_input_reader { load_multiclass_scores: true }""",
        ),
        "train_config",
    ),
    **{
        calibration: Base(merged(d0_config(), CALIBRATION % text), "model.ssd.post_processing")
        for calibration, text in {
            "a curve": "function_approximation { x_y_pairs { x_y_pair { x: 0.1 y: 0.2 } } }",
            "curves": "class_id_function_approximations { class_id_xy_pairs_map { "
            "key: 1 value { x_y_pair { x: 0.1 y: 0.2 } } } }",
            "temperature": "temperature_scaling_calibration { scaler: 2 }",
        }.items()
    },
    **{
        resizer: Base(
            merged(ssd_config(SMALLER_MAPS), RESIZER % resizer), "model.ssd.image_resizer"
        )
        for resizer in (
            "keep_aspect_ratio_resizer { }",
            "conditional_shape_resizer { }",
            "pad_to_multiple_resizer { multiple: 32 }",
        )
    },
}


def lies_in(path: str, parent: str) -> bool:
    return path == parent or path.startswith((f"{parent}.", f"{parent}["))


class Walk(NamedTuple):
    """What became of the fields of one config, and of those of the members it may have."""

    overlooked: list[str]
    entered: set[str]  # the members of oneofs whose own fields were set, too
    refused: dict[str, list[str]]  # why other members were refused
    ignored: set[str]
    honoured: list[str]  # of those listed as ignored


@cache
def walk(name: str) -> Walk:
    """Set every field of a config alone; then every field of each member that may be set there."""
    found = Walk([], set(), {}, set(), [])
    base = BASES[name]
    _walk(base, build_spec(base.config), found, in_member=False)
    return found


def _walk(base: Base, spec: Spec, found: Walk, *, in_member: bool) -> None:
    for variant in variants(*base):
        changed, refusals = _read(variant.config)
        reached = changed != spec or any(lies_in(variant.path, one.path) for one in refusals)
        if variant.bare in IGNORED:
            found.ignored.add(variant.bare)
            if reached and not in_member:
                found.honoured.append(variant.path)
        elif not (reached or variant.says_nothing or variant.bare in OVERRULED):
            found.overlooked.append(variant.path)
        if in_member or not variant.is_member:
            continue
        if refusals:
            found.refused[variant.bare] = [one.reason for one in refusals]
        else:
            found.entered.add(variant.bare)
            _walk(Base(variant.config, variant.path), changed, found, in_member=True)


@pytest.mark.parametrize("name", BASES)
def test_no_field_set_alone_stays_without_effect_unnoticed(name: str) -> None:
    """It changes the spec, or it is refused by its path, or it is listed as ignored."""
    assert walk(name).overlooked == []


@pytest.mark.parametrize("name", BASES)
def test_an_ignored_field_changes_nothing(name: str) -> None:
    """Set alone, it is neither refused nor in the spec."""
    assert walk(name).honoured == []


def test_every_field_that_is_listed_as_ignored_was_set() -> None:
    """The list names fields of the language only."""
    assert set().union(*(walk(name).ignored for name in BASES)) == set(IGNORED)


def test_every_member_of_a_oneof_was_entered_or_is_unknown_to_the_engine() -> None:
    """What is refused was refused as such, not for what it lacked when it was empty."""
    known = {member for base in BASES.values() for member in members_of(base.config)}
    for name in BASES:
        known |= {last_of(path) for path in walk(name).entered}
    lacking = {
        path: reasons
        for name in BASES
        for path, reasons in walk(name).refused.items()
        if last_of(path) not in known
        and not any("is not supported" in reason for reason in reasons)
    }

    assert lacking == {}


def members_of(message: Any) -> Iterator[str]:
    """The names of the members of oneofs that a message has."""
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        if field.containing_oneof is not None:
            yield field.name
        for one in value if is_repeated(field) else [value]:
            yield from members_of(one)


def last_of(path: str) -> str:
    return path.rpartition(".")[2]


def test_the_walk_reaches_fields_of_every_kind() -> None:
    """In lists, in oneofs, in messages that are not set."""
    assert {variant.path for variant in variants(BASES["d0"].config)} > {
        "model.ssd.feature_extractor.bifpn.combine_method",
        "model.ssd.mask_head_config.conv_hyperparams.batch_norm",
        "model.faster_rcnn",
        "train_config.data_augmentation_options[1].random_scale_crop_and_pad_to_square.scale_min",
        "train_config.freeze_variables",
        "eval_input_reader[0].sample_1_of_n_examples",
    }
    assert walk("d0").entered > {
        "train_config.data_augmentation_options.ssd_random_crop_fixed_aspect_ratio",
        "model.ssd.loss.classification_loss.bootstrapped_sigmoid",
        "model.ssd.feature_extractor.conv_hyperparams.sync_batch_norm",
    }
