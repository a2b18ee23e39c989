"""Rules on the numbers of augmentation: ranges, probabilities, pairs, names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from odapi_runner.errors import did_you_mean
from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.rules.augmentation import find_steps
from odapi_runner.pipeline.rules.rule import Rule
from odapi_runner.pipeline.rules.subject import Subject
from odapi_runner.proto.floats import shortest

_POLICIES = ("v0", "v1", "v2", "v3", "test")
# Crops whose largest area and aspect ratio are 0 unless they are set.
_LARGEST = ("max_area", "max_aspect_ratio")
# Steps that read a probability of 0 as none.
_NOT_ZERO = ("random_horizontal_flip", "random_vertical_flip", "random_rotation90")
_RATIOS = ("min_padded_size_ratio", "max_padded_size_ratio")


def ranges_are_not_empty(subject: Subject) -> Iterator[Finding]:
    """The smallest value of a range is not above the largest.

    In the `operations` of ssd_random_crop the largest area and aspect ratio are 0 unless they are
    set, unlike in random_crop_image.
    """
    for _, options, place in _messages(subject):
        for field in options.DESCRIPTOR.fields:
            largest = _counterpart(field.name)
            if largest not in options.DESCRIPTOR.fields_by_name:
                continue
            least, most = getattr(options, field.name), getattr(options, largest)
            if not isinstance(least, int | float):
                continue
            if least > most and (most or largest in _LARGEST or options.HasField(largest)):
                what = f"{_shown(most)} is below {field.name}, which is {_shown(least)}"
                fix = f"-s {place}.{largest}={_shown(least)}, or above"
                yield Finding("augmentation-range", "error", f"{place}.{largest}", what, fix)


def probabilities_are_probabilities(subject: Subject) -> Iterator[Finding]:
    """A probability is from 0 to 1; a flip with 0 is left out of the list instead."""
    for kind, options, place in _messages(subject):
        for field in options.DESCRIPTOR.fields:
            if not field.name.endswith(("probability", "random_coef")):
                continue
            value = getattr(options, field.name)
            where = f"{place}.{field.name}"
            if not 0 <= value <= 1:
                what = f"{_shown(value)} is no probability"
                yield Finding("augmentation-probability", "error", where, what, f"-s {where}=0.5")
            elif value == 0 and kind in _NOT_ZERO:
                what = "a flip with a probability of 0 is none"
                fix = f"-d {place.rpartition('.')[0]}"
                yield Finding("augmentation-probability", "error", where, what, fix)


def pairs_are_complete(subject: Subject) -> Iterator[Finding]:
    """A height comes with a width, a ratio of sizes has both, and a colour has three values."""
    for kind, options, place in _messages(subject):
        names = options.DESCRIPTOR.fields_by_name
        for name in ("min_image_height", "max_image_height") if kind == "random_pad_image" else ():
            other = name.replace("height", "width")
            if options.HasField(name) != options.HasField(other):
                missing = other if options.HasField(name) else name
                what = "height and width are set together, or neither of them"
                where = f"{place}.{missing}"
                yield Finding("augmentation-pair", "error", where, what, f"-s {where}=N")
        for name, wanted in {**dict.fromkeys(_RATIOS, 2), "pad_color": 3}.items():
            if name in names and len(getattr(options, name)) not in (0, wanted):
                what = f"{len(getattr(options, name))} values, but it takes {wanted}"
                fix = f"-s {place}.{name}='[{', '.join(['1.0'] * wanted)}]'"
                yield Finding("augmentation-pair", "error", f"{place}.{name}", what, fix)


def policies_are_known(subject: Subject) -> Iterator[Finding]:
    """A policy of autoaugment_image is v0, v1, v2, v3 or test."""
    for step in find_steps(subject):
        if step.kind == "autoaugment_image" and step.options.policy_name not in _POLICIES:
            name = step.options.policy_name
            fix = did_you_mean(name, _POLICIES) or f"Its policies: {', '.join(_POLICIES)}."
            place = f"{step.place}.policy_name"
            yield Finding("autoaugment", "error", place, f'there is no policy "{name}"', fix)


def _messages(subject: Subject) -> Iterator[tuple[str, Any, str]]:
    """Kind, options and path of each step, and of each of the operations of a crop."""
    for step in find_steps(subject):
        if step.kind:
            yield step.kind, step.options, step.place
            for number, operation in enumerate(getattr(step.options, "operations", ())):
                yield step.kind, operation, f"{step.place}.operations[{number}]"


def _counterpart(name: str) -> str:
    """The name of the largest value that belongs to a smallest: max_area of min_area."""
    if name.startswith("min"):
        return f"max{name[3:]}"
    return f"{name[:-3]}max" if name.endswith("_min") else ""


def _shown(value: float) -> str:
    return f"{value if isinstance(value, int) else shortest(value):g}"


_BUILDER = "builders/preprocessor_builder.py"

RULES = (
    Rule(
        "augmentation-range",
        ranges_are_not_empty,
        api="tf.image refuses an empty range when the first image is read; tf.random.uniform "
        "draws from it the other way round, silently (core/preprocessor.py).",
        fails="operations { min_area: 0.1 }",
        passes="operations { min_area: 0.1 max_area: 1.0 max_aspect_ratio: 2.0 }",
    ),
    Rule(
        "augmentation-probability",
        probabilities_are_probabilities,
        api="More than 1 means always, less than 0 never; a flip with 0 is given None, and dies of "
        f"it ({_BUILDER}, `probability or None`).",
        fails="random_horizontal_flip { probability: 50 }",
        passes="random_horizontal_flip { probability: 0.5 }",
    ),
    Rule(
        "augmentation-pair",
        pairs_are_complete,
        api=f"ValueError when the input is built, for a colour later ({_BUILDER}).",
        fails="random_pad_image { min_image_height: 640 }",
        passes="random_pad_image { min_image_height: 640 min_image_width: 640 }",
    ),
    Rule(
        "autoaugment",
        policies_are_known,
        api="ValueError: Invalid augmentation_name (utils/autoaugment_utils.py).",
        fails='autoaugment_image { policy_name: "v4" }',
        passes='autoaugment_image { policy_name: "v3" }',
    ),
)
