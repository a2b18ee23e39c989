"""Rules on anchors: do they fit the boxes of the data set?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.rules.rule import Rule
from odapi_runner.pipeline.rules.subject import Subject

if TYPE_CHECKING:  # numpy comes with them
    import numpy as np
    from numpy.typing import NDArray

    from odapi_runner.records.found import BoxSample

MATCHED = 0.5  # IoU
_LOW = 0.5  # share of the boxes of a size
_ENOUGH = 20  # boxes to say anything
_WORTH = 0.05  # share of all boxes that a size has to be
# Tried whatever the config has: what is published (4, and 0.2), and what lies around 4.
_SCALES = {"anchor_scale": (4.0, 3.0, 2.0, 8.0), "min_scale": (0.2,)}
_BETTER = 0.1  # by which a change has to raise a share to be named


def anchors_fit_the_boxes(subject: Subject) -> Iterator[Finding]:
    """Most boxes of each size have an anchor that overlaps them with an IoU of 0.5 or more.

    An object is learned by the anchors that its box matches. Boxes without one are learned by the
    best of the bad ones, if the matcher forces that, or not at all. Sizes are COCO's, in pixels of
    the image as it is; the overlap is that after the config's own resizer, without augmentation.
    A sample of boxes is looked at, and each change that is proposed was tried on it.
    """
    survey = subject.training.survey
    if not survey or len(survey.sample) < _ENOUGH:
        return
    from odapi_runner.pipeline.anchor_match import find_generator

    place, generator = find_generator(subject.config.model)
    matched = _find_matched(subject.config.model, survey.sample) if generator else None
    if matched is None:
        return
    sizes = _name_sizes(survey.sample)
    shares = {
        name: matched[of_size].mean()
        for name, of_size in sizes.items()
        if of_size.sum() >= max(_ENOUGH, _WORTH * len(matched))
    }
    low = [name for name, share in shares.items() if share < _LOW]
    if low:
        listed = ", ".join(f"{share:.0%} of the {name} boxes" for name, share in shares.items())
        what = (
            f"an anchor matches {listed} at an IoU of {MATCHED:g} ({len(matched)} boxes looked at)"
        )
        worst = min(low, key=lambda name: shares[name])
        fix = _propose(
            subject.config.model, survey.sample, sizes[worst], worst, float(shares[worst])
        )
        yield Finding("anchors", "warning", place, what, fix)


def _name_sizes(sample: BoxSample) -> dict[str, NDArray[np.bool_]]:
    """Which boxes are small, medium and large, bool [n] each."""
    from odapi_runner.records.boxes import MEDIUM, SMALL

    sides = (sample.boxes_yxyx_norm[:, 2:] - sample.boxes_yxyx_norm[:, :2]) * sample.image_sizes_hw
    area = sides.prod(axis=1)
    return {
        "small": area <= SMALL,
        "medium": (area > SMALL) & (area <= MEDIUM),
        "large": area > MEDIUM,
    }


def _find_matched(model: Any, sample: BoxSample) -> NDArray[np.bool_] | None:
    """Which boxes an anchor of the model matches; None where their size is not known."""
    import numpy as np

    from odapi_runner.pipeline.anchor_match import match_boxes
    from odapi_runner.pipeline.resized import resize

    resizer = getattr(model, model.WhichOneof("model")).image_resizer
    sizes = resize(resizer, sample.image_sizes_hw)
    if sizes is None or sizes[0].min() < 1:
        return None
    images_hw, inputs_hw = sizes
    boxes = sample.boxes_yxyx_norm.astype(np.float64) * np.tile(images_hw, 2)
    best = match_boxes(model, boxes, inputs_hw)
    return None if best is None else best >= MATCHED


def _propose(
    model: Any, sample: BoxSample, of_size: NDArray[np.bool_], name: str, share: float
) -> str:
    """What of the anchors, and what of the input, would help the boxes of a size most."""
    told = []
    for changes in (_change_anchors(model), _change_input(model)):
        best, words = share + _BETTER, ""
        for setting, changed in changes:  # the smallest change first: a larger one has to pay
            matched = _find_matched(changed, sample)
            if matched is not None and matched[of_size].mean() >= best:
                best = matched[of_size].mean() + _BETTER / 2
                shares = f"{matched[of_size].mean():.0%} ({matched.mean():.0%} of all)"
                words = f"{shares} would match with {setting}"
        if words:
            told.append(words)
    if not told:
        return "None of the usual changes helps: look at the boxes with odapi data inspect."
    return f"Of the {name} boxes {', '.join(told)}."


def _change_anchors(model: Any) -> Iterator[tuple[str, Any]]:
    """Settings of the anchors to try, each with the model that it gives."""
    from odapi_runner.pipeline.anchor_match import find_generator
    from odapi_runner.proto.floats import shortest

    place, generator = find_generator(model)
    names = {"multiscale_anchor_generator": "anchor_scale", "ssd_anchor_generator": "min_scale"}
    name = names.get(place.rpartition(".")[2])
    if name:
        now = shortest(getattr(generator, name))
        near = [now * factor for factor in (0.75, 1.5, 0.5, 2, 0.375, 0.25)]
        # Where the scale is far off, as after a slip of the decimal point, nothing near it helps.
        for value in dict.fromkeys((*near, *_SCALES[name])):
            changed = _copy(model)
            setattr(find_generator(changed)[1], name, value)
            yield f"-s {place}.{name}={value:g}", changed
    elif place.endswith("grid_anchor_generator") and generator.scales:
        for value in (min(generator.scales) / 2, max(generator.scales) * 2):
            changed = _copy(model)
            find_generator(changed)[1].scales.append(value)
            yield f"-s {place}.scales+={value:g}", changed


def _change_input(model: Any) -> Iterator[tuple[str, Any]]:
    """Larger inputs to try, each with the model that it gives."""
    for factor in (1.5, 2):
        changed = _copy(model)
        size = _enlarge(getattr(changed, changed.WhichOneof("model")).image_resizer, factor)
        if size:
            yield f"-s image_size={size}", changed


def _copy(model: Any) -> Any:
    copy = type(model)()
    copy.CopyFrom(model)
    return copy


def _enlarge(resizer: Any, factor: float) -> str | None:
    """Scale a resizer to multiples of 128 pixels, and say it as `image_size` does."""

    def scaled(side: int) -> int:
        return max(128, round(side * factor / 128) * 128)

    kind = resizer.WhichOneof("image_resizer_oneof")
    if kind == "fixed_shape_resizer":
        sides, names = resizer.fixed_shape_resizer, ("height", "width")
    elif kind == "keep_aspect_ratio_resizer":
        sides, names = resizer.keep_aspect_ratio_resizer, ("min_dimension", "max_dimension")
    else:
        return None
    for name in names:
        setattr(sides, name, scaled(getattr(sides, name)))
    one, other = (getattr(sides, name) for name in names)
    return str(one) if one == other else f"{one}x{other}"


RULES = (
    Rule(
        "anchors",
        anchors_fit_the_boxes,
        severity="warning",
        api="Nothing looks at it. Anchors below the matcher's threshold are background, but for "
        "the best one of each box where force_match_for_each_row is set "
        "(matchers/argmax_matcher.py); a Faster R-CNN's first stage asks for 0.7 "
        "(builders/model_builder.py).",
        fails="boxes of 10 pixels after resizing, anchors from 32 on",
        passes="anchor_scale: 1",
    ),
)
