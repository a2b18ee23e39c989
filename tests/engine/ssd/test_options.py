"""Networks of options that no reference figure covers, against the Object Detection API's own.

The figures are those of its own modules with the rebuilt weights and images (`support.numerics`),
on TensorFlow 2.20: its model built of the same config and told that it trains, the norms of what
`predict` returns, and the sum of `regularization_losses`. Keys, shapes and whole tensors were
compared, too, and were equal.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from odapi_runner.engine.checkpoint import variable_keys
from odapi_runner.engine.preprocess import normalization, normalize
from odapi_runner.engine.read_config import build_spec
from odapi_runner.engine.ssd.network import SsdNetwork
from support.configs import d0_config
from support.numerics import rebuilt_images, rebuilt_weight
from support.ssd_configs import ssd_config

SSD = "model.ssd"
EXTRACTOR = f"{SSD}.feature_extractor"
CONVOLUTIONAL = f"{SSD}.box_predictor.convolutional_box_predictor"
SHARED = f"{SSD}.box_predictor.weight_shared_convolutional_box_predictor"
SSD_ANCHORS = f"{SSD}.anchor_generator.ssd_anchor_generator"
MULTISCALE = f"{SSD}.anchor_generator.multiscale_anchor_generator"


class Case(NamedTuple):
    """A reference config, what is changed of it, and what the Object Detection API makes of it."""

    config: str
    size: int
    changes: tuple[str, ...]
    variables: int
    codes: float
    logits: float
    regularization: float


CASES = {
    "depthwise heads of half a MobileNet V2": Case(
        "ssd_mobilenet_v2",
        130,
        (
            f"{CONVOLUTIONAL}.use_depthwise=true",
            f"{CONVOLUTIONAL}.kernel_size=3",
            f"{CONVOLUTIONAL}.num_layers_before_predictor=2",
            f"{CONVOLUTIONAL}.min_depth=16",
            f"{CONVOLUTIONAL}.max_depth=48",
            f"{CONVOLUTIONAL}.box_encodings_clip_range.min=-0.2",
            f"{CONVOLUTIONAL}.box_encodings_clip_range.max=0.3",
            f"{EXTRACTOR}.use_depthwise=true",
            f"{EXTRACTOR}.depth_multiplier=0.5",
            f"{EXTRACTOR}.override_base_feature_extractor_hyperparams=false",
            f"{EXTRACTOR}.num_layers=5",
            f"{SSD_ANCHORS}.num_layers=5",
            f"{SSD_ANCHORS}.reduce_boxes_in_lowest_layer=false",
            f"{SSD_ANCHORS}.base_anchor_height=0.5",
        ),
        variables=425,
        codes=17.2069,
        logits=54.5312,
        regularization=0.204214,
    ),
    "explicitly padded MobileNet V1 of three quarters": Case(
        "ssd_mobilenet_v2",
        130,
        (
            f"{EXTRACTOR}.type=ssd_mobilenet_v1_keras",
            f"{EXTRACTOR}.use_explicit_padding=true",
            f"{EXTRACTOR}.depth_multiplier=0.75",
            f"{EXTRACTOR}.min_depth=40",
            f"{EXTRACTOR}.pad_to_multiple=32",
            f"{SSD}.add_background_class=false",
            f"{CONVOLUTIONAL}.kernel_size=3",
        ),
        variables=199,
        codes=41.9918,
        logits=35.1228,
        regularization=0.154281,
    ),
    "separate towers of depthwise convolutions": Case(
        "ssd_mobilenet_v1_fpn",
        128,
        (
            f"{EXTRACTOR}.use_depthwise=true",
            f"{EXTRACTOR}.depth_multiplier=0.5",
            f"{EXTRACTOR}.fpn.min_level=4",
            f"{EXTRACTOR}.fpn.max_level=6",
            f"{EXTRACTOR}.fpn.additional_layer_depth=64",
            f"{MULTISCALE}.min_level=4",
            f"{MULTISCALE}.max_level=6",
            f"{SHARED}.use_depthwise=true",
            f"{SHARED}.apply_conv_hyperparams_to_heads=true",
            f"{SHARED}.apply_conv_hyperparams_pointwise=true",
            f"{SHARED}.depth=48",
            f"{SHARED}.num_layers_before_predictor=2",
            f"{SHARED}.box_encodings_clip_range.min=-0.2",
            f"{SHARED}.box_encodings_clip_range.max=0.3",
        ),
        variables=213,
        codes=14.1195,
        logits=36.9821,
        regularization=0.0642606,
    ),
    "explicitly padded MobileNet V2 with a bias everywhere": Case(
        "ssd_mobilenet_v2_fpnlite",
        100,
        (
            f"{EXTRACTOR}.use_explicit_padding=true",
            f"{EXTRACTOR}.depth_multiplier=0.75",
            f"{EXTRACTOR}.min_depth=32",
            f"{EXTRACTOR}.override_base_feature_extractor_hyperparams=false",
            f"{SHARED}.kernel_size=5",
            f"{SHARED}.conv_hyperparams.force_use_bias=true",
        ),
        variables=388,
        codes=68.3674,
        logits=66.0235,
        regularization=0.297835,
    ),
}
# Networks that take longer.
LONG_CASES = {
    "wide MobileNet V2, biased, weighed by magnitude": Case(
        "ssd_mobilenet_v2",
        128,
        (
            f"{EXTRACTOR}.use_explicit_padding=true",
            f"{EXTRACTOR}.depth_multiplier=1.4",
            f"{EXTRACTOR}.min_depth=24",
            f"{EXTRACTOR}.conv_hyperparams.regularizer.l1_regularizer.weight=0.001",
            f"{EXTRACTOR}.conv_hyperparams.activation=SWISH",
            f"{EXTRACTOR}.conv_hyperparams.batch_norm.center=false",
            f"{EXTRACTOR}.num_layers=4",
            f"{SSD_ANCHORS}.num_layers=4",
            f"{CONVOLUTIONAL}.conv_hyperparams.activation=NONE",
            f"{CONVOLUTIONAL}.num_layers_before_predictor=1",
            f"{CONVOLUTIONAL}.max_depth=32",
            f"{CONVOLUTIONAL}.conv_hyperparams.batch_norm.scale=false",
        ),
        variables=260,
        codes=49.7879,
        logits=52.7396,
        regularization=246.2,
    ),
    "a pyramid that ends below the backbone": Case(
        "ssd_mobilenet_v2_fpnlite",
        128,
        (
            f"{EXTRACTOR}.fpn.min_level=3",
            f"{EXTRACTOR}.fpn.max_level=4",
            f"{MULTISCALE}.min_level=3",
            f"{MULTISCALE}.max_level=4",
            f"{SHARED}.num_layers_before_predictor=1",
            f"{SHARED}.share_prediction_tower=false",
        ),
        variables=296,
        codes=39.0019,
        logits=38.4152,
        regularization=0.353609,
    ),
    **{
        f"EfficientDet-D{number} with {method}": Case(
            "efficientdet_d0",
            256,
            (
                f"{EXTRACTOR}.type=ssd_efficientnet-b{number}_bifpn_keras",
                f"{EXTRACTOR}.bifpn.combine_method={method}",
                f"{EXTRACTOR}.bifpn.num_iterations=2",
                f"{EXTRACTOR}.bifpn.num_filters=40",
                f"{SHARED}.depth=40",
                f"{SHARED}.num_layers_before_predictor=1",
            ),
            *figures,
        )
        for (number, method), figures in {
            (1, "sum"): (639, 172.176, 145.893, 0.195795),
            (2, "attention"): (655, 171.644, 148.36, 0.209918),
            (3, "weighted_sum"): (712, 175.723, 147.164, 0.260166),
        }.items()
    },
    **{
        f"a quarter of ResNet {number}": Case(
            "ssd_resnet50_v1_fpn",
            160,
            (
                f"{EXTRACTOR}.type=ssd_resnet{number}_v1_fpn_keras",
                f"{EXTRACTOR}.depth_multiplier=0.25",
                f"{SHARED}.depth=32",
                f"{SHARED}.num_layers_before_predictor=1",
            ),
            *figures,
        )
        for number, figures in {
            101: (592, 102.678, 115.071, 2.75158),
            152: (847, 102.756, 114.441, 3.90125),
        }.items()
    },
}


def built(case: Case) -> tuple[Any, tf.Tensor]:
    """The network with the rebuilt weights, and the rebuilt images as it wants them."""
    resizer = f"{SSD}.image_resizer.fixed_shape_resizer"
    sides = (f"{resizer}.height={case.size}", f"{resizer}.width={case.size}")
    if case.config == "efficientdet_d0":
        config = d0_config("num_classes=3", f"image_size={case.size}", *case.changes)
    else:
        config = ssd_config(case.config, *sides, *case.changes)
    spec = build_spec(config).model
    network = SsdNetwork(spec)
    images = normalize(tf.cast(rebuilt_images(case.size), tf.float32), normalization(spec.backbone))
    network.predict_batch(images, training=False)
    for key, variable in variable_keys(network).items():
        variable.assign(rebuilt_weight(f"model/{key}", variable.shape))
    return network, images


@pytest.mark.parametrize(
    "case",
    [
        *(pytest.param(case, id=name) for name, case in CASES.items()),
        *(pytest.param(case, id=name, marks=pytest.mark.long) for name, case in LONG_CASES.items()),
    ],
)
def test_an_option_makes_the_network_of_the_object_detection_api(case: Case) -> None:
    """As many variables, the same predictions in training mode, the same weight decay."""
    network, images = built(case)
    found = network.predict_batch(images, training=True)

    assert len(network.variables) == case.variables
    assert np.linalg.norm(found.codes) == pytest.approx(case.codes, rel=1e-4)
    assert np.linalg.norm(found.logits) == pytest.approx(case.logits, rel=1e-4)
    assert float(network.regularization_loss()) == pytest.approx(case.regularization, rel=1e-4)
