"""What the checkpoints of small detectors hold: the shapes that rules look at, by path."""

from __future__ import annotations

from pathlib import Path

from odapi_runner.pipeline.backbones import RESNET_LAST_STAGE, Kernel, backbone_kernels
from support.checkpoints import write_checkpoint

Shapes = dict[str, tuple[int, ...]]


def write_d0(
    prefix: Path, *, classes: int = 90, step: int | None = None, summed: bool = False
) -> str:
    """EfficientDet-D0 as published, with 90 classes; its prefix as text."""
    shapes = ssd("efficientnet-b0", classes=classes)
    return write_checkpoint(prefix, shapes, step=step, summed=summed)


def layers(path: str, kernels: tuple[Kernel, ...]) -> Shapes:
    """A Keras model of these convolutions, each with its batch norm."""
    shapes: Shapes = {}
    for number, kernel in enumerate(kernels):
        name = "depthwise_kernel" if kernel[3] == 1 else "kernel"
        shapes[f"{path}/layer_with_weights-{2 * number}/{name}"] = kernel
        shapes[f"{path}/layer_with_weights-{2 * number + 1}/gamma"] = (max(kernel[2:]),)
    return shapes


def backbone(name: str) -> Shapes:
    """A classification checkpoint, with a classifier on top."""
    shapes = layers("feature_extractor", backbone_kernels(name))
    return shapes | {"feature_extractor/layer_with_weights-999/kernel": (1280, 1000)}


def ssd(name: str, *, classes: int, filters: int = 64, iterations: int = 3) -> Shapes:
    """An EfficientDet: nine anchors, no background class."""
    neck = "model/_feature_extractor/_bifpn_stage/node_post_combine_block"
    shapes = layers("model/_feature_extractor/classification_backbone", backbone_kernels(name))
    for node in range(8 * iterations):
        shapes[f"{neck}/{node}/1/pointwise_kernel"] = (1, 1, filters, filters)
    return shapes | _heads(classes)


def ssd_fpn(name: str, *, classes: int, depth: int = 256, background: int = 1) -> Shapes:
    """An SSD with an FPN from level 3 to 7."""
    extractor = "model/_feature_extractor"
    shapes = layers(f"{extractor}/classification_backbone", backbone_kernels(name))
    fpn = f"{extractor}/_fpn_features_generator"
    shapes[f"{fpn}/top_layers/0/kernel"] = (1, 1, 2048, depth)
    for level in range(2):
        shapes[f"{fpn}/residual_blocks/{level}/0/kernel"] = (1, 1, 1024, depth)
        shapes[f"{extractor}/_coarse_feature_layers/{level}/0/kernel"] = (3, 3, depth, depth)
    return shapes | _heads(classes + background)


def faster_rcnn(name: str, *, classes: int) -> Shapes:
    """A Faster R-CNN without FPN: its second stage is the ResNet's last."""
    kernels = backbone_kernels(name)
    first, second = kernels[:-RESNET_LAST_STAGE], kernels[-RESNET_LAST_STAGE:]
    shapes = layers("model/_feature_extractor_for_proposal_features", first)
    shapes |= layers("model/_feature_extractor_for_box_classifier_features", second)
    shapes["model/_first_stage_box_predictor/_prediction_heads/bias"] = (24,)
    head = "model/_mask_rcnn_box_predictor/_class_prediction_head/_class_predictor_layers/1"
    return shapes | {f"{head}/bias": (classes + 1,)}


def center_net(name: str, *, classes: int) -> Shapes:
    """A CenterNet on a ResNet."""
    shapes = layers("model/_feature_extractor/_base_model", backbone_kernels(name))
    head = "model/_prediction_head_dict/object_center/0"
    shapes[f"{head}/layer_with_weights-0/bias"] = (256,)
    return shapes | {f"{head}/layer_with_weights-1/bias": (classes,)}


def ssd_plain(name: str, *, classes: int) -> Shapes:
    """An SSD without FPN: heads for each level, the first with three anchors."""
    extractor, heads = "model/_feature_extractor", "model/_box_predictor/_prediction_heads"
    shapes = layers(f"{extractor}/classification_backbone", backbone_kernels(name))
    shapes[f"{extractor}/feature_map_generator/convolutions/2/0/kernel"] = (1, 1, 1280, 256)
    for level, anchors in enumerate((3, 6, 6)):
        codes = f"{heads}/box_encodings/{level}/_box_encoder_layers/0/bias"
        scores = f"{heads}/class_predictions_with_background/{level}/_class_predictor_layers/0/bias"
        shapes |= {codes: (4 * anchors,), scores: ((classes + 1) * anchors,)}
    return shapes


def _heads(outputs: int, anchors: int = 9) -> Shapes:
    """The heads of an SSD that all levels share."""
    predictor = "model/_box_predictor"
    classes = f"{predictor}/_prediction_heads/class_predictions_with_background"
    return {
        f"{predictor}/_box_prediction_head/_box_encoder_layers/0/bias": (4 * anchors,),
        f"{classes}/_class_predictor_layers/0/bias": (outputs * anchors,),
    }
