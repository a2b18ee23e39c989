"""Trainings that begin with the rebuilt weights, on the rebuilt batch (`support.numerics`)."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from odapi_runner.engine.checkpoint import variable_keys
from odapi_runner.engine.input import Batch
from odapi_runner.engine.preprocess import normalization, normalize
from odapi_runner.engine.spec.pipeline import Spec
from odapi_runner.engine.spec.resizer import input_size
from odapi_runner.engine.trainer import Trainer
from support.numerics import GROUNDTRUTH, rebuilt_images, rebuilt_weight


def rebuilt_trainer(spec: Spec) -> Trainer:
    """A trainer whose network has the rebuilt weights."""
    trainer = Trainer(spec)
    for key, variable in variable_keys(tf.train.Checkpoint(model=trainer.detector)).items():
        if key != "save_counter":
            variable.assign(rebuilt_weight(key, variable.shape))
    return trainer


def rebuilt_batch(spec: Spec) -> Batch:
    """The rebuilt images and their boxes, nothing dropped by stochastic depth."""
    size = input_size(spec.model.resizer)
    assert size is not None
    boxes, classes, weights = np.zeros((2, 3, 4)), np.zeros((2, 3)), np.zeros((2, 3))
    for image, (of_image, names) in enumerate(GROUNDTRUTH):
        boxes[image, : len(names)] = of_image
        classes[image, : len(names)] = names
        weights[image, : len(names)] = 1
    return Batch(
        images=normalize(
            tf.cast(rebuilt_images(size[0]), tf.float32), normalization(spec.model.backbone)
        ),
        shapes_hw=tf.constant([size, size]),
        boxes=tf.constant(boxes, tf.float32),
        classes=tf.constant(classes, tf.int32),
        weights=tf.constant(weights, tf.float32),
        ignored=tf.zeros([2, 3], tf.bool),
        uniform=tf.zeros([2, 0]),
    )
