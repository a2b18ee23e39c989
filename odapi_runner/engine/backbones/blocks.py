"""What the backbones written here are put together from.

The order of the layers in a network is a checkpoint's keys (`layer_with_weights-N`), so each
backbone makes them as the Object Detection API's version of `keras.applications` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from odapi_runner.engine.layers import (
    activation,
    batch_norm,
    convolution,
    depthwise_convolution,
    fixed_padding,
)
from odapi_runner.engine.spec.layers import Hyperparams


@dataclass(frozen=True, slots=True)
class Blocks:
    """Convolutions without a bias, each followed by a batch norm.

    Attributes:
        hyperparams: initializer, regularizer, activation, batch norm.
        frozen: whether batch norm keeps to its moving averages in training too.
    """

    hyperparams: Hyperparams
    frozen: bool

    def convolve(
        self,
        features: Any,
        filters: int,
        size: int,
        names: tuple[str, str],
        *,
        stride: int = 1,
        explicit_padding: bool = False,
    ) -> Any:
        """A convolution and its batch norm, named so.

        `explicit_padding` pads the same on all sides; `same` padding of an even map pads less
        above and left.
        """
        name, norm = names
        explicit_padding = explicit_padding and size > 1
        made = convolution(
            self.hyperparams,
            filters,
            size,
            name,
            strides=stride,
            use_bias=False,
            padding="valid" if explicit_padding else "same",
        )
        if explicit_padding:
            features = fixed_padding(size, f"{name}_pad")(features)
        return self.normalize(made(features), norm)

    def convolve_depthwise(
        self, features: Any, names: tuple[str, str], *, stride: int, explicit_padding: bool
    ) -> Any:
        """A 3x3 convolution of each channel by itself, and its batch norm, named so."""
        name, norm = names
        made = depthwise_convolution(
            self.hyperparams,
            3,
            name,
            configured=True,
            strides=stride,
            use_bias=False,
            padding="valid" if explicit_padding else "same",
        )
        if explicit_padding:
            features = fixed_padding(3, f"{name}_pad")(features)
        return self.normalize(made(features), norm)

    def normalize(self, features: Any, name: str) -> Any:
        """Batch norm."""
        return batch_norm(self.hyperparams, name, frozen=self.frozen)(features)

    def activate(self, features: Any, name: str) -> Any:
        """The activation."""
        return activation(self.hyperparams, name)(features)
