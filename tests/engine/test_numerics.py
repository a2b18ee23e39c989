"""The engine's EfficientDet-D0 against the Object Detection API's own figures.

Config, weights and inputs can be rebuilt anywhere (`support.numerics`); the literals are what the
Object Detection API (TF2, 2022, on TensorFlow 2.20 and tf_keras) computes from them: training
figures with the batch's statistics, without augmentation and without stochastic depth. Where the
reference material lies beside the repository, whole tensors are compared too.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from odapi_runner.engine.checkpoint import restore_fine_tune, variable_keys
from odapi_runner.engine.input import Batch
from odapi_runner.engine.losses import TOTAL, total_losses
from odapi_runner.engine.models.ssd import Predictions
from odapi_runner.engine.nms import detect
from odapi_runner.engine.preprocess import normalize
from odapi_runner.engine.read_config import build_spec
from odapi_runner.engine.spec import Spec
from odapi_runner.engine.targets import assign_targets
from odapi_runner.engine.trainer import Trainer
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.render import render
from odapi_runner.proto.text import parse_pipeline
from odapi_runner.workspace import Workspace
from support.numerics import GROUNDTRUTH, rebuilt_images, rebuilt_weight, write_checkpoint

SIZE = 256
COSINE = "train_config.optimizer.momentum_optimizer.learning_rate.cosine_decay_learning_rate"
CHANGES = [
    "num_classes=3",
    f"image_size={SIZE}",
    f"{COSINE}.learning_rate_base=4e-6",
    f"{COSINE}.total_steps=100",
    f"{COSINE}.warmup_learning_rate=1e-6",
    f"{COSINE}.warmup_steps=3",
]

ANCHORS = [0, 1111, 4321, 9215, 9216, 11519, 11520, 12095, 12275]
CODES = [  # of the first image, at ANCHORS
    [0.1326025426387787, -0.08032066375017166, -0.010637716390192509, 0.01668700948357582],
    [-0.04242180287837982, -0.07356684654951096, -0.027143847197294235, 0.008419448509812355],
    [-0.017386697232723236, 0.00042726099491119385, -0.052095651626586914, -0.11747764050960541],
    [0.04680592566728592, -0.11541453748941422, -0.011658785864710808, 0.018014270812273026],
    [0.11841314285993576, -0.042556241154670715, -0.029595360159873962, 0.003525860607624054],
    [0.03450523316860199, -0.07880468666553497, 0.027495047077536583, 0.02241670712828636],
    [0.14374983310699463, -0.0826658084988594, -0.06017838418483734, 0.024634338915348053],
    [0.03145940601825714, -0.06996776163578033, 0.008813068270683289, -0.008259452879428864],
    [0.05038973689079285, -0.03870701789855957, 0.015719711780548096, 0.014234619215130806],
]
LOGITS = [  # of the second image, at ANCHORS
    [-0.04888968914747238, 0.01420128159224987, 0.03812521696090698],
    [-0.04375317692756653, 0.08574715256690979, -0.017968984320759773],
    [-0.0037681423127651215, -0.018414754420518875, -0.020124923437833786],
    [0.001553053967654705, -0.002851128578186035, 0.029494062066078186],
    [0.006789114326238632, -0.01633174531161785, 0.0204865001142025],
    [0.00015555787831544876, 0.029250338673591614, -0.0035891812294721603],
    [0.02098124660551548, -0.03440205007791519, -0.0027495198883116245],
    [0.04704811051487923, 0.019160795956850052, 0.01741033047437668],
    [-0.03703188896179199, -0.037916842848062515, 0.005798023194074631],
]
NORMS = [40.5213623046875, 18.934415817260742, 8.916436195373535, 3.4136219, 2.183840274810791]
TRAIN_NORMS = [315.1954345703125, 181.115478515625, 88.92676544, 45.87566375732422, 22.290695190]
LOSSES = {
    "Loss/localization_loss": 0.7920005917549133,
    "Loss/classification_loss": 112.05007934570312,
    "Loss/regularization_loss": 0.189139261841774,
    "Loss/total_loss": 113.03121948242188,
}
GRADIENT_NORM = 149.96320195917107  # of all variables together
GRADIENT_NORMS = {
    "_feature_extractor/_bifpn_stage/node_post_combine_block/14/2/beta": 81.5196762084961,
    "_feature_extractor/_bifpn_stage/node_post_combine_block/20/1/pointwise_kernel": 36.132938,
    "_box_predictor/_head_scope_conv_layers/ClassPredictionTower/0/pointwise_kernel": 34.09994125,
    "_box_predictor/_prediction_heads/class_predictions_with_background/"
    "_class_predictor_layers/0/bias": 26.4865779876709,
    "_feature_extractor/_bifpn_stage/node_post_combine_block/21/1/depthwise_kernel": 12.154135704,
}
TRAJECTORY = [113.03121948, 113.0087, 112.94337463378906, 112.81655883789062, 112.61121368408203]
SCORES = [0.5450752377510071, 0.5446833372116089, 0.5441122055053711, 0.5438978672027588]
BOXES = [
    [0.06773674488067627, 0.0, 0.24209833145141602, 0.27112433314323425],
    [0.8177193403244019, 0.0, 0.992328405380249, 0.2701799273490906],
    [0.6927669644355774, 0.0, 0.8671782612800598, 0.27045315504074097],
    [0.13028714060783386, 0.0, 0.30464497208595276, 0.27099114656448364],
]


@dataclass(frozen=True)
class Case:
    """One network with the rebuilt weights, and what it says of the rebuilt images."""

    spec: Spec
    trainer: Trainer
    batch: Batch
    weights: dict[str, np.ndarray]
    inferred: Predictions
    trained: Predictions
    gradients: dict[str, float]  # norms by key
    trajectory: list[dict[str, float]]


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Everything is computed once; five steps of training come last, since they change it."""
    text = render("efficientdet-d0", Changes(tuple(CHANGES)), here())
    spec = build_spec(parse_pipeline(text, "preset"))
    trainer = Trainer(spec, seed=0)
    network = trainer.network
    keys = variable_keys(tf.train.Checkpoint(model=network))
    weights = {
        key: rebuilt_weight(key, variable.shape)
        for key, variable in keys.items()
        if key != "save_counter"
    }
    path = write_checkpoint(tmp_path_factory.mktemp("rebuilt") / "ckpt", weights)
    restored = restore_fine_tune(network, path, "full")
    assert len(restored.restored) == 683
    batch = rebuilt_batch()
    inferred = network.predict_batch(batch.images, training=False)
    trained, gradients = training_figures(spec, trainer, batch)
    # What batch norm learned from the images meanwhile is taken back.
    restore_fine_tune(network, path, "full")
    trainer.compile(tf.nest.map_structure(tf.TensorSpec.from_tensor, batch))
    trajectory = [as_floats(trainer.train_step(batch)) for _ in range(5)]
    return Case(spec, trainer, batch, weights, inferred, trained, gradients, trajectory)


