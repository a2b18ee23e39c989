"""A pipeline.config turned into the engine's `Spec`, or refused (no TensorFlow here).

Every field is asked for through `fields.Reader`, so that `refused` can name each one that is set
and would stay without effect. What is read of each part stands in `reading/`.
"""

from __future__ import annotations

from typing import Any

from odapi_runner.engine.augment.spec import LogitsToSoftmax
from odapi_runner.engine.fields import Reader, Refusal, unread
from odapi_runner.engine.ignored import IGNORED
from odapi_runner.engine.reading.input import read_evaluation, read_input
from odapi_runner.engine.reading.train import read_train
from odapi_runner.engine.spec.pipeline import Spec
from odapi_runner.engine.spec.resizer import KeepAspect, input_size
from odapi_runner.engine.spec.train import Train
from odapi_runner.engine.ssd.reading.ssd import read_ssd
from odapi_runner.errors import ConfigError

_FAMILY = (
    "The builtin engine trains the ssd family only; odapi check --engine tf-models checks a config "
    "for the Object Detection API."
)
_PADDING = (
    "-s model.ssd.image_resizer.keep_aspect_ratio_resizer.pad_to_max_dimension=true, or a "
    "batch_size of 1."
)

_READERS = (
    "The Object Detection API evaluates the first alone: give it all the files, and remove the "
    "others: -d eval_input_reader[1]."
)


def build_spec(config: Any) -> Spec:
    """The engine's view of a TrainEvalPipelineConfig.

    Raises:
        ConfigError: a field is set that the engine cannot honour; the sentence names them all.
    """
    spec, refusals = _read(config)
    if refusals:
        listed = "; ".join(f"{item.path} {item.reason}" for item in refusals)
        raise ConfigError(
            f"the builtin engine cannot honour this config: {listed}",
            fix=" ".join(dict.fromkeys(item.fix for item in refusals)),
        )
    return spec


def refused(config: Any) -> list[Refusal]:
    """The fields of a config that keep the engine from honouring it; empty where it can."""
    return _read(config)[1]


def _read(config: Any) -> tuple[Spec, list[Refusal]]:
    reader = Reader(config)
    spec = _spec(reader)
    return spec, reader.notes.refusals + unread(config, reader.notes, IGNORED)


def _refuse_scores(train: Reader, read: Train) -> None:
    """Refuse what needs scores of the boxes' classes where none are read."""
    why, fix = (
        "needs scores, which are not read",
        "-s train_input_reader.load_multiclass_scores=true",
    )
    if read.class_scores:
        train.refuse("use_multiclass_scores", why, (False,), fix)
    for place, step in enumerate(read.augmentations):
        if isinstance(step, LogitsToSoftmax):
            name = f"data_augmentation_options[{place}].convert_class_logits_to_softmax"
            train.refuse(name, why, (), fix)


def _spec(reader: Reader) -> Spec:
    _, ssd = reader.message("model").member("model", ("ssd",), _FAMILY)
    train_input = reader.message("train_input_reader")
    eval_inputs = list(reader.messages("eval_input_reader"))
    if len(eval_inputs) > 1:
        times = f"is there {len(eval_inputs)} times, and an evaluation is of one"
        reader.refuse("eval_input_reader", times, (), _READERS)
    elif not eval_inputs:
        reader.refuse("eval_input_reader", "is missing", ("one of it",))
    model = read_ssd(ssd)
    train, evaluation = reader.message("train_config"), reader.message("eval_config")
    if input_size(model.resizer) is None:
        padding = _PADDING if isinstance(model.resizer, KeepAspect) else ""
        for part in (train, evaluation):
            part.require("batch_size", (1,), "images of different sizes make no batch", padding)
    read, evaluated = read_train(train), read_evaluation(evaluation)
    if evaluated.use_averages and read.average_decay is None:
        evaluation.refuse(
            "use_moving_averages", "finds no averages: use_moving_average is false", (False,)
        )
    scores = train_input.value("load_multiclass_scores")
    if not scores:
        _refuse_scores(train, read)
    return Spec(
        model=model,
        train=read,
        train_input=read_input(
            train_input,
            shuffle=train_input.value("shuffle"),
            score_classes=model.num_classes if scores else 0,
        ),
        evaluation=evaluated,
        # Which of several readers is looked at here does not matter: they are refused.
        eval_input=read_input(eval_inputs[0] if eval_inputs else train_input, shuffle=False),
    )
