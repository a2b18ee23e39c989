"""The network of a single-shot detector: feature extractor and box predictor."""

from __future__ import annotations

from odapi_runner.engine.fields import Reader
from odapi_runner.engine.reading.hyperparams import read_hyperparams
from odapi_runner.engine.spec.backbone import Backbone, BiFpnNeck, FpnNeck, SmallerMapsNeck
from odapi_runner.engine.spec.layers import Dropout
from odapi_runner.engine.spec.predictors import ConvolutionalPredictor, WeightSharedPredictor

BIFPN_TYPES = tuple(f"ssd_efficientnet-b{number}_bifpn_keras" for number in range(8))
FPN_TYPES = (
    "ssd_mobilenet_v1_fpn_keras",
    "ssd_mobilenet_v2_fpn_keras",
    "ssd_resnet50_v1_fpn_keras",
    "ssd_resnet101_v1_fpn_keras",
    "ssd_resnet152_v1_fpn_keras",
)
SMALLER_MAPS_TYPES = ("ssd_mobilenet_v1_keras", "ssd_mobilenet_v2_keras")
TYPES = BIFPN_TYPES + FPN_TYPES + SMALLER_MAPS_TYPES
# The coarsest map of the backbones, of stride 32; an EfficientNet has one of stride 2, too.
COARSEST_LEVEL = 5
MOST_MAPS = 6
REGION_PREDICTORS = ("mask_rcnn_box_predictor", "rfcn_box_predictor")
RESNET_PYRAMID = {"min_level": 3, "max_level": 7, "additional_layer_depth": 256}


def read_backbone(extractor: Reader) -> Backbone:
    """The feature extractor."""
    kind = extractor.require("type", TYPES)
    extractor.require("replace_preprocessor_with_placeholder", (False,))
    if kind in BIFPN_TYPES:
        extractor.require("depth_multiplier", (1.0,), "EfficientNets are scaled by their number")
        extractor.require("use_depthwise", (False,), "BiFPN is separable anyway")
        extractor.require("use_explicit_padding", (False,))
    elif "resnet" in kind:
        extractor.require("use_depthwise", (False,), "a ResNet's pyramid has no such layers")
        extractor.require("use_explicit_padding", (False,), "a ResNet is padded its own way")
    for name in ("depth_multiplier", "pad_to_multiple"):
        if extractor.value(name) <= 0:
            extractor.refuse(name, "is not above 0", (1,))
    return Backbone(
        type=kind,
        hyperparams=read_hyperparams(extractor.message("conv_hyperparams")),
        override_hyperparams=extractor.value("override_base_feature_extractor_hyperparams"),
        depth_multiplier=extractor.value("depth_multiplier"),
        min_depth=extractor.value("min_depth"),
        pad_to_multiple=max(1, extractor.value("pad_to_multiple")),
        explicit_padding=extractor.value("use_explicit_padding"),
        depthwise=extractor.value("use_depthwise"),
        neck=_neck(extractor, kind),
    )


def _neck(extractor: Reader, kind: str) -> BiFpnNeck | FpnNeck | SmallerMapsNeck:
    if kind in SMALLER_MAPS_TYPES:
        maps = extractor.value("num_layers")
        if not 1 <= maps <= MOST_MAPS:
            extractor.refuse("num_layers", f"{maps} is not 1 to {MOST_MAPS}", (MOST_MAPS,))
        return SmallerMapsNeck(maps)
    extractor.require("num_layers", (6,), "the levels of a pyramid are those of fpn or bifpn")
    if kind in FPN_TYPES:
        # Without the message its defaults count.
        if extractor.choice("feature_pyramid_oneof") is None:
            fpn = extractor.message("fpn")
        else:
            _, fpn = extractor.member("feature_pyramid_oneof", ("fpn",))
        if "resnet" in kind:
            # It takes these fields and hands them to nobody.
            for name, only in RESNET_PYRAMID.items():
                fpn.require(name, (only,), f"the Object Detection API's ResNets have {only} always")
        levels = _levels(fpn, finest=2, smallest=0)
        return FpnNeck(*levels, depth=fpn.value("additional_layer_depth"))
    _, bifpn = extractor.member("feature_pyramid_oneof", ("bifpn",))
    methods = ("fast_attention", "attention", "weighted_sum", "sum")
    if bifpn.value("num_iterations") < 1:
        bifpn.refuse("num_iterations", "is below 1", (3,))
    return BiFpnNeck(
        *_levels(bifpn, finest=1, smallest=1),
        num_iterations=bifpn.value("num_iterations"),
        num_filters=max(bifpn.value("num_filters"), extractor.value("min_depth")),
        combine_method=bifpn.require("combine_method", methods),
    )