def here() -> Workspace:
    """A workspace without label maps of its own."""
    return Workspace(Path(__file__).parent)


def rebuilt_batch() -> Batch:
    """The rebuilt images and their boxes, nothing dropped by stochastic depth."""
    boxes, classes, weights = np.zeros((2, 3, 4)), np.zeros((2, 3)), np.zeros((2, 3))
    for image, (of_image, names) in enumerate(GROUNDTRUTH):
        boxes[image, : len(names)] = of_image
        classes[image, : len(names)] = names
        weights[image, : len(names)] = 1
    return Batch(
        images=normalize(tf.cast(rebuilt_images(SIZE), tf.float32)),
        shapes_hw=tf.fill([2, 2], SIZE),
        boxes=tf.constant(boxes, tf.float32),
        classes=tf.constant(classes, tf.int32),
        weights=tf.constant(weights, tf.float32),
        ignored=tf.zeros([2, 3], tf.bool),
        uniform=tf.zeros([2, 0]),
    )


def training_figures(
    spec: Spec, trainer: Trainer, batch: Batch
) -> tuple[Predictions, dict[str, float]]:
    """Predictions in training mode, and the norm of each variable's gradient."""
    variables = trainer.network.trainable_variables

    @tf.function
    def figures() -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            predictions = trainer.network.predict_batch(batch.images, training=True)
            losses = total_losses(spec, trainer.network, batch, predictions)
        gradients = tape.gradient(losses[TOTAL], variables)
        norms = [tf.constant(0.0) if one is None else tf.norm(one) for one in gradients]
        return (predictions.codes, predictions.logits, predictions.feature_maps), norms

    predictions, norms = figures()
    names = {id(variable): key for key, variable in variable_keys(trainer.network).items()}
    by_key = {names[id(one)]: float(norm) for one, norm in zip(variables, norms, strict=True)}
    return Predictions(*predictions), by_key


