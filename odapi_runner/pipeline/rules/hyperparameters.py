"""Rules on the numbers of a model: losses and their weights, normalisation, regularisation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.rules.rule import Rule
from odapi_runner.pipeline.rules.subject import Subject
from odapi_runner.proto.floats import shortest
from odapi_runner.proto.messages import is_map, is_repeated

# Of each family: the weights that a detector cannot do without, and what they weigh.
_WEIGHTS: dict[str, dict[str, str]] = {
    "ssd": {"loss.classification_weight": "classes", "loss.localization_weight": "boxes"},
    "faster_rcnn": {
        "first_stage_localization_loss_weight": "the boxes of proposals",
        "first_stage_objectness_loss_weight": "which proposals are objects",
        "second_stage_localization_loss_weight": "boxes",
        "second_stage_classification_loss_weight": "classes",
    },
    "center_net": {
        "object_center_params.object_center_loss_weight": "centers",
        "object_detection_task.task_loss_weight": "boxes",
    },
}
_PREDICTORS = ("convolutional_box_predictor", "weight_shared_convolutional_box_predictor")
_SIGMOIDS = ("weighted_sigmoid", "weighted_sigmoid_focal", "bootstrapped_sigmoid")
# Of published configs it is 3e-5 to 4e-4.
_HEAVY = 0.01


def focal_loss_is_one(subject: Subject) -> Iterator[Finding]:
    """Of a focal loss `alpha` is from 0 to 1 and `gamma` not below 0.

    `alpha` is the share of the objects, and 1 - `alpha` that of the background: beyond 1 one of
    the two is rewarded for being wrong. With a `gamma` below 0 easy examples count most.
    """
    for loss, place in _messages(subject, "SigmoidFocalClassificationLoss"):
        alpha, gamma = shortest(loss.alpha), shortest(loss.gamma)
        if loss.HasField("alpha") and not 0 <= alpha <= 1:
            what, fix = f"{alpha:g} is no share of the loss", f"-s {place}.alpha=0.25"
            yield Finding("focal-loss", "error", f"{place}.alpha", what, fix)
        if not gamma >= 0:
            what, fix = f"with {gamma:g} easy examples count most", f"-s {place}.gamma=1.5"
            yield Finding("focal-loss", "error", f"{place}.gamma", what, fix)


def losses_have_weight(subject: Subject) -> Iterator[Finding]:
    """The losses of classes and of boxes weigh more than 0: what weighs nothing is not learned."""
    for path, learned in _WEIGHTS.get(subject.family or "", {}).items():
        *above, name = path.split(".")
        part = subject.model
        for step in above:
            part = getattr(part, step)
        weight = shortest(getattr(part, name))
        if not weight > 0:
            place = f"model.{subject.family}.{path}"
            what = f"with a weight of {weight:g} the model never learns {learned}"
            yield Finding("loss-weight", "warning", place, what, f"-s {place}=1")


def classes_are_rare_at_first(subject: Subject) -> Iterator[Finding]:
    """The head does not begin with the guess that everything is an object.

    The sigmoid of `class_prediction_bias_init` is the score that every anchor begins with: -4.6, as
    published, makes 0.01 of it, and 0 makes 0.5. Above 0 most of some ten thousand anchors are
    wrong, and their loss is thousands of times that of the objects.
    """
    if subject.family != "ssd":
        return
    loss = subject.model.loss.classification_loss.WhichOneof("classification_loss")
    kind = subject.model.box_predictor.WhichOneof("box_predictor_oneof")
    if loss in _SIGMOIDS and kind in _PREDICTORS:
        bias = shortest(getattr(subject.model.box_predictor, kind).class_prediction_bias_init)
        if bias > 0:
            place = f"model.ssd.box_predictor.{kind}.class_prediction_bias_init"
            what = f"with {bias:g} every anchor begins as an object of every class"
            yield Finding("class-bias", "warning", place, what, f"-s {place}=-4.6")


def batch_norm_averages(subject: Subject) -> Iterator[Finding]:
    """The `decay` of a batch normalisation is from 0 to 1, and its `epsilon` above 0.

    The decay is what is kept of the averages at each step: beyond 1 they grow without end. Epsilon
    keeps the division by a variance of 0 from being one by 0.
    """
    for norm, place in _messages(subject, "BatchNorm"):
        decay, epsilon = shortest(norm.decay), shortest(norm.epsilon)
        if not 0 <= decay <= 1:
            what, fix = f"a decay of {decay:g} keeps no average", f"-s {place}.decay=0.99"
            yield Finding("batch-norm", "error", f"{place}.decay", what, fix)
        if not epsilon > 0:
            what, fix = f"an epsilon of {epsilon:g}", f"-s {place}.epsilon=0.001"
            yield Finding("batch-norm", "error", f"{place}.epsilon", what, fix)


def regularisers_pull_down(subject: Subject) -> Iterator[Finding]:
    """The weight of a regulariser is not below 0, which would reward large weights."""
    for place, weight, _ in _regularisers(subject):
        if weight < 0:
            what = f"{weight:g} makes the model's weights grow without end"
            yield Finding("regularizer-negative", "error", place, what, f"-s {place}=0.00004")


def regularisers_are_light(subject: Subject) -> Iterator[Finding]:
    """The weight of a regulariser is far below 0.01: published are 0.00003 to 0.0004.

    It is 1.0 unless it is set, which pulls all weights to 0 before anything is learned.
    """
    for place, weight, is_set in _regularisers(subject):
        if weight > _HEAVY:
            said = "" if is_set else ", as it is unless it is set,"
            what = f"a weight of {weight:g}{said} pulls the model's weights to 0"
            yield Finding("regularizer-heavy", "warning", place, what, f"-s {place}=0.00004")


def _regularisers(subject: Subject) -> Iterator[tuple[str, float, bool]]:
    """The path, the weight and whether it is set, of each regulariser."""
    for message, place in _messages(subject, "Regularizer"):
        kind = message.WhichOneof("regularizer_oneof")
        if kind:
            own = getattr(message, kind)
            yield f"{place}.{kind}.weight", shortest(own.weight), own.HasField("weight")


def _messages(subject: Subject, kind: str) -> Iterator[tuple[Any, str]]:
    """Each message of a type that the model has, with its path."""
    if subject.model is not None:
        yield from _within(subject.model, f"model.{subject.family}", kind)


def _within(message: Any, place: str, kind: str) -> Iterator[tuple[Any, str]]:
    if message.DESCRIPTOR.name == kind:
        yield message, place
    for field, value in message.ListFields():
        if field.message_type is None or is_map(field):
            continue
        where = f"{place}.{field.name}"
        if is_repeated(field):
            for number, element in enumerate(value):
                yield from _within(element, f"{where}[{number}]", kind)
        else:
            yield from _within(value, where, kind)


_HYPERPARAMS = "builders/hyperparams_builder.py"

RULES = (
    Rule(
        "focal-loss",
        focal_loss_is_one,
        api="It computes with whatever is set (core/losses.py, `SigmoidFocalClassificationLoss`).",
        fails="weighted_sigmoid_focal { alpha: 25 gamma: 1.5 }",
        passes="weighted_sigmoid_focal { alpha: 0.25 gamma: 1.5 }",
    ),
    Rule(
        "loss-weight",
        losses_have_weight,
        severity="warning",
        api="It multiplies the loss by it (meta_architectures/ssd_meta_arch.py, `loss`).",
        fails="loss { localization_weight: 0 }",
        passes="loss { localization_weight: 1 }",
    ),
    Rule(
        "class-bias",
        classes_are_rare_at_first,
        severity="warning",
        api="It is the initial bias of the class head (predictors/heads/keras_class_head.py).",
        fails="class_prediction_bias_init: 4.6",
        passes="class_prediction_bias_init: -4.6",
    ),
    Rule(
        "batch-norm",
        batch_norm_averages,
        api=f"It passes them to Keras' BatchNormalization as momentum and epsilon ({_HYPERPARAMS}, "
        "`KerasLayerHyperparams`).",
        fails="batch_norm { decay: 99 }",
        passes="batch_norm { decay: 0.99 }",
    ),
    Rule(
        "regularizer-negative",
        regularisers_pull_down,
        api=f"It passes half of it to Keras' l2 ({_HYPERPARAMS}, `_build_keras_regularizer`).",
        fails="l2_regularizer { weight: -0.00004 }",
        passes="l2_regularizer { weight: 0.00004 }",
    ),
    Rule(
        "regularizer-heavy",
        regularisers_are_light,
        severity="warning",
        api=f"It passes half of it to Keras' l2 ({_HYPERPARAMS}, `_build_keras_regularizer`).",
        fails="l2_regularizer { }",
        passes="l2_regularizer { weight: 0.00004 }",
    ),
)
