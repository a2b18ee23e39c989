"""Rules on the record files: there, whole, and each record of use to training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from odapi_runner.pipeline.finding import Finding, Severity
from odapi_runner.pipeline.rules.paths import lies_elsewhere
from odapi_runner.pipeline.rules.rule import Rule
from odapi_runner.pipeline.rules.subject import Subject

if TYPE_CHECKING:  # numpy comes with it
    from odapi_runner.records.found import Survey

_MANY = 0.5  # of the images
_CONVERT = "Convert the data again: odapi data convert --help"


def records_are_there(subject: Subject) -> Iterator[Finding]:
    """Training and evaluation name records, and each pattern matches a file."""
    if not subject.config.eval_input_reader:
        what = "there is no evaluation data"
        fix = "-s eval_input_reader[0].label_map_path=… and -s eval_records=…"
        yield Finding("records", "error", "eval_input_reader", what, fix)
    for reader in subject.readers:
        place = f"{reader.place}.tf_record_input_reader.input_path"
        word = "train_records" if reader.trains else "eval_records"
        if not reader.patterns:
            fix = f"-s {word}=FILES, such as data/NAME/train-*.record"
            yield Finding("records", "error", place, "no record files are named", fix)
        for error in () if lies_elsewhere(*reader.patterns) else reader.absent:
            fix = f"{error.fix} Convert the data (odapi data convert --help), or -s {word}=FILES"
            yield Finding("records", "error", place, error.what, fix)


def record_files_are_whole(subject: Subject) -> Iterator[Finding]:
    """A record file begins as one, and ends with the end of a record.

    A copy that was cut short, a text or a checkpoint in the place of records, or a file that may
    not be read: training meets it when it gets there, which may take hours.
    """
    for place, survey in surveyed(subject):
        for error in survey.unreadable:
            yield Finding("record-file", "error", place, error.what, error.fix)


def record_files_are_not_empty(subject: Subject) -> Iterator[Finding]:
    """The files of a reader hold records."""
    for place, survey in surveyed(subject):
        if not survey.total and not survey.unreadable:
            yield Finding("records-empty", "error", place, "the files hold no record", _CONVERT)


def records_are_examples(subject: Subject) -> Iterator[Finding]:
    """Each record has the checksum that was written with it, and is a tf.train.Example.

    It has an image, and its features have the kinds and the lengths that they need.
    """
    yield from faults_of(subject, "record unreadable", "record-unreadable", "error", _CONVERT)


def images_can_be_decoded(subject: Subject) -> Iterator[Finding]:
    """Each image is a PNG or a JPEG.

    Of the images looked at the headers are read. With `--decode` every pixel is decoded, which
    also finds the image whose end is missing.
    """
    fix = "Replace the image, and write the records again."
    yield from faults_of(subject, "image undecodable", "image-undecodable", "error", fix)


def image_formats_are_true(subject: Subject) -> Iterator[Finding]:
    """`image/format` says what the image is: `png` or `jpeg`."""
    fix = "Write image/format as jpeg or png, as the image is."
    yield from faults_of(subject, "image format", "image-format", "warning", fix)


def image_sizes_are_true(subject: Subject) -> Iterator[Finding]:
    """`image/height` and `image/width` are those of the image.

    Boxes that were in pixels have been divided by these numbers: if the image was resized or
    turned between, they lie elsewhere now.
    """
    fix = "Write the image's own size: pixel boxes were divided by a wrong one otherwise."
    yield from faults_of(subject, "image size", "image-dimensions", "error", fix)


def boxes_are_finite(subject: Subject) -> Iterator[Finding]:
    """No coordinate is NaN or infinite."""
    fix = "Correct the annotation and write the records again."
    yield from faults_of(subject, "box not finite", "box-not-finite", "error", fix)


def boxes_are_not_inverted(subject: Subject) -> Iterator[Finding]:
    """A box ends after it begins: ymin <= ymax and xmin <= xmax."""
    fix = "Swap the ends where the maximum is below the minimum, and write them again."
    yield from faults_of(subject, "box inverted", "box-inverted", "error", fix)


def boxes_are_not_in_pixels(subject: Subject) -> Iterator[Finding]:
    """Coordinates are parts of the image's height and width, not pixels."""
    fix = "Divide x by the width and y by the height of the image before writing."
    yield from faults_of(subject, "box in pixels", "box-in-pixels", "error", fix)


