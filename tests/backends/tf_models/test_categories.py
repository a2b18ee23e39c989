"""The figures of each class that the launcher gives pycocotools: its own of that class alone."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
from pycocotools.cocoeval import COCOeval

from odapi_runner.backends.tf_models.launcher.categories import (
    are_category_stats_missing,
    give_category_stats,
)
from support.scored import build_found, build_groundtruth, pycocotools_evaluation

RNG = np.random.default_rng(7)


def boxes(count: int) -> list[list[float]]:
    corners = RNG.integers(0, 60, (count, 2))
    drawn = np.concatenate([corners, RNG.integers(8, 120, (count, 2))], axis=1)
    return [[float(side) for side in box] for box in drawn]


@pytest.fixture
def _pycocotools_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(COCOeval, "summarize", COCOeval.summarize)


@pytest.mark.usefixtures("_pycocotools_as_before")
def test_they_are_those_of_each_class_alone() -> None:
    """All twelve, to the last bit; the whole is printed as ever, the classes are not."""
    wanted = [(one % 4, 1 + one % 2, box) for one, box in enumerate(boxes(30))]
    near = [(image, number, [side + 2.0 for side in box]) for image, number, box in wanted]
    found = [(*one, float(score)) for one, score in zip(near, RNG.random(30), strict=True)]
    truth = build_groundtruth(wanted, images=4, classes=3)  # the third of which has none
    evaluation = pycocotools_evaluation(truth, build_found(found))
    with contextlib.redirect_stdout(io.StringIO()) as before:
        evaluation.summarize()
    stats = evaluation.stats
    assert are_category_stats_missing()

    give_category_stats()
    with contextlib.redirect_stdout(io.StringIO()) as after:
        evaluation.summarize()

    assert not are_category_stats_missing()
    assert after.getvalue() == before.getvalue()
    np.testing.assert_array_equal(evaluation.stats, stats)
    numbers = list(evaluation.params.catIds)
    assert evaluation.category_stats.shape == (12, len(numbers))
    assert 0 < evaluation.category_stats[0, 0] != evaluation.category_stats[0, 1] > 0
    for index, number in enumerate(numbers):
        alone = pycocotools_evaluation(truth, build_found(found))
        alone.params.catIds = [number]
        with contextlib.redirect_stdout(io.StringIO()):
            alone.evaluate()
            alone.accumulate()
            alone.summarize()
        np.testing.assert_array_equal(evaluation.category_stats[:, index], alone.stats)
    assert (evaluation.category_stats[:, 2] == -1).all()
