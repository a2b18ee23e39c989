"""The nine settings that people change, by one word each, with all that depends on them.

| word | sets | and moves with it |
|---|---|---|
| `num_classes` | the model's number of classes | |
| `image_size` | the resizer, to a square or `HEIGHTxWIDTH` | what square augmentation gives |
| `batch_size` | `train_config.batch_size` | every learning rate, in proportion |
| `num_steps` | `train_config.num_steps` | the schedule: its end, its other steps in proportion |
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
from odapi_runner.pipeline.draft import Draft
from odapi_runner.pipeline.scalars import parse_integer, parse_number
from odapi_runner.proto.floats import shortest

_UINT32 = 2**32 - 1
_INT32 = 2**31 - 1

# The rates of each schedule, the base rate first.
_RATES: dict[str, tuple[str, ...]] = {
    "constant_learning_rate": ("learning_rate",),
    "cosine_decay_learning_rate": ("learning_rate_base", "warmup_learning_rate"),
    "exponential_decay_learning_rate": (
        "initial_learning_rate",
        "burnin_learning_rate",
        "min_learning_rate",
    ),
    "manual_step_learning_rate": ("initial_learning_rate",),
    "exponential_oscillating_learning_rate": (
        "learning_rate_base",
        "warmup_learning_rate",
        "osc_amplitude",
        "min_rate",
    ),
}
# Its numbers of steps, but for `total_steps`, which is that of the training.
_STEPS: dict[str, tuple[str, ...]] = {
    "constant_learning_rate": (),
    "cosine_decay_learning_rate": ("warmup_steps", "hold_base_rate_steps"),
    "exponential_decay_learning_rate": ("decay_steps", "burnin_steps"),
    "manual_step_learning_rate": (),
    "exponential_oscillating_learning_rate": (
        "warmup_steps",
        "hold_base_rate_steps",
        "decay_steps",
        "osc_period",
    ),
}

# The words that stand for a list, to which `+=` appends as well.
LISTS = {
    "train_records": "train_input_reader.tf_record_input_reader.input_path",
    # The evaluator reads the first of them only (object_detection/model_lib_v2.py, `eval_index`).
    "eval_records": "eval_input_reader[0].tf_record_input_reader.input_path",
}


def schedule_of(message: Any) -> tuple[str, Any] | None:
    """The name and the message of the learning rate's schedule; None where none is set."""
    optimizer = message.train_config.optimizer
    kind = optimizer.WhichOneof("optimizer")
    rate = getattr(optimizer, kind).learning_rate if kind else None
    schedule = rate.WhichOneof("learning_rate") if rate else None
    return (schedule, getattr(rate, schedule)) if schedule else None


def _set_num_classes(draft: Draft, value: str) -> None:
    family = _family(draft, "num_classes")
    if "num_classes" not in getattr(draft.message.model, family).DESCRIPTOR.fields_by_name:
        raise _no_place("num_classes", f"{family} has no number of classes")
    classes = parse_integer("num_classes", value, 1, _INT32)
    draft.set_text(f"model.{family}.num_classes", str(classes))


def _set_image_size(draft: Draft, value: str) -> None:
    height, width = _parse_size(value)
    model = getattr(draft.message.model, _family(draft, "image_size"))
    resizer: Any = getattr(model, "image_resizer", None)
    kind = resizer and resizer.WhichOneof("image_resizer_oneof")
    if kind == "keep_aspect_ratio_resizer":
        resizer.keep_aspect_ratio_resizer.min_dimension = min(height, width)
        resizer.keep_aspect_ratio_resizer.max_dimension = max(height, width)
    elif kind == "fixed_shape_resizer":
        resizer.fixed_shape_resizer.height = height
        resizer.fixed_shape_resizer.width = width
    else:
        raise _no_place("image_size", f"the resizer is {kind or 'not set'}")
    for step in draft.message.train_config.data_augmentation_options:
        if step.HasField("random_scale_crop_and_pad_to_square"):
            step.random_scale_crop_and_pad_to_square.output_size = max(height, width)