def as_floats(losses: dict[str, tf.Tensor]) -> dict[str, float]:
    return {tag: float(value) for tag, value in losses.items()}


def assert_close(ours: Any, theirs: Any, tolerance: float = 1e-4) -> None:
    """Equal within a share of the reference's largest magnitude."""
    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= tolerance * np.abs(theirs).max()


def norms_of(feature_maps: list[tf.Tensor]) -> list[float]:
    return [float(tf.norm(one)) for one in feature_maps]


def test_inference_gives_the_reference_predictions(case: Case) -> None:
    """Codes, logits and feature maps in inference mode are the Object Detection API's."""
    assert_close(case.inferred.codes.numpy()[0, ANCHORS], CODES)
    assert_close(case.inferred.logits.numpy()[1, ANCHORS], LOGITS)
    assert_close(norms_of(case.inferred.feature_maps), NORMS)


def test_training_mode_gives_the_reference_feature_maps(case: Case) -> None:
    """With the batch's statistics the pyramid has the reference's norms."""
    assert_close(norms_of(case.trained.feature_maps), TRAIN_NORMS)


def test_targets_are_the_reference_targets(case: Case) -> None:
    """68 and 90 anchors are matched, so many to each box, and the first ones are these."""
    targets = targets_of(case)
    matched = [np.flatnonzero(row >= 0) for row in targets.match.numpy()]

    assert [len(anchors) for anchors in matched] == [68, 90]
    assert [np.bincount(row[row >= 0]).tolist() for row in targets.match.numpy()] == [
        [36, 32],
        [32, 28, 30],
    ]
    assert matched[0][:6].tolist() == [9695, 9704, 9830, 9836, 9839, 9842]
    assert matched[1][:6].tolist() == [6383, 6392, 6668, 6671, 6677, 6680]
    sums = tf.reduce_sum(tf.abs(targets.codes), axis=[1, 2])
    assert_close(sums, [317.20794677734375, 419.5028381347656])


def test_losses_and_five_steps_are_the_reference_trajectory(case: Case) -> None:
    """The first losses and the course of five steps with momentum agree, decrease by decrease."""
    assert case.trajectory[0] == pytest.approx(LOSSES, rel=1e-4)
    totals = np.array([losses[TOTAL] for losses in case.trajectory])
    assert totals == pytest.approx(TRAJECTORY, rel=2e-4)
    assert totals[0] - totals[1:] == pytest.approx(
        TRAJECTORY[0] - np.array(TRAJECTORY[1:]), rel=0.03
    )


def test_gradients_are_the_reference_gradients(case: Case) -> None:
    """The norm of all gradients together and of some variables agree within 0.5 percent."""
    norm = np.linalg.norm(list(case.gradients.values()))

    assert norm == pytest.approx(GRADIENT_NORM, rel=5e-3)
    some = {key: case.gradients[key] for key in GRADIENT_NORMS}
    assert some == pytest.approx(GRADIENT_NORMS, rel=5e-3)


def test_detections_are_the_reference_detections(case: Case) -> None:
    """The best detections of the first image, all of class 2, in order."""
    found = detected(case, case.inferred)

    assert found.count.numpy().tolist() == [100, 100]
    assert found.scores.numpy()[0, :4] == pytest.approx(SCORES, abs=1e-5)
    assert found.classes.numpy()[0, :4].tolist() == [2, 2, 2, 2]
    np.testing.assert_allclose(found.boxes.numpy()[0, :4], BOXES, atol=1e-4)


def targets_of(case: Case) -> Any:
    batch = case.batch
    return assign_targets(
        case.spec.model,
        tf.constant(case.trainer.network.anchors),
        batch.boxes,
        batch.classes,
        batch.weights,
        batch.ignored,
    )


def detected(case: Case, predictions: Predictions) -> Any:
    anchors = tf.constant(case.trainer.network.anchors)
    return detect(case.spec.model, predictions, anchors, case.batch.shapes_hw)


