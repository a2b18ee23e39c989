"""Evaluations on disk: what is written is read, and what is damaged is told."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from odapi_runner.errors import DataError
from odapi_runner.formats.detections import (
    read_detections,
    read_groundtruth,
    write_detections,
    write_groundtruth,
)
from support.scenes import random_scenes


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Every array, and the metrics."""
    _, found = random_scenes(0)

    write_detections(tmp_path / "step-1.npz", found)
    again = read_detections(tmp_path / "step-1.npz")

    for name in ("image", "boxes_xywh_px", "classes", "scores"):
        assert np.array_equal(getattr(again, name), getattr(found, name))
    assert (again.step, again.metrics) == (1, {})


def test_groundtruth_is_read_with_and_without_what_is_difficult(tmp_path: Path) -> None:
    """A file from before that was kept asks for the same, and other boxes for something else."""
    truth, _ = random_scenes(0)
    marks = np.arange(len(truth.image)) % 2 == 0
    marked = replace(truth, difficult=marks)
    write_groundtruth(tmp_path / "old.npz", truth)
    write_groundtruth(tmp_path / "new.npz", marked)

    old, new = (read_groundtruth(tmp_path / name) for name in ("old.npz", "new.npz"))

    assert old.difficult is None
    assert new.difficult is not None
    assert np.array_equal(new.difficult, marks)
    assert old.is_same(new)
    assert not old.is_same(replace(new, is_crowd=~new.is_crowd))
    some = np.arange(len(truth.source_ids)) % 2 == 0
    kept = new.keep_images(some).difficult
    assert kept is not None
    assert np.array_equal(kept, marks[some[truth.image]])


@pytest.mark.parametrize("seed", range(60))
def test_a_damaged_file_is_told(tmp_path: Path, seed: int) -> None:
    """Whichever bytes are others, or missing: it is read, or refused with its name and a remedy."""
    dice = random.Random(seed)
    path = tmp_path / "step-1.npz"
    write_detections(path, random_scenes(0)[1])
    data = bytearray(path.read_bytes())
    for _ in range(dice.randrange(1, 9)):
        data[dice.randrange(len(data))] = dice.randrange(256)
    path.write_bytes(data[: dice.choice((len(data), dice.randrange(len(data))))])

    told = None
    try:
        read_detections(path)
    except DataError as error:
        told = error
    assert told is None or told.what.startswith(f"{path}: not an evaluation of odapi (")
    assert told is None or "odapi eval RUN" in told.fix
