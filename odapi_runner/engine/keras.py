"""The Keras that the engine is written in: tf_keras, which is Keras 2.

It is imported here and in `backbones/` only. A checkpoint of the Object Detection API is the
object graph of Keras 2 layers and of its legacy optimizers; Keras 3 names and nests both
differently. Replacing it means writing those graphs by hand: a `tf.Module` for each layer used
(convolution, separable convolution, batch norm, dense) and one for each optimizer with its slots,
about 600 lines, held by `tests/engine/test_numerics.py` and `test_checkpoint.py`.
"""

from tf_keras import Model, initializers, layers, mixed_precision, regularizers
from tf_keras.models import clone_model
from tf_keras.optimizers import legacy as optimizers
from tf_keras.utils import set_random_seed

__all__ = [
    "Model",
    "clone_model",
    "initializers",
    "layers",
    "mixed_precision",
    "optimizers",
    "regularizers",
    "set_random_seed",
]
