"""Rules on what a model is built of."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from odapi_runner.pipeline.finding import Finding
from support.rule_cases import Case, bend

NMS = "model.ssd.post_processing.batch_non_max_suppression"
MATCHER = "model.ssd.matcher"
THRESHOLDS = f"{MATCHER}.argmax_matcher"

CASES = {
    "feature-extractor": Case(
        fails=bend(
            "model.faster_rcnn.feature_extractor.type=faster_rcnn_resnet50",
        ),
        passes=bend("model.faster_rcnn.feature_extractor.type=faster_rcnn_resnet101_keras"),
        model="faster_rcnn",
    ),
    "model-part": Case(
        fails=bend(f"{MATCHER}={{}}"), passes=bend(f"{MATCHER}={{ argmax_matcher {{ }} }}")
    ),
    "matcher-thresholds": Case(
        fails=bend(f"{THRESHOLDS}.unmatched_threshold=0.6"),
        passes=bend(f"{THRESHOLDS}.unmatched_threshold=0.5"),
    ),
    "bipartite-matcher": Case(
        fails=bend(f"{MATCHER}.bipartite_matcher={{}}"),
        passes=bend(f"{THRESHOLDS}.force_match_for_each_row=false"),
    ),
    "background-class": Case(
        fails=bend(
            "model.ssd.explicit_background_class=true", "model.ssd.add_background_class=true"
        ),
        passes=bend("model.ssd.explicit_background_class=true"),
    ),
    "detection-limits": Case(
        fails=bend(f"{NMS}.max_total_detections=50"),
        passes=bend(f"{NMS}.max_total_detections=50", f"{NMS}.max_detections_per_class=50"),
    ),
    "second-stage": Case(
        fails=bend("model.faster_rcnn.first_stage_max_proposals=32"),
        passes=bend("model.faster_rcnn.first_stage_max_proposals=64"),
        model="faster_rcnn",
    ),
    "stages": Case(
        fails=bend("model.faster_rcnn.number_of_stages=0"),
        passes=bend("model.faster_rcnn.number_of_stages=1"),
        model="faster_rcnn",
    ),
    "batchnorm-update": Case(
        fails=bend("model.faster_rcnn.inplace_batchnorm_update=true"),
        passes=bend("model.faster_rcnn.inplace_batchnorm_update=false"),
        model="faster_rcnn",
    ),
}

Found = Callable[..., list[Finding]]


@pytest.mark.parametrize(
    ("part", "fix"),
    [
        ("matcher", "Set argmax_matcher, or start from a preset."),
        (
            "box_predictor",
            (
                "Set convolutional_box_predictor or weight_shared_convolutional_box_predictor, or "
                "start from a preset."
            ),
        ),
        ("similarity_calculator", "Set iou_similarity, or start from a preset."),
    ],
)
def test_only_what_serves_the_family_is_offered(found: Found, part: str, fix: str) -> None:
    """TF2's SSD has no bipartite_matcher, and no second stage."""
    fixes = [one.fix for one in found(bend(f"model.ssd.{part}={{}}")) if one.rule == "model-part"]

    assert fixes == [fix]
