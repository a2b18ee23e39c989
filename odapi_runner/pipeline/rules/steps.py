"""Rules on the number of steps, and on the batch that each makes."""

from __future__ import annotations

from collections.abc import Iterator

from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.rules.rule import Rule
from odapi_runner.pipeline.rules.subject import Subject

_STEPS = "train_config.num_steps"
_BATCH = "train_config.batch_size"

# Of model_main_tf2: the steps of one call of its loop, and --checkpoint_every_n.
_STEPS_AT_ONCE = 100
_STEPS_A_CHECKPOINT = 1000


def training_has_steps(subject: Subject) -> Iterator[Finding]:
    """There are steps to do; 0 does not mean "without an end"."""
    if not subject.config.train_config.num_steps:
        yield Finding("num-steps", "error", _STEPS, "num_steps is 0", "-s num_steps=N")


def batch_has_images(subject: Subject) -> Iterator[Finding]:
    """There are images in a batch."""
    if not subject.config.train_config.batch_size:
        yield Finding("batch-size", "error", _BATCH, "batch_size is 0", "-s batch_size=N")


def devices_share_the_batch(subject: Subject) -> Iterator[Finding]:
    """`batch_size` is of all devices together (`--devices N`), and each gets the same part of it.

    The learning rate belongs to the whole batch: nothing scales it by the number of devices.
    """
    size, devices = subject.config.train_config.batch_size, subject.devices
    if size % devices:
        more = -(-size // devices) * devices
        what = f"a batch of {size} images cannot be shared equally by {devices} devices"
        yield Finding("batch-devices", "error", _BATCH, what, f"-s batch_size={more}")


def steps_are_whole_hundreds(subject: Subject) -> Iterator[Finding]:
    """The Object Detection API trains a hundred steps at a time, up to the next whole hundred."""
    steps = subject.config.train_config.num_steps
    if steps % _STEPS_AT_ONCE:
        made = _made(steps)
        what = f"{steps} steps become {made}: they are made by the hundred"
        yield Finding("steps-hundred", "hint", _STEPS, what, f"-s num_steps={made}")


def last_steps_are_saved(subject: Subject) -> Iterator[Finding]:
    """A checkpoint is written every thousand steps, and none at the end of the training.

    The last steps are lost where the training does not end with a checkpoint; of a training below
    a thousand steps nothing is left but the checkpoint of step 0.
    """
    made = _made(subject.config.train_config.num_steps)
    lost = made % _STEPS_A_CHECKPOINT
    if not lost:
        return
    saved = made - lost
    if saved:
        what = f"the last checkpoint is of step {saved}: the {lost} steps after it are lost"
        fix = f"-s num_steps={saved + _STEPS_A_CHECKPOINT}"
    else:
        what = "no checkpoint is written after that of step 0"
        fix = f"-s num_steps={_STEPS_A_CHECKPOINT}, or train with --checkpoint_every_n={made}"
    yield Finding("steps-unsaved", "warning", _STEPS, what, fix)


def _made(steps: int) -> int:
    return -(-steps // _STEPS_AT_ONCE) * _STEPS_AT_ONCE


_LOOP = "model_lib_v2.py, `train_loop`"

RULES = (
    Rule(
        "num-steps",
        training_has_steps,
        api="Without --num_train_steps it dies of `range(…, None, 100)`: a TypeError, after the "
        f"model is built ({_LOOP}), though train.proto promises that 0 trains without an end.",
        fails="train_config { num_steps: 0 }",
        passes="train_config { num_steps: 30000 }",
    ),
    Rule(
        "batch-size",
        batch_has_images,
        api="tf.data refuses a batch of 0 when the input is built (builders/dataset_builder.py).",
        fails="train_config { batch_size: 0 }",
        passes="train_config { batch_size: 8 }",
    ),
    Rule(
        "batch-devices",
        devices_share_the_batch,
        api="ValueError from `get_per_replica_batch_size` (builders/dataset_builder.py, `build`), "
        "which tf.distribute calls for each device.",
        fails="batch_size: 6, and --devices 4",
        passes="batch_size: 8, and --devices 4",
    ),
    Rule(
        "steps-hundred",
        steps_are_whole_hundreds,
        severity="hint",
        engine="tf-models",
        api=f"One tf.function makes NUM_STEPS_PER_ITERATION = 100 steps ({_LOOP}): 50 steps are "
        "100, 250 are 300.",
        fails="train_config { num_steps: 29950 }",
        passes="train_config { num_steps: 30000 }",
    ),
    Rule(
        "steps-unsaved",
        last_steps_are_saved,
        severity="warning",
        engine="tf-models",
        api="It saves where `checkpoint_every_n` (1000) steps have been made since the last time, "
        f"and not at the end ({_LOOP}).",
        fails="train_config { num_steps: 30500 }",
        passes="train_config { num_steps: 31000 }",
    ),
)
