"""Rules on augmentation: steps that make no sense, at their place or together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.rules.pyramid import find_size
from odapi_runner.pipeline.rules.rule import Rule
from odapi_runner.pipeline.rules.subject import Subject

_LIST = "train_config.data_augmentation_options"

_FLIPS = {"random_horizontal_flip", "random_vertical_flip", "random_rotation90"}
_TO_SQUARE = {"random_square_crop_by_scale", "random_scale_crop_and_pad_to_square"}
_TO_SHAPE = _TO_SQUARE | {
    "random_absolute_pad_image",
    "random_crop_image",
    "random_crop_pad_image",
    "random_crop_to_aspect_ratio",
    "random_image_scale",
    "random_pad_image",
    "random_resize_method",
    "resize_image",
    "ssd_random_crop",
    "ssd_random_crop_fixed_aspect_ratio",
    "ssd_random_crop_pad",
    "ssd_random_crop_pad_fixed_aspect_ratio",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the augmentation."""

    kind: str  # the member that is set; empty where none is
    options: Any  # its message
    place: str


def find_steps(subject: Subject) -> list[Step]:
    """The steps of the augmentation in their order."""
    steps = []
    for number, item in enumerate(subject.config.train_config.data_augmentation_options):
        kind = item.WhichOneof("preprocessing_step") or ""
        options = getattr(item, kind) if kind else None
        steps.append(Step(kind, options, f"{_LIST}[{number}]{'.' if kind else ''}{kind}"))
    return steps


def steps_are_set(subject: Subject) -> Iterator[Finding]:
    """Each entry of the list is a step."""
    for step in find_steps(subject):
        if not step.kind:
            fix = f"-d {step.place}, or write a step into it, such as random_horizontal_flip {{ }}"
            yield Finding("augmentation-empty", "error", step.place, "no step is in it", fix)


def images_are_normalised_once(subject: Subject) -> Iterator[Finding]:
    """No step of the augmentation normalises the pixels: the model does that itself.

    Augmentation is of training only. Who normalises in it trains on pixels that are normalised
    twice, and evaluates others, normalised once: the mAP stays at 0.
    """
    for step in find_steps(subject):
        if step.kind == "normalize_image":
            before = step.options.original_minval, step.options.original_maxval
            changes = before != (step.options.target_minval, step.options.target_maxval)
        else:
            changes = step.kind == "subtract_channel_mean" and any(step.options.means)
        if changes:
            what = "the model normalises by itself, in the evaluation as well"
            fix = f"-d {step.place.rpartition('.')[0]}"
            yield Finding("augmentation-normalised", "error", step.place, what, fix)


def images_keep_their_colours(subject: Subject) -> Iterator[Finding]:
    """`rgb_to_gray` leaves one channel, and the network's first layer has weights for three.

    `random_rgb_to_gray` makes some images grey and keeps three channels.
    """
    for step in find_steps(subject):
        if step.kind == "rgb_to_gray":
            fix = f"-s {step.place.rpartition('.')[0]}.random_rgb_to_gray.probability=0.1"
            what = "it leaves one channel, and the network takes three"
            yield Finding("augmentation-gray", "error", step.place, what, fix)


def boxes_stay_normalised(subject: Subject) -> Iterator[Finding]:
    """Boxes are shares of the image, 0..1, before and after every step."""
    for step in find_steps(subject):
        if step.kind == "scale_boxes_to_pixel_coordinates":
            what = "boxes in pixels lie outside of 0..1, where every later step looks for them"
            fix = f"-d {step.place.rpartition('.')[0]}"
            yield Finding("augmentation-pixels", "error", step.place, what, fix)


def training_sees_what_evaluation_sees(subject: Subject) -> Iterator[Finding]:
    """No step changes every image of training alike: evaluation has no such images.

    `adjust_gamma` draws nothing: it gives every image the same gamma and gain, in training only.
    """
    for step in find_steps(subject):
        if step.kind == "adjust_gamma" and (step.options.gamma, step.options.gain) != (1, 1):
            what = "it changes every image of training, and none of the evaluation"
            fix = "-s {0}.random_adjust_brightness.max_delta=0.2, or -d {0}"
            fix = fix.format(step.place.rpartition(".")[0])
            yield Finding("augmentation-constant", "warning", step.place, what, fix)


def steps_come_once(subject: Subject) -> Iterator[Finding]:
    """No flip comes twice, nor any other step just as it stood before.

    Two flips, each of every second image, are one flip of every second image.
    """
    before: list[Step] = []
    for step in find_steps(subject):
        same = [one for one in before if one.kind == step.kind]
        if step.kind and any(step.kind in _FLIPS or one.options == step.options for one in same):
            fix = f"-d {step.place.rpartition('.')[0]}"
            what = f"{step.kind} stands there twice"
            yield Finding("augmentation-twice", "warning", step.place, what, fix)
        before.append(step)


