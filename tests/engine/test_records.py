"""Records by number: their order, and what each gives."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from odapi_runner.engine.records import Records
from odapi_runner.engine.spec.input import Input
from odapi_runner.errors import ConfigError, DataError
from odapi_runner.formats.example import Annotated
from support.examples import annotated, write_records


def written(
    folder: Path, files: Sequence[Sequence[Annotated]], *, seed: int = 0, **changes: Any
) -> Records:
    """The records of some files."""
    for number, examples in enumerate(files):
        write_records(folder / f"train-{number}.record", examples)
    values = {
        "label_map": "label_map.pbtxt",
        "patterns": ("train-*.record",),
        "weights": (),
        "shuffle": True,
        "sample_1_of_n": 1,
        "max_boxes": 100,
    }
    return Records(Input(**(values | changes)), folder, seed=seed)


def numbered(*names: str) -> list[Annotated]:
    return [annotated(name, image=b"not looked at") for name in names]


def ids(records: Records, examples: range) -> list[str]:
    return [records.read(records.order.record(example)).source_id for example in examples]


TEN = [numbered(*"abcd"), [], numbered(*"efghij")]


def test_every_record_comes_once_an_epoch(tmp_path: Path) -> None:
    """Over all files, an empty one among them, in another order each epoch."""
    records = written(tmp_path, TEN)
    epochs = [ids(records, range(10 * epoch, 10 * epoch + 10)) for epoch in range(3)]

    assert len(records) == 10
    assert [sorted(epoch) for epoch in epochs] == [list("abcdefghij")] * 3
    assert epochs[0] != epochs[1] != epochs[2]
    assert epochs[0] != list("abcdefghij")


def test_the_order_is_a_function_of_seed_and_epoch(tmp_path: Path) -> None:
    """Whoever starts in the middle, or looks back, finds the same records."""
    whole = ids(written(tmp_path, TEN, seed=7), range(35))

    assert ids(written(tmp_path, TEN, seed=7), range(17, 35)) == whole[17:]
    assert ids(written(tmp_path, TEN, seed=7), range(34, -1, -1)) == whole[::-1]  # type: ignore[arg-type]
    assert ids(written(tmp_path, TEN, seed=8), range(35)) != whole


def test_without_shuffling_they_come_as_they_lie(tmp_path: Path) -> None:
    """Files in the order of their names, epoch after epoch."""
    records = written(tmp_path, TEN, shuffle=False)

    assert ids(records, range(22)) == list("abcdefghijabcdefghijab")


def test_one_of_n_examples(tmp_path: Path) -> None:
    """The first of each three, counted over all files."""
    records = written(tmp_path, TEN, shuffle=False, sample_1_of_n=3)

    assert len(records) == 4
    assert ids(records, range(5)) == list("adgja")


def test_a_record_is_found_by_file_and_number(tmp_path: Path) -> None:
    """Record 5 of all is number 1 of the third file."""
    records = written(tmp_path, TEN, shuffle=False)

    assert records.where(0) == f"{tmp_path / 'train-0.record'}: record 0"
    assert records.where(5) == f"{tmp_path / 'train-2.record'}: record 1"


def test_a_sample_has_boxes_and_classes_from_0(tmp_path: Path) -> None:
    """Regions are told from objects; the weight of a box is 1 where the record has none."""
    example = annotated(
        boxes=[[0.1, 0.2, 0.3, 0.4], [0.5, 0.5, 1.0, 1.0], [0, 0, 0.5, 0.5]],
        names=["Cyclist", "Car", "Pedestrian"],
        is_crowd=np.array([False, True, False]),
        group_of=np.array([False, False, True]),
    )
    sample = written(tmp_path, [[example]]).sample(0)

    assert sample.image == example.encoded
    assert sample.boxes.tolist() == example.boxes_yxyx_norm.tolist()
    assert sample.classes.tolist() == [2, 0, 1]
    assert sample.weights.tolist() == [1, 1, 1]
    assert sample.ignored.tolist() == [False, True, True]
    assert [one.dtype for one in sample[1:5]] == [np.float32, np.int32, np.float32, np.bool_]
    assert sample.scores.shape == (3, 0)


def test_boxes_of_unknown_class_or_without_a_number_are_dropped(tmp_path: Path) -> None:
    """Everything else that belongs to them goes with them."""
    example = annotated(
        boxes=[[0, 0, 0.1, 0.1], [0, 0, 0.2, 0.2], [0, np.nan, 0.3, 0.3], [0, 0, 0.4, 0.4]],
        names=["Tram", "Car", "Car", "Cyclist"],
        weight=np.array([0.1, 0.2, 0.3, 0.4], np.float32),
        is_crowd=np.array([True, False, True, True]),
    )
    sample = written(tmp_path, [[example]]).sample(0)

    assert sample.boxes[:, 2] == pytest.approx([0.2, 0.4])
    assert sample.classes.tolist() == [0, 2]
    assert sample.weights == pytest.approx([0.2, 0.4])
    assert sample.ignored.tolist() == [False, True]


def test_an_image_without_boxes_is_a_sample(tmp_path: Path) -> None:
    """Its arrays keep their shapes."""
    sample = written(tmp_path, [[annotated(boxes=[])]]).sample(0)

    assert [one.shape for one in sample[1:]] == [(0, 4), (0,), (0,), (0,), (0, 0)]


def test_scores_of_the_classes_are_those_of_the_record(tmp_path: Path) -> None:
    """They stay with their boxes; where a record has none the box's class has it all."""
    scores = np.array([[0.1, 0.2, 0.7], [0.5, 0.25, 0.25]], np.float32)
    boxes = [[0, 0, 0.1, 0.1], [0, 0, 0.2, 0.2]]
    with_scores = annotated(boxes=boxes, names=["Tram", "Cyclist"], class_scores=scores)
    records = written(
        tmp_path, [[with_scores, annotated("b", boxes=boxes)]], score_classes=3, shuffle=False
    )

    assert records.sample(0).scores.tolist() == [[0.5, 0.25, 0.25]]
    assert records.sample(1).scores.tolist() == [[1, 0, 0], [1, 0, 0]]
    with pytest.raises(DataError) as caught:
        written(tmp_path, [[with_scores]], score_classes=4).sample(0)
    assert caught.value.what.endswith("(one): scores of 3 classes a box, num_classes is 4")


