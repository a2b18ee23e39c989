"""Losses and gradients of whole configs, against the Object Detection API's own.

The figures come from its SSDMetaArch (meta_architectures/ssd_meta_arch.py), built by its builders
from the same message, given the boxes and predictions below: `provide_groundtruth`, then `loss`
and its gradients by codes and logits.
"""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from odapi_runner.engine.ssd.losses import CLASSIFICATION, LOCALIZATION, detection_losses
from odapi_runner.engine.ssd.predictions import Predictions
from odapi_runner.engine.ssd.random_examples import draw_examples
from odapi_runner.engine.ssd.spec import Ssd
from odapi_runner.engine.ssd.targets import assign_targets
from support.configs import small_spec

SSD = "model.ssd"
LOSS = f"{SSD}.loss"
CLASSES = f"{LOSS}.classification_loss"
DICE = f"{CLASSES}.weighted_dice_classification_loss"
MATCHER = f"{SSD}.matcher.argmax_matcher"
BACKGROUND = (f"{SSD}.add_background_class=true",)
BACKGROUND_ONE = (*BACKGROUND, f"{SSD}.encode_background_as_zeros=false")

# Three grids of squares: 4 x 4, 2 x 2, 1, each a little wider than high in the first.
ANCHORS = np.array(
    [
        [y / n, x / n, (y + 1) / n, (x + 1 + (n == 4) / 4) / n]
        for n in (4, 2, 1)
        for y in range(n)
        for x in range(n)
    ],
    np.float32,
)
BOXES = np.array(
    [
        [[0.05, 0.0, 0.3, 0.3], [0.4, 0.5, 1.0, 1.0], [0.7, 0.1, 0.9, 0.2]],
        [[0.1, 0.1, 0.95, 0.9], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]],
    ],
    np.float32,
)
SCORES = np.array(
    [
        [[0.7, 0.2, 0.0], [0.1, 0.0, 0.9], [0.0, 1.0, 0.0]],
        [[0.0, 0.5, 0.5], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]],
    ],
    np.float32,
)
LABELS = np.array([[0, 2, 1], [1, 0, 0]], np.int32)
WEIGHTS = np.array([[1.0, 0.5, 0.0], [0.75, 0.0, 0.0]], np.float32)
NUM_BOXES = (3, 1)


