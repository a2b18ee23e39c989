"""A whole single-shot detector."""

from __future__ import annotations

from odapi_runner.engine.fields import Reader
from odapi_runner.engine.reading.anchors import read_anchors
from odapi_runner.engine.reading.network import read_backbone, read_box_predictor
from odapi_runner.engine.reading.resizer import read_resizer
from odapi_runner.engine.reading.suppression import read_nms, read_scores
from odapi_runner.engine.spec.predictors import WeightSharedPredictor
from odapi_runner.engine.ssd.reading.losses import read_loss
from odapi_runner.engine.ssd.reading.targets import read_box_coder, read_matcher, read_similarity
from odapi_runner.engine.ssd.spec import Ssd


def read_ssd(ssd: Reader) -> Ssd:
    """The message `model.ssd`."""
    background = ssd.value("add_background_class")
    if not background:
        ssd.require(
            "encode_background_as_zeros",
            (True,),
            "without a background class the first class would stand for it",
        )
    ssd.require(
        "explicit_background_class",
        (False,),
        "scores of classes are read without one of the background",
    )
    if ssd.value("num_classes") < 1:
        ssd.refuse("num_classes", "is below 1", ("the number of classes of the label map",))
    backbone = read_backbone(ssd.message("feature_extractor"))
    post = ssd.message("post_processing")
    coder = read_box_coder(ssd.message("box_coder"))
    predictor = read_box_predictor(ssd.message("box_predictor"), coder.code_size)
    shared = isinstance(predictor, WeightSharedPredictor)
    return Ssd(
        num_classes=ssd.value("num_classes"),
        resizer=read_resizer(ssd.message("image_resizer"), backbone),
        backbone=backbone,
        box_predictor=predictor,
        background_class=background,
        background_as_zeros=ssd.value("encode_background_as_zeros"),
        anchors=read_anchors(ssd.message("anchor_generator"), backbone, shared=shared),
        box_coder=coder,
        similarity=read_similarity(ssd),
        matcher=read_matcher(ssd.message("matcher")),
        loss=read_loss(ssd),
        scores=read_scores(post),
        nms=read_nms(post),
        freeze_batchnorm=ssd.value("freeze_batchnorm"),
    )
