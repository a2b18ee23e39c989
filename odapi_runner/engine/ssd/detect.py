"""From predictions to detections.

Source: object_detection/meta_architectures/ssd_meta_arch.py, `postprocess`.
"""

from __future__ import annotations

import tensorflow as tf

from odapi_runner.engine.box_coder import decode_boxes
from odapi_runner.engine.detector import Detected
from odapi_runner.engine.ssd.predictions import Predictions
from odapi_runner.engine.ssd.spec import Ssd
from odapi_runner.engine.suppression.scores import score_anchors
from odapi_runner.engine.suppression.suppress import suppress


def detect(
    spec: Ssd, predictions: Predictions, true_shapes_hw: tf.Tensor, input_hw: tf.Tensor
) -> Detected:
    """Suppress all but the best of overlapping boxes, among all anchors.

    Args:
        spec: score converter, thresholds and limits.
        predictions: of the network.
        true_shapes_hw: int32 [batch, 2], height and width of the image inside the padded input.
        input_hw: int32 [2], of that input.
    """
    scored = score_anchors(spec.scores, predictions.logits, background=spec.background_class)
    decoded = decode_boxes(predictions.codes, predictions.anchors, spec.box_coder)
    inside = tf.cast(true_shapes_hw, tf.float32) / tf.cast(input_hw, tf.float32)
    windows = tf.concat([tf.zeros_like(inside), inside], axis=1)
    return suppress(spec.nms, scored, decoded, windows)
