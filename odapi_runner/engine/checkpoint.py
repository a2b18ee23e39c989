"""Reading checkpoints of the Object Detection API and of the engine, which are alike.

What is restored is counted by name, compared in shape and type with the file before anything is
loaded, and one variable of each layer bit by bit after it.

Source: object_detection/model_lib_v2.py, `load_fine_tune_checkpoint` and `train_loop`;
meta_architectures/ssd_meta_arch.py, `restore_from_objects`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf

from odapi_runner.engine.detector import Detector
from odapi_runner.engine.moving_average import BASE, MovingAverages
from odapi_runner.engine.stored_variables import (
    Stored,
    compare_kinds,
    compare_values,
    match_variables,
    read_stored,
    variable_keys,
)
from odapi_runner.errors import CheckpointError
from odapi_runner.formats import checkpoint_index as formats
from odapi_runner.formats.checkpoint_index import SLOT, VALUE, read_index

_OPTIMIZER = "optimizer"
# What a checkpoint holds beside variables of the model and of the optimizer.
_COUNTERS = ("save_counter", "step")
_OTHER_CONFIG = "It belongs to another config: train into a new run."


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of reading a checkpoint, by key."""

    path: str
    restored: tuple[str, ...]  # variables of the model
    of_optimizer: tuple[str, ...]  # slots and numbers of the optimizer
    left_in_model: tuple[str, ...]  # variables that keep their initial values
    left_in_file: tuple[str, ...]  # values that the model has no place for
    compared: tuple[str, ...]  # the largest of each layer: afterwards as in the file, bit by bit
    overruled: tuple[str, ...]  # the optimizer's numbers that the config has otherwise: it counts


def restore_fine_tune(detector: Detector, path: str, kind: str) -> Restored:
    """Restore the part of a detector that a fine-tune checkpoint type names.

    Args:
        detector: with its variables built.
        path: a checkpoint's prefix, `…/ckpt-0`.
        kind: `detection` (feature extractor), `classification` (backbone) or `full`.

    Raises:
        CheckpointError: the checkpoint lacks a variable of that part, or has it in another shape
            or type.
    """
    root = tf.train.Checkpoint(**detector.restorable(kind))
    model = tf.train.Checkpoint(model=detector)
    fix = "Choose another fine_tune_checkpoint_type, or another checkpoint."
    return _restore(root, root.read, read_stored(path), model, fix)


def restore_run(root: tf.train.Checkpoint, path: str) -> Restored:
    """Restore step and model of a training.

    Raises:
        CheckpointError: the checkpoint lacks a variable, or has it in another shape or type.
    """
    return _restore(root, root.restore, read_stored(path), root, _OTHER_CONFIG)


def restore_training(root: tf.train.Checkpoint, optimizer: Any, path: str) -> Restored:
    """Restore step, model and optimizer of a training, to go on with it.

    The optimizer's own numbers, such as its momentum, are the config's afterwards. (The Object
    Detection API keeps to the file's, so a changed config is without effect there.) Slots that the
    file does not have, since their variables were frozen, are made with the first step, as zeros.

    Args:
        root: `step`, `model` and `optimizer`.
        optimizer: what `root` has under that name; no step was made with it.
        path: the checkpoint's prefix.

    Raises:
        CheckpointError: the checkpoint lacks a variable, or has it in another shape or type; or
            it was saved with another kind of optimizer.
    """
    stored = read_stored(path)
    parts = {_OPTIMIZER: optimizer}
    if isinstance(optimizer, MovingAverages):
        parts[f"{_OPTIMIZER}/{BASE}"] = optimizer.base
    slots, slot_keys = _build_slots(stored, root, parts)
    numbers = {
        f"{place}/{name}": number
        for place, part in parts.items()
        for name, number in part._hyper.items()
        if isinstance(number, tf.Variable)
    }
    wanted = {place: float(number.numpy()) for place, number in numbers.items()}
    restored = _restore(root, root.restore, stored, root, _OTHER_CONFIG, slots, slot_keys)
    overruled = [
        f"{place} is {float(number.numpy()):g} there, {wanted[place]:g} here"
        for place, number in numbers.items()
        if float(number.numpy()) != wanted[place]
    ]
    for place, number in numbers.items():
        number.assign(wanted[place])
    return dataclasses.replace(restored, overruled=tuple(overruled))


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