def test_an_inverted_box_is_named_by_file_and_record(tmp_path: Path) -> None:
    """Here as in the Object Detection API it is no box to train on."""
    bad = annotated("street 2", boxes=[[0.5, 0.1, 0.4, 0.2]])
    records = written(tmp_path, [[annotated("street 1"), bad]], shuffle=False)
    with pytest.raises(DataError) as caught:
        records.sample(1)

    assert caught.value.what == (
        f"{tmp_path / 'train-0.record'}: record 1 (street 2): a box ends before it begins"
    )


def test_files_without_records_are_an_error(tmp_path: Path) -> None:
    """Nothing could be trained on."""
    with pytest.raises(DataError) as caught:
        written(tmp_path, [[], []])

    assert caught.value.what == "train-*.record: no records there"


def test_no_pattern_at_all_is_an_error(tmp_path: Path) -> None:
    """An `input_path` that was forgotten."""
    with pytest.raises(DataError) as caught:
        written(tmp_path, [numbered("a")], patterns=())

    assert caught.value.what == "input_path is empty: no records there"


def test_data_sets_come_by_their_weights(tmp_path: Path) -> None:
    """Each entry of `input_path` is one; of weight 0 it is not even looked for."""
    records = written(
        tmp_path,
        [numbered(*"abc"), numbered(*"vwxyz")],
        patterns=("train-0.record", "absent.record", "train-1.record"),
        weights=(3.0, 0.0, 1.0),
    )
    seen = ids(records, range(2000))

    assert len(records) == 8
    assert sum(name in "abc" for name in seen) == pytest.approx(1500, abs=100)
    first = [name for name in seen if name in "vwxyz"]
    assert sorted(first[:5]) == sorted(first[5:10]) == list("vwxyz")
    assert first[:5] != first[5:10]


def test_one_of_n_is_taken_of_each_weighted_data_set(tmp_path: Path) -> None:
    """Else a small one could be left out whole."""
    records = written(
        tmp_path,
        [numbered(*"abc"), numbered(*"xyz")],
        patterns=("train-0.record", "train-1.record"),
        weights=(1.0, 1.0),
        sample_1_of_n=2,
    )

    assert [records.read(number).source_id for number in range(len(records))] == list("acxz")
    assert records.where(3) == f"{tmp_path / 'train-1.record'}: record 2"


@pytest.mark.parametrize(
    ("weights", "what"),
    [
        ((1.0, 1.0), "sample_from_datasets_weights has 2 values, and input_path 1 entries"),
        ((0.0,), "sample_from_datasets_weights are 0"),
        ((-1.0,), "sample_from_datasets_weights are -1"),
        ((float("inf"),), "sample_from_datasets_weights are inf"),
    ],
)
def test_weights_that_say_nothing_are_an_error(
    tmp_path: Path, weights: tuple[float, ...], what: str
) -> None:
    """The Object Detection API dies of them later, of something else."""
    with pytest.raises(ConfigError) as caught:
        written(tmp_path, [numbered("a")], weights=weights)

    assert caught.value.what == what


def test_a_data_set_without_records_is_an_error(tmp_path: Path) -> None:
    """Its weight would be nothing."""
    with pytest.raises(DataError) as caught:
        written(
            tmp_path,
            [numbered("a"), []],
            patterns=("train-0.record", "train-1.record"),
            weights=(1.0, 1.0),
        )

    assert caught.value.what == "train-1.record: no records there"
