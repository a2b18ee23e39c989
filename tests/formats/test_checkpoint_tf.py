"""Checkpoints read without TensorFlow, compared with TensorFlow's own reading and writing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from odapi_runner.formats.checkpoint_index import VALUE, check_shards, read_index, read_step
from odapi_runner.formats.checkpoint_index import read_tensor as read_ours
from odapi_runner.formats.object_graph import read_graph
from support.checkpoints import write_checkpoint

pytestmark = pytest.mark.tf
KINDS = (
    *("float16", "bfloat16", "float32", "float64", "int8", "uint8", "int16", "uint16"),
    *("int32", "uint32", "uint64", "bool"),
)


def assert_alike(prefix: str) -> None:
    """Every key, shape, type and value is what TensorFlow reads."""
    import tensorflow as tf

    reader = tf.train.load_checkpoint(prefix)
    shapes, types = reader.get_variable_to_shape_map(), reader.get_variable_to_dtype_map()
    index = read_index(Path(prefix))
    check_shards(index)

    assert {key: list(entry.shape) for key, entry in index.tensors.items()} == shapes
    assert {key: entry.dtype for key, entry in index.tensors.items()} == {
        key: kind.name for key, kind in types.items()
    }
    for key, entry in index.tensors.items():
        if entry.dtype != "string":
            expected = np.asarray(reader.get_tensor(key))
            if entry.dtype == "bfloat16":
                expected = expected.astype(np.float32)
            np.testing.assert_array_equal(read_ours(index, key), expected)


def test_variables_of_every_type(tmp_path: Path) -> None:
    """What TensorFlow writes: scalars, empty ones, small and wide numbers, a string."""
    import tensorflow as tf

    root = tf.train.Checkpoint(
        step=tf.Variable(12345, dtype=tf.int64),
        text=tf.Variable("모델"),
        empty=tf.Variable(tf.zeros([0, 3])),
        **{kind: tf.Variable(tf.cast([[1, 0], [3, 1]], kind)) for kind in KINDS},
    )
    prefix = root.save(str(tmp_path / "ckpt"))

    assert_alike(prefix)
    assert read_step(read_index(Path(prefix))) == 12345


def test_a_training_with_slots(tmp_path: Path) -> None:
    """Model, optimizer and step as a training saves them; the graph names the slots."""
    import tensorflow as tf

    from odapi_runner.engine.keras import Model, layers, optimizers

    inputs = layers.Input([2])
    model = Model(inputs, layers.Dense(1)(layers.Dense(3)(inputs)))
    optimizer = optimizers.SGD(0.1, momentum=0.9)
    optimizer.apply_gradients((tf.ones_like(v), v) for v in model.trainable_variables)
    root = tf.train.Checkpoint(step=tf.Variable(7, dtype=tf.int64), model=model)
    root.optimizer = optimizer
    prefix = root.save(str(tmp_path / "ckpt"))

    assert_alike(prefix)
    index = read_index(Path(prefix))
    graph = read_graph(index)
    assert graph.slots() == {"momentum"}
    backbone = graph.find("model", "layer_with_weights-0")
    assert backbone is not None
    assert sorted(graph.variables(backbone)) == ["bias", "kernel"]
    # `variables` is another path to them: each stands there once.
    assert len(graph.variables()) == len([k for k in index.tensors if k.endswith(VALUE)]) - 4


def test_a_checkpoint_of_tf1(tmp_path: Path) -> None:
    """Saved by names: no graph."""
    import tensorflow as tf

    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.compat.v1.get_variable("FeatureExtractor/MobilenetV1/Conv2d_0/weights", [3, 3, 3, 32])
        session.run(tf.compat.v1.global_variables_initializer())
        prefix = tf.compat.v1.train.Saver().save(session, str(tmp_path / "model.ckpt"))

    index = read_index(Path(prefix))
    assert not index.is_object_based
    assert list(index.tensors) == ["FeatureExtractor/MobilenetV1/Conv2d_0/weights"]
    assert_alike(prefix)


def test_partitioned_variables_of_tf1(tmp_path: Path) -> None:
    """Their bytes lie under other keys: they are listed, and not read."""
    import tensorflow as tf

    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.compat.v1.get_variable(
            "weights", [4, 2], partitioner=tf.compat.v1.fixed_size_partitioner(2)
        )
        session.run(tf.compat.v1.global_variables_initializer())
        prefix = tf.compat.v1.train.Saver().save(session, str(tmp_path / "model.ckpt"))

    index = read_index(Path(prefix))
    assert index.tensors["weights"].is_sliced
    check_shards(index)


def test_the_checkpoint_of_a_training_run(tmp_path: Path) -> None:
    """The writer of tests/support writes what TensorFlow reads: keys, values and edges."""
    import tensorflow as tf

    shapes = {f"model/layer-{number}/kernel": (3, 2) for number in range(300)}
    prefix = write_checkpoint(
        tmp_path / "ckpt-1", shapes, step=9, aliases={"model/first": "model/layer-0"}
    )

    assert_alike(prefix)
    # Restored by an edge that no key has.
    kernel = tf.Variable(tf.ones([3, 2]))
    model = tf.train.Checkpoint(first=tf.train.Checkpoint(kernel=kernel))
    status = tf.train.Checkpoint(model=model).read(prefix)
    status.expect_partial().assert_existing_objects_matched()
    assert not kernel.numpy().any()


@pytest.mark.parametrize("optimizer", ["momentum", "adam", "rmsprop", "momentum_moving_average"])
def test_keys_of_the_object_detection_api(optimizer: str, reference: Path, tmp_path: Path) -> None:
    """Every key of a real training, written by TensorFlow and listed without it."""
    import tensorflow as tf

    keys: dict[str, Any] = json.loads(
        (reference / "checkpoint_keys" / f"{optimizer}.json").read_text("utf-8")
    )
    prefix = str(tmp_path / "ckpt-1")
    names = sorted(keys)
    tensors = [
        tf.constant("graph")
        if keys[name]["dtype"] == "string"
        else tf.zeros(keys[name]["shape"], keys[name]["dtype"])
        for name in names
    ]
    tf.raw_ops.SaveV2(
        prefix=prefix, tensor_names=names, shape_and_slices=[""] * len(names), tensors=tensors
    )

    index = read_index(Path(prefix))
    assert {
        key: {"shape": list(entry.shape), "dtype": entry.dtype}
        for key, entry in index.tensors.items()
    } == keys
    assert read_step(index) == 0
    assert index.is_object_based
