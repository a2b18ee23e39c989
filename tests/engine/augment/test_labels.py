"""Boxes and labels, and the image beside itself."""

from __future__ import annotations

import numpy as np
import pytest

from odapi_runner.engine.augment.spec import DropLabel, JitterBoxes, SelfConcat
from support.augmenting import applied, build_step, draws, of_image, painted

BOX = [0.3, 0.4, 0.5, 0.8]  # centre (0.4, 0.6), 0.2 x 0.4
GRAY = np.full((10, 10, 3), 100, np.uint8)


def test_dropping_a_label() -> None:
    """Label 2 is class 1; by default always, else each box of it by itself; the rest stays."""
    kind = "drop_label_probabilistically"
    twice = painted()._replace(classes=np.array([1, 1, 2, 1, 4, 5], np.int32))

    assert applied(build_step(kind, "label: 2"), twice).classes.tolist() == [2, 4, 5]
    assert len(applied(DropLabel(1, 0.0), twice).classes) == 6
    left = draws(DropLabel(1, 0.25), twice, lambda s: (s.classes == 1).sum())
    assert left.mean() == pytest.approx(3 * 0.75, abs=0.2)
    assert set(left) == {0, 1, 2, 3}


def test_remapping_labels() -> None:
    """Labels 1, 3 and 4 become 2: classes 0, 2 and 3 become 1."""
    step = build_step("remap_labels", "original_labels: [1, 3, 4] new_label: 2")
    moved = applied(step, painted())

    assert moved.classes.tolist() == [1, 1, 1, 1, 4, 5]
    assert moved.classes.dtype == np.int32


def jittered(mode: str, ratio: float = 0.5) -> np.ndarray:
    """The sides' distances from the centre, in halves of the box; ymin, xmin, ymax, xmax."""
    step = JitterBoxes(ratio, mode)
    found = draws(step, of_image(GRAY, [BOX]), lambda s: s.boxes[0])
    return (found - [0.4, 0.6, 0.4, 0.6]) / [-0.1, -0.2, 0.1, 0.2]


@pytest.mark.parametrize(
    ("mode", "low", "high"),
    [("DEFAULT", 0.5, 1.5), ("EXPAND", 1.0, 1.5), ("SHRINK", 0.5, 1.0)],
)
def test_each_side_jitters_by_itself(mode: str, low: float, high: float) -> None:
    """Evenly by up to a share of the box; the mean's standard deviation is 0.017 at most."""
    found = jittered(mode)

    assert found.min(axis=0) == pytest.approx([low] * 4, abs=0.02)
    assert found.max(axis=0) == pytest.approx([high] * 4, abs=0.02)
    assert found.mean(axis=0) == pytest.approx([(low + high) / 2] * 4, abs=0.07)
    assert np.abs(np.corrcoef(found.T) - np.eye(4)).max() < 0.25


@pytest.mark.parametrize("mode", ["EXPAND_SYMMETRIC", "SHRINK_SYMMETRIC"])
def test_symmetric_jitter_keeps_the_centre(mode: str) -> None:
    """Opposite sides move alike; with _XY all four do."""
    two, one = jittered(mode), jittered(f"{mode}_XY")

    assert two[:, 0] == pytest.approx(two[:, 2], abs=1e-5)
    assert two[:, 1] == pytest.approx(two[:, 3], abs=1e-5)
    assert abs(np.corrcoef(two[:, 0], two[:, 1])[0, 1]) < 0.25
    assert np.ptp(one, axis=1).max() < 1e-5
    low, high = (1.0, 1.5) if mode.startswith("EXPAND") else (0.5, 1.0)
    assert (two.min(), two.max()) == pytest.approx((low, high), abs=0.02)


def test_a_box_grows_symmetrically_to_the_side_of_the_image_only() -> None:
    """Around (0.1, 0.5), 0.18 x 0.4: its height by 0.2 / 0.18 at most, and with _XY its width."""
    sample = of_image(GRAY, [[0.01, 0.3, 0.19, 0.7]])
    two, one = (
        draws(JitterBoxes(1.0, mode), sample, lambda s: s.boxes[0])
        for mode in ("EXPAND_SYMMETRIC", "EXPAND_SYMMETRIC_XY")
    )

    assert np.ptp(two[:, [0, 2]], axis=1).max() == pytest.approx(0.2, abs=1e-5)
    assert np.ptp(two[:, [1, 3]], axis=1).max() > 0.7
    assert np.ptp(one[:, [1, 3]], axis=1).max() == pytest.approx(0.4 * 0.2 / 0.18, abs=1e-4)


def test_the_image_below_and_beside_itself() -> None:
    """Halves of what the boxes were, then the same once more further on."""
    sample = of_image(painted().image, [[0.2, 0.4, 0.6, 1.0]])
    below = applied(SelfConcat(1.0, 0.0), sample)
    both = applied(SelfConcat(1.0, 1.0), sample)

    assert np.array_equal(below.image, np.tile(sample.image, (2, 1, 1)))
    assert below.boxes == pytest.approx(np.array([[0.1, 0.4, 0.3, 1], [0.6, 0.4, 0.8, 1]]))
    assert np.array_equal(both.image, np.tile(sample.image, (2, 2, 1)))
    assert both.boxes[:, 1].tolist() == pytest.approx([0.2, 0.2, 0.7, 0.7])
    assert both.weights.tolist() == [0.125] * 4


def test_it_is_put_beside_itself_with_its_probabilities() -> None:
    """0.4 below, 0.2 beside, independently; the defaults are 0.1."""
    sizes = draws(SelfConcat(0.4, 0.2), painted(), lambda s: s.image.shape[:2]) // [120, 160] - 1

    assert sizes.mean(axis=0) == pytest.approx([0.4, 0.2], abs=0.12)
    assert (sizes.sum(axis=1) == 2).mean() == pytest.approx(0.08, abs=0.06)
    assert build_step("random_self_concat_image", "") == SelfConcat(
        *[pytest.approx(0.1)] * 2  # type: ignore[arg-type]
    )


def test_logits_become_scores() -> None:
    """softmax(logits / temperature): of (0, log 9) at 2, 1 / (1 + 3) and 3 / (1 + 3)."""
    logits = np.log(np.array([[1, 9, 1e-30, 1e-30]], np.float32))
    sample = of_image(GRAY, [BOX])._replace(scores=logits)
    moved = applied(build_step("convert_class_logits_to_softmax", "temperature: 2"), sample)

    assert moved.scores[0] == pytest.approx([0.25, 0.75, 0, 0], abs=1e-6)
    assert np.array_equal(moved.boxes, sample.boxes)
