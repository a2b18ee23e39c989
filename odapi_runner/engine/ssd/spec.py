"""A single-shot detector, as plain values (no TensorFlow here)."""

from __future__ import annotations

from dataclasses import dataclass

from odapi_runner.anchors import Anchors
from odapi_runner.engine.spec.backbone import Backbone
from odapi_runner.engine.spec.boxes import BoxCoder, Matcher, Similarity
from odapi_runner.engine.spec.predictors import ConvolutionalPredictor, WeightSharedPredictor
from odapi_runner.engine.spec.resizer import Resizer
from odapi_runner.engine.spec.suppression import Nms, Scores
from odapi_runner.engine.ssd.loss_spec import Loss


@dataclass(frozen=True, slots=True)
class Ssd:
    """A single-shot detector."""

    num_classes: int
    resizer: Resizer
    backbone: Backbone
    box_predictor: WeightSharedPredictor | ConvolutionalPredictor
    background_class: bool  # whether the class scores begin with one of "no object"
    background_as_zeros: bool  # whether that one is to be 0 everywhere
    anchors: Anchors
    box_coder: BoxCoder
    similarity: Similarity
    matcher: Matcher
    loss: Loss
    scores: Scores
    nms: Nms
    freeze_batchnorm: bool
