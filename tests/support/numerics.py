"""Weights, inputs and checkpoints that anyone can rebuild, as the reference figures use them."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np


def rebuilt_weight(key: str, shape: Sequence[int]) -> np.ndarray:
    """The value of the variable with this checkpoint key, float32.

    The rule: a generator seeded by the CRC-32 of the key; statistics and scales near 1, offsets
    near 0, everything else normal with a variance of 1 over its fan-in.
    """
    random = np.random.default_rng(zlib.crc32(key.encode()))
    last = key.rsplit("/", 1)[-1]
    if last == "moving_variance":
        value = random.uniform(0.5, 1.5, shape)
    elif last == "gamma":
        value = random.uniform(0.8, 1.2, shape)
    elif last in {"beta", "moving_mean", "bias"}:
        value = 0.05 * random.standard_normal(shape)
    elif "combine" in key and len(shape) <= 1:
        value = random.uniform(0.5, 1.5, shape)
    else:
        fan = np.prod(shape[:2] if "depthwise" in last else shape[:-1])
        value = random.standard_normal(shape) / np.sqrt(fan)
    return np.asarray(value, np.float32)


def rebuilt_images(size: int) -> np.ndarray:
    """The two input images of the reference, uint8 [2, size, size, 3]."""
    return np.random.default_rng(7).integers(0, 256, (2, size, size, 3)).astype(np.uint8)


# (ymin, xmin, ymax, xmax), 0..1, and 0-based classes, of the two images.
GROUNDTRUTH = (
    ([[0.1, 0.15, 0.55, 0.6], [0.4, 0.45, 0.95, 0.9]], [0, 2]),
    ([[0.05, 0.5, 0.35, 0.98], [0.2, 0.2, 0.8, 0.8], [0.6, 0.05, 0.9, 0.3]], [2, 0, 1]),
)


def write_checkpoint(path: Path, values: Mapping[str, Any]) -> str:
    """Write a checkpoint whose object graph is nothing but the given keys; return its prefix."""
    import tensorflow as tf

    tree: dict[str, Any] = {}
    for key, value in values.items():
        *parents, last = key.split("/")
        node = tree
        for name in parents:
            node = node.setdefault(name, {})
        node[last] = tf.Variable(value)

    def trackable(node: dict[str, Any]) -> Any:
        children = {
            name: trackable(child) if isinstance(child, dict) else child
            for name, child in node.items()
        }
        return tf.train.Checkpoint(**children)

    return str(trackable(tree).write(str(path)))
