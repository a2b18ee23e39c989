"""From predictions to detections."""

from __future__ import annotations

from itertools import pairwise

from odapi_runner.engine.fields import Reader
from odapi_runner.engine.spec.suppression import Curve, Nms, Scores

_CALIBRATIONS = (
    "function_approximation",
    "class_id_function_approximations",
    "temperature_scaling_calibration",
)


def read_nms(post: Reader) -> Nms:
    """The `batch_non_max_suppression` of the message `post_processing`.

    What the Object Detection API stops at is refused.

    Source: object_detection/builders/post_processing_builder.py and core/post_processing.py.
    """
    nms = post.message("batch_non_max_suppression")
    combined = nms.value("use_combined_nms")
    agnostic, sigma = nms.value("use_class_agnostic_nms"), nms.value("soft_nms_sigma")
    _refuse_contradictions(nms, combined=combined, agnostic=agnostic, soft=sigma != 0)
    if not 0 <= nms.value("iou_threshold") <= 1:
        nms.refuse("iou_threshold", "is not in 0..1", (0.6,))
    for name in ("max_total_detections", "max_detections_per_class"):
        if nms.value(name) < 1:
            nms.refuse(name, "is below 1", (100,))
    return Nms(
        score_threshold=nms.value("score_threshold"),
        iou_threshold=nms.value("iou_threshold"),
        max_per_class=nms.value("max_detections_per_class"),
        max_total=nms.value("max_total_detections"),
        class_agnostic=agnostic,
        soft_sigma=sigma,
        static_shapes=nms.value("use_static_shapes") and not combined,
        combined=combined,
        image_frame=nms.value("change_coordinate_frame"),
    )


def _refuse_contradictions(nms: Reader, *, combined: bool, agnostic: bool, soft: bool) -> None:
    """Fields that the Object Detection API does not take together, or not with that value."""
    if nms.value("soft_nms_sigma") < 0:
        nms.refuse("soft_nms_sigma", "is negative", (0,))
    elif soft:
        for name, together in (
            ("use_static_shapes", nms.value("use_static_shapes")),
            ("use_combined_nms", combined),
            ("use_hard_nms", nms.value("use_hard_nms") and not agnostic),
        ):
            if together:
                nms.refuse(name, "is at odds with soft_nms_sigma", (False,))
    if combined and agnostic:
        nms.refuse("use_combined_nms", "is at odds with use_class_agnostic_nms", (False,))
    if combined:
        nms.require("change_coordinate_frame", (False,), "use_combined_nms cannot do it")
    if agnostic:
        nms.require("max_classes_per_detection", (1, 0), "a box is of its best class alone")


def read_scores(post: Reader) -> Scores:
    """The score converter of the message `post_processing`, and its calibration.

    Source: object_detection/builders/post_processing_builder.py and calibration_builder.py.
    """
    if not post.value("logit_scale"):
        post.refuse("logit_scale", "is 0", (1,))
    temperature, curve, slots = 1.0, None, {}
    if post.has("calibration_config"):
        calibration = post.message("calibration_config")
        kind, made = calibration.member("calibrator", _CALIBRATIONS)
        if kind == "temperature_scaling_calibration":
            temperature = made.value("scaler")
            if temperature <= 0:
                made.refuse("scaler", "is not above 0", (1,))
        elif kind == "function_approximation":
            curve = _read_curve(made.message("x_y_pairs"))
        else:
            pairs = made.message_mapping("class_id_xy_pairs_map")
            slots = {slot: _read_curve(of_slot) for slot, of_slot in pairs.items()}
            if not slots:
                calibration.refuse(kind, "has no curve", ("class_id_xy_pairs_map",))
    return Scores(
        converter=post.enum("score_converter"),
        logit_scale=post.value("logit_scale"),
        temperature=temperature,
        curve=curve,
        slot_curves=tuple(slots.items()),
    )


def _read_curve(pairs: Reader) -> Curve:
    points = [(one.value("x"), one.value("y")) for one in pairs.messages("x_y_pair")]
    if not points:
        pairs.refuse("x_y_pair", "is empty", ("pairs of x and y",))
    elif any(later <= sooner for (sooner, _), (later, _) in pairwise(points)):
        pairs.refuse("x_y_pair", "has no rising x", ("pairs in the order of x",))
    return Curve(tuple(x for x, _ in points), tuple(y for _, y in points))
