"""Rules on classes: the label map, and the model's number of classes."""

from __future__ import annotations

from collections.abc import Iterator

from odapi_runner import files
from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.rules.rule import Rule
from odapi_runner.pipeline.rules.subject import Reader, Subject

# The ids below 90 that COCO's own label map leaves out; published detectors have 90 classes.
_COCO_GAPS = frozenset({12, 26, 29, 30, 45, 66, 68, 69, 71, 83})
_COCO_CLASSES = 90


def model_is_set(subject: Subject) -> Iterator[Finding]:
    """The config has a model."""
    if subject.num_classes is None:
        yield Finding("model", "error", "model", "no model is set", "Start from a preset.")


def model_has_classes(subject: Subject) -> Iterator[Finding]:
    """The model finds at least one class."""
    if subject.num_classes is not None and subject.num_classes < 1:
        yield Finding(
            "no-classes",
            "error",
            subject.num_classes_path,
            f"a model of {subject.num_classes} classes finds nothing",
            "Set it to the largest id of the label map: -s num_classes=N",
        )


def label_maps_are_readable(subject: Subject) -> Iterator[Finding]:
    """Each reader names a label map that exists and is one; said once for all who share it."""
    seen: set[str] = set()
    for reader in subject.readers:
        place = f"{reader.place}.label_map_path"
        if not reader.label_map_path:
            fix = "-s label_map=data/NAME/label_map.pbtxt"
            yield Finding("label-map", "error", place, "no label map is named", fix)
        elif reader.label_map_error and reader.label_map_path not in seen:
            what, fix = reader.label_map_error.what, reader.label_map_error.fix
            if not files.is_file(subject.workspace.resolve(reader.label_map_path)):
                what = f"{reader.label_map_path}: no such file"
                fix = "Convert the data (odapi data convert --help), or -s label_map=FILE"
            yield Finding("label-map", "error", place, what, fix)
        seen.add(reader.label_map_path)


def ids_have_no_gaps(subject: Subject) -> Iterator[Finding]:
    """Ids run from 1 without gaps, but for COCO's own."""
    for reader in _with_different_label_maps(subject):
        ids = reader.label_map.ids() if reader.label_map else ()
        gaps = set(range(1, max(ids))) - set(ids)
        if gaps and not (max(ids) == _COCO_CLASSES and gaps <= _COCO_GAPS):
            shown = ", ".join(map(str, sorted(gaps)[:5])) + (", …" if len(gaps) > 5 else "")
            yield Finding(
                "label-map-gaps",
                "error",
                reader.label_map_path,
                f"no class has id {shown}, but others have larger ids",
                "Number the classes from 1 without gaps, in the records as well.",
            )


def num_classes_is_that_of_the_label_map(subject: Subject) -> Iterator[Finding]:
    """A class beyond `num_classes` would silently be background; one too many is never seen."""
    for reader in _with_different_label_maps(subject):
        largest = max(reader.label_map.ids()) if reader.label_map else 0
        if (subject.num_classes or 0) > 0 and subject.num_classes != largest:
            yield Finding(
                "num-classes",
                "error",
                subject.num_classes_path,
                f"{subject.num_classes} classes, but the ids of {reader.label_map_path} reach to "
                f"{largest}",
                f"-s num_classes={largest}",
            )


def _with_different_label_maps(subject: Subject) -> list[Reader]:
    """One reader for each label map that could be read."""
    by_path = {item.label_map_path: item for item in reversed(subject.readers) if item.label_map}
    return list(reversed(by_path.values()))


RULES = (
    Rule("model", model_is_set, api="builders/model_builder.py raises ValueError."),
    Rule(
        "no-classes",
        model_has_classes,
        api="It builds heads without a class, and fails in the first loss (model_lib_v2.py).",
    ),
    Rule(
        "label-map",
        label_maps_are_readable,
        api="utils/label_map_util.py raises when the evaluator or the decoder reads it.",
    ),
    Rule(
        "label-map-gaps",
        ids_have_no_gaps,
        api="It trains a class that never occurs; nothing is said (inputs.py).",
    ),
    Rule(
        "num-classes",
        num_classes_is_that_of_the_label_map,
        api="Nothing compares the two: a box of a class beyond num_classes becomes an all-zero "
        "row, that is background (inputs.py, `transform_input_data`).",
    ),
)
