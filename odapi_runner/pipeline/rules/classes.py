"""Rules on classes: the label map, and the model's number of classes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from odapi_runner import files
from odapi_runner.errors import nearest
from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.rules.paths import lies_elsewhere
from odapi_runner.pipeline.rules.rule import Rule
from odapi_runner.pipeline.rules.subject import Reader, Subject

# The ids below 90 that COCO's own label map leaves out; published detectors have 90 classes.
_COCO_GAPS = frozenset({12, 26, 29, 30, 45, 66, 68, 69, 71, 83})
_COCO_CLASSES = 90

_SET = "-s label_map=data/NAME/label_map.pbtxt"


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
            near = _likely_label_map(reader, subject)
            fix = f"-s label_map={near}" if near else _SET
            yield Finding("label-map", "error", place, "no label map is named", fix)
        elif lies_elsewhere(reader.label_map_path):
            continue
        elif reader.label_map_error and reader.label_map_path not in seen:
            what, fix = reader.label_map_error.what, reader.label_map_error.fix
            if not files.is_file(subject.workspace.resolve(reader.label_map_path)):
                what = f"{reader.label_map_path}: no such file"
                near = _likely_label_map(reader, subject)
                convert = "Convert the data (odapi data convert --help), or"
                fix = f"-s label_map={near}" if near else f"{convert} {_SET}"
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


def label_maps_agree(subject: Subject) -> Iterator[Finding]:
    """Training and evaluation call the same class by the same id.

    The model predicts ids; the evaluation names them by its own label map.
    """
    trained = subject.training.label_map
    for reader in subject.readers[1:]:
        if not trained or not reader.label_map or reader.label_map == trained:
            continue
        ours = {item.id: item.name for item in trained.items}
        theirs = {item.id: item.name for item in reader.label_map.items}
        for id_ in sorted(ours.keys() & theirs.keys()):
            if ours[id_] != theirs[id_]:
                what = f'{id_} is "{theirs[id_]}" here, and "{ours[id_]}" in training'
                fix = f"-s label_map={subject.training.label_map_path}"
                place = f"{reader.place}.label_map_path"
                yield Finding("label-maps-differ", "error", place, what, fix)
                break


def _likely_label_map(reader: Reader, subject: Subject) -> str | None:
    """The label map that is meant where none is named, or one that is absent.

    It lies beside the reader's own records, or is a near spelling: of the file in its folder, or of
    the folder among the data sets. That of another data set would name other classes.
    """
    folders = dict.fromkeys(str(Path(pattern).parent) for pattern in reader.patterns)
    name = Path(reader.label_map_path).name or "label_map.pbtxt"
    for folder in folders:
        beside = _label_maps(folder, subject)
        likely = nearest(name, beside, 1) or (beside if len(beside) == 1 else ())
        if likely:
            return str(Path(folder) / likely[0])
    if not reader.label_map_path:
        return None
    written = Path(reader.label_map_path)
    if near := nearest(name, _label_maps(str(written.parent), subject), 1):
        return str(written.parent / near[0])
    above = written.parent.parent
    there = subject.workspace.resolve(above)
    names = [path.name for path in there.glob("*")] if files.is_folder(there) else []
    for folder in nearest(written.parent.name, names):
        if near := nearest(name, _label_maps(str(above / folder), subject), 1):
            return str(above / folder / near[0])
    return None


def _label_maps(folder: str, subject: Subject) -> list[str]:
    """The names of the label maps in a folder; empty where there is no such folder."""
    there = subject.workspace.resolve(folder)
    found = there.glob("*.pb*txt") if files.is_folder(there) else ()
    return sorted(path.name for path in found)


def _with_different_label_maps(subject: Subject) -> list[Reader]:
    """One reader for each label map that could be read."""
    by_path = {item.label_map_path: item for item in reversed(subject.readers) if item.label_map}
    return list(reversed(by_path.values()))


RULES = (
    Rule(
        "model",
        model_is_set,
        api="It asks for the model's fields before it looks whether there is one: a TypeError "
        "(builders/model_builder.py, `build`).",
        fails="model { }",
        passes="model { ssd { … } }",
    ),
    Rule(
        "no-classes",
        model_has_classes,
        api="It builds heads without a class, and fails in the first loss (model_lib_v2.py).",
        fails="num_classes: 0",
        passes="num_classes: 3",
    ),
    Rule(
        "label-map",
        label_maps_are_readable,
        api="It raises when the evaluator or the decoder reads it, after the model is built "
        "(utils/label_map_util.py).",
        fails='label_map_path: "data/kitti/labels.pbtxt", and no such file',
        passes='label_map_path: "data/kitti/label_map.pbtxt"',
    ),
    Rule(
        "label-map-gaps",
        ids_have_no_gaps,
        api="It trains a class that never occurs; nothing is said (inputs.py).",
        fails="item { id: 1 name: 'Car' } item { id: 3 name: 'Cyclist' }",
        passes="item { id: 1 name: 'Car' } item { id: 2 name: 'Cyclist' }",
    ),
    Rule(
        "label-maps-differ",
        label_maps_agree,
        api="The evaluation uses its own reader's label map, and nothing compares the two "
        "(model_lib_v2.py, `eager_eval_loop`).",
        fails="item { id: 1 name: 'Car' } in training, item { id: 1 name: 'Van' } in evaluation",
        passes="the same label map in both",
    ),
    Rule(
        "num-classes",
        num_classes_is_that_of_the_label_map,
        api="Nothing compares the two: a box of a class beyond num_classes becomes an all-zero "
        "row, that is background (inputs.py, `transform_input_data`).",
        fails="num_classes: 90, and a label map of 3 classes",
        passes="num_classes: 3, and a label map of 3 classes",
    ),
)
