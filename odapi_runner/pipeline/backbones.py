"""The kernels of the backbones that feature extractors stand on: what a checkpoint has to hold.

A kernel is (height, width, channels in, channels out); of a depthwise convolution the last is 1.
The order is that of Keras' layers, which number themselves in a checkpoint.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Iterator

Kernel = tuple[int, int, int, int]

# Stages of EfficientNet-B0: kernel, repeats, channels out, expansion.
# Source: Tan and Le, EfficientNet (2019), table 1; official/legacy/image_classification.
_EFFICIENTNET = (
    (3, 1, 16, 1),
    (3, 2, 24, 6),
    (5, 2, 40, 6),
    (3, 3, 80, 6),
    (5, 3, 112, 6),
    (5, 4, 192, 6),
    (3, 1, 320, 6),
)
# How much wider and how much deeper the others are.
_EFFICIENTNET_SCALES = {
    "b0": (1.0, 1.0),
    "b1": (1.0, 1.1),
    "b2": (1.1, 1.2),
    "b3": (1.2, 1.4),
    "b4": (1.4, 1.8),
    "b5": (1.6, 2.2),
    "b6": (1.8, 2.6),
    "b7": (2.0, 3.1),
}
# Blocks of each stage. Source: He et al., Deep Residual Learning (2016), table 1.
_RESNET = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
# Kernels of the last stage, which is the second stage of a Faster R-CNN without FPN.
RESNET_LAST_STAGE = 10
# Channels out of each block. Source: Howard et al., MobileNets (2017), table 1.
_MOBILENET_V1 = (64, 128, 128, 256, 256, *[512] * 6, 1024, 1024)
# Expansion, channels out, blocks. Source: Sandler et al., MobileNetV2 (2018), table 2.
_MOBILENET_V2 = (
    (1, 16, 1),
    (6, 24, 2),
    (6, 32, 3),
    (6, 64, 4),
    (6, 96, 3),
    (6, 160, 3),
    (6, 320, 1),
)


def backbone_of(extractor: str) -> str | None:
    """The backbone of a feature extractor by its type; None where its kernels are not known."""
    for pattern, name in _EXTRACTORS:
        if found := pattern.fullmatch(extractor):
            return found.expand(name)
    return None


def backbone_kernels(name: str) -> tuple[Kernel, ...]:
    """The kernels of a backbone without its classifier, of depth multiplier 1.

    Raises:
        KeyError: it is none of `BACKBONES`.
    """
    return tuple(BACKBONES[name]())


def name_backbone(kernels: tuple[tuple[int, ...], ...]) -> str | None:
    """The backbone that has these kernels, with or without a ResNet's last stage; else None."""
    for name in BACKBONES:
        known = backbone_kernels(name)
        if kernels in (known, known[:-RESNET_LAST_STAGE]):
            return name
    return None


def _resnet(depth: int) -> Iterator[Kernel]:
    yield 7, 7, 3, 64
    inputs = 64
    for stage, blocks in enumerate(_RESNET[depth]):
        width = 64 << stage
        for block in range(blocks):
            yield 1, 1, inputs, width
            yield 3, 3, width, width
            if block == 0:  # the shortcut
                yield 1, 1, inputs, 4 * width
            yield 1, 1, width, 4 * width
            inputs = 4 * width


def _mobilenet_v1() -> Iterator[Kernel]:
    yield 3, 3, 3, 32
    inputs = 32
    for width in _MOBILENET_V1:
        yield 3, 3, inputs, 1
        yield 1, 1, inputs, width
        inputs = width


def _mobilenet_v2() -> Iterator[Kernel]:
    yield 3, 3, 3, 32
    inputs = 32
    for expansion, width, blocks in _MOBILENET_V2:
        for _ in range(blocks):
            inner = inputs * expansion
            if expansion > 1:
                yield 1, 1, inputs, inner
            yield 3, 3, inner, 1
            yield 1, 1, inner, width
            inputs = width
    yield 1, 1, inputs, 1280


def _efficientnet(size: str) -> Iterator[Kernel]:
    wider, deeper = _EFFICIENTNET_SCALES[size]
    inputs = _rounded(32 * wider)
    yield 3, 3, 3, inputs
    for side, repeats, channels, expansion in _EFFICIENTNET:
        width = _rounded(channels * wider)
        for _ in range(math.ceil(repeats * deeper)):
            inner, squeezed = inputs * expansion, max(1, inputs // 4)
            if expansion > 1:
                yield 1, 1, inputs, inner
            yield side, side, inner, 1
            yield 1, 1, inner, squeezed
            yield 1, 1, squeezed, inner
            yield 1, 1, inner, width
            inputs = width
    yield 1, 1, inputs, _rounded(1280 * wider)


def _rounded(channels: float) -> int:
    """The multiple of 8 next to a number of channels, and no more than a tenth below it."""
    near = max(8, int(channels + 4) // 8 * 8)
    return near + 8 if near < 0.9 * channels else near


BACKBONES: dict[str, Callable[[], Iterator[Kernel]]] = {
    "mobilenet_v1": _mobilenet_v1,
    "mobilenet_v2": _mobilenet_v2,
    **{f"resnet{depth}": functools.partial(_resnet, depth) for depth in _RESNET},
    **{
        f"efficientnet-{size}": functools.partial(_efficientnet, size)
        for size in _EFFICIENTNET_SCALES
    },
}

# Types of feature extractors. Source: object_detection/builders/model_builder.py.
_EXTRACTORS = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"ssd_(mobilenet_v[12])(?:_fpn)?_keras", r"\1"),
        (r"ssd_(resnet(?:50|101|152))_v1_fpn_keras", r"\1"),
        (r"ssd_(efficientnet-b[0-7])_bifpn_keras", r"\1"),
        (r"faster_rcnn_(resnet(?:50|101|152))(?:_fpn)?_keras", r"\1"),
        (r"resnet_v1_(50|101)_fpn", r"resnet\1"),  # from here on CenterNet's
        (r"(mobilenet_v2)(?:_fpn(?:_sep_conv)?)?", r"\1"),
    )
)
