"""Rules on how readers feed training and evaluation: enough records, the right ones, in memory."""

from __future__ import annotations

import math
from collections.abc import Iterator

from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.rules.rule import Rule
from odapi_runner.pipeline.rules.subject import Reader, Subject

_MEMORY_SHARE = 0.5
_FEW = 10  # records


def boxes_fit_into_the_reader(subject: Subject) -> Iterator[Finding]:
    """No image has more boxes than `max_number_of_boxes` of its reader, 100 if not set.

    What is over is dropped: training punishes what is found there, and so does evaluation. A
    region to be ignored counts once for each class, as odapi writes it.
    """
    for reader in subject.readers:
        survey, limit = reader.survey, reader.settings.max_number_of_boxes
        if not survey:
            continue
        over = {boxes: count for boxes, count in survey.box_counts.items() if boxes > limit}
        if over and survey.fullest:
            lost = sum((boxes - limit) * count for boxes, count in over.items())
            first = subject.workspace.shown(survey.fullest.path)
            what = (
                f"{sum(over.values())} of {survey.looked_at} records looked at have more than "
                f"{limit} boxes: {lost} boxes are dropped ({first}: record "
                f"{survey.fullest.record} has {max(over)})"
            )
            place = f"{reader.place}.max_number_of_boxes"
            yield Finding("max-boxes", "warning", place, what, f"-s {place}={max(over)}")


def evaluated_images_have_ids(subject: Subject) -> Iterator[Finding]:
    """Records for evaluation have an `image/source_id`.

    Without one an image is anonymous: no duplicate is noticed, and no tool can say which image a
    detection belongs to.
    """
    for reader in _evaluations(subject):
        counts = reader.survey.faults.get("source id empty") if reader.survey else None
        if counts:
            what = f"{counts.records} of {_looked_at(reader)} have an empty image/source_id"
            fix = "Write the file name, or a number of each image's own."
            yield Finding("source-id-empty", "hint", reader.place, what, fix)


def evaluated_images_have_different_ids(subject: Subject) -> Iterator[Finding]:
    """No two records for evaluation have the same `image/source_id`.

    An image is known by it. The boxes of the second one are left out, and what is found on it is
    wrong then.
    """
    for reader in _evaluations(subject):
        counts = reader.survey.faults.get("source id twice") if reader.survey else None
        if counts:
            first = counts.examples[0]
            place = f"{subject.workspace.shown(first.path)}: record {first.record}"
            what = (
                f"{counts.records} of {_looked_at(reader)} have an image/source_id that an "
                f"earlier one has, such as {first.source_id}"
            )
            fix = "Leave the second ones out, or write a different id for each image."
            yield Finding("source-id-twice", "warning", place, what, fix)


def evaluation_has_files_of_its_own(subject: Subject) -> Iterator[Finding]:
    """No file is read for training and for evaluation.

    What a model was trained on it knows by heart: such a mAP says nothing of other images.
    """
    trained = set(subject.training.files)
    for reader in _evaluations(subject):
        shared = [path for path in reader.files if path in trained]
        if shared:
            shown = subject.workspace.shown(shared[0])
            what = f"{len(shared)} of {len(reader.files)} files are trained on as well: {shown}"
            fix = "Split the images, as odapi data convert does: -s eval_records=FILES"
            place = f"{reader.place}.tf_record_input_reader.input_path"
            yield Finding("train-eval-files", "warning", place, what, fix)


def evaluation_has_images_of_its_own(subject: Subject) -> Iterator[Finding]:
    """No image for evaluation is an image for training, in whatever file.

    Two images are the same where their encoded bytes are, going by their length and by some of
    them; names and ids do not matter.
    """
    training = subject.training
    for reader in _evaluations(subject):
        # Shared files are another rule's.
        if not (training.survey and reader.survey) or {*training.files} & {*reader.files}:
            continue
        there, here = training.survey.find_common_images(reader.survey)
        if len(here):
            one, other = reader.survey.place(here[0]), training.survey.place(there[0])
            what = (
                f"{len(here)} of {_looked_at(reader)} have an image that is trained on as well: "
                f"{subject.workspace.shown(one.path)}: record {one.record} is "
                f"{subject.workspace.shown(other.path)}: record {other.record}"
            )
            fix = "Split the images once, before anything is copied or augmented."
            yield Finding("leakage", "warning", reader.place, what, fix)


