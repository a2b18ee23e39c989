"""Whether a difference is more than noise: resampling against COCO, the test, the sentence."""

from __future__ import annotations

import numpy as np
import pytest

from odapi_runner import coco
from odapi_runner.formats.detections import Found, GroundTruth
from odapi_runner.metrics import COCO_METRICS
from odapi_runner.scoring import noise
from odapi_runner.scoring.curves import precision_at_recalls
from odapi_runner.scoring.noise import Difference, compare_detections, decimals, estimate
from support.scored import build_found, build_groundtruth, reference

COLUMNS = {metric.column: metric.tag for metric in COCO_METRICS}


def draw_truth(rng: np.random.Generator, images: int = 40) -> GroundTruth:
    """Two objects of two classes an image, well apart."""
    boxes = [
        (image, int(rng.integers(1, 3)), [place * 200.0, 0, *rng.uniform(40, 120, 2)])
        for image in range(images)
        for place in range(2)
    ]
    return build_groundtruth(boxes, images=images, classes=2)


def draw_found(rng: np.random.Generator, truth: GroundTruth, blur: float) -> Found:
    """Each object found with corners off by `blur` pixels, and as many false ones."""
    rows = []
    for image, number, box in zip(
        truth.image.tolist(), truth.classes.tolist(), truth.boxes_xywh_px, strict=True
    ):
        off = (box + rng.normal(0, blur, 4)).clip(1).tolist()
        rows += [(image, number, off, rng.beta(4, 2)), (image, 1, [600.0, 0, 50, 50], rng.random())]
    return build_found(rows)


def repeat_images(truth: GroundTruth, found: Found, times: list[int]) -> tuple[GroundTruth, Found]:
    """The same data with each image as often as told, as images of their own."""
    sources = [image for image, count in enumerate(times) for _ in range(count)]
    wanted, offered = [], []
    for new, old in enumerate(sources):
        here = np.flatnonzero(truth.image == old)
        wanted += [(new, int(truth.classes[i]), truth.boxes_xywh_px[i].tolist()) for i in here]
        here = np.flatnonzero(found.image == old)
        offered += [
            (new, int(found.classes[i]), found.boxes_xywh_px[i].tolist(), float(found.scores[i]))
            for i in here
        ]
    boxes = build_groundtruth(wanted, images=len(sources), classes=2)
    return boxes, build_found(offered)


def test_a_resampled_figure_is_that_of_the_images_repeated() -> None:
    """Weights are repetitions: pycocotools says the same of images that are there many times."""
    rng = np.random.default_rng(0)
    truth = draw_truth(rng, images=12)
    found = draw_found(rng, truth, blur=6)
    times = rng.multinomial(12, np.full(12, 1 / 12), size=5)
    outcomes = noise._outcomes(truth, found, "mAP")

    values = noise._mean_precision(outcomes, times)

    for weights, value in zip(times.tolist(), values, strict=True):
        numbers, _ = reference(*repeat_images(truth, found, weights))
        assert value == pytest.approx(numbers[0], abs=1e-12)
    assert len(set(values.tolist())) == 5


@pytest.mark.parametrize("metric", ["mAP", "mAP_50", "mAP_75"])
def test_the_value_is_cocos_and_lies_within_its_interval(metric: noise.Metric) -> None:
    """An estimate is the figure that an evaluation gives, with ends on both sides."""
    rng = np.random.default_rng(1)
    truth = draw_truth(rng)
    found = draw_found(rng, truth, blur=8)

    told = estimate(truth, found, metric, draws=200)

    assert told.value == pytest.approx(coco.evaluate(truth, found)[COLUMNS[metric]], abs=1e-12)
    assert told.low < told.value < told.high
    assert told == estimate(truth, found, metric, draws=200)
    assert told != estimate(truth, found, metric, draws=200, seed=1)


