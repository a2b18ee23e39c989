"""How losses and targets are read."""

from __future__ import annotations

import pytest

from odapi_runner.engine.read_config import build_spec, refused
from odapi_runner.engine.spec.boxes import (
    FasterRcnnCoder,
    Ioa,
    Iou,
    Matcher,
    MeanStddevCoder,
    NegativeSquaredDistance,
    SquareCoder,
    ThresholdedIou,
    Thresholds,
)
from odapi_runner.engine.ssd.loss_spec import (
    L2,
    BootstrappedSigmoid,
    Dice,
    FocalSigmoid,
    HardExamples,
    PenaltyReduced,
    SmoothL1,
    Softmax,
)
from support.configs import d0_config

SSD = "model.ssd"
LOSS = f"{SSD}.loss"
CLASSES = f"{LOSS}.classification_loss"
BOXES = f"{LOSS}.localization_loss"
ARGMAX = f"{SSD}.matcher.argmax_matcher"
CODER = f"{SSD}.box_coder"
CODE_SIZE = f"{SSD}.box_predictor.weight_shared_convolutional_box_predictor.box_code_size"
SIMILARITY = f"{SSD}.similarity_calculator"


def test_d0_s_own() -> None:
    """Losses and targets of the preset."""
    model = build_spec(d0_config()).model

    assert model.box_coder == FasterRcnnCoder(10.0, 10.0, 5.0, 5.0)
    assert model.similarity == Iou()
    assert model.matcher == Matcher(Thresholds(0.5, 0.5, negatives_below_unmatched=True), True)
    assert model.loss.classification == FocalSigmoid(0.25, 1.5)
    assert isinstance(model.loss.localization, SmoothL1)
    assert (model.loss.hard_examples, model.loss.positive_share) == (None, None)
    assert model.loss.implicit_weight is None


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("weighted_sigmoid={}", FocalSigmoid(None, 0.0)),
        ("weighted_sigmoid_focal={}", FocalSigmoid(None, 2.0)),
        ("weighted_softmax={ logit_scale: 2 }", Softmax(2.0, against_logits=False)),
        ("weighted_logits_softmax={}", Softmax(1.0, against_logits=True)),
        ("bootstrapped_sigmoid={ alpha: 0.5 }", BootstrappedSigmoid(0.5, hard=False)),
        ("penalty_reduced_logistic_focal_loss={ alpha: 2 beta: 4 }", PenaltyReduced(2.0, 4.0)),
        ("weighted_dice_classification_loss={}", Dice(squared=False, probabilities=False)),
    ],
)
def test_losses_of_classes(change: str, expected: object) -> None:
    """The member that is set, with its defaults."""
    assert build_spec(d0_config(f"{CLASSES}.{change}")).model.loss.classification == expected


@pytest.mark.parametrize(
    ("changes", "part", "expected"),
    [
        ((f"{SIMILARITY}.ioa_similarity={{}}",), "similarity", Ioa()),
        ((f"{SIMILARITY}.neg_sq_dist_similarity={{}}",), "similarity", NegativeSquaredDistance()),
        (
            (
                f"{SIMILARITY}.thresholded_iou_similarity={{}}",
                f"{SSD}.add_background_class=true",
            ),
            "similarity",
            ThresholdedIou(0.5),
        ),
        ((f"{ARGMAX}.ignore_thresholds=true",), "matcher", Matcher(None, force_match=True)),
        ((f"{CODER}.mean_stddev_box_coder.stddev=0.5",), "box_coder", MeanStddevCoder(0.5)),
        (
            (f"{CODER}.square_box_coder={{}}", f"{CODE_SIZE}=3"),
            "box_coder",
            SquareCoder(10.0, 10.0, 5.0),
        ),
    ],
)
def test_targets(changes: tuple[str, ...], part: str, expected: object) -> None:
    """Coder, similarity and matcher."""
    assert getattr(build_spec(d0_config(*changes)).model, part) == expected