def boxes_lie_in_the_image(subject: Subject) -> Iterator[Finding]:
    """Coordinates are within 0..1, but for a little rounding."""
    fix = "Clip the boxes to the image before writing the records."
    yield from faults_of(subject, "box out of range", "box-out-of-range", "error", fix)


def boxes_have_an_area(subject: Subject) -> Iterator[Finding]:
    """A box is higher and wider than nothing."""
    fix = "Remove such boxes from the annotations, and write the records again."
    yield from faults_of(subject, "box without area", "box-without-area", "error", fix)


def areas_are_in_pixels(subject: Subject) -> Iterator[Finding]:
    """`image/object/area` counts pixels; as a share of the image it makes every object small.

    The Pascal converter of google/automl writes shares. Without the key the box's own area counts.
    """
    fix = "Write image/object/area in pixels, or leave it out: the box's area counts then."
    yield from faults_of(subject, "area normalised", "area-normalised", "warning", fix)


def there_are_boxes(subject: Subject) -> Iterator[Finding]:
    """Some record has a box: images of nothing are fine, but not if there is nothing else."""
    for place, survey in surveyed(subject):
        if survey.looked_at and not survey.boxes and "record unreadable" not in survey.faults:
            what = f"none of the {survey.looked_at} records looked at has a box"
            yield Finding("no-boxes", "warning", place, what, "Look at all: odapi data inspect")


def most_images_have_boxes(subject: Subject) -> Iterator[Finding]:
    """Few images of a training are without a box.

    Images of nothing teach what is no object, but each takes the place of one in a batch.
    """
    survey = subject.training.survey
    if survey and survey.boxes and survey.without_boxes > _MANY * survey.looked_at:
        what = (
            f"{survey.without_boxes / survey.looked_at:.0%} of the images are without a box "
            f"({survey.without_boxes} of {survey.looked_at} records looked at)"
        )
        fix = "Leave some of them out, or read them as a data set of a small weight."
        yield Finding("images-without-boxes", "hint", subject.training.place, what, fix)


def surveyed(subject: Subject) -> Iterator[tuple[str, Survey]]:
    """Each survey with the place of its reader; of readers of the same files only the first."""
    seen: list[Survey] = []
    for reader in subject.readers:
        if reader.survey and reader.survey not in seen:
            seen.append(reader.survey)
            yield reader.place, reader.survey


def faults_of(
    subject: Subject, kind: str, rule: str, severity: Severity, fix: str
) -> Iterator[Finding]:
    """A finding for each survey with one kind of fault: the first record, and how many."""
    for _, survey in surveyed(subject):
        if kind in survey.faults:
            counts = survey.faults[kind]
            first = counts.examples[0]
            place = f"{subject.workspace.shown(first.path)}: record {first.record}"
            looked_at = f"({counts.records} of {survey.looked_at} records looked at)"
            yield Finding(rule, severity, place, f"{first.detail} {looked_at}", fix)


