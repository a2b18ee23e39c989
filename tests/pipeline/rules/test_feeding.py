"""Rules on how readers feed training and evaluation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psutil
import pytest

from odapi_runner.pipeline.finding import Finding
from support.examples import annotated
from support.more_records import TRAIN, VAL, WHOLE, adding, holding
from support.rule_cases import Bend, Case, bend

READER = "train_input_reader"
TWICE = "train_records=data/kitti/train-*.record,data/kitti/train-00000-of-*.record"
NAMES = ("Car", "Pedestrian", "Cyclist", "Car")
TWENTY = [annotated(f"train-{number}", names=[NAMES[number % 4]]) for number in range(20)]


def weighing(*weights: float) -> Bend:
    """Two data sets of these weights."""

    def edit(config: Any) -> None:
        config.train_input_reader.sample_from_datasets_weights.extend(weights)

    return bend(TWICE, edit=edit)


def image_of(source_id: str) -> bytes:
    """The image that `annotated` draws for this id."""
    return annotated(source_id).encoded


TWO_BOXES = annotated("more", boxes=[WHOLE] * 2)
CASES = {
    "max-boxes": Case(
        fails=adding(TWO_BOXES, sets=(f"{READER}.max_number_of_boxes=1",)),
        passes=adding(TWO_BOXES, sets=(f"{READER}.max_number_of_boxes=2",)),
    ),
    "source-id-empty": Case(
        fails=adding(annotated(""), to=VAL), passes=adding(annotated(""), to=TRAIN)
    ),
    "source-id-twice": Case(
        fails=adding(annotated("val-0", image=image_of("new")), to=VAL),
        passes=adding(annotated("train-0", image=image_of("new")), to=TRAIN),
    ),
    "train-eval-files": Case(
        fails=bend("eval_records=data/kitti/train-*.record"),
        passes=bend("eval_records=data/kitti/val-*.record"),
    ),
    "leakage": Case(
        fails=adding(annotated("new", image=image_of("train-0")), to=VAL),
        passes=adding(annotated("train-0", image=image_of("new")), to=VAL),
    ),
    "shuffle-memory": Case(
        fails=bend(f"{READER}.shuffle_buffer_size=4294967295"),
        passes=bend(f"{READER}.shuffle_buffer_size=1000000"),  # of 400 bytes each
        engine="tf-models",
    ),
    "shuffle-window": Case(
        fails=bend(f"{READER}.shuffle_buffer_size=3"),
        passes=bend(f"{READER}.shuffle_buffer_size=4"),
        engine="tf-models",
    ),
    "weight-zero": Case(fails=weighing(1, 0), passes=weighing(1, 0.1), engine="tf-models"),
    "sample-1-of-n": Case(
        fails=holding(*TWENTY, sets=(f"{READER}.sample_1_of_n_examples=3",)),  # leaves 7
        passes=holding(*TWENTY, sets=(f"{READER}.sample_1_of_n_examples=2",)),
    ),
    "few-records": Case(fails=bend("batch_size=5"), passes=bend("batch_size=4")),
    "train-epochs": Case(
        fails=bend(f"{READER}.num_epochs=999"), passes=bend(f"{READER}.num_epochs=0")
    ),
    "eval-remainder": Case(
        fails=bend("eval_config.batch_size=3"),
        passes=bend("eval_config.batch_size=2"),
        engine="tf-models",
    ),
}

LEAKED = "1 of 5 records looked at have an image that is trained on as well: "

Found = Callable[..., list[Finding]]


@pytest.mark.parametrize(
    ("case", "what", "fix"),
    [
        (
            CASES["max-boxes"],
            "1 of 5 records looked at have more than 1 boxes: 1 boxes are dropped (COPY/",
            f"-s {READER}.max_number_of_boxes=2",
        ),
        (
            CASES["source-id-twice"],
            "1 of 5 records looked at have an image/source_id that an earlier one has, such as v",
            "Leave the second ones out",
        ),
        (CASES["source-id-empty"], "1 of 5 records looked at have an empty", "Write the file name"),
        (
            CASES["train-eval-files"],
            "1 of 1 files are trained on as well: COPY",
            "Split the images",
        ),
        (
            CASES["leakage"],
            LEAKED + f"COPY/data/kitti/{VAL}: record 4 is COPY/data/kitti/{TRAIN}: record 0",
            "Split the images once",
        ),
        (
            CASES["shuffle-window"],
            "one file of 4 records, of which 3 at a time are shuffled",
            "Write several files",
        ),
        (
            CASES["weight-zero"],
            "never read, for its weight is 0: data/kitti/train-00000-of-*.record",
            "Take it out",
        ),
        (
            CASES["sample-1-of-n"],
            "1 of 3 of 20 records leaves 7",
            f"-s {READER}.sample_1_of_n_examples=1",
        ),
        (
            CASES["few-records"],
            "a batch of 5 images, but there are 4 records",
            "-s batch_size=4",
        ),
        (
            CASES["train-epochs"],
            "training does not end after 999 epochs, but after 1000 steps",
            f"-s {READER}.num_epochs=0",
        ),
        (
            CASES["eval-remainder"],
            "batches of 3 images leave 1 of 4 out",
            "-s eval_config.batch_size=1, or -s eval_input_reader[0].drop_remainder=false",
        ),
    ],
)
def test_what_is_said(
    found: Found, tmp_path: Any, base: Any, case: Case, what: str, fix: str
) -> None:
    """The figures, and what to do about it."""
    (finding,) = found(case.fails, engine=case.engine)

    said = finding.what.replace(f"{tmp_path}/0/copy", "COPY").replace(f"{base.root}", "COPY")
    assert said.startswith(what)
    assert finding.fix.startswith(fix)


def test_a_shuffle_buffer_is_told_in_gigabytes(
    found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records as they are in the files, for each data set that has a weight."""

    class Memory:
        total = 8_000_000

    monkeypatch.setattr(psutil, "virtual_memory", Memory)  # of a machine that is very small
    assert found(weighing(1, 2), engine="tf-models") == []
    monkeypatch.setattr(Memory, "total", 2_000_000)
    (finding,) = found(weighing(1, 2), engine="tf-models")
    assert "2048 records of 0.0" in finding.what
    assert ", for each of 2 data sets take 0.00" in finding.what


def test_augmented_copies_are_other_images(found: Found) -> None:
    """What is compared is the encoded image: one pixel makes another of it."""
    assert found(adding(annotated("train-9"), to=VAL)) == []