def test_which_examples_count() -> None:
    """Mined, drawn, or weighed by what is said of them."""
    model = build_spec(
        d0_config(
            f"{CLASSES}.weighted_sigmoid={{}}",
            f"{BOXES}.weighted_l2={{}}",
            f"{LOSS}.hard_example_miner={{ num_hard_examples: 0 loss_type: CLASSIFICATION }}",
            f"{LOSS}.random_example_sampler.positive_sample_fraction=0.25",
            f"{SSD}.add_background_class=true",
            f"{SSD}.use_confidences_as_targets=true",
            f"{SSD}.implicit_example_weight=0.5",
        )
    ).model

    assert model.loss.localization == L2()
    hard = HardExamples(None, pytest.approx(0.7), "CLASSIFICATION", None, 0)
    assert model.loss.hard_examples == hard
    assert model.loss.positive_share == 0.25
    assert model.loss.implicit_weight == 0.5


AS_BOXES = (
    "is not supported: the Object Detection API gives it an SSD's regression codes, whose overlap "
    "as boxes means nothing"
)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ((f"{BOXES}.weighted_iou={{}}",), {f"{BOXES}.weighted_iou": AS_BOXES}),
        ((f"{BOXES}.weighted_giou={{}}",), {f"{BOXES}.weighted_giou": AS_BOXES}),
        (
            (f"{BOXES}.l1_localization_loss={{}}",),
            {
                f"{BOXES}.l1_localization_loss": (
                    "is not supported: the Object Detection API gives it weights of another shape "
                    "than an SSD's codes have, and stops"
                )
            },
        ),
        (
            (f"{LOSS}.expected_loss_weights=EXPECTED_SAMPLING",),
            {
                f"{LOSS}.expected_loss_weights": (
                    "EXPECTED_SAMPLING is not supported: the Object Detection API stops at it, for "
                    "lack of the function that it names"
                )
            },
        ),
        (
            (f"{SSD}.matcher.bipartite_matcher={{}}",),
            {f"{SSD}.matcher.bipartite_matcher": "is not supported"},
        ),
        (
            (f"{CODER}.keypoint_box_coder={{}}",),
            {f"{CODER}.keypoint_box_coder": "is not supported"},
        ),
        (
            (f"{CODER}.square_box_coder={{}}",),
            {CODE_SIZE: "4 is not supported: the box coder has another"},
        ),
        (
            (f"{CODER}.mean_stddev_box_coder.stddev=0",),
            {f"{CODER}.mean_stddev_box_coder.stddev": "0 is not above 0"},
        ),
        (
            (f"{SIMILARITY}.thresholded_iou_similarity={{}}",),
            {
                f"{SIMILARITY}.thresholded_iou_similarity": (
                    "needs a background class: without it no anchor is like a box of the first "
                    "class"
                )
            },
        ),
        (
            (f"{ARGMAX}.negatives_lower_than_unmatched=false",),
            {
                f"{ARGMAX}.negatives_lower_than_unmatched": (
                    "is false, and no anchor lies between the thresholds: nothing would be a "
                    "negative"
                )
            },
        ),
        (
            (f"{SSD}.use_confidences_as_targets=true",),
            {
                f"{SSD}.use_confidences_as_targets": (
                    "needs a background class: without it the Object Detection API stops"
                )
            },
        ),
        (
            (f"{SSD}.explicit_background_class=true",),
            {
                f"{SSD}.explicit_background_class": (
                    "true is not supported: scores of classes are read without one of the "
                    "background"
                )
            },
        ),
        (
            (f"{LOSS}.random_example_sampler.positive_sample_fraction=0",),
            {f"{LOSS}.random_example_sampler.positive_sample_fraction": ("0 is not within (0, 1]")},
        ),
        (
            (f"{LOSS}.hard_example_miner={{}}",),
            {
                f"{LOSS}.hard_example_miner": (
                    "does not go with a focal loss, which weighs examples itself"
                )
            },
        ),
        (
            (
                f"{LOSS}.hard_example_miner={{}}",
                f"{CLASSES}.weighted_dice_classification_loss={{}}",
            ),
            {f"{LOSS}.hard_example_miner": ("does not go with dice, which is no loss of anchors")},
        ),
        # What the Object Detection API never reads, or only beside what it stops at.
        (
            (
                f"{LOSS}.equalization_loss.weight=0.5",
                f"{LOSS}.min_num_negative_samples=5",
                f"{LOSS}.desired_negative_sampling_ratio=2",
                f"{SSD}.implicit_example_weight=0.5",
            ),
            {},
        ),
    ],
)
def test_what_cannot_be_honoured_is_refused(
    changes: tuple[str, ...], expected: dict[str, str]
) -> None:
    """By its path, with what the Object Detection API makes of it."""
    assert {one.path: one.reason for one in refused(d0_config(*changes))} == expected