def predicted(slots: int, code_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Codes and logits of the two images, all different."""
    codes = np.cos(0.7 * np.arange(2 * len(ANCHORS) * code_size))
    logits = 3 * np.sin(0.9 * np.arange(2 * len(ANCHORS) * slots)) - 1
    shape = 2, len(ANCHORS), -1
    return codes.reshape(shape).astype(np.float32), logits.reshape(shape).astype(np.float32)


def figures(spec: Ssd, classes: np.ndarray = LABELS) -> tuple[float, ...]:
    """Both losses, and the norms of the gradients of their sum by codes and logits."""
    slots = spec.num_classes + int(spec.background_class)
    codes, logits = map(tf.constant, predicted(slots, spec.box_coder.code_size))
    targets = assign_targets(
        spec,
        tf.constant(ANCHORS),
        *map(tf.constant, (BOXES, classes, WEIGHTS, np.zeros((2, 3), bool))),
    )
    if spec.loss.positive_share is not None:
        targets = draw_examples(targets, spec.loss.positive_share, tf.zeros([2, 0]))
    with tf.GradientTape() as tape:
        tape.watch([codes, logits])
        predictions = Predictions(codes, logits, tf.constant(ANCHORS), [])
        found = detection_losses(spec, predictions, targets)
        total = tf.add_n(list(found.values()))
    gradients = tape.gradient(total, [codes, logits])
    norms = [float(tf.norm(tf.convert_to_tensor(one))) for one in gradients]
    return float(found[LOCALIZATION]), float(found[CLASSIFICATION]), *norms


# Changes of EfficientDet-D0's config, whose losses are focal (0.25, 1.5) and smooth L1 (0.1).
CASES: dict[str, tuple[tuple[str, ...], tuple[float, ...]]] = {
    "focal": ((), (0.216342, 19.05418, 0.1920703, 2.009855)),
    "focal, gamma 2, no alpha": (
        (f"{CLASSES}.weighted_sigmoid_focal={{ gamma: 2 }}",),
        (0.216342, 23.85308, 0.1920703, 2.744375),
    ),
    "focal, gamma 0.7": (
        (f"{CLASSES}.weighted_sigmoid_focal.gamma=0.7",),
        (0.216342, 23.28788, 0.1920703, 1.954154),
    ),
    "focal, gamma 0": (
        (f"{CLASSES}.weighted_sigmoid_focal.gamma=0",),
        (0.216342, 29.20972, 0.1920703, 1.853264),
    ),
    "focal, background wanted": (BACKGROUND_ONE, (0.216342, 24.77976, 0.1920703, 2.054475)),
    "focal, background not wanted": (BACKGROUND, (0.216342, 24.78062, 0.1920703, 2.306725)),
    "sigmoid": ((f"{CLASSES}.weighted_sigmoid={{}}",), (0.216342, 40.33632, 0.1920703, 2.511376)),
    "sigmoid, weights": (
        (
            f"{CLASSES}.weighted_sigmoid={{}}",
            f"{LOSS}.classification_weight=2",
            f"{LOSS}.localization_weight=3",
            f"{SSD}.negative_class_weight=0.3",
            f"{SSD}.normalize_loss_by_num_matches=false",
            f"{SSD}.normalize_loc_loss_by_codesize=false",
        ),
        (5.841233, 68.84033, 5.185898, 4.694385),
    ),
    "softmax": (
        (*BACKGROUND_ONE, f"{CLASSES}.weighted_softmax={{}}"),
        (0.216342, 45.13919, 0.1920703, 2.765063),
    ),
    "softmax, scaled, background not wanted": (
        (*BACKGROUND, f"{CLASSES}.weighted_softmax={{ logit_scale: 2 }}"),
        (0.216342, 1.457804, 0.1920703, 0.9200312),
    ),
    "softmax against logits": (
        (*BACKGROUND_ONE, f"{CLASSES}.weighted_logits_softmax={{ logit_scale: 0.5 }}"),
        (0.216342, 81.42286, 0.1920703, 4.737013),
    ),
    "bootstrapped": (
        (f"{CLASSES}.bootstrapped_sigmoid={{ alpha: 0.8 }}",),
        (0.216342, 36.53986, 0.1920703, 1.928518),
    ),
    "bootstrapped, hard": (
        (f"{CLASSES}.bootstrapped_sigmoid={{ alpha: 0.8 hard_bootstrap: true }}",),
        (0.216342, 34.65311, 0.1920703, 1.986351),
    ),
    "penalty reduced": (
        (f"{CLASSES}.penalty_reduced_logistic_focal_loss={{ alpha: 1.5 beta: 4 }}",),
        (0.216342, 26.55737, 0.1920703, 2.721885),
    ),
    "dice": (
        (f"{DICE}={{}}",),
        (0.216342, 2.624702, 0.1920703, 0.0210417),
    ),
    "dice of probabilities": (
        (f"{DICE}={{ squared_normalization: true is_prediction_probability: true }}",),
        (0.216342, 2.587232, 0.1920703, 0.03774264),
    ),
    "l2": (
        (f"{LOSS}.localization_loss.weighted_l2={{}}",),
        (0.1748958, 19.05418, 0.1746671, 2.009855),
    ),
    "square boxes": (
        (
            f"{SSD}.box_coder.square_box_coder={{ y_scale: 8 length_scale: 4 }}",
            f"{SSD}.box_predictor.weight_shared_convolutional_box_predictor.box_code_size=3",
        ),
        (0.3352473, 19.05418, 0.2346276, 2.009855),
    ),
    "corners": (
        (f"{SSD}.box_coder.mean_stddev_box_coder={{ stddev: 0.1 }}",),
        (0.2567145, 19.05418, 0.1802458, 2.009855),
    ),
    "intersection over area": (
        (f"{SSD}.similarity_calculator.ioa_similarity={{}}",),
        (4.33731, 2.416623, 0.1029459, 0.2461761),
    ),
    "distance": (
        (
            f"{SSD}.similarity_calculator.neg_sq_dist_similarity={{}}",
            f"{MATCHER}.matched_threshold=-0.1",
            f"{MATCHER}.unmatched_threshold=-0.3",
        ),
        (1.044884, 8.104191, 0.1938136, 0.9297619),
    ),
    "thresholded": (
        (*BACKGROUND, f"{SSD}.similarity_calculator.thresholded_iou_similarity.iou_threshold=0.3"),
        (0.8202938, 14.63607, 0.1884224, 1.368889),
    ),
    "no thresholds": (
        (f"{MATCHER}.ignore_thresholds=true",),
        (4.755686, 1.101698, 0.07773001, 0.1028116),
    ),
    "ignored between": (
        (f"{MATCHER}.unmatched_threshold=0.1",),
        (0.216342, 11.58311, 0.1920703, 1.551454),
    ),
    "ignored below": (
        (
            f"{MATCHER}.unmatched_threshold=0.1",
            f"{MATCHER}.negatives_lower_than_unmatched=false",
            f"{MATCHER}.force_match_for_each_row=false",
        ),
        (0.216342, 9.316752, 0.1920703, 1.383041),
    ),
    "confidences": (
        (
            *BACKGROUND,
            f"{SSD}.use_confidences_as_targets=true",
            f"{SSD}.implicit_example_weight=0.25",
        ),
        (0.2217255, 4.977905, 0.1818178, 0.400162),
    ),
    "confidences, softmax": (
        (
            *BACKGROUND,
            f"{SSD}.use_confidences_as_targets=true",
            f"{SSD}.implicit_example_weight=0.25",
            f"{CLASSES}.weighted_softmax={{}}",
        ),
        (0.2217255, 9.224733, 0.1818178, 0.613973),
    ),
    "confidences, dice": (
        (
            *BACKGROUND,
            f"{SSD}.use_confidences_as_targets=true",
            f"{SSD}.implicit_example_weight=0.25",
            f"{DICE}={{}}",
        ),
        (0.2217255, 2.269701, 0.1818178, 0.03176463),
    ),
    # All of the negatives, and none of them: what is drawn is no matter of chance.
    "drawn, all": (
        (f"{LOSS}.random_example_sampler.positive_sample_fraction=0.01",),
        (0.216342, 19.05418, 0.1920703, 2.009855),
    ),
    "drawn, positives": (
        (f"{LOSS}.random_example_sampler.positive_sample_fraction=1",),
        (0.216342, 1.845677, 0.1920703, 0.5294295),
    ),
    "mined": (
        (
            f"{CLASSES}.weighted_sigmoid={{}}",
            f"{LOSS}.hard_example_miner={{ num_hard_examples: 12 max_negatives_per_positive: 2 }}",
        ),
        (0.216342, 15.96761, 0.1920703, 1.574352),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_losses_and_gradients_are_those_of_the_api(name: str) -> None:
    """Localisation, classification, and how far each moves the codes and logits."""
    changes, expected = CASES[name]

    assert figures(small_spec(*changes).model) == pytest.approx(expected, rel=2e-5)


# The same with `SCORES` in the place of one-hot classes (`use_multiclass_scores`).
OF_SCORES = {
    "focal": (0.216342, 18.70652, 0.1920703, 1.985767),
    "focal, gamma 2, no alpha": (0.216342, 22.45634, 0.1920703, 2.673626),
    "focal, background wanted": (0.216342, 24.4184, 0.1920703, 2.030156),
    "sigmoid": (0.216342, 39.8284, 0.1920703, 2.471904),
    "softmax": (0.216342, 44.83105, 0.1920703, 2.733629),
    "softmax against logits": (0.216342, 81.16945, 0.1920703, 4.701345),
    "bootstrapped": (0.216342, 36.13353, 0.1920703, 1.897002),
    "penalty reduced": (0.216342, 24.43412, 0.1920703, 2.644099),
    "dice": (0.216342, 2.611769, 0.1920703, 0.01609189),
    "dice of probabilities": (0.216342, 2.636276, 0.1920703, 0.01287488),
    "confidences": (0.2217255, 5.015071, 0.1818178, 0.4069134),
}


@pytest.mark.parametrize("name", OF_SCORES)
def test_losses_of_scores_are_those_of_the_api(name: str) -> None:
    """Where each box has a score of each class."""
    changes, _ = CASES[name]

    assert figures(small_spec(*changes).model, SCORES) == pytest.approx(OF_SCORES[name], rel=2e-5)
