"""The nine settings that people change, by one word each, with all that depends on them.

| word | sets | and moves with it |
|---|---|---|
| `num_classes` | the model's number of classes | |
| `image_size` | the resizer, to a square | what the square augmentation puts out |
| `batch_size` | `train_config.batch_size` | every learning rate, in proportion |
| `num_steps` | `train_config.num_steps` | the end of the schedule; its warm-up, in proportion |
| `learning_rate` | the schedule's base rate | its other rates, in proportion |
| `fine_tune_checkpoint` | `train_config.fine_tune_checkpoint` | |
| `label_map` | the label map of training and evaluation | |
| `train_records`, `eval_records` | the files of the reader | |

The proportions are taken from the message itself: a published config is consistent, and stays so.
A full path (`paths`) sets its one field and moves nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from odapi_runner.errors import ConfigError
from odapi_runner.pipeline.paths import with_path_set
from odapi_runner.pipeline.scalars import parse_integer, parse_number, shortest
from odapi_runner.proto.messages import TrainEvalPipelineConfig

_UINT32 = 2**32 - 1

# For each schedule: the base rate, the other rates, the end, the other numbers of steps.
_SCHEDULES: dict[str, tuple[str, tuple[str, ...], str | None, tuple[str, ...]]] = {
    "constant_learning_rate": ("learning_rate", (), None, ()),
    "cosine_decay_learning_rate": (
        "learning_rate_base",
        ("warmup_learning_rate",),
        "total_steps",
        ("warmup_steps", "hold_base_rate_steps"),
    ),
}


def with_shorthand_set(message: Any, name: str, value: str) -> Any:
    """A copy of a TrainEvalPipelineConfig with one of `SHORTHANDS` set.

    Raises:
        ConfigError: the value is of the wrong kind, or the config has no place for it.
    """
    changed = TrainEvalPipelineConfig()
    changed.CopyFrom(message)
    return SHORTHANDS[name](changed, value)


def schedule_of(message: Any) -> tuple[str, Any] | None:
    """The name and the message of the learning rate's schedule; None where none is set."""
    optimizer = message.train_config.optimizer
    kind = optimizer.WhichOneof("optimizer")
    rate = getattr(optimizer, kind).learning_rate if kind else None
    schedule = rate.WhichOneof("learning_rate") if rate else None
    return (schedule, getattr(rate, schedule)) if schedule else None


def _set_num_classes(message: Any, value: str) -> Any:
    return with_path_set(message, f"model.{_family(message, 'num_classes')}.num_classes", value)


def _set_image_size(message: Any, value: str) -> Any:
    size = parse_integer("image_size", value, 1, 2**31 - 1)
    resizer = getattr(message.model, _family(message, "image_size")).image_resizer
    kind = resizer.WhichOneof("image_resizer_oneof")
    if kind == "keep_aspect_ratio_resizer":
        resizer.keep_aspect_ratio_resizer.min_dimension = size
        resizer.keep_aspect_ratio_resizer.max_dimension = size
    elif kind == "fixed_shape_resizer":
        resizer.fixed_shape_resizer.height = resizer.fixed_shape_resizer.width = size
    else:
        raise _no_place("image_size", f"the resizer is {kind or 'not set'}")
    for step in message.train_config.data_augmentation_options:
        if step.HasField("random_scale_crop_and_pad_to_square"):
            step.random_scale_crop_and_pad_to_square.output_size = size
    return message


def _set_batch_size(message: Any, value: str) -> Any:
    size = parse_integer("batch_size", value, 1, _UINT32)
    before = message.train_config.batch_size
    if not before:
        raise _no_place("batch_size", "there is no batch size to scale the learning rate from")
    base, others, _, _, schedule = _scalable(message, "batch_size")
    for rate in (base, *others):
        setattr(schedule, rate, shortest(getattr(schedule, rate)) * size / before)
    message.train_config.batch_size = size
    return message


def _set_num_steps(message: Any, value: str) -> Any:
    steps = parse_integer("num_steps", value, 1, _UINT32)
    _, _, end, others, schedule = _scalable(message, "num_steps")
    if end:
        before = getattr(schedule, end)
        for name in others if before else ():
            # An optional field that nobody set stays unset: 0 of any total is 0.
            if getattr(schedule, name):
                setattr(schedule, name, getattr(schedule, name) * steps // before)
        setattr(schedule, end, steps)
    message.train_config.num_steps = steps
    return message


def _set_learning_rate(message: Any, value: str) -> Any:
    rate = parse_number("learning_rate", value)
    base, others, _, _, schedule = _scalable(message, "learning_rate")
    before = shortest(getattr(schedule, base))
    for other in others if before else ():
        setattr(schedule, other, shortest(getattr(schedule, other)) * rate / before)
    setattr(schedule, base, rate)
    return message


def _set_fine_tune_checkpoint(message: Any, value: str) -> Any:
    return with_path_set(message, "train_config.fine_tune_checkpoint", value)


def _set_label_map(message: Any, value: str) -> Any:
    changed = with_path_set(message, "train_input_reader.label_map_path", value)
    for place in range(len(message.eval_input_reader)):
        changed = with_path_set(changed, f"eval_input_reader[{place}].label_map_path", value)
    return changed


def _set_train_records(message: Any, value: str) -> Any:
    path = "train_input_reader.tf_record_input_reader.input_path"
    return with_path_set(message, path, value)


def _set_eval_records(message: Any, value: str) -> Any:
    # The evaluator reads the first of them only (object_detection/model_lib_v2.py, `eval_index`).
    path = "eval_input_reader[0].tf_record_input_reader.input_path"
    return with_path_set(message, path, value)


def _family(message: Any, name: str) -> str:
    family: str | None = message.model.WhichOneof("model")
    if not family:
        raise _no_place(name, "the config has no model")
    return family


def _scalable(message: Any, name: str) -> tuple[str, tuple[str, ...], str | None, Any, Any]:
    """What `_SCHEDULES` says of the config's schedule, and the schedule."""
    kind, schedule = schedule_of(message) or ("not set", None)
    if kind not in _SCHEDULES:
        raise _no_place(name, f"the learning rate's schedule is {kind}")
    return *_SCHEDULES[kind], schedule


def _no_place(name: str, why: str) -> ConfigError:
    return ConfigError(
        f"{name} has no place here: {why}", fix="Set the fields themselves by their full paths."
    )


# In the order in which they are applied: an explicit learning rate wins over a scaled one.
SHORTHANDS: dict[str, Callable[[Any, str], Any]] = {
    "num_classes": _set_num_classes,
    "image_size": _set_image_size,
    "num_steps": _set_num_steps,
    "batch_size": _set_batch_size,
    "learning_rate": _set_learning_rate,
    "fine_tune_checkpoint": _set_fine_tune_checkpoint,
    "label_map": _set_label_map,
    "train_records": _set_train_records,
    "eval_records": _set_eval_records,
}
