"""From predictions to detections."""

from __future__ import annotations

from odapi_runner.engine.fields import Reader
from odapi_runner.engine.spec.suppression import Nms


def read_nms(post: Reader) -> Nms:
    """The message `post_processing`."""
    nms = post.message("batch_non_max_suppression")
    nms.require("use_class_agnostic_nms", (False,))
    nms.require("soft_nms_sigma", (0.0,))
    nms.require("change_coordinate_frame", (True,))
    return Nms(
        score_converter=post.require("score_converter", ("SIGMOID", "IDENTITY")),
        logit_scale=post.value("logit_scale"),
        score_threshold=nms.value("score_threshold"),
        iou_threshold=nms.value("iou_threshold"),
        max_per_class=nms.value("max_detections_per_class"),
        max_total=nms.value("max_total_detections"),
    )
