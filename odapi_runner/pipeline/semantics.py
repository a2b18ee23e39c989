"""What training and evaluation under TF2 make of a config: the rest of it has no effect."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Any

from odapi_runner.proto.messages import is_map, is_repeated
from odapi_runner.proto.unread import unread_reason

# Lists that are read as sets. (Image files are another matter, see `_sort_inputs`.)
_SETS = {
    "metrics_set",
    "exclude_prefixes",
    "allowed_masked_classes_ids",
    "freeze_variables",
    "update_trainable_variables",
}
# Read only where there is a checkpoint to start from.
_OF_CHECKPOINT = (
    "fine_tune_checkpoint_type",
    "fine_tune_checkpoint_version",
    "load_all_detection_checkpoint_vars",
    "run_fine_tune_checkpoint_dummy_computation",
)
# They are read as if they were there, whether they are or not.
_ALWAYS = ("model", "train_config", "train_input_reader", "eval_config")


def as_trained(message: Any) -> Any:
    """A copy of a config in which two that train alike are written alike.

    - Fields that TF2 never reads (`proto.unread`) are gone; so are those that count with another
      one only (the type of a checkpoint without a checkpoint, the decay of averages that are not
      kept) or on TPUs only, and every eval reader but the first, the only one that is evaluated.
    - The type of the checkpoint is written out, as `from_detection_checkpoint` or nothing mean it.
    - Lists that are read as sets are sorted; so are record files, with their weights, where their
      order has no effect.
    - Paths are written in the shortest way: `a/b` for `./a//b`.

    Source: object_detection/model_lib_v2.py, utils/config_util.py
    (`update_fine_tune_checkpoint_type`), builders/dataset_builder.py (`read_dataset`).
    """
    trained = type(message)()
    trained.CopyFrom(message)
    for name in _ALWAYS:
        getattr(trained, name).SetInParent()
    del trained.eval_input_reader[1:]
    for owner, field, path in list(_fields(trained, "")):
        if unread_reason(path):
            owner.ClearField(field)
        elif field in _SETS:
            getattr(owner, field)[:] = sorted(set(getattr(owner, field)))
        elif field == "input_path":
            owner.input_path[:] = map(_shortest_path, owner.input_path)
        elif field in {"label_map_path", "fine_tune_checkpoint"}:
            setattr(owner, field, _shortest_path(getattr(owner, field)))
    _settle_checkpoint(trained.train_config)
    trained.train_config.ClearField("use_bfloat16")
    optimizer = trained.train_config.optimizer
    if trained.train_config.HasField("optimizer") and not optimizer.use_moving_average:
        optimizer.ClearField("moving_average_decay")
    for reader in trained.eval_input_reader:
        reader.ClearField("num_epochs")  # always one
        _sort_inputs(reader)
    if trained.train_input_reader.shuffle:
        _sort_inputs(trained.train_input_reader)
    return trained


def _fields(message: Any, path: str) -> Iterator[tuple[Any, str, str]]:
    """Every field that is set: its message, its name, its path without places."""
    for field, value in message.ListFields():
        here = f"{path}{field.name}"
        yield message, field.name, here
        if field.message_type and not is_map(field):
            for part in value if is_repeated(field) else [value]:
                yield from _fields(part, f"{here}.")


def _settle_checkpoint(train_config: Any) -> None:
    """Write out which checkpoint is read, and how."""
    detection = train_config.from_detection_checkpoint
    train_config.ClearField("from_detection_checkpoint")
    if not train_config.fine_tune_checkpoint:
        for name in _OF_CHECKPOINT:
            train_config.ClearField(name)
    elif not train_config.fine_tune_checkpoint_type:
        kind = "detection" if detection else "classification"
        train_config.fine_tune_checkpoint_type = kind


def _sort_inputs(reader: Any) -> None:
    """Sort the record files of a reader that takes all examples, each with its weight."""
    paths = list(reader.tf_record_input_reader.input_path)
    weights = list(reader.sample_from_datasets_weights)
    if reader.sample_1_of_n_examples > 1 or not paths or (weights and len(weights) != len(paths)):
        return
    order = sorted(range(len(paths)), key=lambda n: (paths[n], weights[n] if weights else 0.0))
    reader.tf_record_input_reader.input_path[:] = [paths[n] for n in order]
    reader.sample_from_datasets_weights[:] = [weights[n] for n in order] if weights else []


def _shortest_path(path: str) -> str:
    return posixpath.normpath(path) if path and "://" not in path else path
