"""Layers made as a config's `Hyperparams` say.

Source: object_detection/builders/hyperparams_builder.py, core/freezable_batch_norm.py and
utils/bifpn_utils.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import tensorflow as tf

from odapi_runner.engine.keras import initializers, layers, regularizers
from odapi_runner.engine.recompute import is_again, run_block
from odapi_runner.engine.spec.layers import (
    Hyperparams,
    NamedInitializer,
    NormalInitializer,
    VarianceScaling,
)
from odapi_runner.engine.stochastic import DropFeatures

ACTIVATIONS: dict[str, Callable[[tf.Tensor], tf.Tensor]] = {
    "NONE": tf.identity,
    "RELU": tf.nn.relu,
    "RELU_6": tf.nn.relu6,
    "SWISH": tf.nn.swish,
}


class FreezableBatchNorm(layers.BatchNormalization):
    """Batch norm that keeps to its moving averages in training too, once frozen."""

    def __init__(self, *, frozen: bool, **options: Any) -> None:
        super().__init__(**options)
        self._frozen = frozen

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Normalise with the batch's statistics in training, unless frozen."""
        return super().call(inputs, training=training and not self._frozen)

    def add_update(self, update: Callable[[], Any]) -> None:
        """Update a moving average, once for a batch: not when its block is computed again."""
        if not is_again():
            super().add_update(update)


def run(stack: Iterable[layers.Layer], feature_map: tf.Tensor, training: bool | None) -> tf.Tensor:
    """Apply layers one after the other; batch norm and dropout are told if this is training."""
    for layer in stack:
        if isinstance(layer, layers.BatchNormalization | DropFeatures):
            feature_map = layer(feature_map, training=training)
        else:
            feature_map = layer(feature_map)
    return feature_map


def run_stack(
    stack: Iterable[layers.Layer], feature_map: tf.Tensor, training: bool | None
) -> tf.Tensor:
    """The same for layers that are a block of the network (`recompute.run_block`)."""
    (made,) = run_block(lambda given: [run(stack, given[0], training)], [feature_map])
    return made


def activation(hyperparams: Hyperparams, name: str) -> layers.Layer:
    """The activation as a layer of its own."""
    return layers.Activation(ACTIVATIONS[hyperparams.activation], name=name)


def batch_norm(hyperparams: Hyperparams, name: str, *, frozen: bool) -> layers.Layer:
    """Batch norm, or the identity where the config has none."""
    norm = hyperparams.batch_norm
    if norm is None:
        return layers.Activation("linear", name=name)
    return FreezableBatchNorm(
        frozen=frozen,
        synchronized=norm.synchronized,
        momentum=norm.decay,
        center=norm.center,
        scale=norm.scale,
        epsilon=norm.epsilon,
        name=name,
    )


def convolution(
    hyperparams: Hyperparams, filters: int, size: int, name: str, **options: Any
) -> Any:
    """A convolution with the config's initializer, regularizer and bias rule."""
    made = {
        "padding": "same",
        "use_bias": use_bias(hyperparams),
        "kernel_initializer": _initializer(hyperparams),
        "kernel_regularizer": _regularizer(hyperparams),
    }
    return layers.Conv2D(filters, size, name=name, **(made | options))


def depthwise_convolution(
    hyperparams: Hyperparams, size: int, name: str, *, configured: bool, **options: Any
) -> Any:
    """A convolution of each channel by itself.

    Args:
        hyperparams: the initializer, regularizer and bias rule.
        size: height and width of the kernel.
        name: the layer's name.
        configured: whether initializer and regularizer apply; Keras' defaults do otherwise. (The
            Object Detection API hands them over under a name that such a layer does not look at,
            except in its MobileNets.)
        options: more arguments of the Keras layer.
    """
    made: dict[str, Any] = {"padding": "same", "use_bias": use_bias(hyperparams)}
    if configured:
        made["depthwise_initializer"] = _initializer(hyperparams)
        made["depthwise_regularizer"] = _regularizer(hyperparams)
    return layers.DepthwiseConv2D(size, name=name, **(made | options))


def fixed_padding(size: int, name: str | None = None) -> layers.Layer:
    """As many zeros around a map as a convolution of that size and no padding takes away."""
    before = (size - 1) // 2
    sides = (before, size - 1 - before)
    return layers.ZeroPadding2D((sides, sides), name=name)


def separable_convolution(
    hyperparams: Hyperparams,
    filters: int,
    size: int,
    name: str,
    *,
    depthwise: bool,
    pointwise: bool,
    **options: Any,
) -> Any:
    """A depthwise, then a pointwise convolution.

    Args:
        hyperparams: the initializer, regularizer and bias rule.
        filters: channels of the output.
        size: height and width of the depthwise kernel.
        name: the layer's name.
        depthwise: whether initializer and regularizer apply to the depthwise kernel; Keras'
            defaults do otherwise.
        pointwise: the same for the pointwise kernel.
        options: more arguments of the Keras layer.
    """
    made: dict[str, Any] = {"padding": "same", "use_bias": use_bias(hyperparams)}
    for part, wanted in (("depthwise", depthwise), ("pointwise", pointwise)):
        if wanted:
            made[f"{part}_initializer"] = _initializer(hyperparams)
            made[f"{part}_regularizer"] = _regularizer(hyperparams)
    return layers.SeparableConv2D(filters, size, name=name, **(made | options))


def use_bias(hyperparams: Hyperparams) -> bool:
    """A convolution needs no bias where a centring batch norm follows, unless forced."""
    norm = hyperparams.batch_norm
    return hyperparams.force_use_bias or norm is None or not norm.center


def _initializer(hyperparams: Hyperparams) -> Any:
    made = hyperparams.initializer
    if isinstance(made, NormalInitializer):
        kind = initializers.TruncatedNormal if made.truncated else initializers.RandomNormal
        return kind(mean=made.mean, stddev=made.stddev)
    if isinstance(made, VarianceScaling):
        distribution = "uniform" if made.uniform else "truncated_normal"
        return initializers.VarianceScaling(made.factor, made.mode, distribution)
    name = made.name if isinstance(made, NamedInitializer) else "glorot_uniform"
    return initializers.get(name)


def _regularizer(hyperparams: Hyperparams) -> Any:
    decay = hyperparams.regularizer
    if decay is None:
        return None
    if decay.kind == "l1":
        return regularizers.L1(decay.weight)
    # A config's weight is that of tf.nn.l2_loss, which halves the square; Keras' does not.
    return regularizers.L2(decay.weight / 2)