@pytest.fixture(scope="module")
def stored(reference: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The reference's figures and arrays."""
    folder = reference / "numerics"
    with np.load(folder / "efficientdet_d0.npz") as arrays:
        return json.loads((folder / "efficientdet_d0.json").read_text()), dict(arrays)


def test_the_rebuilt_inputs_are_the_reference_inputs(case: Case, stored: Any) -> None:
    """Images, keys and shapes rebuilt here are those of the reference."""
    figures, arrays = stored
    suffix = "/.ATTRIBUTES/VARIABLE_VALUE"

    assert np.array_equal(arrays["image"], rebuilt_images(SIZE))
    assert {key.removesuffix(suffix): shape for key, shape in figures["variables"].items()} == {
        key: list(value.shape) for key, value in case.weights.items()
    }


def test_whole_tensors_agree_with_the_reference(case: Case, stored: Any) -> None:
    """All predictions and targets, not only those that stand here as literals."""
    _, arrays = stored
    targets = targets_of(case)

    assert_close(case.trainer.network.anchors, arrays["pred/anchors"])
    for ours, name in ((case.inferred, "pred"), (case.trained, "train_pred")):
        assert_close(ours.codes, arrays[f"{name}/box_encodings"])
        assert_close(ours.logits, arrays[f"{name}/class_predictions_with_background"])
        assert_close(norms_of(ours.feature_maps), arrays[f"{name}/feature_map_stats"][:, 4])
    assert np.array_equal(targets.match, arrays["targets/match"])
    assert_close(targets.classes, arrays["targets/cls_targets"])
    assert_close(targets.codes, arrays["targets/reg_targets"])
    assert_close(targets.code_weights, arrays["targets/reg_weights"])
    assert_close(
        np.broadcast_to(targets.class_weights[..., None], arrays["targets/cls_weights"].shape),
        arrays["targets/cls_weights"],
    )


def test_all_gradient_norms_agree_with_the_reference(case: Case, stored: Any) -> None:
    """Cosine of all norms at least 0.99999; each above 1 percent of the largest within 0.5."""
    figures, _ = stored
    norms = {
        key.removeprefix("model/"): norm
        for key, norm in figures["trainable_gradient_norms"].items()
        if norm is not None
    }
    theirs = np.array(list(norms.values()))
    ours = np.array([case.gradients[key] for key in norms])

    cosine = ours @ theirs / np.linalg.norm(ours) / np.linalg.norm(theirs)
    assert cosine >= 0.99999
    large = theirs > 0.01 * theirs.max()
    assert ours[large] == pytest.approx(theirs[large], rel=5e-3)


def test_post_processing_of_the_reference_predictions(case: Case, stored: Any) -> None:
    """Fed with the reference's predictions, all 100 detections come in its order.

    Detections whose scores are closer than 1e-6 may come in any order among themselves.
    """
    _, arrays = stored
    fed = Predictions(
        tf.constant(arrays["pred/box_encodings"]),
        tf.constant(arrays["pred/class_predictions_with_background"]),
        [],
    )
    found = detected(case, fed)

    assert found.count.numpy().tolist() == arrays["det/num_detections"].tolist()
    np.testing.assert_allclose(found.scores, arrays["det/detection_scores"], atol=1e-5)
    for image in range(2):
        ours = canonical(found.scores[image], found.classes[image], found.boxes[image])
        theirs = canonical(
            arrays["det/detection_scores"][image],
            arrays["det/detection_classes"][image],
            arrays["det/detection_boxes"][image],
        )
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def canonical(scores: Any, classes: Any, boxes: Any) -> np.ndarray:
    """Rows (class, box) in the order of the scores, ties within 1e-6 by place."""
    scores = np.asarray(scores, np.float64)
    group = np.concatenate([[0], np.cumsum(-np.diff(scores) > 1e-6)])
    rows = np.column_stack([np.asarray(classes), np.asarray(boxes)])
    order = np.lexsort((np.round(rows[:, 2], 3), np.round(rows[:, 1], 3), group))
    return rows[order]


def test_detections_end_to_end_agree_with_the_reference(case: Case, stored: Any) -> None:
    """At least 99 of 100 reference detections are found: class, score to 1e-4, box to 1e-3."""
    _, arrays = stored
    found = detected(case, case.inferred)
    for image in range(2):
        near = (
            (found.classes[image].numpy()[:, None] == arrays["det/detection_classes"][image])
            & (
                np.abs(found.scores[image].numpy()[:, None] - arrays["det/detection_scores"][image])
                < 1e-4
            )
            & (
                np.abs(
                    found.boxes[image].numpy()[:, None] - arrays["det/detection_boxes"][image]
                ).max(axis=-1)
                < 1e-3
            )
        )
        assert near.any(axis=0).sum() >= 99
