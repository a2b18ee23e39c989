"""Reading and writing checkpoints by the Object Detection API's names.

A key is the first path to a variable, breadth first in the order of the attributes; TensorFlow
itself follows the edges of the graph that a checkpoint stores. What is restored is counted by
name, and compared with the file before anything is loaded.

Source: object_detection/model_lib_v2.py, `load_fine_tune_checkpoint` and `train_loop`;
meta_architectures/ssd_meta_arch.py, `restore_from_objects`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf

from odapi_runner.engine.detector import Detector
from odapi_runner.errors import CheckpointError
from odapi_runner.formats import checkpoint_index as formats
from odapi_runner.formats.checkpoint_index import SLOT, VALUE, check_shards, read_index

# What a checkpoint holds beside variables of the model and slots of the optimizer.
_COUNTERS = ("save_counter", "step", "optimizer/")


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of reading a checkpoint, by key."""

    path: str
    restored: tuple[str, ...]
    left_in_model: tuple[str, ...]  # variables that keep their initial values
    left_in_file: tuple[str, ...]  # values that the model has no place for


def variable_keys(root: Any) -> dict[str, tf.Variable]:
    """The variables below a trackable by their checkpoint keys (without `VALUE`)."""
    keys: dict[str, tf.Variable] = {}
    seen = {id(root)}
    queue: deque[tuple[str, Any]] = deque([("", root)])
    while queue:
        path, node = queue.popleft()
        if isinstance(node, tf.Variable):
            keys[path] = node
        for name, child in tf.train.TrackableView.children(node).items():
            if id(child) not in seen:
                seen.add(id(child))
                queue.append((f"{path}/{name}" if path else name, child))
    return keys


def restore_fine_tune(detector: Detector, path: str, kind: str) -> Restored:
    """Restore the part of a detector that a fine-tune checkpoint type names.

    Args:
        detector: with its variables built.
        path: a checkpoint's prefix, `…/ckpt-0`.
        kind: `detection` (feature extractor), `classification` (backbone) or `full`.

    Raises:
        CheckpointError: the checkpoint lacks a variable of that part, or has it in another shape.
    """
    root = tf.train.Checkpoint(**detector.restorable(kind))
    fix = "Choose another fine_tune_checkpoint_type, or another checkpoint."
    return _restore(root, root.read, path, variable_keys(tf.train.Checkpoint(model=detector)), fix)


def restore_run(root: tf.train.Checkpoint, path: str) -> Restored:
    """Restore step, model and, where the checkpoint has them, the optimizer's slots.

    Raises:
        CheckpointError: the checkpoint lacks a variable, or has it in another shape.
    """
    fix = "It belongs to another config: train into a new run."
    return _restore(root, root.restore, path, variable_keys(root), fix)


def read_step(path: str) -> int:
    """The step at which a checkpoint was saved.

    Raises:
        CheckpointError: it cannot be read, or holds no step.
    """
    step = formats.read_step(read_index(Path(path)))
    if step is None:
        raise CheckpointError(
            f"{path}: holds no step, so it is not the checkpoint of a training",
            fix="Give a checkpoint that a training saved.",
        )
    return step


def numbered(folder: Path, number: int) -> str:
    """The prefix of `ckpt-<number>` in a folder."""
    return str(folder / f"ckpt-{number}")


def _restore(
    root: tf.train.Checkpoint,
    load: Callable[[str], Any],  # `restore` counts saves on from the file's, `read` does not
    path: str,
    model: dict[str, tf.Variable],
    fix: str,
) -> Restored:
    index = read_index(Path(path))
    check_shards(index)
    stored = {
        key.removesuffix(VALUE): list(entry.shape)
        for key, entry in index.tensors.items()
        if key.endswith(VALUE)
    }
    wanted = _without_counters(variable_keys(root))
    _compare(path, wanted, stored, fix)
    try:
        load(path).expect_partial().assert_existing_objects_matched()
    except tf.errors.DataLossError as error:
        what = f"{path}: the bytes of a variable are not those that were written"
        raise CheckpointError(what, fix="Unpack or copy the checkpoint again.") from error
    wanted_variables = {id(variable) for variable in wanted.values()}
    return Restored(
        path=path,
        restored=tuple(sorted(wanted)),
        left_in_model=tuple(
            sorted(
                key
                for key, variable in _without_counters(model).items()
                if id(variable) not in wanted_variables
            )
        ),
        left_in_file=tuple(sorted(key for key in _without_counters(stored) if key not in wanted)),
    )


def _compare(
    path: str, wanted: dict[str, tf.Variable], stored: dict[str, list[int]], fix: str
) -> None:
    """Say by name what does not fit, before TensorFlow says it by object ids."""
    missing = sorted(key for key in wanted if key not in stored)
    if missing:
        raise CheckpointError(
            f"{path}: {len(missing)} of {len(wanted)} variables are not in it: {_some(missing)}",
            fix=fix,
        )
    unlike = sorted(
        f"{key} is {stored[key]} there, {variable.shape.as_list()} here"
        for key, variable in wanted.items()
        if list(stored[key]) != variable.shape.as_list()
    )
    if unlike:
        raise CheckpointError(
            f"{path}: {len(unlike)} variables have another shape: {_some(unlike)}", fix=fix
        )


def _without_counters(keys: dict[str, Any]) -> dict[str, Any]:
    return {
        key: value
        for key, value in keys.items()
        if SLOT not in key and not key.startswith(_COUNTERS)
    }


def _some(items: list[str], most: int = 3) -> str:
    rest = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(items[:most]) + rest
