"""Configs of the single-shot detectors whose figures are known, as short as they can be said."""

from __future__ import annotations

from typing import Any

from odapi_runner.pipeline.overrides import Changes, apply_changes
from odapi_runner.proto.text import parse_pipeline

# What all of them have: losses, targets, post-processing, a training of rates too small to grow
# differences.
COMMON = """
model { ssd {
  num_classes: 3
  box_coder { faster_rcnn_box_coder {} }
  matcher { argmax_matcher { force_match_for_each_row: true } }
  similarity_calculator { iou_similarity {} }
  post_processing {
    score_converter: SIGMOID
    batch_non_max_suppression {
      score_threshold: 1e-8 max_detections_per_class: 100 max_total_detections: 100
    }
  }
  loss {
    classification_loss { weighted_sigmoid_focal { alpha: 0.25 } }
    localization_loss { weighted_smooth_l1 {} }
  }
  encode_background_as_zeros: true
  normalize_loc_loss_by_codesize: true
} }
train_config {
  batch_size: 2
  num_steps: 100
  fine_tune_checkpoint_version: V2
  optimizer {
    use_moving_average: false
    momentum_optimizer {
      momentum_optimizer_value: 0.9
      learning_rate { cosine_decay_learning_rate {
        learning_rate_base: 4e-6 total_steps: 100 warmup_learning_rate: 1e-6 warmup_steps: 3
      } }
    }
  }
}
train_input_reader {
  label_map_path: "label_map.pbtxt"
  tf_record_input_reader { input_path: "train.record" }
}
eval_config { metrics_set: "coco_detection_metrics" use_moving_averages: false }
eval_input_reader {
  label_map_path: "label_map.pbtxt"
  shuffle: false
  tf_record_input_reader { input_path: "val.record" }
}
"""

PARTS = """
model { ssd {
  image_resizer { fixed_shape_resizer { height: %(size)d width: %(size)d } }
  feature_extractor {
    type: "%(type)s"
    conv_hyperparams { %(hyperparams)s }
    override_base_feature_extractor_hyperparams: true
    %(extractor)s
  }
  box_predictor { %(predictor)s }
  anchor_generator { %(anchors)s }
} }
"""
HYPERPARAMS = (
    "activation: RELU_6 regularizer {{ l2_regularizer {{ weight: {decay} }} }} "
    "initializer {{ {initializer} }} "
    "batch_norm {{ decay: {momentum} scale: true }}"
)
PREDICTOR = (
    "weight_shared_convolutional_box_predictor {{ num_layers_before_predictor: 4 depth: {depth} "
    "class_prediction_bias_init: -4.6 conv_hyperparams {{ {hyperparams} }} {more} }}"
)


HEAD_INITIALIZER = "random_normal_initializer { stddev: 0.01 }"
OTHER_INITIALIZER = "truncated_normal_initializer { stddev: 0.03 }"


def _pyramid(
    kind: str,
    size: int,
    decay: float,
    *,
    depth: int = 256,
    initializer: str = HEAD_INITIALIZER,
    extractor: str = "fpn {}",
    more: str = "",
) -> dict[str, Any]:
    options = {"decay": decay, "momentum": 0.997}
    hyperparams = HYPERPARAMS.format(initializer=HEAD_INITIALIZER, **options)
    return {
        "type": kind,
        "size": size,
        "hyperparams": HYPERPARAMS.format(initializer=initializer, **options),
        "extractor": extractor,
        "anchors": "multiscale_anchor_generator { aspect_ratios: [1, 2, 0.5] }",
        "predictor": PREDICTOR.format(depth=depth, hyperparams=hyperparams, more=more),
    }


V2_HYPERPARAMS = HYPERPARAMS.format(initializer="%s", decay=4e-5, momentum=0.97)

MODELS: dict[str, dict[str, Any]] = {
    "ssd_mobilenet_v2": {
        "type": "ssd_mobilenet_v2_keras",
        "size": 300,
        "hyperparams": V2_HYPERPARAMS % OTHER_INITIALIZER,
        "extractor": "",
        "anchors": "ssd_anchor_generator { aspect_ratios: [1, 2, 0.5, 3, 0.3333] }",
        "predictor": "convolutional_box_predictor { use_dropout: false "
        "class_prediction_bias_init: -4.6 conv_hyperparams { %s } }"
        % (V2_HYPERPARAMS % HEAD_INITIALIZER),
    },
    "ssd_mobilenet_v1_fpn": _pyramid("ssd_mobilenet_v1_fpn_keras", 256, 4e-5),
    "ssd_mobilenet_v2_fpnlite": _pyramid(
        "ssd_mobilenet_v2_fpn_keras",
        320,
        4e-5,
        depth=128,
        extractor="use_depthwise: true fpn { additional_layer_depth: 128 }",
        more="share_prediction_tower: true use_depthwise: true",
    ),
    "ssd_resnet50_v1_fpn": _pyramid(
        "ssd_resnet50_v1_fpn_keras", 256, 4e-4, initializer=OTHER_INITIALIZER
    ),
}


def ssd_config(name: str, *overrides: str) -> Any:
    """The config of one of MODELS, changed by overrides."""
    message = parse_pipeline(COMMON, "test")
    message.MergeFrom(parse_pipeline(PARTS % MODELS[name], "test"))
    if name == "ssd_mobilenet_v2":
        message.model.ssd.loss.classification_loss.weighted_sigmoid_focal.alpha = 0.75
    return apply_changes(message, Changes(overrides)).message
