"""The feature extractors that TF2's Object Detection API has, and how large images are for them.

Source: object_detection/builders/model_builder.py and models/.
"""

from __future__ import annotations

import re
from typing import Any

_EFFICIENTNETS = tuple(f"ssd_efficientnet-b{number}_bifpn_keras" for number in range(8))
_HOURGLASSES = tuple(f"hourglass_{layers}" for layers in (10, 20, 32, 52, 104))

EXTRACTORS: dict[str, tuple[str, ...]] = {
    "ssd": (
        "ssd_mobilenet_v1_keras",
        "ssd_mobilenet_v1_fpn_keras",
        "ssd_mobilenet_v2_keras",
        "ssd_mobilenet_v2_fpn_keras",
        "ssd_resnet50_v1_fpn_keras",
        "ssd_resnet101_v1_fpn_keras",
        "ssd_resnet152_v1_fpn_keras",
        *_EFFICIENTNETS,
    ),
    "faster_rcnn": (
        "faster_rcnn_resnet50_keras",
        "faster_rcnn_resnet101_keras",
        "faster_rcnn_resnet152_keras",
        "faster_rcnn_resnet50_fpn_keras",
        "faster_rcnn_resnet101_fpn_keras",
        "faster_rcnn_resnet152_fpn_keras",
        "faster_rcnn_inception_resnet_v2_keras",
    ),
    "center_net": (
        "resnet_v1_18_fpn",
        "resnet_v1_34_fpn",
        "resnet_v1_50_fpn",
        "resnet_v1_101_fpn",
        "resnet_v2_50",
        "resnet_v2_101",
        "mobilenet_v2",
        "mobilenet_v2_fpn",
        "mobilenet_v2_fpn_sep_conv",
        *_HOURGLASSES,
    ),
}

_COARSEST = 16  # a level of which one place is 65,536 pixels wide
_TOP_OF_BACKBONE = 5  # its coarsest level; a pyramid makes those beyond by strides


def pyramid_levels(model: Any) -> tuple[int, int] | None:
    """The finest and the coarsest level of a model's pyramid; None where it has none.

    Nor is one told whose levels no image could have: those are for the model's builder to refuse.
    """
    extractor = model.feature_extractor
    if re.fullmatch(r"faster_rcnn_.*_fpn_keras", extractor.type) and not extractor.HasField("fpn"):
        return 2, 6
    if extractor.type in _EFFICIENTNETS:
        levels = extractor.bifpn
    elif re.fullmatch(r"(ssd|faster_rcnn)_.*_fpn_keras", extractor.type):
        levels = extractor.fpn
    else:
        return None
    is_possible = 0 <= levels.min_level <= levels.max_level <= _COARSEST
    return (levels.min_level, levels.max_level) if is_possible else None


def joined_levels(model: Any) -> tuple[int, int] | None:
    """The finest and the coarsest level that are added to each other after doubling the size.

    None where no level is, or where padding evens it out.
    """
    extractor = model.feature_extractor
    levels = pyramid_levels(model)
    if levels is None:
        # A hourglass halves five times after the first two halvings; these ResNets go down to 32.
        halved = {"hourglass_104": 7, "hourglass_52": 7}
        halved |= {name: 5 for name in EXTRACTORS["center_net"] if name.startswith("resnet_v1")}
        return (2, halved[extractor.type]) if extractor.type in halved else None
    if extractor.type in _EFFICIENTNETS:
        return levels
    if getattr(extractor, "use_explicit_padding", False):
        return None
    return levels[0], min(levels[1], _TOP_OF_BACKBONE)


def least_size(model: Any) -> int | None:
    """The smallest side of an image that an SSD takes; None where it is not said."""
    kind = model.feature_extractor.type
    if kind in _EFFICIENTNETS or re.fullmatch(r"ssd_resnet\d+_v1_fpn_keras", kind):
        return 129
    return 33 if kind in EXTRACTORS["ssd"] else None
