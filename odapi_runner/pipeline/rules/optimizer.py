"""Rules on the optimizer, and on the averages of weights that it may keep."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.rules.rule import Rule
from odapi_runner.pipeline.rules.schedule import find_base_rate
from odapi_runner.pipeline.rules.subject import Subject
from odapi_runner.proto.floats import shortest

_OPTIMIZER = "train_config.optimizer"

# Rates by image of a batch, as published: 0.08 for 128 images, 0.04 for 64, 0.01 for 16; SSD
# MobileNet V2 has 0.8 for 512.
_RATE_AN_IMAGE = 0.08 / 128
_RATES_AN_IMAGE = {"ssd_mobilenet_v2_keras": 0.8 / 512}
# With a checkpoint to spoil, four times that begins to look wrong. Trainings on small data that
# began with random weights have gone well with 16 times that: only what is beyond is told of them.
_TOO_MUCH = 4
_TOO_MUCH_FROM_SCRATCH = 20
_ADAM_RATE = 0.001  # of the published CenterNets, whatever the batch
_ADAM_TOO_MUCH = 10


def momentum_is_below_one(subject: Subject) -> Iterator[Finding]:
    """Momentum is from 0 to below 1: at 1 nothing of an earlier step is ever forgotten."""
    name, optimizer = _optimizer(subject)
    if name in ("momentum_optimizer", "rms_prop_optimizer"):
        momentum = shortest(optimizer.momentum_optimizer_value)
        if not 0 <= momentum < 1:
            place = f"{_OPTIMIZER}.{name}.momentum_optimizer_value"
            what = f"a momentum of {momentum:g}"
            yield Finding("momentum", "error", place, what, f"-s {place}=0.9")


def rms_prop_does_not_slow_down(subject: Subject) -> Iterator[Finding]:
    """RMSprop's `decay` is the learning rate's in TF2, not that of the mean of squares.

    With 0.9, which it is unless it is set, the rate is halved after one step and a thousandth
    after a thousand: the training stands still, whatever the schedule says.
    """
    name, optimizer = _optimizer(subject)
    if name == "rms_prop_optimizer" and optimizer.decay:
        place = f"{_OPTIMIZER}.{name}.decay"
        decay = shortest(optimizer.decay)
        what = f"decay {decay:g} divides the rate by 1 + {decay:g} * step"
        yield Finding("rmsprop-decay", "warning", place, what, f"-s {place}=0")


def rms_prop_normalises(subject: Subject) -> Iterator[Finding]:
    """RMSprop divides the gradient by its root mean square plus `epsilon`, which is small.

    It is 1.0 unless it is set: larger than the root mean square, and next to nothing is normalised.
    """
    name, optimizer = _optimizer(subject)
    if (
        name == "rms_prop_optimizer"
        and optimizer.epsilon >= 1
        and not optimizer.HasField("epsilon")
    ):
        place = f"{_OPTIMIZER}.{name}.epsilon"
        what = "epsilon is 1.0 unless it is set, which hardly normalises"
        yield Finding("rmsprop-epsilon", "hint", place, what, f"-s {place}=1e-7, or -s {place}=1")


def clipping_has_an_effect(subject: Subject) -> Iterator[Finding]:
    """Gradients are clipped where `gradient_clipping_by_norm` is above 0, and else not at all."""
    norm = subject.config.train_config.gradient_clipping_by_norm
    if norm < 0:
        place = "train_config.gradient_clipping_by_norm"
        what = f"{norm:g} clips nothing"
        fix = f"-s {place}=10, or leave it out: -d {place}"
        yield Finding("gradient-clipping", "warning", place, what, fix)


def rate_belongs_to_the_batch(subject: Subject) -> Iterator[Finding]:
    """The base rate is not far above what was published for a batch of this size.

    Published configs train with batches of 16 to 512 images. Who makes the batch smaller has to
    make the rate smaller in proportion: the published rate undoes what the checkpoint has learned,
    and the loss may soon be NaN. Told from 4 times the published rate on; of a training without
    `fine_tune_checkpoint` beyond 20 times, and of Adam, whose rate is of no batch, beyond 10 times.
    """
    rate, place = find_base_rate(subject)
    batch = subject.config.train_config.batch_size
    usual = _usual_rate(subject, batch)
    if rate is not None and batch and usual is not None and shortest(rate) >= usual[1]:
        what = (
            f"a rate of {shortest(rate):g} is {rate / usual[0]:.0f} times the published one for a "
            f"batch of {batch}"
        )
        yield Finding("base-rate", "warning", place, what, f"-s learning_rate={usual[0]:.3g}")


def averages_are_used(subject: Subject) -> Iterator[Finding]:
    """Where training keeps averages of the weights, evaluation looks at them.

    `use_moving_average` is true unless it is set. The averages then take memory and time, while
    the raw weights are evaluated and exported, unless `use_moving_averages` of `eval_config` is
    true as well.
    """
    name, _ = _optimizer(subject)
    optimizer = subject.config.train_config.optimizer
    if name and optimizer.use_moving_average and not subject.config.eval_config.use_moving_averages:
        place = f"{_OPTIMIZER}.use_moving_average"
        set_ = optimizer.HasField("use_moving_average")
        why = "" if set_ else ", as it does unless this is false"
        what = f"training keeps averages of the weights{why}, and evaluation does not use them"
        yield Finding("averages-unused", "warning", place, what, f"-s {place}=false")


def averages_are_there(subject: Subject) -> Iterator[Finding]:
    """Where evaluation looks at averages of the weights, training keeps them."""
    name, _ = _optimizer(subject)
    kept = subject.config.train_config.optimizer.use_moving_average
    if name and subject.config.eval_config.use_moving_averages and not kept:
        place = "eval_config.use_moving_averages"
        what = "training keeps no averages of the weights that could be evaluated"
        fix = f"-s {place}=false, or -s {_OPTIMIZER}.use_moving_average=true"
        yield Finding("averages-missing", "error", place, what, fix)


def _optimizer(subject: Subject) -> tuple[str, Any]:
    """The member of `optimizer` that is set, and its message; empty where none is."""
    optimizer = subject.config.train_config.optimizer
    name = optimizer.WhichOneof("optimizer") or ""
    return name, getattr(optimizer, name) if name else None


def _usual_rate(subject: Subject, batch: int) -> tuple[float, float] | None:
    """The published rate for a batch of this size, and the lowest that looks wrong."""
    name, _ = _optimizer(subject)
    if name == "adam_optimizer":
        return _ADAM_RATE, _ADAM_RATE * _ADAM_TOO_MUCH
    if name != "momentum_optimizer" or subject.model is None:
        return None
    kind = subject.model.feature_extractor.type
    usual = _RATES_AN_IMAGE.get(kind, _RATE_AN_IMAGE) * batch
    begun = subject.config.train_config.fine_tune_checkpoint
    return usual, usual * (_TOO_MUCH if begun else _TOO_MUCH_FROM_SCRATCH)


_BUILDER = "builders/optimizer_builder.py, `build_optimizers_tf_v2`"

RULES = (
    Rule(
        "momentum",
        momentum_is_below_one,
        api=f"Keras refuses less than 0 and more than 1: ValueError ({_BUILDER}).",
        fails="momentum_optimizer_value: 9",
        passes="momentum_optimizer_value: 0.9",
    ),
    Rule(
        "rmsprop-decay",
        rms_prop_does_not_slow_down,
        severity="warning",
        api=f"It passes decay to Keras' RMSprop, where it is the learning rate's; rho stays 0.9 "
        f"({_BUILDER}).",
        fails="rms_prop_optimizer { }",
        passes="rms_prop_optimizer { decay: 0 }",
    ),
    Rule(
        "rmsprop-epsilon",
        rms_prop_normalises,
        severity="hint",
        api=f"It passes epsilon to Keras' RMSprop ({_BUILDER}).",
        fails="rms_prop_optimizer { decay: 0 }",
        passes="rms_prop_optimizer { decay: 0 epsilon: 1e-7 }",
    ),
    Rule(
        "gradient-clipping",
        clipping_has_an_effect,
        severity="warning",
        api="It clips where the norm is above 0 only (model_lib_v2.py, `train_loop`).",
        fails="gradient_clipping_by_norm: -1",
        passes="gradient_clipping_by_norm: 10",
    ),
    Rule(
        "base-rate",
        rate_belongs_to_the_batch,
        severity="warning",
        api="batch_size is of all devices together, and nothing scales the rate by it "
        "(model_lib_v2.py, `train_loop`).",
        fails="batch_size: 4, and learning_rate_base: 0.08",
        passes="batch_size: 4, and learning_rate_base: 0.0025",
    ),
    Rule(
        "averages-unused",
        averages_are_used,
        severity="warning",
        api="Averages live in the optimizer's slots; the evaluator swaps them in with "
        "use_moving_averages only, the exporter never (model_lib_v2.py, `eval_continuously`; "
        "exporter_lib_v2.py).",
        fails="optimizer { momentum_optimizer { … } }",
        passes="optimizer { momentum_optimizer { … } use_moving_average: false }",
    ),
    Rule(
        "averages-missing",
        averages_are_there,
        api="The evaluator dies of an AttributeError: the optimizer has no `shadow_copy` "
        "(model_lib_v2.py, `eval_continuously`).",
        fails="use_moving_average: false, and eval_config { use_moving_averages: true }",
        passes="use_moving_average: true, and eval_config { use_moving_averages: true }",
    ),
)