def shuffling_fits_into_memory(subject: Subject) -> Iterator[Finding]:
    """The shuffle buffer takes less than half of the machine's memory.

    It holds `shuffle_buffer_size` records as they are in the files, and as many again for each
    data set where `sample_from_datasets_weights` are set. It fills up while training runs: what
    is too large ends it after hours.
    """
    from psutil import virtual_memory

    reader = subject.training
    settings = reader.settings
    if not reader.survey or not settings.shuffle:
        return
    sets = sum(weight > 0 for weight in settings.sample_from_datasets_weights) or 1
    per_entry = reader.survey.mean_record_bytes * sets
    needed, there = settings.shuffle_buffer_size * per_entry, virtual_memory().total
    if needed > _MEMORY_SHARE * there:
        place = f"{reader.place}.shuffle_buffer_size"
        times = f", for each of {sets} data sets" if sets > 1 else ""
        what = (
            f"{settings.shuffle_buffer_size} records of {per_entry / sets / 1e6:.2g} MB{times} "
            f"take {needed / 1e9:.3g} GB, and the machine has {there / 1e9:.3g}"
        )
        fix = f"-s {place}={max(1, int(_MEMORY_SHARE / 2 * there / per_entry))}"
        yield Finding("shuffle-memory", "warning", place, what, fix)


def shuffling_mixes_all_records(subject: Subject) -> Iterator[Finding]:
    """Records of a single file are more than the shuffle buffer holds only if their order is mixed.

    With several files, parts of all are in the buffer. With one, a batch holds neighbours: if the
    file is sorted by class or by scene, so are the batches.
    """
    reader = subject.training
    settings = reader.settings
    if not reader.survey or not settings.shuffle or len(reader.files) > 1:
        return
    if reader.survey.total > settings.shuffle_buffer_size:
        place = f"{reader.place}.shuffle_buffer_size"
        what = (
            f"one file of {reader.survey.total} records, of which {settings.shuffle_buffer_size} "
            "at a time are shuffled"
        )
        fix = "Write several files (odapi data convert --shards N), or a larger buffer."
        yield Finding("shuffle-window", "hint", place, what, fix)


def data_sets_have_a_weight(subject: Subject) -> Iterator[Finding]:
    """A data set of weight 0 is never read."""
    for reader in subject.readers:
        weights = reader.settings.sample_from_datasets_weights
        unread = [
            pattern
            for pattern, weight in zip(reader.patterns, weights, strict=False)
            if weight == 0
        ]
        if unread:
            place = f"{reader.place}.sample_from_datasets_weights"
            what = f"never read, for its weight is 0: {', '.join(unread)}"
            yield Finding("weight-zero", "hint", place, what, "Take it out, or give it a weight.")


def sampling_leaves_records(subject: Subject) -> Iterator[Finding]:
    """`sample_1_of_n_examples` leaves enough to train on, or to evaluate."""
    for reader in subject.readers:
        every = reader.settings.sample_1_of_n_examples
        if every > 1 and reader.survey and reader.survey.total:
            left = _taken(reader)
            if left < min(_FEW, reader.survey.total):
                place = f"{reader.place}.sample_1_of_n_examples"
                what = f"1 of {every} of {reader.survey.total} records leaves {left}"
                yield Finding("sample-1-of-n", "warning", place, what, f"-s {place}=1")


def a_batch_has_different_images(subject: Subject) -> Iterator[Finding]:
    """There are at least as many records as images in a batch; else a batch has some twice."""
    survey = subject.training.survey
    size = subject.config.train_config.batch_size
    if survey and 0 < survey.total < size:
        what = f"a batch of {size} images, but there are {survey.total} records"
        fix = f"-s batch_size={survey.total}"
        yield Finding("few-records", "warning", "train_config.batch_size", what, fix)


def training_ends_by_steps(subject: Subject) -> Iterator[Finding]:
    """Training ends after `num_steps`, whatever `num_epochs` of its reader says.

    The records are repeated without an end; to train for so many epochs, set so many steps.
    """
    reader = subject.training
    epochs = reader.settings.num_epochs
    if epochs:
        place = f"{reader.place}.num_epochs"
        steps = subject.config.train_config.num_steps
        what = f"training does not end after {epochs} epochs, but after {steps} steps"
        yield Finding("train-epochs", "hint", place, what, f"-s {place}=0")


def evaluation_has_whole_batches(subject: Subject) -> Iterator[Finding]:
    """The records for evaluation are a multiple of its batch: what is left over is dropped."""
    size = subject.config.eval_config.batch_size
    for reader in _evaluations(subject):
        if not reader.survey or size < 2 or not reader.settings.drop_remainder:
            continue
        dropped = _taken(reader) % size
        if dropped:
            what = f"batches of {size} images leave {dropped} of {_taken(reader)} out"
            fix = f"-s eval_config.batch_size=1, or -s {reader.place}.drop_remainder=false"
            yield Finding("eval-remainder", "warning", "eval_config.batch_size", what, fix)


