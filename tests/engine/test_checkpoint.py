"""Checkpoints: their keys are the Object Detection API's, and what is restored is counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from odapi_runner.engine.checkpoint import (
    SLOT,
    VALUE,
    read_step,
    restore_fine_tune,
    variable_keys,
)
from odapi_runner.engine.input import Batch
from odapi_runner.engine.read_config import build_spec
from odapi_runner.engine.trainer import Trainer
from odapi_runner.errors import CheckpointError
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.render import render
from odapi_runner.proto.text import parse_pipeline
from odapi_runner.training import TrainerOptions
from odapi_runner.workspace import Workspace
from support.numerics import rebuilt_weight, write_checkpoint

CHANGES = ["num_classes=3", "image_size=128", "batch_size=2"]
BACKBONE = "model/_feature_extractor/classification_backbone/"


def build_trainer(*changes: str) -> Trainer:
    """A small EfficientDet-D0 with other weights each time."""
    wanted = Changes((*CHANGES, *changes))
    text = render("efficientdet-d0", wanted, Workspace(Path(__file__).parent))
    return Trainer(build_spec(parse_pipeline(text, "preset")), options=TrainerOptions(seed=1))


@pytest.fixture(scope="module")
def trainer() -> Trainer:
    """One that is restored into; no test relies on the weights it starts with."""
    return build_trainer()


def model_values(trainer: Trainer) -> dict[str, np.ndarray]:
    """The rebuilt weight of each variable by its key, as a checkpoint's root `model` has it."""
    keys = variable_keys(tf.train.Checkpoint(model=trainer.detector))
    return {
        key: rebuilt_weight(key, variable.shape)
        for key, variable in keys.items()
        if key != "save_counter"
    }


def blank_batch() -> Batch:
    """Two grey images without a box."""
    return Batch(
        images=tf.fill([2, 128, 128, 3], 0.1),
        shapes_hw=tf.fill([2, 2], 128),
        boxes=tf.zeros([2, 0, 4]),
        classes=tf.zeros([2, 0], tf.int32),
        weights=tf.zeros([2, 0]),
        ignored=tf.zeros([2, 0], tf.bool),
        uniform=tf.zeros([2, 0]),
    )


def stored_keys(path: str) -> set[str]:
    return set(tf.train.load_checkpoint(path).get_variable_to_shape_map())


def test_a_checkpoint_holds_the_keys_of_the_object_detection_api_only(tmp_path: Path) -> None:
    """Model, momentum slots, step, counters: as a real training of model_main_tf2 with momentum.

    The names beside the variables are those of reference/checkpoint_keys/momentum.json; before the
    first step there are neither slots nor the optimizer's numbers, there as here.
    """
    trainer = build_trainer()
    first = f"{tmp_path}/ckpt-{trainer.save(tmp_path, keep=7)}"
    trainer.compile(tf.nest.map_structure(tf.TensorSpec.from_tensor, blank_batch()))
    trainer.train_step(blank_batch())
    second = f"{tmp_path}/ckpt-{trainer.save(tmp_path, keep=7)}"

    model = {f"{key}{VALUE}" for key in model_values(trainer)}
    counters = {"_CHECKPOINTABLE_OBJECT_GRAPH", f"save_counter{VALUE}", f"step{VALUE}"}
    numbers = {f"optimizer/{name}{VALUE}" for name in ("iter", "decay", "momentum")}
    slots = {key for key in stored_keys(second) if SLOT in key}
    assert stored_keys(first) == model | counters
    assert stored_keys(second) == model | counters | numbers | slots
    # Every variable that a gradient reaches has a slot; the classifier's top has none.
    assert len(slots) == 463
    assert all(key.endswith(f"{SLOT}optimizer/momentum{VALUE}") for key in slots)
    assert (read_step(first), read_step(second)) == (0, 1)


def test_the_momentum_checkpoint_of_the_object_detection_api_has_such_keys(
    reference: Path,
) -> None:
    """The names outside the model in the reference's listing are the ones written here."""
    listing = (reference / "checkpoint_keys" / "momentum.json").read_text()
    for name in ("optimizer/decay", "optimizer/iter", "optimizer/momentum", "save_counter", "step"):
        assert f'"{name}{VALUE}"' in listing
    assert f"{SLOT}optimizer/momentum{VALUE}" in listing


