"""Rules on keypoints: the tasks of a CenterNet, and their label map."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from odapi_runner import files
from odapi_runner.errors import OdapiError, did_you_mean
from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.rules.augmentation import find_steps
from odapi_runner.pipeline.rules.paths import lies_elsewhere
from odapi_runner.pipeline.rules.rule import Rule
from odapi_runner.pipeline.rules.subject import Subject
from odapi_runner.proto.text import parse_label_map, read_text

_MODEL = "model.center_net"
_FLIPS = ("random_horizontal_flip", "random_vertical_flip")
_MAP = f"{_MODEL}.keypoint_label_map_path"


def keypoint_map_is_there(subject: Subject) -> Iterator[Finding]:
    """A CenterNet that learns keypoints names the label map that lists them."""
    if not _tasks(subject):
        return
    path = subject.model.keypoint_label_map_path
    if lies_elsewhere(path):
        return
    if not path:
        what = "the model learns keypoints, and names no label map that lists them"
        yield Finding("keypoint-map", "error", _MAP, what, f"-s {_MAP}=FILE")
    elif not files.is_file(subject.workspace.resolve(path)):
        what = f"{path}: no such file"
        yield Finding("keypoint-map", "error", _MAP, what, f"Correct the path: -s {_MAP}=FILE")
    else:
        try:
            _classes(subject)
        except OdapiError as error:
            yield Finding("keypoint-map", "error", _MAP, error.what, error.fix)


def keypoint_tasks_have_classes(subject: Subject) -> Iterator[Finding]:
    """Each task is about a class of that label map, with keypoints, and no two about the same."""
    tasks = _tasks(subject)
    try:
        classes = _classes(subject) if tasks and subject.model.keypoint_label_map_path else None
    except OdapiError:
        return  # as `keypoint_map_is_there` says
    if classes is None:
        return
    counts = Counter(task.keypoint_class_name for task in tasks)
    for number, task in enumerate(tasks):
        name = task.keypoint_class_name
        place = f"{_MODEL}.keypoint_estimation_task[{number}].keypoint_class_name"
        if name not in classes:
            what = f'no class "{name}" with keypoints is in {subject.model.keypoint_label_map_path}'
            fix = did_you_mean(name, classes) or "Name a class that has keypoints { … } there."
            yield Finding("keypoint-class", "error", place, what, fix)
        elif counts[name] > 1:
            what = f'{counts[name]} tasks are about "{name}"'
            yield Finding("keypoint-class", "error", place, what, "Leave one of them.")


def flips_know_left_from_right(subject: Subject) -> Iterator[Finding]:
    """A flip of images with keypoints says which keypoint becomes which.

    The left eye of a mirrored face is the right one: `keypoint_flip_permutation` has, for each
    keypoint, the number of its counterpart.
    """
    if not subject.training.settings.num_keypoints:
        return
    for step in find_steps(subject):
        if step.kind in _FLIPS and not step.options.keypoint_flip_permutation:
            what = "records have keypoints, and nothing says which of them becomes which"
            place = f"{step.place}.keypoint_flip_permutation"
            fix = f"-s {place}='[0, 2, 1, …]'"
            yield Finding("keypoint-flip", "error", place, what, fix)


def _tasks(subject: Subject) -> tuple[Any, ...]:
    if subject.family != "center_net":
        return ()
    return tuple(subject.model.keypoint_estimation_task)


def _classes(subject: Subject) -> set[str]:
    """The names of the classes with keypoints in the model's label map of keypoints."""
    path = subject.model.keypoint_label_map_path
    items = parse_label_map(read_text(subject.workspace.resolve(path)), path).item
    return {item.name for item in items if item.keypoints}


RULES = (
    Rule(
        "keypoint-map",
        keypoint_map_is_there,
        api="It reads the label map while the model is built (builders/model_builder.py, "
        "`_build_center_net_model`).",
        fails="keypoint_estimation_task { … }",
        passes='keypoint_estimation_task { … } keypoint_label_map_path: "data/label_map.pbtxt"',
    ),
    Rule(
        "keypoint-class",
        keypoint_tasks_have_classes,
        api="A KeyError, or a ValueError for two tasks of one class (builders/model_builder.py, "
        "`keypoint_proto_to_params`).",
        fails='keypoint_class_name: "/m/01g317", where the label map says "person"',
        passes='keypoint_class_name: "person"',
    ),
    Rule(
        "keypoint-flip",
        flips_know_left_from_right,
        api="ValueError: keypoints are provided but keypoints_flip_permutation is not, when the "
        "input is built (core/preprocessor.py).",
        fails="random_horizontal_flip { }, with num_keypoints: 17",
        passes="random_horizontal_flip { keypoint_flip_permutation: [0, 2, 1, …] }",
    ),
)
