"""What a single-shot detector says of images."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf


@dataclass(frozen=True, slots=True)
class Predictions:
    """What the network says of a batch, of A anchors."""

    codes: tf.Tensor  # float32 [batch, A, 4], as the config's box coder has them
    logits: tf.Tensor  # float32 [batch, A, classes], one more in front with a background class
    anchors: tf.Tensor  # float32 [A, 4], (ymin, xmin, ymax, xmax), in units of the input's sides
    feature_maps: list[tf.Tensor]  # of each level, finest first
