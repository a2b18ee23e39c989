"""The BiFPN: its nodes, and how they mix their inputs."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from odapi_runner.engine.necks.bifpn import BiFpn, Combine, Upsample, bifpn_nodes
from odapi_runner.engine.spec.backbone import BiFpnNeck
from odapi_runner.engine.spec.layers import Hyperparams, NormalInitializer
from support.configs import small_spec

# The first two passes of EfficientDet-D0, as drawn in figure 2 (d) of the paper: down from level 6
# to 3, then up from 4 to 7; each map of the way up takes the pass before, the way down, the one
# below. Two levels come before, by pooling.
D0_NODES = """
0_up_lvl_6: 0_up_lvl_5
0_up_lvl_7: 0_up_lvl_6
1_dn_lvl_6: 0_up_lvl_6 0_up_lvl_7
1_dn_lvl_5: 0_up_lvl_5 1_dn_lvl_6
1_dn_lvl_4: 0_up_lvl_4 1_dn_lvl_5
1_dn_lvl_3: 0_up_lvl_3 1_dn_lvl_4
1_up_lvl_4: 0_up_lvl_4 1_dn_lvl_4 1_dn_lvl_3
1_up_lvl_5: 0_up_lvl_5 1_dn_lvl_5 1_up_lvl_4
1_up_lvl_6: 0_up_lvl_6 1_dn_lvl_6 1_up_lvl_5
1_up_lvl_7: 0_up_lvl_7 1_up_lvl_6
2_dn_lvl_6: 1_up_lvl_6 1_up_lvl_7
2_dn_lvl_5: 1_up_lvl_5 2_dn_lvl_6
2_dn_lvl_4: 1_up_lvl_4 2_dn_lvl_5
2_dn_lvl_3: 1_dn_lvl_3 2_dn_lvl_4
2_up_lvl_4: 1_up_lvl_4 2_dn_lvl_4 2_dn_lvl_3
2_up_lvl_5: 1_up_lvl_5 2_dn_lvl_5 2_up_lvl_4
2_up_lvl_6: 1_up_lvl_6 2_dn_lvl_6 2_up_lvl_5
2_up_lvl_7: 1_up_lvl_7 2_up_lvl_6
"""


def test_the_nodes_of_efficientdet_d0() -> None:
    """Names, order and inputs; the third pass is like the second."""
    nodes = bifpn_nodes(3, 7, 3)

    written = [f"{node.name}: {' '.join(node.inputs)}" for node in nodes]
    assert written[:18] == D0_NODES.strip().splitlines()
    assert len(nodes) == 2 + 3 * 8
    assert [node.level for node in nodes[-8:]] == [6, 5, 4, 3, 4, 5, 6, 7]
    assert [node.combines for node in nodes] == [False] * 2 + [True] * 24


def test_a_pyramid_that_ends_with_the_backbone_has_no_further_levels() -> None:
    """Levels 3 to 5: down 4, 3, up 4, 5."""
    nodes = bifpn_nodes(3, 5, 1)

    assert [(node.name, node.inputs) for node in nodes] == [
        ("1_dn_lvl_4", ("0_up_lvl_4", "0_up_lvl_5")),
        ("1_dn_lvl_3", ("0_up_lvl_3", "1_dn_lvl_4")),
        ("1_up_lvl_4", ("0_up_lvl_4", "1_dn_lvl_4", "1_dn_lvl_3")),
        ("1_up_lvl_5", ("0_up_lvl_5", "1_up_lvl_4")),
    ]


@pytest.mark.parametrize(
    ("method", "weights", "expected"),
    [
        ("sum", None, 4.0),  # 1 + 3
        ("weighted_sum", [2.0, 0.5], 3.5),
        ("attention", [0.0, 2.0], 4.0),  # the softmax of each by itself, as the API has it
        ("fast_attention", [1.0, 1.0], 4 / 2.0001),
        ("fast_attention", [3.0, -1.0], 3 / 3.0001),  # a negative weight is none
        ("fast_attention", [-1.0, -1.0], 0.0),
    ],
)
def test_ways_to_combine(method: str, weights: list[float] | None, expected: float) -> None:
    """Of a map of ones and a map of threes."""
    layer = Combine(method)
    maps = [tf.fill([1, 2, 2, 3], value) for value in (1.0, 3.0)]
    layer(maps)
    if weights is not None:
        assert [variable.shape for variable in layer.weights] == [(2, 1)]
        layer.per_input_weights.assign([[weight] for weight in weights])

    assert np.allclose(layer(maps), expected, atol=1e-6)


def test_weights_start_even() -> None:
    """All ones; a plain sum has none."""
    layer, plain = Combine("fast_attention"), Combine("sum")
    for one in (layer, plain):
        one([tf.zeros([1, 1, 1, 1])] * 3)

    assert layer.per_input_weights.numpy().tolist() == [[1.0]] * 3
    assert plain.weights == []


def test_upsampling_repeats_pixels() -> None:
    """In both directions."""
    image = tf.reshape(tf.constant([1.0, 2.0, 3.0, 4.0]), [1, 2, 2, 1])

    assert Upsample(2)(image)[0, :, :, 0].numpy().tolist() == [
        [1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4],
    ]  # fmt: skip


@pytest.fixture(scope="module")
def neck() -> BiFpnNeck:
    """Two passes of 8 channels."""
    return BiFpnNeck(3, 7, num_iterations=2, num_filters=8, combine_method="fast_attention")


@pytest.fixture(scope="module")
def hyperparams() -> Hyperparams:
    """The published ones."""
    return small_spec().model.backbone.hyperparams


@pytest.mark.parametrize(
    ("levels", "sizes"), [((3, 7), [16, 8, 4, 2, 1]), ((3, 5), [16, 8, 4]), ((3, 4), [16, 8])]
)
def test_the_maps_that_come_out(
    neck: BiFpnNeck, hyperparams: Hyperparams, levels: tuple[int, int], sizes: list[int]
) -> None:
    """All levels, finest first, of one number of channels."""
    spec = dataclasses.replace(neck, min_level=levels[0], max_level=levels[1])
    given = [tf.ones([1, 128 // 2**level, 128 // 2**level, level]) for level in (3, 4, 5)]

    maps = BiFpn(spec, hyperparams, frozen=False)(given[: min(levels[1], 5) - 2], training=False)

    assert [tuple(one.shape) for one in maps] == [(1, size, size, 8) for size in sizes]


def test_every_input_reaches_every_output(neck: BiFpnNeck, hyperparams: Hyperparams) -> None:
    """Changing one level of the backbone changes the whole pyramid."""
    tf.random.set_seed(1)
    # Weights of a size at which no path is lost in rounding.
    large = dataclasses.replace(
        hyperparams, initializer=NormalInitializer(0.0, 0.5, truncated=True)
    )
    bifpn = BiFpn(neck, large, frozen=False)
    given = [
        tf.random.stateless_normal([1, 128 // 2**level, 128 // 2**level, level], [level, 1])
        for level in (3, 4, 5)
    ]
    base = bifpn(given, training=False)

    for place in range(3):
        changed = [one + (number == place) for number, one in enumerate(given)]
        for before, after in zip(base, bifpn(changed, training=False), strict=True):
            assert not np.array_equal(before, after)
