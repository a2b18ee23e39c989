"""Rules on what an input reader is told, whatever its records hold."""

from __future__ import annotations

import math
from collections.abc import Iterator

from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.rules.rule import Rule
from odapi_runner.pipeline.rules.subject import Subject

_COUNTS = ("num_readers", "read_block_length")
_BUFFERS = ("shuffle_buffer_size", "filenames_shuffle_buffer_size")


def readers_read_records(subject: Subject) -> Iterator[Finding]:
    """A reader reads TFRecord files: `tf_record_input_reader`."""
    for reader in subject.readers:
        if reader.settings.HasField("external_input_reader"):
            place = f"{reader.place}.tf_record_input_reader.input_path"
            what = "it is what TF2 reads, and external_input_reader is set instead"
            fix = f"-s {place}=FILES, which takes its place"
            yield Finding("input-reader", "error", place, what, fix)


def weights_belong_to_the_paths(subject: Subject) -> Iterator[Finding]:
    """`sample_from_datasets_weights` has a weight for each entry of `input_path`.

    Weights are relative to each other: above 0, or 0 for an entry that is not read at all.
    """
    for reader in subject.readers:
        weights = reader.settings.sample_from_datasets_weights
        place = f"{reader.place}.sample_from_datasets_weights"
        paths = len(reader.patterns)
        if weights and len(weights) != paths:
            entries = f"{paths} {'entry' if paths == 1 else 'entries'}"
            what = f"{len(weights)} weights, but input_path has {entries}"
            fix = "Write one weight for each entry, in their order."
            yield Finding("dataset-weights", "error", place, what, fix)
        elif not all(weight >= 0 and math.isfinite(weight) for weight in weights):
            what = f"a weight of {min(weights):g}"
            fix = "Write numbers above 0; 0 leaves an entry out."
            yield Finding("dataset-weights", "error", place, what, fix)
        elif weights and not any(weights):
            what = "every weight is 0: nothing is read"
            yield Finding("dataset-weights", "error", place, what, f"-d {place}")


def boxes_are_kept(subject: Subject) -> Iterator[Finding]:
    """`max_number_of_boxes` leaves room for boxes: those beyond it are dropped."""
    for reader in subject.readers:
        most = reader.settings.max_number_of_boxes
        if most < 1:
            place = f"{reader.place}.max_number_of_boxes"
            what = f"{most} boxes of an image are kept"
            yield Finding("boxes-kept", "error", place, what, f"-s {place}=100")


def training_is_shuffled(subject: Subject) -> Iterator[Finding]:
    """Training shuffles its images, so that a batch does not hold neighbours only.

    Records are written in some order: by folder, by film, by class.
    """
    reader = subject.training
    if not reader.settings.shuffle:
        place = f"{reader.place}.shuffle"
        what = "the images come in the order of the files, each epoch the same"
        yield Finding("train-shuffle", "warning", place, what, f"-s {place}=true")


def reading_goes_on(subject: Subject) -> Iterator[Finding]:
    """Readers, blocks and buffers are larger than nothing."""
    for reader in subject.readers:
        names = _COUNTS + (_BUFFERS if reader.settings.shuffle else ())
        for name in names:
            if not getattr(reader.settings, name):
                place = f"{reader.place}.{name}"
                fix = f"Leave it out, and it is what it usually is: -d {place}"
                yield Finding("reading-sizes", "error", place, f"{name} is 0", fix)


def every_worker_has_a_file(subject: Subject) -> Iterator[Finding]:
    """Several machines (`--workers N`) share the files of a training: there are as many, or more.

    Each machine reads files of its own; one that gets none waits for ever, and the others for it.
    """
    files = len(subject.training.files)
    if files and files < subject.workers:
        place = f"{subject.training.place}.tf_record_input_reader.input_path"
        what = f"{files} {'file' if files == 1 else 'files'} for {subject.workers} workers"
        fix = f"Write them again in more files: odapi data convert … --shards {subject.workers}"
        yield Finding("shards-workers", "error", place, what, fix)


_BUILDER = "builders/dataset_builder.py"

RULES = (
    Rule(
        "input-reader",
        readers_read_records,
        api=f"ValueError: Unsupported input_reader_config, after the model is built ({_BUILDER}).",
        fails="train_input_reader { external_input_reader { } }",
        passes="train_input_reader { tf_record_input_reader { input_path: 'data/…' } }",
    ),
    Rule(
        "dataset-weights",
        weights_belong_to_the_paths,
        api="Another number of weights is to be a ValueError, and dies of a TypeError while its "
        f"sentence is put together ({_BUILDER}, `read_dataset`).",
        fails="input_path: ['a', 'b'] … sample_from_datasets_weights: [1.0]",
        passes="input_path: ['a', 'b'] … sample_from_datasets_weights: [1.0, 0.5]",
    ),
    Rule(
        "boxes-kept",
        boxes_are_kept,
        api="Boxes are cut to that number, silently (inputs.py, "
        "`pad_input_data_to_static_shapes`).",
        fails="max_number_of_boxes: 0",
        passes="max_number_of_boxes: 100",
    ),
    Rule(
        "train-shuffle",
        training_is_shuffled,
        severity="warning",
        api=f"It reads files and records in their order ({_BUILDER}, `_read_dataset_internal`).",
        fails="train_input_reader { shuffle: false }",
        passes="train_input_reader { shuffle: true }",
    ),
    Rule(
        "reading-sizes",
        reading_goes_on,
        engine="tf-models",
        api=f"tf.data refuses it when the input is built ({_BUILDER}, `_read_dataset_internal`).",
        fails="train_input_reader { num_readers: 0 }",
        passes="train_input_reader { num_readers: 1 }",
    ),
    Rule(
        "shards-workers",
        every_worker_has_a_file,
        engine="tf-models",
        api="Files are dealt out to the workers, `shard(num_input_pipelines)`; what gets none has "
        f"no end to wait for ({_BUILDER}, `shard_function_for_context`).",
        fails="1 file of records, and --workers 2",
        passes="2 files of records, and --workers 2",
    ),
)