def test_a_detection_checkpoint_restores_the_feature_extractor_alone(
    trainer: Trainer, tmp_path: Path
) -> None:
    """Another number of classes does not matter: the heads are left, by name."""
    values = model_values(trainer)
    other_heads = {
        key: value if "_feature_extractor" in key else value[..., :7]
        for key, value in values.items()
    }
    path = write_checkpoint(tmp_path / "ckpt-0", other_heads)

    restored = restore_fine_tune(trainer.detector, path, "detection")

    extractor = sorted(key for key in values if key.startswith("model/_feature_extractor/"))
    heads = sorted(key for key in values if key.startswith("model/_box_predictor/"))
    assert list(restored.restored) == extractor
    assert list(restored.left_in_model) == heads
    assert list(restored.left_in_file) == heads
    keys = variable_keys(tf.train.Checkpoint(model=trainer.detector))
    for key in (extractor[0], extractor[len(extractor) // 2], extractor[-1]):
        assert np.array_equal(keys[key].numpy(), values[key])


def test_a_classification_checkpoint_restores_the_backbone_alone(
    trainer: Trainer, tmp_path: Path
) -> None:
    """Its root is `feature_extractor`, its layers are the classifier's."""
    classifier = variable_keys(
        tf.train.Checkpoint(
            feature_extractor=trainer.detector._feature_extractor.classification_backbone
        )
    )
    values = {
        key: rebuilt_weight(key, variable.shape)
        for key, variable in classifier.items()
        if key != "save_counter"
    }
    path = write_checkpoint(tmp_path / "backbone", values)

    restored = restore_fine_tune(trainer.detector, path, "classification")

    assert list(restored.restored) == sorted(values)
    assert not any("_efficientnet" in key for key in restored.left_in_model)
    assert any("_bifpn_stage" in key for key in restored.left_in_model)
    assert all(np.array_equal(classifier[key].numpy(), values[key]) for key in values)


def test_a_checkpoint_of_other_classes_is_refused_as_full(trainer: Trainer, tmp_path: Path) -> None:
    """The sentence names what does not fit, and both shapes."""
    values = model_values(trainer)
    key = (
        "model/_box_predictor/_prediction_heads/class_predictions_with_background/"
        "_class_predictor_layers/0/bias"
    )
    path = write_checkpoint(tmp_path / "ckpt-0", values | {key: np.zeros(810, np.float32)})

    with pytest.raises(CheckpointError) as error:
        restore_fine_tune(trainer.detector, path, "full")

    assert error.value.what == (
        f"{path}: 1 variables have another shape: {key} is [810] there, [27] here"
    )


def test_a_checkpoint_without_some_variables_is_refused(trainer: Trainer, tmp_path: Path) -> None:
    """A missing variable is named, not left at its random value."""
    values = model_values(trainer)
    missing = "model/_feature_extractor/_bifpn_stage/node_combine_op/2/bifpn_combine_weights"
    path = write_checkpoint(
        tmp_path / "ckpt-0", {key: value for key, value in values.items() if key != missing}
    )

    with pytest.raises(CheckpointError) as error:
        restore_fine_tune(trainer.detector, path, "detection")

    assert error.value.what == f"{path}: 1 of 539 variables are not in it: {missing}"


def test_a_file_that_is_no_checkpoint_is_refused(trainer: Trainer, tmp_path: Path) -> None:
    """A broken index and an absent one are said in a sentence, before TensorFlow reads them."""
    (tmp_path / "ckpt-0.index").write_bytes(b"not a table")
    for path, what in (
        (tmp_path / "ckpt-0", "not the index of a checkpoint, or cut short"),
        (tmp_path / "ckpt-9", "cannot be read (No such file or directory)"),
    ):
        with pytest.raises(CheckpointError) as error:
            restore_fine_tune(trainer.detector, str(path), "full")
        assert error.value.what == f"{path}.index: {what}"


def test_a_changed_byte_in_a_variable_is_refused(trainer: Trainer, tmp_path: Path) -> None:
    """Index and length are right, the checksum of the variable is not."""
    path = Path(tf.train.Checkpoint(model=trainer.detector).write(str(tmp_path / "ckpt-0")))
    data = path.with_name(f"{path.name}.data-00000-of-00001")
    content = bytearray(data.read_bytes())
    content[len(content) // 2] ^= 1
    data.write_bytes(content)

    with pytest.raises(CheckpointError) as error:
        restore_fine_tune(trainer.detector, str(path), "full")

    assert error.value.what == f"{path}: the bytes of a variable are not those that were written"


def test_the_older_checkpoints_are_rotated_away(trainer: Trainer, tmp_path: Path) -> None:
    """With `keep` 2 the newest two stay, and the list of them names the newest last."""
    numbers = [trainer.save(tmp_path, keep=2) for _ in range(4)]

    kept = sorted(path.name for path in tmp_path.glob("*.index"))
    assert kept == [f"ckpt-{number}.index" for number in numbers[2:]]
    assert tf.train.latest_checkpoint(str(tmp_path)) == f"{tmp_path}/ckpt-{numbers[-1]}"
