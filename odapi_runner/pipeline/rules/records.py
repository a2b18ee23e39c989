"""Rules on the record files: there, readable, and their labels and boxes usable."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from odapi_runner.errors import DataError, did_you_mean
from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.rules.rule import Rule
from odapi_runner.pipeline.rules.subject import Reader, Subject

if TYPE_CHECKING:  # numpy comes with them
    from odapi_runner.formats.example import Annotated
    from odapi_runner.formats.tfrecord import RecordIndex

T = TypeVar("T")
Track = Callable[[Sequence[T], str], Iterable[T]]

# Records of a reader that are looked at unless all are: under half a second with KITTI's images.
_SAMPLE = 200

_REMEDIES = {
    "record unreadable": "Write the records again: odapi data convert --help",
    "box not finite": "Correct the annotation and write the records again.",
    "box inverted": "Swap the ends where the maximum is below the minimum, and write them again.",
    "box in pixels": "Divide x by the width and y by the height of the image before writing.",
    "box out of range": "Clip the boxes to the image before writing the records.",
    "box without area": "Remove such boxes from the annotations, and write the records again.",
    "image undecodable": "Replace the image, and write the records again.",
    "image format": "Write image/format as jpeg or png, as the image is.",
    "image size": "Write the image's own size: pixel boxes were divided by a wrong one otherwise.",
    "label id unknown": "Correct the label map, or image/object/class/label in the records.",
    "label missing": "Write image/object/class/text for every box.",
}


def records_are_there(subject: Subject) -> Iterator[Finding]:
    """Training and evaluation name records, and each pattern matches a file."""
    if not subject.config.eval_input_reader:
        what = "there is no evaluation data"
        fix = "-s eval_input_reader[0].label_map_path=… and -s eval_records=…"
        yield Finding("records", "error", "eval_input_reader", what, fix)
    for reader in subject.readers:
        place = f"{reader.place}.tf_record_input_reader.input_path"
        word = "train_records" if reader.place.startswith("train") else "eval_records"
        if not reader.patterns:
            fix = f"-s {word}=FILES, such as data/NAME/train-*.record"
            yield Finding("records", "error", place, "no record files are named", fix)
        for error in reader.absent:
            fix = f"{error.fix} Convert the data (odapi data convert --help), or -s {word}=FILES"
            yield Finding("records", "error", place, error.what, fix)


def records_are_usable(
    subject: Subject, *, every_record: bool, track: Track[tuple[RecordIndex, int]]
) -> Iterator[Finding]:
    """Files are whole; in a sample of records, or in all, labels are known and boxes right."""
    for reader in subject.readers:
        if reader.files:
            yield from _check_reader(subject, reader, every_record, track)


@dataclass(slots=True)
class _Tally:
    """The faults of one reader: of each kind how many records have it, and the first of them."""

    records: int = 0
    boxes: int = 0
    count: dict[str, int] = field(default_factory=dict)
    first: dict[str, tuple[str, str]] = field(default_factory=dict)  # where, in words
    unknown: dict[str, int] = field(default_factory=dict)  # boxes by a name not in the label map

    def add(self, kind: str, where: str, words: str) -> None:
        self.count[kind] = self.count.get(kind, 0) + 1
        self.first.setdefault(kind, (where, words))


def _check_reader(
    subject: Subject, reader: Reader, every_record: bool, track: Track[tuple[RecordIndex, int]]
) -> Iterator[Finding]:
    from odapi_runner.formats.example import decode_example
    from odapi_runner.formats.tfrecord import index_records, read_record

    indices = []
    for path in reader.files:
        try:
            indices.append(index_records(path))
        except DataError as error:
            yield Finding("records", "error", reader.place, error.what, error.fix)
    if not sum(map(len, indices)):
        if len(indices) == len(reader.files):
            fix = "Convert the data again: odapi data convert --help"
            yield Finding("records", "error", reader.place, "the files hold no record", fix)
        return
    chosen = _sample(indices, every_record)
    tally = _Tally(records=len(chosen))
    for index, number in track(chosen, reader.place):
        where = f"{subject.workspace.shown(index.path)}: record {number}"
        try:
            example = decode_example(read_record(index, number), "")
        except DataError as error:
            tally.add("record unreadable", where, error.what.removeprefix(": "))
        else:
            _check_example(example, reader, where, tally)
    yield from _findings(reader, tally)


def _sample(indices: Sequence[RecordIndex], every_record: bool) -> list[tuple[RecordIndex, int]]:
    """File and number of the records to look at: the first of each file, as many of each."""
    if every_record:
        return [(index, number) for index in indices for number in range(len(index))]
    stride = -(-len(indices) // _SAMPLE)
    share = max(1, _SAMPLE // len(indices))
    return [
        (index, number) for index in indices[::stride] for number in range(min(share, len(index)))
    ]


def _check_example(example: Annotated, reader: Reader, where: str, tally: _Tally) -> None:
    from odapi_runner.records.inspect import find_box_faults, find_image_faults

    kinds: dict[str, str] = {}
    for kind, words in (*find_image_faults(example), *find_box_faults(example.boxes_yxyx_norm)):
        kinds.setdefault(kind, words)
    for kind, words in _label_faults(example, reader, tally):
        kinds.setdefault(kind, words)
    for kind, words in kinds.items():
        tally.add(kind, where, words)
    tally.boxes += len(example.boxes_yxyx_norm)


def _label_faults(example: Annotated, reader: Reader, tally: _Tally) -> Iterator[tuple[str, str]]:
    """Names count where a record has them, else ids, as the decoder of the OD API has it.

    Source: object_detection/data_decoders/tf_example_decoder.py, `_ClassTensorHandler`.
    """
    if reader.label_map is None:
        return
    if example.class_names:
        for name in example.class_names:
            if reader.label_map.id_of(name) is None:
                tally.unknown[name] = tally.unknown.get(name, 0) + 1
    elif len(example.class_ids):
        for id_ in sorted(set(example.class_ids.tolist()) - set(reader.label_map.ids())):
            yield "label id unknown", f"no class of {reader.label_map_path} has id {id_}"
    elif len(example.boxes_yxyx_norm):
        yield "label missing", "boxes, but neither class/text nor class/label"


def _findings(reader: Reader, tally: _Tally) -> Iterator[Finding]:
    for kind, count in tally.count.items():
        where, words = tally.first[kind]
        what = f"{words} ({count} of {tally.records} records looked at)"
        yield Finding(kind.replace(" ", "-"), "error", where, what, _REMEDIES[kind])
    if tally.unknown and reader.label_map:
        listed = ", ".join(f"{name} ({count})" for name, count in sorted(tally.unknown.items()))
        name = min(tally.unknown)
        yield Finding(
            "label-unknown",
            "error",
            reader.place,
            f"boxes of classes that {reader.label_map_path} does not have are dropped: {listed}",
            did_you_mean(name, reader.label_map.names())
            or f"Add them to the label map; it has {', '.join(reader.label_map.names()[:10])}.",
        )
    if not tally.boxes and "record unreadable" not in tally.count:
        what = f"none of the {tally.records} records looked at has a box"
        fix = "Look at all of them: odapi data inspect"
        yield Finding("no-boxes", "warning", reader.place, what, fix)


RULES = (
    Rule(
        "records",
        records_are_there,
        api="A glob that matches nothing is a RuntimeError only if no other of them matches; an "
        "empty one among several goes unnoticed (builders/dataset_builder.py).",
    ),
)
