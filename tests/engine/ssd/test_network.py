"""The networks of the SSD family in the options that no reference figure covers."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from odapi_runner.engine.checkpoint import variable_keys
from odapi_runner.engine.read_config import build_spec
from odapi_runner.engine.ssd.network import SsdNetwork
from odapi_runner.engine.ssd.predictions import Predictions
from support.ssd_configs import ssd_config

EXTRACTOR = "model.ssd.feature_extractor"
PREDICTOR = "model.ssd.box_predictor"
CONVOLUTIONAL = f"{PREDICTOR}.convolutional_box_predictor"
SHARED = f"{PREDICTOR}.weight_shared_convolutional_box_predictor"
SSD_ANCHORS = "model.ssd.anchor_generator.ssd_anchor_generator"


def built(name: str, *changes: str) -> SsdNetwork:
    """A network of one of the reference configs, changed."""
    tf.random.set_seed(1)
    network = SsdNetwork(build_spec(ssd_config(name, *changes)).model)
    network.build_variables()
    return network


def shapes(network: SsdNetwork) -> dict[str, list[int]]:
    return {key: one.shape.as_list() for key, one in variable_keys(network).items()}


def predicted(
    network: SsdNetwork, height: int, width: int, *, training: bool = False
) -> Predictions:
    images = tf.random.stateless_uniform([1, height, width, 3], [1, 2], -1, 1)
    uniform = tf.fill([1, network.draws_per_example], 0.3)
    return network.predict_batch(images, training=training, uniform=uniform)


def backbone(network: SsdNetwork, layer: int) -> list[int]:
    """The shape of a layer's kernel."""
    keys = shapes(network)
    prefix = f"_feature_extractor/classification_backbone/layer_with_weights-{layer}"
    return keys.get(f"{prefix}/kernel") or keys[f"{prefix}/depthwise_kernel"]


def test_mobilenet_v1_with_smaller_maps() -> None:
    """Its generator has a name of its own, with an underscore; six maps of falling size."""
    network = built("ssd_mobilenet_v2", f"{EXTRACTOR}.type=ssd_mobilenet_v1_keras")
    maps = predicted(network, 96, 128).feature_maps

    assert shapes(network)["_feature_extractor/_feature_map_generator/convolutions/2/0/kernel"] == [
        1, 1, 1024, 256,
    ]  # fmt: skip
    assert [tuple(one.shape[1:]) for one in maps] == [
        (6, 8, 512), (3, 4, 1024), (2, 2, 512), (1, 1, 256), (1, 1, 256), (1, 1, 128),
    ]  # fmt: skip


def test_the_multiplier_of_mobilenet_v1_counts_twice() -> None:
    """conv1 has 32 / 4, pw_1 64 / 4, but never less than `min_depth`; V2 rounds to eights."""
    half = f"{EXTRACTOR}.depth_multiplier=0.5"
    first = built("ssd_mobilenet_v1_fpn", half, f"{EXTRACTOR}.min_depth=10")
    second = built("ssd_mobilenet_v2_fpnlite", half, f"{EXTRACTOR}.min_depth=8")

    assert [backbone(first, layer) for layer in (0, 4)] == [[3, 3, 3, 10], [1, 1, 10, 16]]
    assert [backbone(second, layer) for layer in (0, 4, 6)] == [
        [3, 3, 3, 16], [1, 1, 16, 8], [1, 1, 8, 48],
    ]  # fmt: skip
    # The top of V2 is narrower too: 1280 / 2; the pyramid is 128 / 2 deep.
    assert shapes(second)["_feature_extractor/_fpn_features_generator/top_layers/0/kernel"] == [
        1, 1, 640, 64,
    ]  # fmt: skip


def test_a_depthwise_pyramid_has_a_slimmer_mobilenet_v1() -> None:
    """512 and 256 channels at its top instead of 1024."""
    network = built("ssd_mobilenet_v1_fpn", f"{EXTRACTOR}.use_depthwise=true")

    assert [backbone(network, layer) for layer in (48, 52)] == [
        [1, 1, 512, 512], [1, 1, 512, 256],
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["ssd_mobilenet_v2_fpnlite", "ssd_mobilenet_v2"])
def test_explicit_padding_keeps_sizes_and_shapes(name: str) -> None:
    """As many anchors, the same kernels, other values; odd maps fit together."""
    plain, padded = built(name), built(name, f"{EXTRACTOR}.use_explicit_padding=true")
    for one, other in zip(plain.variables, padded.variables, strict=True):
        other.assign(one)
    # In training batch norm keeps the values of untrained weights from vanishing.
    before, after = (predicted(one, 128, 160, training=True) for one in (plain, padded))

    assert sorted(map(str, shapes(plain).values())) == sorted(map(str, shapes(padded).values()))
    assert before.logits.shape == after.logits.shape
    assert not np.allclose(before.feature_maps[0], after.feature_maps[0], atol=0.01)
    assert predicted(padded, 135, 163).anchors.shape == predicted(padded, 135, 163).codes.shape[1:]


