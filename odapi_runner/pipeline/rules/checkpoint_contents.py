"""Rules on what a fine-tune checkpoint holds: the objects that its type restores."""

from __future__ import annotations

import re
from collections.abc import Iterator

from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.rules.rule import Rule
from odapi_runner.pipeline.rules.start import Start, build_start
from odapi_runner.pipeline.rules.subject import Subject

_PLACE = "train_config.fine_tune_checkpoint"
_TYPE = "train_config.fine_tune_checkpoint_type"
_FAMILIES = {"ssd": "an SSD", "faster_rcnn": "a Faster R-CNN", "center_net": "a CenterNet"}
_FLOATS = {"float16", "bfloat16", "float64"}
_BIAS = re.compile(r"(.*?)(\d+)/bias")


def checkpoint_is_of_tf2(subject: Subject) -> Iterator[Finding]:
    """A checkpoint of TF1 has names of variables, and no graph of objects to restore by."""
    if subject.stored is not None and subject.stored.graph is None:
        written = subject.config.train_config.fine_tune_checkpoint
        names = list(subject.stored.index.tensors)
        such = f", such as {names[0]}" if names else ""
        what = f"{written} is of TF1: names of variables{such}, and no object graph"
        fix = "Take a detector of the TF2 zoo, or train with --from-scratch."
        yield Finding("checkpoint-tf1", "error", _PLACE, what, fix)


def checkpoint_holds_what_its_type_restores(subject: Subject) -> Iterator[Finding]:
    """Each type restores objects from a place of its own, and has to find them there."""
    start = build_start(subject)
    if start is None:
        return
    theirs = start.family_there
    missing = [path for path in start.restored(start.kind) if start.stored.find(*path) is None]
    if start.kind != "classification" and theirs not in (None, start.family):
        ours = _FAMILIES[start.family]
        what = f"{start.written} holds {_FAMILIES[str(theirs)]}, and the model is {ours}"
        fix = "Take a checkpoint of the same family, or train with --from-scratch."
        yield Finding("checkpoint-contents", "error", _PLACE, what, fix)
    elif missing:
        path = "/".join(missing[0])
        what = f'{start.written} has no {path}, which the type "{start.kind}" restores'
        yield Finding("checkpoint-contents", "error", _TYPE, what, _advice(start))


def heads_have_the_same_classes(subject: Subject) -> Iterator[Finding]:
    """`full` restores the heads, whose last layer has as many outputs as there are classes."""
    start = build_start(subject)
    if start is None or not start.is_alike or start.kind != "full":
        return
    background = start.family == "faster_rcnn"
    if start.family == "ssd":
        background = start.model.add_background_class
    outputs = _outputs_by_class(start)
    if outputs is not None and outputs - background != start.model.num_classes:
        what = (
            f'"full" restores the heads: those of {start.written} are for {outputs - background} '
            f"classes, the model's for {start.model.num_classes}"
        )
        fix = f"Restore all but the heads: -s {_TYPE}=detection"
        yield Finding("checkpoint-classes", "error", _TYPE, what, fix)


def variables_have_full_precision(subject: Subject) -> Iterator[Finding]:
    """Training keeps its variables in float32, in mixed precision too."""
    start = build_start(subject)
    # Looked through first, since to follow the graph to what is restored takes longer.
    if start is None or not any(t.dtype in _FLOATS for t in start.stored.index.tensors.values()):
        return
    entries = [
        entry
        for path in start.restored(start.kind)
        for entry in start.stored.variables(*path).values()
    ]
    if other := [entry.dtype for entry in entries if entry.dtype in _FLOATS]:
        what = f"{len(other)} variables of {start.written} are {other[0]}, the model's float32"
        fix = "Take the checkpoint from which it was converted."
        yield Finding("checkpoint-precision", "error", _PLACE, what, fix)


def checkpoint_was_trained(subject: Subject) -> Iterator[Finding]:
    """A training saves once before its first step: such a checkpoint has learned nothing in it."""
    if subject.stored is not None and subject.stored.step == 0:
        written = subject.config.train_config.fine_tune_checkpoint
        what = f"{written} was saved at step 0, before the first step of its training"
        yield Finding("checkpoint-step", "warning", _PLACE, what, "Take a later one beside it.")


