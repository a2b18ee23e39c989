"""Feature extractors of single-shot detectors: images to the maps that the heads look at.

Each holds its backbone as `classification_backbone` (a `classification` checkpoint restores it);
attribute names are a checkpoint's keys.

Source: object_detection/models/ssd_{efficientnet_bifpn,mobilenet_v1,mobilenet_v1_fpn,mobilenet_v2,
mobilenet_v2_fpn,resnet_v1_fpn}_(keras_)feature_extractor.py.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from odapi_runner.engine.backbones.efficientnet import MAX_LEVEL, build_efficientnet
from odapi_runner.engine.backbones.mobilenet import build_mobilenet_v1, build_mobilenet_v2
from odapi_runner.engine.backbones.resnet import build_resnet_v1
from odapi_runner.engine.backbones.segments import Segmented
from odapi_runner.engine.keras import Model
from odapi_runner.engine.layers import run_stack
from odapi_runner.engine.necks.bifpn import BiFpn
from odapi_runner.engine.necks.fpn import TopDown, convolution_block
from odapi_runner.engine.necks.multi_resolution import SmallerMaps
from odapi_runner.engine.spec.backbone import Backbone, BiFpnNeck, FpnNeck, SmallerMapsNeck

# The backbones' maps have strides 4 to 32.
FINEST_LEVEL, COARSEST_LEVEL = 2, 5


class EfficientNetBiFpn(Model):
    """The feature extractor of EfficientDet."""

    def __init__(self, spec: Backbone, neck: BiFpnNeck, *, frozen: bool) -> None:
        super().__init__(name="EfficientDet")
        levels = range(neck.min_level, min(neck.max_level, MAX_LEVEL) + 1)
        classifier, network, self.draws_per_example = build_efficientnet(
            spec, levels, frozen=frozen
        )
        self._efficientnet = network
        self._backbone = Segmented(network)
        self.classification_backbone = classifier
        self._multiple = spec.pad_to_multiple
        self._bifpn_stage = BiFpn(neck, spec.hyperparams, frozen=frozen)

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> list[tf.Tensor]:
        """Images float32 [batch, height, width, 3], normalised, to maps, finest first."""
        padded = pad_to_multiple(inputs, self._multiple)
        levels = self._backbone(padded, training=training)
        return self._bifpn_stage(levels, training=training)


class TopDownPyramid(Model):
    """A MobileNet or a ResNet below a feature pyramid."""

    draws_per_example = 0

    def __init__(self, spec: Backbone, neck: FpnNeck, *, frozen: bool) -> None:
        super().__init__(name=spec.type)
        self.classification_backbone = _build_backbone(spec, frozen=frozen)
        self._backbone = Segmented(self.classification_backbone)
        self._multiple = spec.pad_to_multiple
        top = min(neck.max_level, COARSEST_LEVEL)
        count = top + 1 - neck.min_level
        first = neck.min_level - FINEST_LEVEL
        if "mobilenet" in spec.type:
            # The last ones, even where the pyramid ends below level 5, there as here.
            first = COARSEST_LEVEL - FINEST_LEVEL + 1 - count
        self._levels = slice(first, first + count)
        options: dict[str, Any] = {
            "depth": max(int(neck.depth * spec.depth_multiplier), spec.min_depth),
            "separable": spec.depthwise,
            "explicit_padding": spec.explicit_padding,
            "frozen": frozen,
        }
        self._fpn_features_generator = TopDown(spec.hyperparams, num_levels=count, **options)
        self._coarse_feature_layers = [
            convolution_block(spec.hyperparams, name=f"bottom_up_{level}", stride=2, **options)
            for level in range(top + 1, neck.max_level + 1)
        ]

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> list[tf.Tensor]:
        """Images float32 [batch, height, width, 3], normalised, to maps, finest first."""
        padded = pad_to_multiple(inputs, self._multiple)
        levels = self._backbone(padded, training=training)[self._levels]
        maps = list(self._fpn_features_generator(levels, training=training))
        for stack in self._coarse_feature_layers:
            maps.append(run_stack(stack, maps[-1], training))
        return maps


class MobileNetV1Maps(Model):
    """A MobileNet V1, and ever smaller maps behind it."""

    draws_per_example = 0

    def __init__(self, spec: Backbone, neck: SmallerMapsNeck, *, frozen: bool) -> None:
        super().__init__(name=spec.type)
        self.classification_backbone = build_mobilenet_v1(spec, frozen=frozen)
        self._backbone = Segmented(self.classification_backbone)
        self._multiple = spec.pad_to_multiple
        self._feature_map_generator = SmallerMaps(spec, num_maps=neck.num_maps, frozen=frozen)

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> list[tf.Tensor]:
        """Images float32 [batch, height, width, 3], normalised, to maps, finest first."""
        padded = pad_to_multiple(inputs, self._multiple)
        maps = self._backbone(padded, training=training)
        return self._feature_map_generator(maps, training=training)


class MobileNetV2Maps(Model):
    """A MobileNet V2, and ever smaller maps behind it (under another name than V1's)."""

    draws_per_example = 0

    def __init__(self, spec: Backbone, neck: SmallerMapsNeck, *, frozen: bool) -> None:
        super().__init__(name=spec.type)
        self.classification_backbone = build_mobilenet_v2(spec, frozen=frozen)
        self._backbone = Segmented(self.classification_backbone)
        self._multiple = spec.pad_to_multiple
        self.feature_map_generator = SmallerMaps(spec, num_maps=neck.num_maps, frozen=frozen)

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> list[tf.Tensor]:
        """Images float32 [batch, height, width, 3], normalised, to maps, finest first."""
        padded = pad_to_multiple(inputs, self._multiple)
        maps = self._backbone(padded, training=training)
        return self.feature_map_generator(maps, training=training)


def build_extractor(spec: Backbone, *, frozen: bool) -> Any:
    """The feature extractor of a config."""
    neck = spec.neck
    if isinstance(neck, BiFpnNeck):
        return EfficientNetBiFpn(spec, neck, frozen=frozen)
    if isinstance(neck, FpnNeck):
        return TopDownPyramid(spec, neck, frozen=frozen)
    kind = MobileNetV1Maps if spec.type == "ssd_mobilenet_v1_keras" else MobileNetV2Maps
    return kind(spec, neck, frozen=frozen)


def pad_to_multiple(images: tf.Tensor, multiple: int) -> tf.Tensor:
    """Zeros below and right of images [batch, height, width, 3], up to multiples of a size."""
    if multiple == 1:
        return images
    height, width = images.shape[1:3]
    dynamic = tf.shape(images)
    sizes = (
        dynamic[1] if height is None else height,
        dynamic[2] if width is None else width,
    )
    below, right = (-size % multiple for size in sizes)
    return tf.pad(images, [[0, 0], [0, below], [0, right], [0, 0]])


def _build_backbone(spec: Backbone, *, frozen: bool) -> Any:
    if spec.type == "ssd_mobilenet_v1_fpn_keras":
        return build_mobilenet_v1(spec, frozen=frozen)
    if spec.type == "ssd_mobilenet_v2_fpn_keras":
        return build_mobilenet_v2(spec, frozen=frozen)
    number = spec.type.removeprefix("ssd_resnet").removesuffix("_v1_fpn_keras")
    return build_resnet_v1(spec, int(number), frozen=frozen)
