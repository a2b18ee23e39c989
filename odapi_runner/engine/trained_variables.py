"""Which variables a training changes, by the patterns of `train_config`.

A pattern is a regular expression that is searched for (`re.search`) in two names of a variable:
its checkpoint key (`model/_feature_extractor/classification_backbone/layer_with_weights-0/kernel`)
and Keras' name (`Conv1/kernel`). Statistics of batch norm are no such variables: they follow the
batches of a frozen layer too, unless `freeze_batchnorm` is set.

Source: object_detection/model_lib.py, `create_model_fn` (TF1; TF2's trainer trains everything);
protos/train.proto; tf_slim's `filter_variables`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import tensorflow as tf

from odapi_runner.engine.detector import Detector
from odapi_runner.engine.spec.train import Train
from odapi_runner.engine.stored_variables import variable_keys
from odapi_runner.errors import ConfigError

_BIAS = "bias"
_EXAMPLES = 3


def trained_variables(spec: Train, detector: Detector) -> list[tf.Variable]:
    """The variables that are trained: `update_trainable_variables` less `freeze_variables`.

    Without the former, all that can be. Only their gradients are asked for: layers before the
    first of them cost no backward pass.

    Raises:
        ConfigError: a pattern matches no variable, or nothing is left to train.
    """
    keys = {id(one): key for key, one in variable_keys(tf.train.Checkpoint(model=detector)).items()}
    variables = detector.trainable_variables
    names = {id(one): (keys[id(one)], keras_name(one)) for one in variables}
    included = _matched(names, spec.update_variables, "update_trainable_variables")
    frozen = _matched(names, spec.freeze_variables, "freeze_variables")
    trained = [
        one
        for one in detector.reached_variables(regularized=spec.regularize)
        if id(one) not in frozen and (id(one) in included or not spec.update_variables)
    ]
    if not trained:
        raise ConfigError(
            f"train_config: of {len(variables)} variables none is left to train",
            fix="Take a pattern out: -d train_config.freeze_variables",
        )
    return trained


def keras_name(variable: tf.Variable) -> str:
    """`layer/kernel`, without the number of the output."""
    name: str = variable.name
    return name.partition(":")[0]


def is_bias(variable: tf.Variable) -> bool:
    """Whether it is what a convolution or a dense layer adds (a batch norm's is called beta)."""
    return keras_name(variable).rpartition("/")[2] == _BIAS


def _matched(names: Mapping[int, tuple[str, str]], patterns: Iterable[str], field: str) -> set[int]:
    found: set[int] = set()
    for place, pattern in enumerate(patterns):
        one = {own for own, both in names.items() if any(re.search(pattern, name) for name in both)}
        if not one:
            step = max(1, len(names) // _EXAMPLES)
            shown = ", ".join(" or ".join(both) for both in list(names.values())[::step])
            raise ConfigError(
                f'train_config.{field}[{place}]: no variable is called like "{pattern}"',
                fix=f"It is searched for in names such as {shown}.",
            )
        found |= one
    return found
