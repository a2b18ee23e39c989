"""What a config says of the records, and what is refused of it."""

from __future__ import annotations

import pytest

from odapi_runner.engine.augment.spec import LogitsToSoftmax
from odapi_runner.engine.read_config import build_spec, refused
from support.configs import d0_config

LOAD = "train_input_reader.load_multiclass_scores=true"
STEP = "train_config.data_augmentation_options=[{ convert_class_logits_to_softmax {} }]"


def test_data_sets_have_their_weights() -> None:
    """In the order of `input_path`; without weights there are none."""
    weights = "train_input_reader.sample_from_datasets_weights=3,1"

    assert build_spec(d0_config(weights)).train_input.weights == (3.0, 1.0)
    assert build_spec(d0_config()).train_input.weights == ()


def test_voc_is_measured_beside_coco_where_the_metrics_name_it() -> None:
    """As the Object Detection API's evaluators: any of both, in any order."""
    both = "eval_config.metrics_set=[pascal_voc_detection_metrics,coco_detection_metrics]"

    assert build_spec(d0_config(both)).evaluation.voc
    assert not build_spec(d0_config()).evaluation.voc


def test_scores_of_the_classes_are_read_for_training_only() -> None:
    """As many as the model has classes; an evaluation counts by the class of a box."""
    spec = build_spec(
        d0_config("num_classes=7", LOAD, STEP, "train_config.use_multiclass_scores=true")
    )

    assert (spec.train_input.score_classes, spec.eval_input.score_classes) == (7, 0)
    assert spec.train.class_scores
    assert spec.train.augmentations == (LogitsToSoftmax(1.0),)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ("train_config.use_multiclass_scores=true", "train_config.use_multiclass_scores"),
        (STEP, "train_config.data_augmentation_options[0].convert_class_logits_to_softmax"),
    ],
)
def test_what_needs_scores_is_refused_where_none_are_read(change: str, path: str) -> None:
    """The Object Detection API dies of it, of a KeyError or of None."""
    (refusal,) = refused(d0_config(change))

    assert (refusal.path, refusal.fix) == (path, f"-s {LOAD}")
