"""EfficientNet b0 to b7, as the Object Detection API's EfficientDet uses them.

The network is official.legacy's of tf-models-official: the checkpoints are its object graph.
Replacing that package means writing its block structure here (seven stages, about 200 lines).
"""

from __future__ import annotations

from typing import Any

from official.legacy.image_classification.efficientnet import efficientnet_model

from odapi_runner.engine.keras import Model, clone_model, layers
from odapi_runner.engine.layers import FreezableBatchNorm
from odapi_runner.engine.spec.backbone import Backbone
from odapi_runner.engine.spec.layers import Regularizer
from odapi_runner.engine.stochastic import DropExamples

# The layer that gives each pyramid level, of stride 2**level; the same names for all sizes, though
# the deeper networks go on within some of these stages.
# Source: object_detection/models/ssd_efficientnet_bifpn_feature_extractor.py.
LEVEL_ENDPOINTS = {
    1: "stack_0/block_0/project_bn",
    2: "stack_1/block_1/add",
    3: "stack_2/block_1/add",
    4: "stack_4/block_2/add",
    5: "stack_6/block_0/project_bn",
}
MAX_LEVEL = max(LEVEL_ENDPOINTS)
# Keras' own choice. The Object Detection API overrides the network's with none where a config has
# none, and Keras takes that for no choice.
KERAS_WEIGHT_DECAY = 0.01


def build_efficientnet(spec: Backbone, levels: range, *, frozen: bool) -> tuple[Any, Any, int]:
    """The classifier, the network of its levels, and how many draws an example needs.

    Args:
        spec: which EfficientNet, whose weight decay.
        levels: which maps, of stride 2**level.
        frozen: whether batch norm keeps to its moving averages in training too. (The Object
            Detection API's `freeze_batchnorm` forgets this backbone; it is honoured here.)

    Returns:
        The whole classifier (a `classification` checkpoint restores it); a model from images
        float32 [batch, height, width, 3] to the maps of `levels` that shares its layers; and the
        number of layers that drop examples.
    """
    overrides: dict[str, Any] = {"rescale_input": False}
    if spec.override_hyperparams:
        overrides["weight_decay"] = _weight_decay(spec.hyperparams.regularizer)
    name = spec.type.removeprefix("ssd_").removesuffix("_bifpn_keras")
    published = efficientnet_model.EfficientNet.from_name(name, overrides=overrides)
    classifier, drops = _adapted(published, frozen=frozen)
    # A layer's last node belongs to the clone; the first is the published model's.
    endpoints = [classifier.get_layer(LEVEL_ENDPOINTS[level]).get_output_at(-1) for level in levels]
    return classifier, Model(classifier.inputs, endpoints), drops


def _weight_decay(regularizer: Regularizer | None) -> float:
    """A factor of the sum of squares, which Keras' L2 does not halve (of an L1 weight, too)."""
    if regularizer is None:
        return KERAS_WEIGHT_DECAY
    return regularizer.weight / (2 if regularizer.kind == "l2" else 1)


def _adapted(published: Any, *, frozen: bool) -> tuple[Any, int]:
    """The same network, dropping examples by their own draws, its batch norm freezable."""
    drops = [
        layer.name
        for layer in published.layers
        if isinstance(layer, layers.Dropout) and layer.name.endswith("/drop")
    ]

    def replaced(layer: Any) -> Any:
        if layer.name in drops:
            return DropExamples(layer.rate, place=drops.index(layer.name), name=layer.name)
        if isinstance(layer, layers.BatchNormalization):
            return FreezableBatchNorm(frozen=frozen, **layer.get_config())
        return layer

    return clone_model(published, clone_function=replaced), len(drops)