def test_inputs_are_padded_to_multiples() -> None:
    """100 x 130 is treated as 128 x 160; anchors stay in units of the image."""
    network = built("ssd_mobilenet_v2_fpnlite", f"{EXTRACTOR}.pad_to_multiple=32")
    found = predicted(network, 100, 130)

    assert found.feature_maps[0].shape[1:3] == (16, 20)
    # The last of the finest map's places, at 124 and 156 of 100 and 130 pixels... without whole
    # cells in the image centres lie at the corners: 120 and 152.
    place = found.anchors[6 * 16 * 20 - 6].numpy().reshape(2, 2).mean(axis=0)
    assert place == pytest.approx([120 / 100, 152 / 130], abs=1e-5)


@pytest.mark.parametrize("number", [101, 152])
def test_the_deeper_resnets(number: int) -> None:
    """So many layers with weights: three of convolution and three of norm a block, and the rest."""
    network = built("ssd_resnet50_v1_fpn", f"{EXTRACTOR}.type=ssd_resnet{number}_v1_fpn_keras")
    layers = {
        key.split("/")[2]
        for key in shapes(network)
        if key.startswith("_feature_extractor/classification_backbone/")
    }

    assert len(layers) == 2 + 6 * (number - 2) // 3 + 2 * 4


def test_the_depthwise_convolutional_predictor() -> None:
    """Shared 1x1 convolutions, then a depthwise one, norm and a 1x1 one for each head."""
    network = built(
        "ssd_mobilenet_v2",
        f"{CONVOLUTIONAL}.num_layers_before_predictor=1",
        f"{CONVOLUTIONAL}.max_depth=100",
        f"{CONVOLUTIONAL}.use_depthwise=true",
        f"{CONVOLUTIONAL}.kernel_size=3",
    )
    keys = shapes(network)
    head = "_box_predictor/_prediction_heads/class_predictions_with_background/1"

    assert keys["_box_predictor/_shared_nets/0/0/kernel"] == [1, 1, 576, 100]
    assert keys["_box_predictor/_shared_nets/5/1/gamma"] == [100]
    assert keys[f"{head}/_class_predictor_layers/0/depthwise_kernel"] == [3, 3, 100, 1]
    assert keys[f"{head}/_class_predictor_layers/1/gamma"] == [100]
    assert keys[f"{head}/_class_predictor_layers/3/kernel"] == [1, 1, 100, 24]


def test_a_shared_predictor_over_maps_of_different_depth() -> None:
    """1x1 convolutions bring all to the commonest: 256."""
    network = built(
        "ssd_mobilenet_v2",
        f"{SHARED}.depth=16",
        f"{SHARED}.num_layers_before_predictor=1",
        f"{SSD_ANCHORS}.reduce_boxes_in_lowest_layer=false",
    )
    keys = shapes(network)
    place = "_box_predictor/_additional_projection_layers"

    assert keys[f"{place}/0/0/kernel"] == [1, 1, 576, 256]
    assert keys[f"{place}/5/0/bias"] == [256]
    assert predicted(network, 128, 128).logits.shape[2] == 4


def test_dropout_is_in_training_only_and_a_function_of_the_draws() -> None:
    """It changes the classes, not the boxes; the same draws drop the same."""
    network = built("ssd_mobilenet_v2", f"{CONVOLUTIONAL}.use_dropout=true")
    assert network.draws_per_example == 1
    images = tf.random.stateless_uniform([1, 128, 128, 3], [1, 2], -1, 1)

    def codes_and_logits(draw: float, *, training: bool) -> tuple[np.ndarray, np.ndarray]:
        uniform = tf.fill([1, 1], draw)
        found = network.predict_batch(images, training=training, uniform=uniform)
        return found.codes.numpy(), found.logits.numpy()

    (codes, logits), (same_codes, same), (_, other) = (
        codes_and_logits(draw, training=True) for draw in (0.3, 0.3, 0.4)
    )
    np.testing.assert_allclose(same_codes, codes, atol=1e-5)
    np.testing.assert_allclose(same, logits, atol=1e-5)
    assert not np.allclose(other, logits, atol=1e-3)
    assert np.array_equal(
        codes_and_logits(0.3, training=False)[1], codes_and_logits(0.4, training=False)[1]
    )


def test_codes_can_be_clipped_and_scores_be_sigmoids() -> None:
    """Both as the config says, the sigmoid outside of training."""
    network = built(
        "ssd_mobilenet_v2_fpnlite",
        f"{SHARED}.box_encodings_clip_range.min=-0.001",
        f"{SHARED}.box_encodings_clip_range.max=0.002",
        f"{SHARED}.score_converter=SIGMOID",
    )
    inferred = predicted(network, 128, 128)
    trained = predicted(network, 128, 128, training=True)

    assert float(tf.reduce_min(trained.codes)) == pytest.approx(-0.001)
    assert float(tf.reduce_max(trained.codes)) == pytest.approx(0.002)
    assert float(tf.reduce_min(inferred.logits)) > 0
    assert float(tf.reduce_max(trained.logits)) < 0


def test_anchors_of_any_size_are_made_in_the_graph() -> None:
    """A function that takes images of any size finds the anchors of each."""
    network = built("ssd_mobilenet_v2")

    @tf.function(
        input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32)], autograph=False
    )
    def anchors(images: tf.Tensor) -> tf.Tensor:
        return network.predict_batch(images, training=False).anchors

    for size in ((128, 160), (200, 96)):
        assert np.allclose(anchors(tf.zeros([1, *size, 3])), predicted(network, *size).anchors)
