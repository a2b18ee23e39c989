"""MobileNet V1 and V2, as the Object Detection API's single-shot detectors use them.

Source: Howard et al., MobileNets, table 1; Sandler et al., MobileNetV2, table 2; widths and names
as object_detection/models/keras_models/mobilenet_v{1,2}.py make of keras.applications.
"""

from __future__ import annotations

from typing import Any

from odapi_runner.engine.backbones.blocks import Blocks
from odapi_runner.engine.keras import Model, layers
from odapi_runner.engine.spec.backbone import Backbone, FpnNeck
from odapi_runner.engine.spec.layers import BatchNorm, Hyperparams, NormalInitializer, Regularizer

# What they are made of where the config's hyperparams are not for the backbone.
DEFAULTS = Hyperparams(
    regularizer=Regularizer("l2", 0.00004),
    initializer=NormalInitializer(0.0, 0.09, truncated=True),
    activation="RELU_6",
    batch_norm=BatchNorm(decay=0.9997, center=True, scale=True, epsilon=0.001),
    force_use_bias=False,
)

# Filters of the pointwise convolution, stride of the depthwise one in front of it.
V1_BLOCKS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (1024, 2),
    (1024, 1),
)
# A pyramid of depthwise convolutions comes with a slimmer top of V1 (not of V2).
V1_SLIM_TOP = {12: 512, 13: 256}
# Filters of the projection, stride, how many in a row (the stride is the first one's).
V2_STAGES = (
    (16, 1, 1),
    (24, 2, 2),
    (32, 2, 3),
    (64, 2, 4),
    (96, 1, 3),
    (160, 2, 3),
    (320, 1, 1),
)
V2_TOP = 1280
EXPANSION = 6


def build_mobilenet_v1(spec: Backbone, *, frozen: bool) -> Any:
    """The network of the maps that a detector looks at.

    Args:
        spec: width, padding, whose hyperparams; the kind of neck says which maps.
        frozen: whether batch norm keeps to its moving averages in training too.

    Returns:
        A model from images float32 [batch, height, width, 3] to the maps of strides 4, 8, 16 and
        32 for a pyramid, of 16 and 32 otherwise.
    """
    blocks = Blocks(spec.hyperparams if spec.override_hyperparams else DEFAULTS, frozen)
    pyramid = isinstance(spec.neck, FpnNeck)
    images = layers.Input([None, None, 3])
    features = blocks.convolve(
        images,
        _v1_width(spec, int(32 * spec.depth_multiplier)),
        3,
        ("conv1", "conv1_bn"),
        stride=2,
        explicit_padding=spec.explicit_padding,
    )
    features = blocks.activate(features, "conv1_relu")
    maps = {}
    for number, (filters, stride) in enumerate(V1_BLOCKS, start=1):
        features = blocks.convolve_depthwise(
            features,
            (f"conv_dw_{number}", f"conv_dw_{number}_bn"),
            stride=stride,
            explicit_padding=spec.explicit_padding,
        )
        features = blocks.activate(features, f"conv_dw_{number}_relu")
        width = int(filters * spec.depth_multiplier)
        if pyramid and spec.depthwise:
            width = V1_SLIM_TOP.get(number, width)
        features = blocks.convolve(
            features,
            _v1_width(spec, width),
            1,
            (f"conv_pw_{number}", f"conv_pw_{number}_bn"),
        )
        features = maps[number] = blocks.activate(features, f"conv_pw_{number}_relu")
    return Model(images, [maps[number] for number in ((3, 5, 11, 13) if pyramid else (11, 13))])


def build_mobilenet_v2(spec: Backbone, *, frozen: bool) -> Any:
    """The network of the maps that a detector looks at.

    Args:
        spec: width, padding, whose hyperparams; the kind of neck says which maps.
        frozen: whether batch norm keeps to its moving averages in training too.

    Returns:
        A model from images float32 [batch, height, width, 3] to the maps of strides 4, 8, 16 and
        32 for a pyramid, of 16 (an expanded one) and 32 otherwise.
    """
    blocks = Blocks(spec.hyperparams if spec.override_hyperparams else DEFAULTS, frozen)
    images = layers.Input([None, None, 3])
    features = blocks.convolve(
        images,
        max(_to_eights(32 * spec.depth_multiplier), spec.min_depth),
        3,
        ("Conv1", "bn_Conv1"),
        stride=2,
        explicit_padding=spec.explicit_padding,
    )
    features = blocks.activate(features, "Conv1_relu")
    maps = []
    number = 0
    for filters, first_stride, repeats in V2_STAGES:
        for place in range(repeats):
            stride = 1 if place else first_stride
            expanded, features = _inverted_residual(spec, blocks, features, filters, stride, number)
            if number == 13 and not isinstance(spec.neck, FpnNeck):
                maps.append(expanded)
            elif number in {2, 5, 12} and isinstance(spec.neck, FpnNeck):
                maps.append(features)
            number += 1
    # A narrower network has a narrower top, a wider one has not a wider one.
    top = _to_eights(V2_TOP * spec.depth_multiplier) if spec.depth_multiplier < 1 else V2_TOP
    features = blocks.convolve(features, max(top, spec.min_depth), 1, ("Conv_1", "Conv_1_bn"))
    return Model(images, [*maps, blocks.activate(features, "out_relu")])


def _v1_width(spec: Backbone, filters: int) -> int:
    # The multiplier counts twice there: keras.applications applies it (above), and once more the
    # layers that the Object Detection API puts into its place.
    return max(int(filters * spec.depth_multiplier), spec.min_depth)


def _inverted_residual(
    spec: Backbone, blocks: Blocks, inputs: Any, filters: int, stride: int, number: int
) -> tuple[Any, Any]:
    """Expand, convolve by channel, project, add; the expanded map and the block's."""
    channels = inputs.shape[-1]
    name = f"block_{number}" if number else "expanded_conv"
    features = inputs
    if number:
        features = blocks.convolve(
            features, EXPANSION * channels, 1, (f"{name}_expand", f"{name}_expand_BN")
        )
        features = blocks.activate(features, f"{name}_expand_relu")
    expanded = features
    features = blocks.convolve_depthwise(
        features,
        (f"{name}_depthwise", f"{name}_depthwise_BN"),
        stride=stride,
        explicit_padding=spec.explicit_padding,
    )
    features = blocks.activate(features, f"{name}_depthwise_relu")
    width = _to_eights(int(filters * spec.depth_multiplier))
    features = blocks.convolve(
        features, max(width, spec.min_depth), 1, (f"{name}_project", f"{name}_project_BN")
    )
    # Compared is the width before `min_depth`, there as here.
    if stride == 1 and channels == width:
        features = layers.Add(name=f"{name}_add")([inputs, features])
    return expanded, features


def _to_eights(width: float) -> int:
    """The nearest multiple of 8, at least 8 and at least nine tenths of `width`."""
    near = max(8, int(width + 4) // 8 * 8)
    return near + 8 if near < 0.9 * width else near
