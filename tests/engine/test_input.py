"""Batches for training and evaluation."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from odapi_runner.engine.augment.spec import LogitsToSoftmax
from odapi_runner.engine.input import Batch, evaluation_batches, training_batches
from odapi_runner.engine.preprocess import IMAGENET, denormalize, normalize
from odapi_runner.engine.records import Records
from odapi_runner.engine.source import Source
from odapi_runner.engine.spec.pipeline import Spec
from odapi_runner.errors import DataError
from odapi_runner.formats.example import Annotated
from support.configs import small_spec
from support.examples import annotated, encoded, write_records


@pytest.fixture(scope="module")
def spec() -> Spec:
    """Batches of two for training and for evaluation, all records in `one.record`."""
    spec = small_spec("eval_config.batch_size=2")
    one = {"label_map": "label_map.pbtxt", "patterns": ("one.record",)}
    return dataclasses.replace(
        spec,
        train_input=dataclasses.replace(spec.train_input, **one),
        eval_input=dataclasses.replace(spec.eval_input, **one),
    )


def source(spec: Spec, folder: Path, examples: Sequence[Annotated]) -> Source:
    write_records(folder / "one.record", examples)
    return Source(Records(spec.train_input, folder, seed=3))


def evaluated(spec: Spec, folder: Path, examples: Sequence[Annotated]) -> list[Batch]:
    batches = evaluation_batches(spec, source(spec, folder, examples), np.arange(len(examples)))
    return [Batch(*(value.numpy() for value in batch)) for batch in batches]


def test_images_are_fitted_and_boxes_moved_with_them(spec: Spec, tmp_path: Path) -> None:
    """40 x 80 px become 64 x 128 in a square of 128: the boxes' heights are halved."""
    (batch,) = evaluated(spec, tmp_path, [annotated(boxes=[[0.25, 0.25, 0.75, 0.5]])])

    assert batch.images.shape == (1, 128, 128, 3)
    assert batch.images.dtype == np.float32
    assert batch.shapes_hw.tolist() == [[64, 128]]
    assert batch.boxes.tolist() == [[[0.125, 0.25, 0.375, 0.5]]]
    grey = normalize(tf.fill([3], 128.0), IMAGENET).numpy()
    assert batch.images[0, :64] == pytest.approx(np.broadcast_to(grey, (64, 128, 3)), abs=1e-5)
    assert not batch.images[0, 64:].any()
    assert batch.uniform.shape == (1, 0)


def test_shorter_lists_of_boxes_are_padded(spec: Spec, tmp_path: Path) -> None:
    """Padding has no weight and no size; the last batch of an evaluation is what is left."""
    examples = [
        annotated("a", boxes=[[0, 0, 0.5, 0.5], [0, 0, 1, 1]], names=["Cyclist", "Pedestrian"]),
        annotated("b", boxes=[]),
        annotated("c", boxes=[[0, 0, 1, 1]], group_of=np.array([True])),
    ]
    first, last = evaluated(spec, tmp_path, examples)

    assert first.boxes.shape == (2, 2, 4)
    assert first.classes.tolist() == [[2, 1], [0, 0]]
    assert first.weights.tolist() == [[1, 1], [0, 0]]
    assert not first.boxes[1].any()
    assert not first.ignored.any()
    assert last.images.shape[0] == 1
    assert last.ignored.tolist() == [[True]]


def test_a_batch_may_be_without_boxes(spec: Spec, tmp_path: Path) -> None:
    """No list is longer than none."""
    (batch,) = evaluated(spec, tmp_path, [annotated("a", boxes=[]), annotated("b", boxes=[])])

    assert batch.boxes.shape == (2, 0, 4)


def test_no_more_boxes_than_the_reader_allows(spec: Spec, tmp_path: Path) -> None:
    """The first ones of the record."""
    spec = dataclasses.replace(spec, eval_input=dataclasses.replace(spec.eval_input, max_boxes=2))
    boxes = [[0, 0, 1, 0.25], [0, 0, 1, 0.5], [0, 0, 1, 0.75]]

    (batch,) = evaluated(spec, tmp_path, [annotated(boxes=boxes)])

    assert batch.boxes[0, :, 3].tolist() == [0.25, 0.5]


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1"])
def test_images_of_any_mode_become_rgb(spec: Spec, tmp_path: Path, mode: str) -> None:
    """Grey is three times the same, transparency is left away."""
    colors = {"L": 128, "LA": (128, 7), "RGBA": (255, 128, 0, 7), "P": 0, "1": 1}
    picture = Image.new(mode, (80, 40), colors[mode])
    expected = {
        "L": [128] * 3,
        "LA": [128] * 3,
        "RGBA": [255, 128, 0],
        "P": [0] * 3,
        "1": [255] * 3,
    }
    (batch,) = evaluated(spec, tmp_path, [annotated(image=encoded(picture))])

    shown = denormalize(batch.images[0, 30, 60], IMAGENET).numpy() * 255
    assert shown == pytest.approx(expected[mode], abs=0.1)


