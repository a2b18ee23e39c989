"""Rules on the numbers of a model."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from odapi_runner.pipeline.finding import Finding
from support.rule_cases import Case, bend

LOSS = "model.ssd.loss"
FOCAL = f"{LOSS}.classification_loss.weighted_sigmoid_focal"
PREDICTOR = "model.ssd.box_predictor.weight_shared_convolutional_box_predictor"
NORM = f"{PREDICTOR}.conv_hyperparams.batch_norm"
WEIGHT = f"{PREDICTOR}.conv_hyperparams.regularizer.l2_regularizer.weight"

Found = Callable[..., list[Finding]]

CASES = {
    "focal-loss": Case(fails=bend(f"{FOCAL}.alpha=25"), passes=bend(f"{FOCAL}.alpha=1")),
    "loss-weight": Case(
        fails=bend(f"{LOSS}.localization_weight=0"), passes=bend(f"{LOSS}.localization_weight=0.1")
    ),
    "class-bias": Case(
        fails=bend(f"{PREDICTOR}.class_prediction_bias_init=4.6"),
        passes=bend(f"{PREDICTOR}.class_prediction_bias_init=0"),
    ),
    "batch-norm": Case(fails=bend(f"{NORM}.decay=1.1"), passes=bend(f"{NORM}.decay=0.9")),
    "regularizer-negative": Case(fails=bend(f"{WEIGHT}=-0.1"), passes=bend(f"{WEIGHT}=0")),
    "regularizer-heavy": Case(fails=bend(f"{WEIGHT}=0.02"), passes=bend(f"{WEIGHT}=0.01")),
}


@pytest.mark.parametrize(
    ("setting", "rule", "what"),
    [
        (f"{FOCAL}.alpha=-0.1", "focal-loss", "-0.1 is no share of the loss"),
        (f"{FOCAL}.gamma=-1", "focal-loss", "with -1 easy examples count most"),
        (f"{NORM}.epsilon=0", "batch-norm", "an epsilon of 0"),
        (
            f"{LOSS}.classification_weight=-1",
            "loss-weight",
            "with a weight of -1 the model never learns classes",
        ),
    ],
)
def test_the_other_bounds(found: Found, setting: str, rule: str, what: str) -> None:
    """Each at the field, with a value that is published as the remedy."""
    told = [one for one in found(bend(setting)) if one.rule != "engine"]

    assert [(one.rule, one.place, one.what) for one in told] == [
        (rule, setting.partition("=")[0], what)
    ]


def test_a_regulariser_that_is_not_set_weighs_one(found: Found) -> None:
    """That is the language's default, and far too much."""
    (finding,) = found(bend(deletes=(WEIGHT,)))

    assert finding.what == (
        "a weight of 1, as it is unless it is set, pulls the model's weights to 0"
    )
