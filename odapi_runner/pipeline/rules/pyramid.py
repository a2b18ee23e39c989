"""Rules on the size of the network's input, and on the levels of its pyramid."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.rules.extractors import joined_levels, least_size, pyramid_levels
from odapi_runner.pipeline.rules.rule import Rule
from odapi_runner.pipeline.rules.subject import Subject


def resizer_is_set(subject: Subject) -> Iterator[Finding]:
    """The model has a resizer, with sizes above 0 and the smaller side not above the larger."""
    if subject.model is None:
        return
    place, resizer = _resizer(subject)
    kind = resizer.WhichOneof("image_resizer_oneof")
    if kind is None:
        what = "no resizer is set"
        fix = f"-s {place}.fixed_shape_resizer='{{ height: 640 width: 640 }}'"
        yield Finding("image-resizer", "error", place, what, fix)
        return
    options, place = getattr(resizer, kind), f"{place}.{kind}"
    for name in _SIDES.get(kind, ()):
        if getattr(options, name) < 1:
            what = f"{getattr(options, name)} pixels"
            yield Finding("image-resizer", "error", f"{place}.{name}", what, "-s image_size=N")
            return
    if kind == "keep_aspect_ratio_resizer" and options.min_dimension > options.max_dimension:
        what = f"it is above max_dimension ({options.max_dimension})"
        yield Finding("image-resizer", "error", f"{place}.min_dimension", what, "-s image_size=N")


def size_fits_the_pyramid(subject: Subject) -> Iterator[Finding]:
    """The levels of a pyramid are halves of each other, down to the last.

    A coarser level is doubled and added to the finer one, which has to be twice as large. An
    EfficientDet up to level 7 needs sides that are multiples of 128, an FPN of 32.
    """
    size = find_size(subject)
    levels = joined_levels(subject.model) if size else None
    if size is None or levels is None:
        return
    fitting = 2 ** levels[1]
    for side in dict.fromkeys(size):
        if not all(-(-side // 2**level) % 2 == 0 for level in range(*levels)):
            near = max(1, round(side / fitting)) * fitting
            what = f"a side of {side} pixels cannot be halved down to level {levels[1]}"
            fix = f"-s image_size={near}, or another multiple of {fitting}"
            yield Finding("image-size", "error", _size_place(subject), what, fix)


def size_is_large_enough(subject: Subject) -> Iterator[Finding]:
    """An SSD takes images of 33 pixels and more; with a ResNet or an EfficientNet, of 129."""
    size = find_size(subject)
    least = least_size(subject.model) if size else None
    if size and least and min(size) < least:
        what = f"{min(size)} pixels, and this feature extractor takes {least} and more"
        yield Finding("image-small", "error", _size_place(subject), what, "-s image_size=256")


def batch_has_one_shape(subject: Subject) -> Iterator[Finding]:
    """Images of one batch have one shape.

    A resizer that keeps the aspect ratio without padding makes each image as wide as it happens
    to be: training then ends with the first batch of images that differ.
    """
    if subject.model is None or find_size(subject) or not _resizer(subject)[1].ListFields():
        return
    config = subject.config
    batches = {"train_config": config.train_config.batch_size // subject.devices}
    batches |= {"eval_config": config.eval_config.batch_size}
    for reader, (part, size) in zip(subject.readers, batches.items(), strict=False):
        place = f"{part}.batch_size"
        if size > 1 and not (reader.survey and len(reader.survey.image_sizes) == 1):
            what = f"the resizer leaves images of different shapes, and a batch has {size} of them"
            fix = f"Let the resizer pad to one shape, or -s {place}=1"
            yield Finding("batch-shapes", "warning", place, what, fix)


def anchors_have_the_levels_of_the_pyramid(subject: Subject) -> Iterator[Finding]:
    """There are anchors for each level of the pyramid, and for no other."""
    name = "first_stage_anchor_generator" if subject.family == "faster_rcnn" else "anchor_generator"
    if subject.family not in ("ssd", "faster_rcnn"):
        return
    generator, levels = getattr(subject.model, name), pyramid_levels(subject.model)
    if levels is None or not generator.HasField("multiscale_anchor_generator"):
        return
    multiscale = generator.multiscale_anchor_generator
    for field, level in zip(("min_level", "max_level"), levels, strict=True):
        if getattr(multiscale, field) != level:
            place = f"model.{subject.family}.{name}.multiscale_anchor_generator.{field}"
            what = f"anchors of level {getattr(multiscale, field)}, and the pyramid has {level}"
            yield Finding("anchor-levels", "error", place, what, f"-s {place}={level}")


def find_size(subject: Subject) -> tuple[int, int] | None:
    """Height and width of the network's input; None where images decide, or nothing is set."""
    if subject.model is None:
        return None
    _, resizer = _resizer(subject)
    multiple = 1
    if subject.family == "ssd":  # of the others none reads it
        multiple = max(1, subject.model.feature_extractor.pad_to_multiple)
    if resizer.HasField("fixed_shape_resizer"):
        sides = resizer.fixed_shape_resizer.height, resizer.fixed_shape_resizer.width
    elif resizer.keep_aspect_ratio_resizer.pad_to_max_dimension:
        sides = (resizer.keep_aspect_ratio_resizer.max_dimension,) * 2
    else:
        return None
    height, width = (-(-side // multiple) * multiple for side in sides)
    return (height, width) if min(height, width) > 0 else None


def _resizer(subject: Subject) -> tuple[str, Any]:
    return f"model.{subject.family}.image_resizer", subject.model.image_resizer


def _size_place(subject: Subject) -> str:
    place, resizer = _resizer(subject)
    if resizer.HasField("fixed_shape_resizer"):
        return f"{place}.fixed_shape_resizer"
    return f"{place}.keep_aspect_ratio_resizer.max_dimension"


_SIDES = {
    "fixed_shape_resizer": ("height", "width"),
    "keep_aspect_ratio_resizer": ("min_dimension", "max_dimension"),
    "conditional_shape_resizer": ("size_threshold",),
    "pad_to_multiple_resizer": ("multiple",),
}
_BUILDER = "builders/image_resizer_builder.py"

RULES = (
    Rule(
        "image-resizer",
        resizer_is_set,
        api=f"ValueError before the model is built; sizes below 1 fail in tf.image ({_BUILDER}).",
        fails="keep_aspect_ratio_resizer { min_dimension: 1024 max_dimension: 600 }",
        passes="keep_aspect_ratio_resizer { min_dimension: 600 max_dimension: 1024 }",
    ),
    Rule(
        "image-size",
        size_fits_the_pyramid,
        api="Levels of different shapes are added: a ValueError or an InvalidArgumentError in the "
        "first step (models/bidirectional_feature_pyramid_generators.py, "
        "models/feature_map_generators.py).",
        fails="EfficientDet with max_dimension: 600",
        passes="EfficientDet with max_dimension: 640",
    ),
    Rule(
        "image-small",
        size_is_large_enough,
        engine="tf-models",
        api="ValueError: image size must be >= 129 (utils/shape_utils.py, `check_min_image_dim`). "
        "odapi's own engine has no such limit.",
        fails="EfficientDet with max_dimension: 128",
        passes="EfficientDet with max_dimension: 256",
    ),
    Rule(
        "batch-shapes",
        batch_has_one_shape,
        severity="warning",
        engine="tf-models",
        api="`dataset.batch` refuses tensors of different shapes, in whichever step they come "
        "(builders/dataset_builder.py, `build`).",
        fails="keep_aspect_ratio_resizer { min_dimension: 600 max_dimension: 1024 }, batch_size: 8",
        passes="keep_aspect_ratio_resizer { … pad_to_max_dimension: true }, batch_size: 8",
    ),
    Rule(
        "anchor-levels",
        anchors_have_the_levels_of_the_pyramid,
        api="ValueError: the number of feature maps is not that of the anchor grids "
        "(anchor_generators/multiscale_grid_anchor_generator.py).",
        fails="bifpn { max_level: 7 }, and multiscale_anchor_generator { max_level: 6 }",
        passes="bifpn { max_level: 7 }, and multiscale_anchor_generator { max_level: 7 }",
    ),
)