def training(spec: Spec, folder: Path, **places: Any) -> list[Batch]:
    noise = np.random.default_rng(1)
    examples = [
        annotated(str(number), image=encoded(noise.integers(0, 256, (40, 80, 3), np.uint8)))
        for number in range(5)
    ]
    batches = training_batches(
        spec, source(spec, folder, examples), **({"seed": 3, "draws": 4} | places)
    )
    return [Batch(*(value.numpy() for value in batch)) for batch in batches]


def same(one: Batch, other: Batch) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_a_batch_is_a_function_of_seed_and_step(spec: Spec, tmp_path: Path) -> None:
    """Started at step 4 of 7, in the middle of the second epoch, the batches are the same."""
    whole = training(spec, tmp_path, first_step=0, last_step=7)
    rest = training(spec, tmp_path, first_step=4, last_step=7)
    other = training(spec, tmp_path, first_step=0, last_step=2, seed=4)

    assert len(whole) == 7
    assert len(rest) == 3
    assert all(same(one, again) for one, again in zip(whole[4:], rest, strict=True))
    assert not same(whole[0], other[0])


def test_augmentation_and_draws_differ_from_epoch_to_epoch(spec: Spec, tmp_path: Path) -> None:
    """Each example number has its own, whichever record it shows."""
    one_record = dataclasses.replace(
        spec, train_input=dataclasses.replace(spec.train_input, sample_1_of_n=5)
    )
    batches = training(one_record, tmp_path, first_step=0, last_step=3)
    images = np.concatenate([batch.images for batch in batches])
    draws = np.concatenate([batch.uniform for batch in batches])

    assert draws.shape == (6, 4)
    assert np.all((draws >= 0) & (draws < 1))
    assert len(np.unique(draws)) == 24
    assert len(np.unique(images.reshape(6, -1), axis=0)) == 6


def test_training_batches_have_a_shape_that_is_known_before(spec: Spec, tmp_path: Path) -> None:
    """Only the number of boxes is open, so one trace serves all batches."""
    batches = training_batches(
        spec, source(spec, tmp_path, [annotated()]), seed=0, draws=9, first_step=0, last_step=1
    )

    assert [tuple(one.shape) for one in batches.element_spec] == [
        (2, 128, 128, 3), (2, 2), (2, None, 4), (2, None), (2, None), (2, None), (2, 9),
    ]  # fmt: skip


BROKEN = encoded(np.zeros((40, 80, 3), np.uint8))[:60]


def with_bad_image(spec: Spec, folder: Path, max_bad: float = 0.0) -> Source:
    """Four images in one file, of which number 2 is cut short; each has its own number of boxes."""
    examples = [
        annotated(name, boxes=[[0, 0, 1, 1]] * place, image=BROKEN if name == "c" else None)
        for place, name in enumerate("abcd", 1)
    ]
    write_records(folder / "one.record", examples)
    return Source(Records(spec.train_input, folder, seed=3), max_bad=max_bad)


def shown(batches: Sequence[Batch]) -> list[int]:
    """The numbers of boxes of all images in some batches."""
    return [int(count) for batch in batches for count in (batch.weights > 0).sum(axis=1)]


def test_too_many_images_that_cannot_be_decoded_are_an_error(spec: Spec, tmp_path: Path) -> None:
    """The one too many is named by file and record, though TensorFlow itself does not say which."""
    held = with_bad_image(spec, tmp_path, max_bad=0.2)
    with pytest.raises(tf.errors.OpError) as caught:
        list(evaluation_batches(spec, held, np.arange(4)))

    assert held.explain(caught.value).what == (
        f"{tmp_path / 'one.record'}: record 2: its image cannot be decoded; "
        "1 of 4 are more than --max-bad-images 0.2 allows"
    )


def test_another_image_takes_the_place_of_one_that_cannot_be_decoded(
    spec: Spec, tmp_path: Path
) -> None:
    """The next one in the order; all others stay where they are, wherever a run begins."""
    spec = dataclasses.replace(spec, train=dataclasses.replace(spec.train, augmentations=()))
    held = with_bad_image(spec, tmp_path, max_bad=0.25)
    order = [held.records.order.record(example) + 1 for example in range(13)]
    expected = [after if boxes == 3 else boxes for boxes, after in pairwise(order)]

    def batches(source: Source, first: int) -> list[Batch]:
        made = training_batches(spec, source, seed=3, draws=0, first_step=first, last_step=6)
        return [Batch(*(value.numpy() for value in batch)) for batch in made]

    assert shown(batches(held, 0)) == expected
    assert 3 not in expected
    again = with_bad_image(spec, tmp_path, max_bad=0.25)
    assert shown(batches(again, 3)) == expected[6:]
    (bad,) = held.tally.bad.values()
    assert (bad.where, bad.source_id) == (f"{tmp_path / 'one.record'}: record 2", "c")
    assert "{{" not in bad.why
    assert "PNG" in bad.why


