"""The BiFPN: a pyramid mixed top-down and bottom-up, several times.

Source: Tan et al., EfficientDet, section 3; nodes, names and layers as in
object_detection/models/bidirectional_feature_pyramid_generators.py and utils/bifpn_utils.py, since
their order is that of a checkpoint's keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import tensorflow as tf

from odapi_runner.engine.backbones.efficientnet import MAX_LEVEL
from odapi_runner.engine.keras import Model, layers
from odapi_runner.engine.layers import (
    activation,
    batch_norm,
    convolution,
    run,
    separable_convolution,
)
from odapi_runner.engine.recompute import run_block
from odapi_runner.engine.spec.backbone import BiFpnNeck
from odapi_runner.engine.spec.layers import Hyperparams


@dataclass(frozen=True, slots=True)
class Node:
    """One feature map of the BiFPN: its name, its pyramid level, the nodes it is made of."""

    name: str
    level: int
    inputs: tuple[str, ...]

    @property
    def combines(self) -> bool:
        """Whether several maps are mixed here; else it is another one at a coarser level."""
        return len(self.inputs) > 1


def bifpn_nodes(min_level: int, max_level: int, iterations: int) -> list[Node]:
    """All nodes in the order in which they are computed; the last ones are the outputs.

    `<pass>_<dn|up>_lvl_<level>`: pass 0 is the backbone's pyramid, prolonged to `max_level`; each
    later pass goes down from `max_level` - 1 and up again from `min_level` + 1.
    """
    nodes = [
        Node(f"0_up_lvl_{level}", level, (f"0_up_lvl_{level - 1}",))
        for level in range(min(MAX_LEVEL, max_level) + 1, max_level + 1)
    ]
    last = nodes[-1].name if nodes else f"0_up_lvl_{max_level}"
    for number in range(1, iterations + 1):
        for level in reversed(range(min_level, max_level)):
            # The finest level has no node on the way up, so it goes on from its last way down.
            finest = level == min_level and number > 1
            before = f"{number - 1}_{'dn' if finest else 'up'}_lvl_{level}"
            nodes.append(Node(f"{number}_dn_lvl_{level}", level, (before, last)))
            last = nodes[-1].name
        for level in range(min_level + 1, max_level + 1):
            down = () if level == max_level else (f"{number}_dn_lvl_{level}",)
            inputs = (f"{number - 1}_up_lvl_{level}", *down, last)
            nodes.append(Node(f"{number}_up_lvl_{level}", level, inputs))
            last = nodes[-1].name
    return nodes


class Combine(layers.Layer):
    """A weighted sum of feature maps, with weights that are learned.

    `fast_attention` makes the weights positive and of sum 1 (section 3.3 of the paper),
    `weighted_sum` takes them as they are; `sum` has none. `attention` has weights that change
    nothing: the Object Detection API takes the softmax of each by itself, which is 1.
    """

    def __init__(self, method: str, **options: Any) -> None:
        super().__init__(**options)
        self._method = method

    def build(self, input_shape: list[tf.TensorShape]) -> None:
        """Make one weight an input."""
        if self._method != "sum":
            self.per_input_weights = self.add_weight(
                name="bifpn_combine_weights", shape=(len(input_shape), 1), initializer="ones"
            )
        super().build(input_shape)

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        """`inputs`: maps of one shape [batch, height, width, channels]; the same comes back."""
        if self._method == "sum":
            return tf.add_n(inputs)
        # Scaling and adding needs no stacked copy of the maps.
        weights = tf.unstack(self._weights()[:, 0])
        return tf.add_n([weight * one for weight, one in zip(weights, inputs, strict=True)])

    def _weights(self) -> tf.Tensor:
        if self._method == "weighted_sum":
            return self.per_input_weights
        if self._method == "attention":
            return tf.nn.softmax(self.per_input_weights, axis=1)
        positive = tf.nn.relu(self.per_input_weights)
        return positive / (tf.reduce_sum(positive) + 0.0001)


class Upsample(layers.Layer):
    """Repeats each pixel `scale` times in both directions."""

    def __init__(self, scale: int, **options: Any) -> None:
        super().__init__(**options)
        self._scale = scale

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """[batch, height, width, channels] to [batch, height * scale, width * scale, channels]."""
        height, width, channels = inputs.shape[1:]
        scale = self._scale
        repeated = tf.broadcast_to(
            inputs[:, :, None, :, None, :],
            [tf.shape(inputs)[0], height, scale, width, scale, channels],
        )
        return tf.reshape(repeated, [-1, height * scale, width * scale, channels])


class BiFpn(Model):
    """Feature maps of the backbone to those of the pyramid, finest first."""

    def __init__(self, spec: BiFpnNeck, hyperparams: Hyperparams, *, frozen: bool) -> None:
        super().__init__(name="bifpn")
        self._nodes = bifpn_nodes(spec.min_level, spec.max_level, spec.num_iterations)
        self._first_level = spec.min_level
        # Attribute names and nesting are a checkpoint's keys: node / input / 1 / layer.
        self.node_input_blocks = []
        self.node_combine_op = []
        self.node_post_combine_block = []
        names = self._input_names(min(spec.max_level, MAX_LEVEL))
        levels = dict(zip(names, range(spec.min_level, spec.max_level + 1), strict=False))
        backbone_maps = set(names)
        for node in self._nodes:
            blocks = []
            for source in node.inputs:
                block = _resample(
                    spec,
                    hyperparams,
                    f"{node.name}/input_{source}/",
                    levels[source],
                    node.level,
                    # A backbone's channels are unlike the pyramid's, so they are projected.
                    project=source in backbone_maps,
                    frozen=frozen,
                )
                blocks.append((names.index(source), block))
            self.node_input_blocks.append(blocks)
            self.node_combine_op.append(
                Combine(spec.combine_method, name=f"{node.name}/combine")
                if node.combines
                else layers.Activation("linear", name=f"{node.name}/only")
            )
            self.node_post_combine_block.append(
                _post_combine(spec, hyperparams, f"{node.name}/post_combine/", frozen=frozen)
                if node.combines
                else []
            )
            names.append(node.name)
            levels[node.name] = node.level

    def _input_names(self, backbone_max_level: int) -> list[str]:
        levels = range(self._first_level, backbone_max_level + 1)
        return [f"0_up_lvl_{level}" for level in levels]

    def call(self, inputs: list[tf.Tensor], training: bool | None = None) -> list[tf.Tensor]:
        """The backbone's maps, finest first, to the pyramid's, finest first."""
        maps = list(inputs)
        for place, node in enumerate(self._nodes):
            given = [maps[source] for source, _ in self.node_input_blocks[place]]
            maps += run_block(partial(self._run_node, place, node, training), given)
        finest = min(node.level for node in self._nodes)
        count = max(node.level for node in self._nodes) - finest + 1
        return maps[-count:]

    def _run_node(
        self, place: int, node: Node, training: bool | None, given: list[tf.Tensor]
    ) -> list[tf.Tensor]:
        parts = [
            run(block, one, training)
            for one, (_, block) in zip(given, self.node_input_blocks[place], strict=True)
        ]
        combined = self.node_combine_op[place](parts if node.combines else parts[0])
        return [run(self.node_post_combine_block[place], combined, training)]


def _resample(
    spec: BiFpnNeck,
    hyperparams: Hyperparams,
    name: str,
    source_level: int,
    level: int,
    *,
    project: bool,
    frozen: bool,
) -> list[Any]:
    """Layers that bring a map to the channels and the level of a node."""
    block: list[Any] = []
    if project:
        prefix = f"{name}1x1_pre_sample/"
        block = [
            convolution(hyperparams, spec.num_filters, 1, f"{prefix}conv"),
            batch_norm(hyperparams, f"{prefix}batchnorm", frozen=frozen),
        ]
    if source_level < level:
        stride = 2 ** (level - source_level)
        pool = layers.MaxPooling2D(
            stride + 1, stride, padding="same", name=f"{name}downsample_max_x{stride}"
        )
        block.append(pool)
    elif source_level > level:
        scale = 2 ** (source_level - level)
        block.append(Upsample(scale, name=f"{name}nearest_neighbor_upsampling_x{scale}"))
    return block


def _post_combine(
    spec: BiFpnNeck, hyperparams: Hyperparams, name: str, *, frozen: bool
) -> list[Any]:
    """Activation, separable convolution, batch norm."""
    return [
        activation(hyperparams, f"{name}activation"),
        separable_convolution(
            hyperparams,
            spec.num_filters,
            3,
            f"{name}separable_conv",
            depthwise=True,
            pointwise=True,
        ),
        batch_norm(hyperparams, f"{name}batchnorm", frozen=frozen),
    ]