def squares_stay_square(subject: Subject) -> Iterator[Finding]:
    """After a crop to a square no other step changes the shape, or the size.

    The square is made for the network: cropped once more, it is resized from fewer pixels, or
    padded where the network needs none; scaled, it is only scaled back.
    """
    square: Step | None = None
    for step in find_steps(subject):
        if square and step.kind in _TO_SHAPE and step.kind != square.kind:
            what = f"{square.kind} has made the image a square for the network before"
            fix = f"Keep one of the two: -d {step.place.rpartition('.')[0]}"
            yield Finding("augmentation-after-square", "warning", step.place, what, fix)
        if step.kind in _TO_SQUARE and square is None:
            square = step


def sizes_are_of_the_network(subject: Subject) -> Iterator[Finding]:
    """A step that gives the image a size gives it that of the network's input.

    It is resized once more otherwise: from fewer pixels than there were, or for nothing.
    """
    size = find_size(subject)
    for step in find_steps(subject) if size else ():
        if step.kind == "random_scale_crop_and_pad_to_square":
            sides = {"output_size": step.options.output_size}
            wanted = {"output_size": max(size or ())}
        elif step.kind in ("resize_image", "random_resize_method"):
            prefix = "new" if step.kind == "resize_image" else "target"
            wanted = dict(zip((f"{prefix}_height", f"{prefix}_width"), size or (), strict=True))
            sides = {name: getattr(step.options, name) for name in wanted}
        else:
            continue
        for name, side in sides.items():
            if side != wanted[name]:
                place = f"{step.place}.{name}"
                what = f"{side} pixels, but the network takes {wanted[name]}"
                fix = f"-s {place}={wanted[name]}"
                yield Finding("augmentation-size", "warning", place, what, fix)


_PREPROCESSOR = "core/preprocessor.py"

RULES = (
    Rule(
        "augmentation-empty",
        steps_are_set,
        api="ValueError: Unknown preprocessing step (builders/preprocessor_builder.py).",
        fails="data_augmentation_options { }",
        passes="data_augmentation_options { random_horizontal_flip { } }",
    ),
    Rule(
        "augmentation-normalised",
        images_are_normalised_once,
        api="Augmentation comes before the model's `preprocess`, and in training only (inputs.py, "
        "`transform_input_data`).",
        fails="normalize_image { original_maxval: 255 target_minval: -1 target_maxval: 1 }",
        passes="random_horizontal_flip { }",
    ),
    Rule(
        "augmentation-gray",
        images_keep_their_colours,
        api="A ValueError about channels while the input or the model is built "
        f"({_PREPROCESSOR}, `rgb_to_gray`).",
        fails="data_augmentation_options { rgb_to_gray { } }",
        passes="data_augmentation_options { random_rgb_to_gray { probability: 0.1 } }",
    ),
    Rule(
        "augmentation-pixels",
        boxes_stay_normalised,
        api="Crops drop the boxes, and the loss is 0 or NaN; nothing is said "
        f"({_PREPROCESSOR}, `scale_boxes_to_pixel_coordinates`).",
        fails="data_augmentation_options { scale_boxes_to_pixel_coordinates { } }",
        passes="data_augmentation_options { random_horizontal_flip { } }",
    ),
    Rule(
        "augmentation-constant",
        training_sees_what_evaluation_sees,
        severity="warning",
        api="Augmentation is of training only, and this step draws nothing "
        f"({_PREPROCESSOR}, `adjust_gamma`).",
        fails="adjust_gamma { gamma: 2.0 }",
        passes="random_adjust_brightness { max_delta: 0.2 }",
    ),
    Rule(
        "augmentation-twice",
        steps_come_once,
        severity="warning",
        api=f"It takes the steps one after another ({_PREPROCESSOR}, `preprocess`).",
        fails="random_horizontal_flip { } … random_horizontal_flip { }",
        passes="random_horizontal_flip { }",
    ),
    Rule(
        "augmentation-after-square",
        squares_stay_square,
        severity="warning",
        api=f"It takes the steps one after another ({_PREPROCESSOR}, `preprocess`).",
        fails="random_scale_crop_and_pad_to_square { } … ssd_random_crop { }",
        passes="random_scale_crop_and_pad_to_square { }",
    ),
    Rule(
        "augmentation-size",
        sizes_are_of_the_network,
        severity="warning",
        api="The resizer comes after the augmentation, and resizes once more (inputs.py, "
        "`transform_input_data`).",
        fails="output_size: 512, and max_dimension: 640",
        passes="output_size: 640, and max_dimension: 640",
    ),
)
