"""ResNet V1 of 50, 101 and 152 layers, as the Object Detection API's detectors use them.

Source: He et al., Deep Residual Learning, table 1; padding and names as
object_detection/models/keras_models/resnet_v1.py makes of keras.applications.
"""

from __future__ import annotations

from typing import Any

from odapi_runner.engine.backbones.blocks import Blocks
from odapi_runner.engine.keras import Model, layers
from odapi_runner.engine.spec.backbone import Backbone
from odapi_runner.engine.spec.layers import BatchNorm, Hyperparams, Regularizer, VarianceScaling

# What they are made of where the config's hyperparams are not for the backbone.
DEFAULTS = Hyperparams(
    regularizer=Regularizer("l2", 0.0002),
    initializer=VarianceScaling(1.0, "fan_in", uniform=False),
    activation="RELU",
    batch_norm=BatchNorm(decay=0.997, center=True, scale=True, epsilon=0.00001),
    force_use_bias=False,
)
# How many blocks each of the four stages has.
BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
FILTERS = (64, 128, 256, 512)


def build_resnet_v1(spec: Backbone, number: int, *, frozen: bool) -> Any:
    """The network of the maps that a detector looks at.

    Args:
        spec: width, whose hyperparams.
        number: how many layers: 50, 101 or 152.
        frozen: whether batch norm keeps to its moving averages in training too.

    Returns:
        A model from images float32 [batch, height, width, 3] to the maps of strides 4, 8, 16, 32.
    """
    blocks = Blocks(spec.hyperparams if spec.override_hyperparams else DEFAULTS, frozen)
    images = layers.Input([None, None, 3])
    features = blocks.convolve(
        images, _width(spec, 64), 7, ("conv1_conv", "conv1_bn"), stride=2, explicit_padding=True
    )
    features = blocks.activate(features, "conv1_relu")
    features = layers.MaxPooling2D(3, strides=2, padding="same", name="pool1_pool")(features)
    maps = []
    for stage, (repeats, filters) in enumerate(zip(BLOCKS[number], FILTERS, strict=True)):
        for place in range(repeats):
            features = _bottleneck(
                spec,
                blocks,
                features,
                filters,
                # The first stage follows a pooling, and keeps its size.
                stride=2 if stage and not place else 1,
                project=not place,
                name=f"conv{stage + 2}_block{place + 1}",
            )
        maps.append(features)
    return Model(images, maps)


def _bottleneck(
    spec: Backbone,
    blocks: Blocks,
    inputs: Any,
    filters: int,
    *,
    stride: int,
    project: bool,
    name: str,
) -> Any:
    """Three convolutions beside a shortcut; the stride is the first one's (V1)."""
    narrow, wide = _width(spec, filters), _width(spec, 4 * filters)
    shortcut = inputs
    if project:
        shortcut = blocks.convolve(
            inputs, wide, 1, (f"{name}_0_conv", f"{name}_0_bn"), stride=stride
        )
    features = blocks.convolve(inputs, narrow, 1, (f"{name}_1_conv", f"{name}_1_bn"), stride=stride)
    features = blocks.activate(features, f"{name}_1_relu")
    features = blocks.convolve(features, narrow, 3, (f"{name}_2_conv", f"{name}_2_bn"))
    features = blocks.activate(features, f"{name}_2_relu")
    features = blocks.convolve(features, wide, 1, (f"{name}_3_conv", f"{name}_3_bn"))
    features = layers.Add(name=f"{name}_add")([shortcut, features])
    return blocks.activate(features, f"{name}_out")


def _width(spec: Backbone, filters: int) -> int:
    return max(int(filters * spec.depth_multiplier), spec.min_depth)