def _evaluations(subject: Subject) -> tuple[Reader, ...]:
    return subject.readers[1:]


def _looked_at(reader: Reader) -> str:
    return f"{reader.survey.looked_at if reader.survey else 0} records looked at"


def _taken(reader: Reader) -> int:
    """The records that a reader gives in an epoch."""
    total = reader.survey.total if reader.survey else 0
    every: int = reader.settings.sample_1_of_n_examples
    return math.ceil(total / max(1, every))


_BUILDER = "builders/dataset_builder.py"

RULES = (
    Rule(
        "max-boxes",
        boxes_fit_into_the_reader,
        severity="warning",
        api="Boxes are padded or clipped to this number without a message, for evaluation as well "
        "(inputs.py, `pad_input_data_to_static_shapes`).",
        fails="max_number_of_boxes: 100, and an image with 130 boxes",
        passes="max_number_of_boxes: 130",
    ),
    Rule(
        "source-id-empty",
        evaluated_images_have_ids,
        severity="hint",
        api="An empty id becomes a random number (inputs.py, "
        "`_replace_empty_string_with_random_number`).",
        fails="image/source_id: ''",
        passes="image/source_id: '000123'",
    ),
    Rule(
        "source-id-twice",
        evaluated_images_have_different_ids,
        severity="warning",
        api="Ids are hashed (inputs.py, `HASH_KEY`), and of equal ones only the first groundtruth "
        "counts; the log says `Ignoring ground truth with image id` (metrics/coco_evaluation.py).",
        fails="image/source_id: '000123' of two images",
        passes="'000123' and '000124'",
    ),
    Rule(
        "train-eval-files",
        evaluation_has_files_of_its_own,
        severity="warning",
        api="Nothing compares them (model_lib_v2.py).",
        fails="train.record for training and for evaluation",
        passes="train.record and val.record",
    ),
    Rule(
        "leakage",
        evaluation_has_images_of_its_own,
        severity="warning",
        api="Nothing compares them (model_lib_v2.py).",
        fails="000123.png in train.record and in val.record",
        passes="000123.png in train.record",
    ),
    Rule(
        "shuffle-memory",
        shuffling_fits_into_memory,
        severity="warning",
        engine="tf-models",
        api="The buffer holds serialized records, and each weighted data set has its own "
        f"({_BUILDER}, `read_dataset`). odapi's own engine has no such buffer.",
        fails="shuffle_buffer_size: 20000 of 1.5 MB, in 32 GB",
        passes="shuffle_buffer_size: 2048",
    ),
    Rule(
        "shuffle-window",
        shuffling_mixes_all_records,
        severity="hint",
        engine="tf-models",
        api=f"Files are interleaved, and the records then shuffled in a buffer ({_BUILDER}, "
        "`_read_dataset_internal`). odapi's own engine permutes all records of an epoch.",
        fails="one train.record of 6000 images, shuffle_buffer_size: 2048",
        passes="four files of 1500",
    ),
    Rule(
        "weight-zero",
        data_sets_have_a_weight,
        severity="hint",
        api=f"The data set is skipped, with a line in the log ({_BUILDER}, `read_dataset`).",
        fails="sample_from_datasets_weights: [1.0, 0.0]",
        passes="sample_from_datasets_weights: [1.0, 0.1]",
    ),
    Rule(
        "sample-1-of-n",
        sampling_leaves_records,
        severity="warning",
        api=f"Every n-th record of the shuffled stream is taken ({_BUILDER}, `build`).",
        fails="sample_1_of_n_examples: 100 of 500 records",
        passes="sample_1_of_n_examples: 5",
    ),
    Rule(
        "few-records",
        a_batch_has_different_images,
        severity="warning",
        api=f"The files are repeated without end, so that a batch holds images twice ({_BUILDER}).",
        fails="batch_size: 64 of 50 records",
        passes="batch_size: 32",
    ),
    Rule(
        "train-epochs",
        training_ends_by_steps,
        severity="hint",
        api="It repeats the data set, which ends after so many epochs, for ever (model_lib_v2.py, "
        "`train_loop`).",
        fails="train_input_reader { num_epochs: 10 }",
        passes="train_input_reader { }, and num_steps: 1000",
    ),
    Rule(
        "eval-remainder",
        evaluation_has_whole_batches,
        severity="warning",
        engine="tf-models",
        api=f"drop_remainder is true if not set, for evaluation as well ({_BUILDER}, `build`).",
        fails="eval_config { batch_size: 8 } of 100 records",
        passes="eval_config { batch_size: 4 }",
    ),
)