def test_many_choices_are_computed_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded: portions of choices give what all at once give."""
    rng = np.random.default_rng(2)
    truth = draw_truth(rng, images=6)
    [one, _] = noise._outcomes(truth, draw_found(rng, truth, blur=4), "mAP")
    weights = rng.integers(0, 3, size=(7, 6))
    whole = precision_at_recalls(one, weights)

    monkeypatch.setattr("odapi_runner.scoring.curves._CELLS", 20)

    assert np.array_equal(precision_at_recalls(one, weights), whole)


def test_a_clear_difference_is_told_and_its_direction() -> None:
    """Boxes that are off by 3 pixels beat those that are off by 12, whichever comes first."""
    rng = np.random.default_rng(3)
    truth = draw_truth(rng)
    rough, fine = draw_found(rng, truth, blur=12), draw_found(rng, truth, blur=3)

    there, back = (
        compare_detections(truth, *pair, draws=300) for pair in ((rough, fine), (fine, rough))
    )

    assert there.is_told_apart
    assert there.value == -back.value > 0
    assert there.low > 0 > back.high
    assert there.p_value == pytest.approx(1 / 301)
    by = f"{there.value:.3f} ± {there.half_width:.3f} mAP on these 40 images"
    assert there.sentence("A", "B") == f"B is better than A by {by}"
    assert back.sentence("A", "B") == f"A is better than B by {by}"


def test_a_checkpoint_is_not_better_than_itself() -> None:
    """No difference at all: an interval of no width, and chance for certain."""
    rng = np.random.default_rng(4)
    truth = draw_truth(rng, images=5)
    found = draw_found(rng, truth, blur=6)

    same = compare_detections(truth, found, found, "mAP_50", draws=50)

    assert (same.value, same.low, same.high, same.p_value) == (0, 0, 0, 1)
    assert same.sentence("A", "B") == (
        "A and B cannot be told apart on these 5 images: they differ by 0.000 ± 0.000 mAP_50"
    )


@pytest.mark.parametrize(
    ("values", "digits"),
    [((0.031, 0.009), 3), ((0.31, 0.12), 3), ((0.00012, 0.00034), 4), ((0, 0), 3), ((1e-17,), 3)],
)
def test_a_difference_that_is_told_is_not_nothing(values: tuple[float, ...], digits: int) -> None:
    """A digit of the smallest number that is not 0; NaN has none."""
    assert decimals(*values) == decimals(*values, float("nan")) == digits
    assert decimals(*values, least=9) == 9


def test_a_small_difference_is_told_in_full() -> None:
    """Figures of a thousandth differ by tenths of it."""
    small = Difference(0.00012, -0.0002, 0.00048, 64, "mAP", 0.5)

    assert small.sentence("A", "B").endswith("they differ by 0.0001 ± 0.0003 mAP")


def test_chance_is_rarely_taken_for_a_difference() -> None:
    """Of 60 pairs that are equally good, at most 8 are told apart: 5 % of 60 and three sigma."""
    told = 0
    for seed in range(60):
        rng = np.random.default_rng(100 + seed)
        truth = draw_truth(rng, images=25)
        pair = [draw_found(rng, truth, blur=8) for _ in range(2)]
        told += compare_detections(truth, *pair, "mAP_50", draws=200).is_told_apart

    assert told <= 8


def test_an_interval_holds_what_more_images_would_give() -> None:
    """Of 50 samples of 30 images each, at least 40 intervals hold the figure of 1,500 images."""
    rng = np.random.default_rng(5)
    truth = draw_truth(rng, images=1500)
    found = draw_found(rng, truth, blur=8)
    whole = coco.evaluate(truth, found)[COLUMNS["mAP_50"]]
    held = 0
    for begin in range(0, 1500, 30):
        kept = (np.arange(1500) >= begin) & (np.arange(1500) < begin + 30)
        here = found.keep(kept[found.image])
        moved = Found(
            image=here.image - begin,
            boxes_xywh_px=here.boxes_xywh_px,
            classes=here.classes,
            scores=here.scores,
        )
        told = estimate(truth.keep_images(kept), moved, "mAP_50", draws=200)
        held += told.low <= whole <= told.high

    assert held >= 40


def test_nothing_to_be_found_cannot_be_compared() -> None:
    """Without groundtruth there is no figure, and the sentence says so."""
    truth = build_groundtruth([], images=1)
    found = build_found([(0, 1, [0, 0, 9, 9], 0.5)])

    difference = compare_detections(truth, found, found, draws=10)

    assert np.isnan(difference.value)
    assert not difference.is_told_apart
    assert difference.sentence("A", "B") == (
        "A and B cannot be compared on this image: there is nothing to be found"
    )


def test_interval_and_test_must_agree() -> None:
    """A difference whose interval leaves out 0 but whose p-value is 0.2 is not told apart."""
    assert Difference(0.03, 0.01, 0.05, 40, "mAP", 0.01).is_told_apart
    assert not Difference(0.03, 0.01, 0.05, 40, "mAP", 0.2).is_told_apart
    assert not Difference(0.03, -0.01, 0.05, 40, "mAP", 0.01).is_told_apart
