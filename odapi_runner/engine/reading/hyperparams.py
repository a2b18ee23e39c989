"""How the convolutions of a part of the network are made."""

from __future__ import annotations

from odapi_runner.engine.fields import Reader
from odapi_runner.engine.spec.layers import (
    BatchNorm,
    Hyperparams,
    Initializer,
    NamedInitializer,
    NormalInitializer,
    Regularizer,
    VarianceScaling,
)

# Keras' initializers that need no argument and give a convolution weights to learn with.
KERAS_INITIALIZERS = (
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "lecun_normal",
    "lecun_uniform",
    "random_normal",
    "random_uniform",
    "truncated_normal",
    "variance_scaling",
    "zeros",
)


def read_hyperparams(hyperparams: Reader) -> Hyperparams:
    """A message `conv_hyperparams`.

    Source: object_detection/builders/hyperparams_builder.py, `KerasLayerHyperparams`.
    """
    hyperparams.require("op", ("CONV",))
    return Hyperparams(
        regularizer=_regularizer(hyperparams.message("regularizer")),
        initializer=_initializer(hyperparams.message("initializer")),
        activation=hyperparams.enum("activation"),
        batch_norm=_batch_norm(hyperparams),
        force_use_bias=hyperparams.value("force_use_bias"),
    )


def _batch_norm(hyperparams: Reader) -> BatchNorm | None:
    if hyperparams.choice("normalizer_oneof") is None:
        return None
    kind, norm = hyperparams.member(
        "normalizer_oneof",
        ("batch_norm", "sync_batch_norm"),
        why={"group_norm": "TF2's Object Detection API would normalise nothing"},
    )
    norm.require("train", (True,), "freeze_batchnorm of the model does that")
    return BatchNorm(
        decay=norm.value("decay"),
        center=norm.value("center"),
        scale=norm.value("scale"),
        epsilon=norm.value("epsilon"),
        synchronized=kind == "sync_batch_norm",
    )


def _regularizer(regularizer: Reader) -> Regularizer | None:
    if regularizer.choice("regularizer_oneof") is None:
        return None
    kind, decay = regularizer.member("regularizer_oneof", ("l1_regularizer", "l2_regularizer"))
    return Regularizer(kind.removesuffix("_regularizer"), decay.value("weight"))


def _initializer(initializer: Reader) -> Initializer:
    kind = initializer.choice("initializer_oneof")
    if kind is None:
        return None
    if kind == "keras_initializer_by_name":
        return NamedInitializer(initializer.require(kind, KERAS_INITIALIZERS))
    made = initializer.message(kind)
    if kind == "variance_scaling_initializer":
        mode = made.enum("mode").lower()
        return VarianceScaling(made.value("factor"), mode, made.value("uniform"))
    return NormalInitializer(
        made.value("mean"), made.value("stddev"), truncated=kind == "truncated_normal_initializer"
    )