def _set_batch_size(draft: Draft, value: str) -> None:
    size = parse_integer("batch_size", value, 1, _UINT32)
    before = draft.message.train_config.batch_size
    if not before:
        raise _no_place("batch_size", "there is no batch size to scale the learning rate from")
    for owner, name in _rates(draft, "batch_size"):
        setattr(owner, name, shortest(getattr(owner, name)) * size / before)
    draft.message.train_config.batch_size = size


def _set_num_steps(draft: Draft, value: str) -> None:
    steps = parse_integer("num_steps", value, 1, _UINT32)
    kind, schedule = _schedule(draft, "num_steps")
    ends = kind == "cosine_decay_learning_rate"
    before = schedule.total_steps if ends else draft.message.train_config.num_steps
    if before:
        _scale_steps(kind, schedule, steps, before)
    elif not ends and (_STEPS[kind] or kind == "manual_step_learning_rate"):
        draft.notes.append(
            f"num_steps: there was none to compare {steps} with, so the steps of {kind} stay"
        )
    if ends:
        schedule.total_steps = steps
    draft.message.train_config.num_steps = steps


def _set_learning_rate(draft: Draft, value: str) -> None:
    rate = parse_number("learning_rate", value)
    (owner, base), *others = _rates(draft, "learning_rate")
    before = shortest(getattr(owner, base))
    for other, name in others if before else ():
        setattr(other, name, shortest(getattr(other, name)) * rate / before)
    setattr(owner, base, rate)


def _set_fine_tune_checkpoint(draft: Draft, value: str) -> None:
    draft.set_text("train_config.fine_tune_checkpoint", value)


def _set_label_map(draft: Draft, value: str) -> None:
    draft.set_text("train_input_reader.label_map_path", value)
    for place in range(len(draft.message.eval_input_reader)):
        draft.set_text(f"eval_input_reader[{place}].label_map_path", value)


def _set_train_records(draft: Draft, value: str) -> None:
    draft.set_text(LISTS["train_records"], value)


def _set_eval_records(draft: Draft, value: str) -> None:
    draft.set_text(LISTS["eval_records"], value)


def _family(draft: Draft, word: str) -> str:
    family: str | None = draft.message.model.WhichOneof("model")
    if not family:
        raise _no_place(word, "the config has no model")
    return family


def _parse_size(value: str) -> tuple[int, int]:
    """Height and width of `N` or `HEIGHTxWIDTH`."""
    height, times, width = value.partition("x")
    size = parse_integer("image_size", height, 1, _INT32)
    return size, parse_integer("image_size", width, 1, _INT32) if times else size


def _schedule(draft: Draft, word: str) -> tuple[str, Any]:
    found = schedule_of(draft.message)
    if not found:
        raise _no_place(word, "the learning rate's schedule is not set")
    return found


def _rates(draft: Draft, word: str) -> list[tuple[Any, str]]:
    """Where the rates of the config's schedule stand, its base rate first.

    Those that are 0 are left out, but for the base: in proportion they stay 0, unset as they are.
    """
    kind, schedule = _schedule(draft, word)
    base, *others = [(schedule, name) for name in _RATES[kind]]
    if kind == "manual_step_learning_rate":
        others = [(step, "learning_rate") for step in schedule.schedule]
    return [base, *((owner, name) for owner, name in others if getattr(owner, name))]


def _scale_steps(kind: str, schedule: Any, steps: int, before: int) -> None:
    """Move the numbers of steps of a schedule as a training of `before` steps gets `steps`."""
    for name in _STEPS[kind]:
        # An optional field that nobody set stays unset: 0 of any total is 0.
        if number := getattr(schedule, name):
            least = 1 if name in {"decay_steps", "osc_period"} else 0  # these divide
            setattr(schedule, name, min(max(number * steps // before, least), _UINT32))
    if kind == "manual_step_learning_rate":
        # The trainer wants them to increase (object_detection/utils/learning_schedules.py,
        # `manual_stepping`), also where a short training brings them together.
        last = 0
        for change in schedule.schedule:
            last = change.step = min(max(change.step * steps // before, last + 1), _UINT32)


def _no_place(word: str, why: str) -> ConfigError:
    return ConfigError(
        f"{word} has no place here: {why}", fix="Set the fields themselves by their full paths."
    )


# In the order in which they are applied: an explicit learning rate wins over a scaled one.
SHORTHANDS: dict[str, Callable[[Draft, str], None]] = {
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