RULES = (
    Rule(
        "records",
        records_are_there,
        api="A glob that matches nothing is a RuntimeError only if no other of them matches; an "
        "empty one among several goes unnoticed (builders/dataset_builder.py).",
        fails='input_path: "data/kitti/trian-*.record"',
        passes='input_path: "data/kitti/train-*.record"',
    ),
    Rule(
        "record-file",
        record_files_are_whole,
        api="tf.data raises DataLossError when it reaches the damage: the trainer ends there, and "
        "the evaluator too (builders/dataset_builder.py hands the files on unread).",
        fails="a train.record that a full disk cut short",
        passes="the whole of it",
    ),
    Rule(
        "records-empty",
        record_files_are_not_empty,
        api="The files exist, so nothing is raised; repeated without end, an empty data set never "
        "gives a batch (builders/dataset_builder.py, `_read_dataset_internal`).",
        fails="a train.record of 0 bytes",
        passes="a train.record with a record",
    ),
    Rule(
        "record-unreadable",
        records_are_examples,
        api="tf.data raises DataLossError at a wrong checksum, and parsing InvalidArgumentError at "
        "what is no tf.train.Example (data_decoders/tf_example_decoder.py, `decode`).",
        fails="a record of which a byte has changed",
        passes="the record as it was written",
    ),
    Rule(
        "image-undecodable",
        images_can_be_decoded,
        api="tf.io.decode_image raises InvalidArgumentError: the trainer or the evaluator ends "
        "when it comes to the image, since no exception of the input is caught "
        "(data_decoders/tf_example_decoder.py; model_lib_v2.py, `eager_eval_loop`).",
        fails="image/encoded: a GIF, or half a JPEG (with --decode)",
        passes="image/encoded: a PNG or a JPEG",
    ),
    Rule(
        "image-format",
        image_formats_are_true,
        severity="warning",
        api="Only `raw` changes how an image is decoded; else its own first bytes decide "
        "(data_decoders/tf_example_decoder.py, by tf_slim's tfexample_decoder.py, `Image`).",
        fails="image/format: 'png' of a JPEG",
        passes="image/format: 'jpeg'",
    ),
    Rule(
        "image-dimensions",
        image_sizes_are_true,
        api="The keys are used to shape masks only; boxes lie where their shares of the real image "
        "are (data_decoders/tf_example_decoder.py).",
        fails="image/width: 640, image/height: 480 of an image of 480x640",
        passes="image/width: 480, image/height: 640",
    ),
    Rule(
        "box-not-finite",
        boxes_are_finite,
        api="Boxes with a NaN are removed without a word (inputs.py, `transform_input_data`; "
        "utils/ops.py, `filter_groundtruth_with_nan_box_coordinates`).",
        fails="xmin: nan",
        passes="xmin: 0.25",
    ),
    Rule(
        "box-inverted",
        boxes_are_not_inverted,
        api="A tf.Assert ends the trainer or the evaluator when the image comes up (inputs.py, "
        "`assert_or_prune_invalid_boxes`).",
        fails="xmin: 0.75, xmax: 0.25",
        passes="xmin: 0.25, xmax: 0.75",
    ),
    Rule(
        "box-in-pixels",
        boxes_are_not_in_pixels,
        api="Nothing compares them with 1: every box lies far outside the image, no anchor matches "
        "and mAP stays 0 (data_decoders/tf_example_decoder.py clips nothing).",
        fails="xmin: 320, on an image 1280 pixels wide",
        passes="xmin: 0.25",
    ),
    Rule(
        "box-out-of-range",
        boxes_lie_in_the_image,
        api="The decoder clips nothing, and training goes on; above 1.1 an assertion ends what the "
        "evaluation does with the image (core/box_list_ops.py, `to_absolute_coordinates`).",
        fails="xmax: 1.02",
        passes="xmax: 1.0",
    ),
    Rule(
        "box-without-area",
        boxes_have_an_area,
        api="It is kept (inputs.py), its size encoded as the logarithm of 1e-8 by the anchor's: a "
        "target that is no object's (box_coders/faster_rcnn_box_coder.py, `_encode`).",
        fails="xmin: 0.25, xmax: 0.25",
        passes="xmin: 0.25, xmax: 0.26",
    ),
    Rule(
        "area-normalised",
        areas_are_in_pixels,
        severity="warning",
        api="The box metrics of the TF2 loop take the area of the box; the keypoint metrics, like "
        "odapi's evaluation, take the record's (metrics/coco_evaluation.py, `add_eval_dict`).",
        fails="image/object/area: 0.0625 of a quarter of 640x640 by a quarter",
        passes="image/object/area: 25600",
    ),
    Rule(
        "no-boxes",
        there_are_boxes,
        severity="warning",
        api="The localization loss is 0 and so is mAP; no message (model_lib_v2.py).",
        fails="records of images and nothing else",
        passes="records of images and their boxes",
    ),
    Rule(
        "images-without-boxes",
        most_images_have_boxes,
        severity="hint",
        api="Trained on like any other: every anchor is background (core/target_assigner.py).",
        fails="900 of 1000 images without a box",
        passes="300 of them",
    ),
)
