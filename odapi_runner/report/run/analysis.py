"""Everything that is known of one checkpoint's detections: computed once, shown in many ways."""

from __future__ import annotations

from dataclasses import dataclass

from odapi_runner import coco
from odapi_runner.formats.detections import Detections, GroundTruth
from odapi_runner.metrics import COCO_METRICS, category_tag, known
from odapi_runner.report.run.objects import Objects, build_objects
from odapi_runner.report.run.precision import ClassCurve, build_class_curves
from odapi_runner.report.run.tide import BESIDE, ON, Errors, find_errors
from odapi_runner.scoring.curves import class_outcomes
from odapi_runner.scoring.match import match
from odapi_runner.scoring.noise import DRAWS, Estimate, estimate
from odapi_runner.scoring.pairs import find_pairs, rank_detections

_MANY = 50_000  # detections, beyond which a tenth of the draws must do: they would take a minute


@dataclass(frozen=True, slots=True)
class ClassMetrics:
    """COCO's figures of one class by column; None: no groundtruth of that kind."""

    name: str
    objects: int
    values: dict[str, float | None]


@dataclass(frozen=True, slots=True)
class Analysis:
    """One checkpoint's detections, and what is wrong with them."""

    groundtruth: GroundTruth
    detections: Detections
    classes: tuple[ClassMetrics, ...]
    precision: tuple[ClassCurve, ...]  # at an IoU of 0.5
    objects: Objects
    errors: Errors
    mean: Estimate  # mAP with its interval


def analyse(groundtruth: GroundTruth, detections: Detections) -> Analysis:
    """Match the detections once, and read off all that a report tells of them."""
    matches = match(groundtruth, detections, thresholds=[ON])
    apart = rank_detections(groundtruth, detections, by_class=False, limit=None)
    pairs = find_pairs(groundtruth, detections, apart, by_class=False, at_least=BESIDE)
    ranked = rank_detections(groundtruth, detections)
    outcomes = class_outcomes(groundtruth, detections, ranked, matches)
    return Analysis(
        groundtruth,
        detections,
        _by_class(groundtruth, detections),
        tuple(build_class_curves(groundtruth, outcomes)),
        build_objects(groundtruth, detections, matches, pairs),
        find_errors(groundtruth, detections, matches, pairs),
        estimate(groundtruth, detections, draws=draws_for(detections)),
    )


def _by_class(groundtruth: GroundTruth, detections: Detections) -> tuple[ClassMetrics, ...]:
    values = coco.evaluate(groundtruth, detections, all_per_category=True)
    alone = groundtruth.classes[~groundtruth.is_crowd]
    named = zip(groundtruth.class_ids.tolist(), groundtruth.class_names.tolist(), strict=True)
    return tuple(
        ClassMetrics(
            name,
            int((alone == number).sum()),
            {one.column: known(values[category_tag(one, name)]) for one in COCO_METRICS},
        )
        for number, name in named
    )


def draws_for(detections: Detections) -> int:
    """How often images are drawn for an interval."""
    return DRAWS if len(detections.scores) <= _MANY else DRAWS // 10