def averages_are_left_behind(subject: Subject) -> Iterator[Finding]:
    """Moving averages belong to the optimizer, and fine-tuning restores the model only."""
    if subject.stored is not None and "average" in subject.stored.slots:
        written = subject.config.train_config.fine_tune_checkpoint
        what = f"{written} holds moving averages; fine-tuning begins with the raw weights beside"
        fix = "Expect its first evaluations below those of that training."
        yield Finding("checkpoint-averages", "hint", _PLACE, what, fix)


def _advice(start: Start) -> str:
    """The type that the checkpoint is for, where there is one."""
    for kind in ("detection", "classification"):
        if all(start.stored.find(*path) is not None for path in start.restored(kind)):
            return f"-s {_TYPE}={kind}"
    return "Take a checkpoint that the Object Detection API or odapi saved."


def _outputs_by_class(start: Start) -> int | None:
    """How many outputs the heads have for one box, background included; None if not known."""
    if start.family == "faster_rcnn":
        return _outputs(start, "_mask_rcnn_box_predictor", "_class_prediction_head")
    if start.family == "center_net":
        return _outputs(start, "_prediction_head_dict", "object_center", "0")
    heads = ("_box_predictor", "_prediction_heads")
    classes = _outputs(start, *heads, "class_predictions_with_background")
    # One box head for all levels stands beside the others, one for each level among them.
    codes = _outputs(start, "_box_predictor", "_box_prediction_head")
    codes = codes or _outputs(start, *heads, "box_encodings")
    # A box has four codes; as many boxes are predicted at each place as the anchors there are.
    return classes * 4 // codes if classes and codes else None


def _outputs(start: Start, *names: str) -> int | None:
    """The length of the last bias below an object of the first feature map."""
    biases = {
        (found[1], int(found[2])): entry.shape
        for path, entry in start.stored.variables("model", *names).items()
        if (found := _BIAS.fullmatch(path))
    }
    if not biases:
        return None
    first = min(before for before, _ in biases)
    shape = max((number, shape) for (before, number), shape in biases.items() if before == first)[1]
    return shape[0] if len(shape) == 1 else None


RULES = (
    Rule(
        "checkpoint-tf1",
        checkpoint_is_of_tf2,
        api="IOError: Checkpoint is expected to be an object-based checkpoint (model_lib_v2.py, "
        "`load_fine_tune_checkpoint`).",
        fails='fine_tune_checkpoint: "…/model.ckpt", of the TF1 zoo',
        passes='fine_tune_checkpoint: "…/checkpoint/ckpt-0", of the TF2 zoo',
    ),
    Rule(
        "checkpoint-contents",
        checkpoint_holds_what_its_type_restores,
        api="An AssertionError that lists objects without values, after the model is built; "
        "detection with a classification checkpoint is a RuntimeError (`restore_from_objects` of "
        "the meta-architectures; utils/variables_helper.py, `ensure_checkpoint_supported`).",
        fails='a backbone that was trained to classify, and type: "detection"',
        passes='the same, and type: "classification"',
    ),
    Rule(
        "checkpoint-classes",
        heads_have_the_same_classes,
        api="A ValueError on the shape of one variable, after the model is built "
        "(model_lib_v2.py, `load_fine_tune_checkpoint`).",
        fails='a detector of 90 classes, type: "full", and num_classes: 3',
        passes='a detector of 90 classes, type: "detection", and num_classes: 3',
    ),
    Rule(
        "checkpoint-precision",
        variables_have_full_precision,
        api="Restoring fails on the type of a variable, after the model is built (model_lib_v2.py, "
        "`load_fine_tune_checkpoint`).",
        fails="a checkpoint whose kernels are float16",
        passes="a checkpoint whose kernels are float32",
    ),
    Rule(
        "checkpoint-step",
        checkpoint_was_trained,
        api="It restores what it finds; its trainer saves ckpt-1 at step 0 (model_lib_v2.py, "
        "`train_loop`).",
        severity="warning",
        fails='fine_tune_checkpoint: "train/NAME/ckpt-1", of step 0',
        passes='fine_tune_checkpoint: "train/NAME/ckpt-8"',
    ),
    Rule(
        "checkpoint-averages",
        averages_are_left_behind,
        api="The model's raw weights are restored, the averages in the optimizer's slots are not "
        "(official/modeling/optimization/ema_optimizer.py).",
        severity="hint",
        fails="a checkpoint that was trained with use_moving_average: true",
        passes="a checkpoint that was trained with use_moving_average: false",
    ),
)
