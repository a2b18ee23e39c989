"""How the convolutions of a part of the network are made."""

from __future__ import annotations

from odapi_runner.engine.fields import Reader
from odapi_runner.engine.spec import BatchNorm, Hyperparams, Initializer


def read_hyperparams(hyperparams: Reader) -> Hyperparams:
    """A message `conv_hyperparams`."""
    hyperparams.require("op", ("CONV",))
    hyperparams.require("regularize_depthwise", (False,))
    batch_norm = None
    if hyperparams.choice("normalizer_oneof") is not None:
        _, norm = hyperparams.member("normalizer_oneof", ("batch_norm",))
        norm.require("train", (True,), "freeze_batchnorm of the model does that")
        batch_norm = BatchNorm(
            norm.value("decay"), norm.value("center"), norm.value("scale"), norm.value("epsilon")
        )
    l2_weight = None
    regularizer = hyperparams.message("regularizer")
    if regularizer.choice("regularizer_oneof") is not None:
        _, l2 = regularizer.member("regularizer_oneof", ("l2_regularizer",))
        l2_weight = l2.value("weight")
    return Hyperparams(
        l2_weight=l2_weight,
        initializer=_initializer(hyperparams.message("initializer")),
        activation=hyperparams.enum("activation"),
        batch_norm=batch_norm,
        force_use_bias=hyperparams.value("force_use_bias"),
    )


def _initializer(initializer: Reader) -> Initializer:
    kinds = ("truncated_normal_initializer", "random_normal_initializer")
    kind, normal = initializer.member("initializer_oneof", kinds)
    return Initializer(
        kind.removesuffix("_initializer"), normal.value("mean"), normal.value("stddev")
    )