def _levels(pyramid: Reader, *, finest: int, smallest: int) -> tuple[int, int]:
    """The finest and the coarsest level, at least `smallest` apart."""
    low, high = pyramid.value("min_level"), pyramid.value("max_level")
    if not finest <= low <= min(COARSEST_LEVEL, high - smallest):
        pyramid.refuse("min_level", f"{low} makes no pyramid up to {high}", (3,))
    return low, high


def read_box_predictor(
    predictor: Reader, code_size: int
) -> WeightSharedPredictor | ConvolutionalPredictor:
    """The box predictor, of codes as long as the box coder's."""
    kinds = ("weight_shared_convolutional_box_predictor", "convolutional_box_predictor")
    why = dict.fromkeys(REGION_PREDICTORS, "it predicts for regions, and an ssd has none")
    kind, made = predictor.member("box_predictor_oneof", kinds, why=why)
    made.require("box_code_size", (code_size,), "the box coder has another")
    separable = made.value("use_depthwise")
    if separable and made.value("kernel_size") == 1:
        made.refuse("kernel_size", "is 1, and use_depthwise needs a larger kernel", (3,))
    if kind == "convolutional_box_predictor":
        return _convolutional(made)
    return WeightSharedPredictor(
        hyperparams=read_hyperparams(made.message("conv_hyperparams")),
        hyperparams_to_heads=made.value("apply_conv_hyperparams_to_heads"),
        hyperparams_pointwise=made.value("apply_conv_hyperparams_pointwise"),
        num_layers=made.value("num_layers_before_predictor"),
        depth=made.value("depth"),
        kernel_size=made.value("kernel_size"),
        class_bias=made.value("class_prediction_bias_init"),
        separable=separable,
        shared_tower=made.value("share_prediction_tower"),
        dropout=_dropout(made),
        sigmoid_scores=made.enum("score_converter") == "SIGMOID",
        code_size=made.value("box_code_size"),
        clip_codes=_clip(made),
    )


def _convolutional(made: Reader) -> ConvolutionalPredictor:
    low, high = made.value("min_depth"), made.value("max_depth")
    if low > high:
        made.refuse("min_depth", f"is above max_depth ({high})", (high,))
    return ConvolutionalPredictor(
        hyperparams=read_hyperparams(made.message("conv_hyperparams")),
        num_layers=made.value("num_layers_before_predictor"),
        min_depth=low,
        max_depth=high,
        kernel_size=made.value("kernel_size"),
        class_bias=made.value("class_prediction_bias_init"),
        separable=made.value("use_depthwise"),
        dropout=_dropout(made),
        code_size=made.value("box_code_size"),
        clip_codes=_clip(made),
    )


def _dropout(predictor: Reader) -> Dropout | None:
    if not predictor.value("use_dropout"):
        return None
    keep = predictor.value("dropout_keep_probability")
    if not 0 < keep <= 1:
        predictor.refuse("dropout_keep_probability", f"{keep:g} is not within (0, 1]", (0.8,))
    return Dropout(keep)


def _clip(predictor: Reader) -> tuple[float, float] | None:
    limits = predictor.message("box_encodings_clip_range")
    if not predictor.has("box_encodings_clip_range"):
        return None
    return limits.value("min"), limits.value("max")
