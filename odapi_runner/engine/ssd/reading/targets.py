"""How boxes are written, compared and matched with anchors."""

from __future__ import annotations

from odapi_runner.engine.fields import Reader
from odapi_runner.engine.spec.boxes import (
    BoxCoder,
    FasterRcnnCoder,
    Ioa,
    Iou,
    Matcher,
    MeanStddevCoder,
    NegativeSquaredDistance,
    Similarity,
    SquareCoder,
    ThresholdedIou,
    Thresholds,
)


def read_box_coder(coder: Reader) -> BoxCoder:
    """The box coder and its factors."""
    kinds = ("faster_rcnn_box_coder", "square_box_coder", "mean_stddev_box_coder")
    kind, made = coder.member("box_coder_oneof", kinds)
    if kind == "mean_stddev_box_coder":
        return MeanStddevCoder(_positive(made, "stddev"))
    if kind == "square_box_coder":
        return SquareCoder(
            *(_positive(made, name) for name in ("y_scale", "x_scale", "length_scale"))
        )
    names = ("y_scale", "x_scale", "height_scale", "width_scale")
    return FasterRcnnCoder(*(_positive(made, name) for name in names))


def _positive(made: Reader, name: str) -> float:
    value = made.value(name)
    if value <= 0:
        made.refuse(name, f"{value:g} is not above 0", (1.0,))
    return value


def read_similarity(ssd: Reader) -> Similarity:
    """How alike a box and an anchor are."""
    kinds = (
        "iou_similarity",
        "ioa_similarity",
        "neg_sq_dist_similarity",
        "thresholded_iou_similarity",
    )
    calculator = ssd.message("similarity_calculator")
    kind, made = calculator.member("region_similarity", kinds)
    if kind == "iou_similarity":
        return Iou()
    if kind == "ioa_similarity":
        return Ioa()
    if kind == "neg_sq_dist_similarity":
        return NegativeSquaredDistance()
    if not ssd.value("add_background_class"):
        calculator.refuse(
            kind,
            "needs a background class: without it no anchor is like a box of the first class",
            ("iou_similarity",),
        )
    return ThresholdedIou(made.value("iou_threshold"))


def read_matcher(matcher: Reader) -> Matcher:
    """The matcher and its thresholds."""
    _, argmax = matcher.member("matcher_oneof", ("argmax_matcher",))
    below = argmax.value("negatives_lower_than_unmatched")
    force = argmax.value("force_match_for_each_row")
    matched, unmatched = argmax.value("matched_threshold"), argmax.value("unmatched_threshold")
    ignored = argmax.value("ignore_thresholds")
    if not ignored and unmatched > matched:
        argmax.refuse(
            "unmatched_threshold", f"is above matched_threshold ({matched:g})", (matched,)
        )
    if not below and (ignored or unmatched == matched):
        argmax.refuse(
            "negatives_lower_than_unmatched",
            "is false, and no anchor lies between the thresholds: nothing would be a negative",
            (True,),
        )
    return Matcher(None if ignored else Thresholds(matched, unmatched, below), force)