def holds_model(path: str) -> bool:
    """Whether a training's checkpoint has the weights in it.

    From scratch the Object Detection API saves its first one, of step 0, before Keras has made any:
    that one holds step and save counter alone, and a training goes on from it with initial weights.

    Raises:
        CheckpointError: it cannot be read.
    """
    return any(key.startswith("model/") for key in read_index(Path(path)).tensors)


def numbered(folder: Path, number: int) -> str:
    """The prefix of `ckpt-<number>` in a folder."""
    return str(folder / f"ckpt-{number}")


def _build_slots(
    stored: Stored, root: tf.train.Checkpoint, parts: Mapping[str, Any]
) -> tuple[dict[str, tf.Variable], dict[str, str]]:
    """Make the slots that a file has, so that they are restored at once, and can be compared.

    Args:
        stored: the checkpoint.
        root: what it is to be restored to.
        parts: the optimizers in it by their places.

    Returns:
        The slots by our keys, and the file's keys of them by ours.

    Raises:
        CheckpointError: the slots are of another kind of optimizer.
    """
    graph = stored.graph
    variables = {id(one): (key, one) for key, one in variable_keys(root).items()}
    by_node = {node: variables[own] for own, node in match_variables(root, graph).items()}
    slots: dict[str, tf.Variable] = {}
    keys: dict[str, str] = {}
    for place, part in parts.items():
        node = graph.find(*place.split("/"))
        theirs = {at: own for at, own in graph.slots_of(node).items() if at in by_node}
        if node is not None and "iter" in graph.children(node):
            part._create_all_weights([by_node[at][1] for at in theirs])
        names = sorted({name for own in theirs.values() for name in own})
        wanted = sorted(part.get_slot_names())
        if names != wanted:
            raise CheckpointError(
                f"{stored.path}: was saved with another optimizer: {place} has "
                f"{_listed(names)} of each variable there, {_listed(wanted)} here",
                fix="Train into a new run from it: fine_tune_checkpoint, of the type full.",
            )
        for at, own in theirs.items():
            for name, slot in own.items():
                key = f"{by_node[at][0]}{SLOT}{place}/{name}"
                slots[key] = part.get_slot(by_node[at][1], name)
                keys[key] = graph.key(slot) or ""
    return slots, keys


def _restore(
    root: tf.train.Checkpoint,
    load: Callable[[str], Any],  # `restore` counts saves on from the file's, `read` does not
    stored: Stored,
    model: tf.train.Checkpoint,
    fix: str,
    slots: Mapping[str, tf.Variable] | None = None,
    slot_keys: Mapping[str, str] | None = None,
) -> Restored:
    own = {key: one for key, one in variable_keys(root).items() if key != "save_counter"}
    nodes = match_variables(root, stored.graph)
    found = {key: stored.graph.key(nodes[id(one)]) for key, one in own.items() if id(one) in nodes}
    keys = {key: stored_key or "" for key, stored_key in found.items()} | dict(slot_keys or {})
    wanted = own | dict(slots or {})
    compare_kinds(stored, wanted, keys, fix)
    try:
        load(stored.path).expect_partial().assert_existing_objects_matched()
    except tf.errors.DataLossError as error:
        what = f"{stored.path}: the bytes of a variable are not those that were written"
        raise CheckpointError(what, fix="Unpack or copy the checkpoint again.") from error
    compared = compare_values(stored, wanted, keys)
    ids = {id(variable) for variable in wanted.values()}
    left = [key for key, one in variable_keys(model).items() if id(one) not in ids]
    used = set(keys.values())
    unused = [key.removesuffix(VALUE) for key in stored.index.tensors if key not in used]
    restored = _of_model(wanted)
    return Restored(
        path=stored.path,
        restored=restored,
        of_optimizer=tuple(sorted(set(wanted) - set(restored) - set(_COUNTERS))),
        left_in_model=_of_model(left),
        left_in_file=_of_model(key for key in unused if key != formats.GRAPH),
        compared=compared,
        overruled=(),
    )


def _of_model(keys: Iterable[str]) -> tuple[str, ...]:
    """Those that are neither counters nor an optimizer's, ascending."""
    return tuple(
        sorted(
            key
            for key in keys
            if SLOT not in key and not key.startswith(f"{_OPTIMIZER}/") and key not in _COUNTERS
        )
    )


def _listed(names: list[str]) -> str:
    return " and ".join(names) or "nothing"