def test_a_class_that_the_model_has_not_is_an_error(spec: Spec, tmp_path: Path) -> None:
    """The Object Detection API trains its boxes as background."""
    spec = dataclasses.replace(spec, model=dataclasses.replace(spec.model, num_classes=2))
    held = source(spec, tmp_path, [annotated()])
    with pytest.raises(DataError) as caught:
        training_batches(spec, held, seed=0, draws=0, first_step=0, last_step=1)

    assert caught.value.what == "label_map.pbtxt: an id is 3, and num_classes is 2"


def test_boxes_of_the_same_place_are_one_of_several_classes(spec: Spec, tmp_path: Path) -> None:
    """`merge_multiple_label_boxes`: the first of them, with its weight; others stay as they are."""
    spec = dataclasses.replace(
        spec,
        train=dataclasses.replace(spec.train, augmentations=(), merge_boxes=True, batch_size=1),
    )
    example = annotated(
        boxes=[[0, 0, 0.5, 0.5], [0, 0, 1, 1], [0, 0, 0.5, 0.5]],
        names=["Car", "Pedestrian", "Cyclist"],
        weight=np.array([0.25, 0.5, 0.75], np.float32),
    )
    held = source(spec, tmp_path, [example])
    (batch,) = training_batches(spec, held, seed=0, draws=0, first_step=0, last_step=1)

    assert batch.boxes[0].numpy().tolist() == [[0, 0, 0.25, 0.5], [0, 0, 0.5, 1]]
    assert batch.classes[0].numpy().tolist() == [[1, 0, 1], [0, 1, 0]]
    assert batch.weights[0].numpy().tolist() == [0.25, 0.5]


def test_scores_of_the_classes_are_targets_where_the_config_wants_it(
    spec: Spec, tmp_path: Path
) -> None:
    """`use_multiclass_scores`, here from logits: of 0 and log 3 a quarter and three quarters."""
    spec = dataclasses.replace(
        spec,
        train=dataclasses.replace(
            spec.train, augmentations=(LogitsToSoftmax(0.5),), class_scores=True, batch_size=1
        ),
        train_input=dataclasses.replace(spec.train_input, score_classes=3),
    )
    logits = np.array([[0, np.log(3) / 2, -1000]], np.float32)
    held = source(spec, tmp_path, [annotated(class_scores=logits)])
    batches = training_batches(spec, held, seed=0, draws=0, first_step=0, last_step=1)
    (batch,) = batches

    assert batches.element_spec.classes.shape.as_list() == [1, None, 3]
    assert batch.classes[0, 0].numpy() == pytest.approx([0.25, 0.75, 0])


def test_an_evaluation_goes_on_without_an_image_that_cannot_be_decoded(
    spec: Spec, tmp_path: Path
) -> None:
    """The others come in their order, in whole batches."""
    held = with_bad_image(spec, tmp_path, max_bad=0.25)
    batches = evaluation_batches(spec, held, np.arange(4))
    numbers = [Batch(*(value.numpy() for value in batch)) for batch in batches]

    assert shown(numbers) == [1, 2, 4]
    assert list(held.tally.bad) == [2]


def test_where_no_image_can_be_decoded_training_ends(spec: Spec, tmp_path: Path) -> None:
    """Even if all may be bad, something must be shown."""
    write_records(tmp_path / "one.record", [annotated(name, image=BROKEN) for name in "ab"])
    held = Source(Records(spec.train_input, tmp_path), max_bad=1.0)
    batches = training_batches(spec, held, seed=0, draws=0, first_step=0, last_step=1)
    with pytest.raises(tf.errors.OpError) as caught:
        list(batches)

    assert held.explain(caught.value).what.endswith("no image of its data set can be decoded")


def test_a_fault_of_a_record_comes_out_as_it_was_raised(spec: Spec, tmp_path: Path) -> None:
    """The DataError is kept while TensorFlow wraps it."""
    inverted = annotated("b", boxes=[[0.5, 0.5, 0.4, 0.6]])
    held = source(spec, tmp_path, [annotated("a"), inverted])
    with pytest.raises(tf.errors.OpError) as caught:
        list(evaluation_batches(spec, held, np.arange(2)))

    explained = held.explain(caught.value)
    assert explained.what.endswith("one.record: record 1 (b): a box ends before it begins")


def test_what_is_no_fault_of_the_data_stays_what_it_is(spec: Spec, tmp_path: Path) -> None:
    """A bug keeps its traceback."""
    held = source(spec, tmp_path, [annotated("a")])
    error = tf.errors.InternalError(None, None, "something else")
    with pytest.raises(tf.errors.InternalError, match="something else"):
        held.explain(error)
