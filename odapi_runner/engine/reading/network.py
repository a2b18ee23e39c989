"""The network of a single-shot detector: feature extractor and box predictor."""

from __future__ import annotations

from odapi_runner.engine.fields import Reader
from odapi_runner.engine.reading.hyperparams import read_hyperparams
from odapi_runner.engine.spec import Backbone, BoxPredictor

EFFICIENTDET_TYPES = tuple(f"ssd_efficientnet-b{number}_bifpn_keras" for number in range(8))
MAX_EFFICIENTNET_LEVEL = 5


def read_backbone(extractor: Reader) -> Backbone:
    """The feature extractor."""
    extractor.require("type", EFFICIENTDET_TYPES)
    extractor.require("depth_multiplier", (1.0,), "EfficientNets are scaled by their number")
    extractor.require("pad_to_multiple", (1,))
    extractor.require("use_explicit_padding", (False,))
    extractor.require("use_depthwise", (False,), "BiFPN is separable anyway")
    extractor.require("replace_preprocessor_with_placeholder", (False,))
    _, bifpn = extractor.member("feature_pyramid_oneof", ("bifpn",))
    methods = ("fast_attention", "attention", "weighted_sum", "sum")
    levels = bifpn.value("min_level"), bifpn.value("max_level")
    if not 1 <= levels[0] <= min(MAX_EFFICIENTNET_LEVEL, levels[1] - 1):
        bifpn.refuse("min_level", f"{levels[0]} makes no pyramid up to {levels[1]}", (3,))
    if bifpn.value("num_iterations") < 1:
        bifpn.refuse("num_iterations", "is below 1", (3,))
    return Backbone(
        type=extractor.value("type"),
        hyperparams=read_hyperparams(extractor.message("conv_hyperparams")),
        override_hyperparams=extractor.value("override_base_feature_extractor_hyperparams"),
        min_level=levels[0],
        max_level=levels[1],
        num_iterations=bifpn.value("num_iterations"),
        num_filters=max(bifpn.value("num_filters"), extractor.value("min_depth")),
        combine_method=bifpn.require("combine_method", methods),
    )


def read_box_predictor(predictor: Reader) -> BoxPredictor:
    """The box predictor."""
    _, shared = predictor.member(
        "box_predictor_oneof", ("weight_shared_convolutional_box_predictor",)
    )
    shared.require("box_code_size", (4,))
    shared.require("use_dropout", (False,))
    shared.require("score_converter", ("IDENTITY",))
    return BoxPredictor(
        hyperparams=read_hyperparams(shared.message("conv_hyperparams")),
        hyperparams_to_heads=shared.value("apply_conv_hyperparams_to_heads"),
        hyperparams_pointwise=shared.value("apply_conv_hyperparams_pointwise"),
        num_layers=shared.value("num_layers_before_predictor"),
        depth=shared.value("depth"),
        kernel_size=shared.value("kernel_size"),
        class_bias=shared.value("class_prediction_bias_init"),
        separable=shared.value("use_depthwise"),
        shared_tower=shared.value("share_prediction_tower"),
    )
