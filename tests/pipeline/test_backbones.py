"""The kernels of backbones, from the tables of their papers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from odapi_runner.pipeline.backbones import (
    BACKBONES,
    RESNET_LAST_STAGE,
    backbone_kernels,
    backbone_of,
    name_backbone,
)

# Models that are built every day; the others belong to the long tests.
QUICK = {"efficientnet-b1", "resnet101"}


@pytest.mark.parametrize(
    ("name", "count", "weights", "last"),
    [
        # Counts of convolutions, and of their weights; MobileNet's are those of the papers.
        ("mobilenet_v1", 27, 3_185_088, (1, 1, 1024, 1024)),
        ("mobilenet_v2", 52, 2_189_760, (1, 1, 320, 1280)),
        ("resnet50", 53, 23_454_912, (1, 1, 512, 2048)),
        ("resnet101", 104, 42_394_816, (1, 1, 512, 2048)),
        ("resnet152", 155, 57_992_384, (1, 1, 512, 2048)),
        ("efficientnet-b0", 81, 3_956_192, (1, 1, 320, 1280)),
        ("efficientnet-b7", 273, 63_403_040, (1, 1, 640, 2560)),
    ],
)
def test_sizes_are_the_published_ones(
    name: str, count: int, weights: int, last: tuple[int, ...]
) -> None:
    """As many convolutions and weights as the models of Keras and of official have."""
    kernels = backbone_kernels(name)

    assert len(kernels) == count
    assert sum(a * b * c * d for a, b, c, d in kernels) == weights
    assert kernels[-1] == last


def test_a_backbone_is_known_by_its_kernels() -> None:
    """Each by its own, a ResNet without its last stage too; a piece of one is none."""
    for name in BACKBONES:
        assert name_backbone(backbone_kernels(name)) == name
    assert name_backbone(backbone_kernels("resnet101")[:-RESNET_LAST_STAGE]) == "resnet101"
    assert name_backbone(backbone_kernels("resnet50")[:20]) is None


@pytest.mark.parametrize(
    ("extractor", "backbone"),
    [
        ("ssd_mobilenet_v2_keras", "mobilenet_v2"),
        ("ssd_mobilenet_v1_fpn_keras", "mobilenet_v1"),
        ("ssd_resnet152_v1_fpn_keras", "resnet152"),
        ("ssd_efficientnet-b6_bifpn_keras", "efficientnet-b6"),
        ("faster_rcnn_resnet101_keras", "resnet101"),
        ("faster_rcnn_resnet50_fpn_keras", "resnet50"),
        ("resnet_v1_50_fpn", "resnet50"),
        ("mobilenet_v2_fpn_sep_conv", "mobilenet_v2"),
        ("resnet_v2_101", None),
        ("hourglass_104", None),
        ("faster_rcnn_inception_resnet_v2_keras", None),
        ("", None),
    ],
)
def test_the_backbone_of_a_feature_extractor(extractor: str, backbone: str | None) -> None:
    """Those whose kernels are known, of each family."""
    assert backbone_of(extractor) == backbone


@pytest.mark.parametrize(
    ("model", "backbone", "paths"),
    [
        ("efficientdet_d0", "efficientnet-b0", ("_efficientnet", "classification_backbone")),
        ("ssd_mobilenet_v1_fpn", "mobilenet_v1", ("classification_backbone",)),
        ("ssd_mobilenet_v2", "mobilenet_v2", ("classification_backbone",)),
        ("ssd_mobilenet_v2_fpnlite", "mobilenet_v2", ("classification_backbone",)),
        ("ssd_resnet50_v1_fpn", "resnet50", ("classification_backbone",)),
        ("centernet_resnet101", "resnet101", ("_base_model",)),
    ],
)
def test_kernels_are_those_of_the_object_detection_api(
    model: str, backbone: str, paths: tuple[str, ...], reference: Path
) -> None:
    """Shapes and order in the checkpoints of the reference's models."""
    known = json.loads((reference / "numerics" / f"{model}.json").read_text("utf-8"))
    layer = re.compile(
        rf"model/_feature_extractor/(?:{'|'.join(paths)})/layer_with_weights-(\d+)/"
        r"(?:depthwise_)?kernel"
    )
    found: dict[int, Any] = {
        int(match[1]): tuple(shape)
        for key, shape in known["variables"].items()
        if (match := layer.fullmatch(key)) and len(shape) == 4
    }

    assert tuple(found[number] for number in sorted(found)) == backbone_kernels(backbone)


@pytest.mark.tf
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in QUICK else pytest.mark.long)
        for name in sorted(BACKBONES)
    ],
)
def test_kernels_are_those_of_the_models(name: str) -> None:
    """Shapes and order in the models that feature extractors are built from."""
    kernels = backbone_kernels(name)

    assert kernels == built_kernels(name)


def built_kernels(name: str) -> tuple[tuple[int, ...], ...]:
    from official.legacy.image_classification.efficientnet.efficientnet_model import EfficientNet
    from tf_keras import applications

    if name.startswith("efficientnet"):
        model = EfficientNet.from_name(name)
    else:
        build = {
            "mobilenet_v1": applications.MobileNet,
            "mobilenet_v2": applications.MobileNetV2,
            "resnet50": applications.ResNet50,
            "resnet101": applications.ResNet101,
            "resnet152": applications.ResNet152,
        }[name]
        model = build(weights=None, include_top=False)
    kernels = (
        weight
        for layer in model.layers
        for weight in layer.weights
        if "kernel" in weight.name and len(weight.shape) == 4
    )
    return tuple(tuple(kernel.shape) for kernel in kernels)
