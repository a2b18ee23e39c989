"""Rules on what records call their objects, against the label map."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from odapi_runner.errors import did_you_mean
from odapi_runner.formats.label_map import LabelMap
from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.rules.records import faults_of
from odapi_runner.pipeline.rules.rule import Rule
from odapi_runner.pipeline.rules.subject import Reader, Subject

if TYPE_CHECKING:  # numpy comes with it
    from odapi_runner.records.found import ClassCounts, Survey

_SHOWN = 10


def labels_are_there(subject: Subject) -> Iterator[Finding]:
    """A record with boxes says of what they are: `class/text`, or `class/label`."""
    fix = "Write image/object/class/text for every box."
    yield from faults_of(subject, "class missing", "label-missing", "error", fix)


def names_are_known(subject: Subject) -> Iterator[Finding]:
    """The label map has every `class/text` of the records, as `name` or as `display_name`.

    A box of an unknown name is dropped without a word: it is trained on as background, and found
    objects of its kind count as wrong. Boxes to be ignored (`is_crowd`, `group_of`) do not count.
    """
    for reader, label_map, survey in _compared(subject):
        unknown: Counter[str] = Counter()
        for name, _, counts in _labels(survey):
            if name is not None and label_map.id_of(name) is None:
                unknown[name] += counts.boxes
        if unknown.total():
            listed = ", ".join(f"{name} ({unknown[name]})" for name in sorted(+unknown))
            what = f"boxes of classes that {reader.label_map_path} does not have are dropped"
            known = ", ".join(label_map.names()[:_SHOWN])
            fix = did_you_mean(min(+unknown), {*label_map.names(), *label_map.display_names()})
            fix = fix or f"Add them to the label map; it has {known}."
            yield Finding("label-unknown", "error", reader.place, f"{what}: {listed}", fix)


def ids_are_known(subject: Subject) -> Iterator[Finding]:
    """The label map has every `class/label` of records that have no `class/text`.

    An id beyond `num_classes` has no place in the one-hot vector of its box, which stays empty:
    the box teaches background.
    """
    for reader, label_map, survey in _compared(subject):
        for name, id_, counts in _labels(survey):
            if name is None and id_ and id_ not in label_map.ids() and counts.boxes:
                what = f"no class of {reader.label_map_path} has id {id_} ({counts.boxes} boxes)"
                fix = "Correct the label map, or image/object/class/label in the records."
                yield Finding("label-id-unknown", "error", _first(subject, counts), what, fix)


def ids_begin_with_one(subject: Subject) -> Iterator[Finding]:
    """No box of records without `class/text` has id 0: that is the background's."""
    for _, _, survey in _compared(subject):
        for name, id_, counts in _labels(survey):
            if name is None and id_ == 0 and counts.boxes:
                what = f"a class/label is 0, which is the background ({counts.boxes} boxes)"
                fix = "Number the classes from 1, in the records and in the label map."
                yield Finding("label-id-zero", "error", _first(subject, counts), what, fix)


def names_and_ids_agree(subject: Subject) -> Iterator[Finding]:
    """Where a record has both, `class/label` is the id that the label map gives `class/text`.

    The text counts and the number is not looked at: but one of them is of another label map, and
    a tool that reads the numbers sees other classes.
    """
    for reader, label_map, survey in _compared(subject):
        wrong = [
            (name, id_, counts)
            for name, id_, counts in _labels(survey)
            if name is not None and id_ is not None and label_map.id_of(name) not in (None, id_)
        ]
        if wrong:
            listed = ", ".join(
                f"{name} is {id_} ({label_map.id_of(name)})" for name, id_, _ in wrong[:_SHOWN]
            )
            what = f"class/label is not the id of {reader.label_map_path}: {listed}"
            fix = "Give the label map that the records were written with, or write them again."
            place = _first(subject, wrong[0][2])
            yield Finding("label-contradiction", "warning", place, what, fix)


def every_class_occurs(subject: Subject) -> Iterator[Finding]:
    """Each class of the label map has boxes in training, and in evaluation.

    What is never seen is never learned; what is never evaluated is not in the mean of mAP. Said
    only where every record was looked at (`--all`, or few records).
    """
    for reader, label_map, survey in _compared(subject):
        seen = {
            id_ if name is None else label_map.id_of(name)
            for name, id_, counts in _labels(survey)
            if counts.boxes
        }
        absent = [item.name for item in label_map.items if item.id not in seen]
        if survey.boxes and absent and survey.looked_at == survey.total:
            listed = ", ".join(absent[:_SHOWN]) + (", …" if len(absent) > _SHOWN else "")
            what = f"no record has a box of {listed}"
            fix = "Add such images, or take the class out of the label map and num_classes."
            yield Finding("class-unused", "hint", reader.place, what, fix)


def _compared(subject: Subject) -> Iterator[tuple[Reader, LabelMap, Survey]]:
    """What has to fit: of readers of the same files and the same label map only the first."""
    seen: list[tuple[str, Survey]] = []
    for reader in subject.readers:
        if reader.label_map and reader.survey:
            pair = (reader.label_map_path, reader.survey)
            if pair not in seen:
                seen.append(pair)
                yield reader, reader.label_map, reader.survey


def _labels(survey: Survey) -> list[tuple[str | None, int | None, ClassCounts]]:
    return [(name, id_, counts) for (name, id_), counts in survey.classes.items()]


def _first(subject: Subject, counts: ClassCounts) -> str:
    return f"{subject.workspace.shown(counts.first.path)}: record {counts.first.record}"


_DECODER = "data_decoders/tf_example_decoder.py"

RULES = (
    Rule(
        "label-missing",
        labels_are_there,
        api=f"Without text the label is read ({_DECODER}, `BackupHandler`); where that is empty, "
        "too, all boxes are removed without a message (utils/ops.py, "
        "`filter_unrecognized_classes`).",
        fails="boxes without class/text and class/label",
        passes="class/text: 'Car' for each",
    ),
    Rule(
        "label-unknown",
        names_are_known,
        api=f"The lookup gives -1 ({_DECODER}, `_ClassTensorHandler`), and such boxes are removed "
        "without a message (utils/ops.py, `filter_unrecognized_classes`).",
        fails="class/text: 'car', where the label map has Car",
        passes="class/text: 'Car'",
    ),
    Rule(
        "label-id-unknown",
        ids_are_known,
        api="tf.one_hot of an id beyond num_classes is all zeros: background, without a message "
        "(inputs.py, `transform_input_data`).",
        fails="class/label: 4, where the label map ends with 3",
        passes="class/label: 3",
    ),
    Rule(
        "label-id-zero",
        ids_begin_with_one,
        api="1 is subtracted, and tf.one_hot of -1 is all zeros: background, without a message "
        "(inputs.py, `transform_input_data`).",
        fails="class/label: 0",
        passes="class/label: 1",
    ),
    Rule(
        "label-contradiction",
        names_and_ids_agree,
        severity="warning",
        api=f"The text wins; the label is read only where a record has no text ({_DECODER}, "
        "`BackupHandler`).",
        fails="class/text: 'Car', class/label: 2, where Car is 1",
        passes="class/text: 'Car', class/label: 1",
    ),
    Rule(
        "class-unused",
        every_class_occurs,
        severity="hint",
        api="Nothing looks at it; the metric of such a class is -1 or NaN, and left out of the "
        "mean (metrics/coco_tools.py).",
        fails="a label map with Tram, and no tram in the records",
        passes="a label map without it",
    ),
)
