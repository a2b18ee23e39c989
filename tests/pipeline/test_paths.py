"""Paths as typed, and the real ones that a mistyped one is like."""

from __future__ import annotations

from typing import Any

import pytest

from odapi_runner.errors import ConfigError
from odapi_runner.pipeline.paths import Step, nearest_paths, parse_path, schema_paths
from odapi_runner.proto.messages import TrainEvalPipelineConfig
from odapi_runner.proto.text import parse_pipeline

AUGMENTATION = "train_config.data_augmentation_options"
RATE = "train_config.optimizer.momentum_optimizer.learning_rate.cosine_decay_learning_rate"
CONFIG = """
model { ssd { post_processing { batch_non_max_suppression {} } } }
train_config {
  data_augmentation_options { random_horizontal_flip {} }
  data_augmentation_options { random_crop_image { min_area: 0.5 } }
  optimizer { momentum_optimizer { learning_rate { cosine_decay_learning_rate {} } } }
}
eval_config {}
"""
WORDS = ("batch_size", "image_size", "num_classes", "num_steps", "learning_rate")


@pytest.fixture
def config() -> Any:
    return parse_pipeline(CONFIG, "test")


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("a", [("a", None)]),
        ("a.b[0].c", [("a", None), ("b", "0"), ("c", None)]),
        ("a[b].c", [("a", "b"), ("c", None)]),
        ("a[b=1.5].c", [("a", "b=1.5"), ("c", None)]),
        ("a['b].c']", [("a", "'b].c'")]),
        ('a[name="x.y[0]"].c', [("a", 'name="x.y[0]"'), ("c", None)]),
        ("a[]", [("a", "")]),
    ],
)
def test_a_path_is_names_with_brackets(path: str, steps: list[tuple[str, str | None]]) -> None:
    """Dots in brackets, and brackets in quotes, belong to what is chosen."""
    assert parse_path(path) == tuple(Step(*step) for step in steps)


@pytest.mark.parametrize(
    ("path", "step"),
    [
        ("", ""),
        ("a..b", ""),
        ("a.", ""),
        ("a b", "a b"),
        ("a[0", "a[0"),
        ("a[0]b", "a[0]b"),
        ("a.b]", "b]"),
        ("a['x]", "a['x]"),
        ("a[0][1]", "a[0][1]"),
    ],
)
def test_what_is_no_name_is_shown(path: str, step: str) -> None:
    """With the whole path before it."""
    with pytest.raises(ConfigError) as caught:
        parse_path(path)

    assert caught.value.what == f'{path}: "{step}" is no field'


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        # Each step is the nearest of its message; brackets stay as they are.
        ("train_config.num_stepz", ["train_config.num_steps"]),
        ("modle.ssd.num_class", ["model.ssd.num_classes"]),
        (
            "train_config.data_augmentation_optins[1].random_crop_image.min_area",
            [f"{AUGMENTATION}[1].random_crop_image.min_area"],
        ),
        # A last name that is right is worth more than steps that are nearly right.
        (
            "train_confg.optimzer.momentum_optimizer_value",
            ["train_config.optimizer.momentum_optimizer.momentum_optimizer_value"],
        ),
        # The beginning was left out, or something on the way.
        ("optimizer.momentum_optimizer", ["train_config.optimizer.momentum_optimizer"]),
        (
            "model.ssd.post_processing.iou_threshold",
            ["model.ssd.post_processing.batch_non_max_suppression.iou_threshold"],
        ),
        ("learning_rate_base", ["learning_rate", f"{RATE}.learning_rate_base"]),
        # Of a list the element that holds it.
        ("min_area", [f"{AUGMENTATION}[random_crop_image].random_crop_image.min_area"]),
        ("eval_input_reader.shufle", ["eval_input_reader[0].shuffle"]),
        # What is nowhere set is found as well, and words that stand for paths come first.
        (
            "override_base_feature_extractor",
            [
                "model.ssd.feature_extractor.override_base_feature_extractor_hyperparams",
                "model.faster_rcnn.feature_extractor.override_base_feature_extractor_hyperparams",
            ],
        ),
        ("num_clases", ["num_classes", "model.ssd.num_classes"]),
        (
            "batch_size_typo",
            ["batch_size", "train_config.batch_size", "eval_config.batch_size"],
        ),
        ("image_sise", ["image_size", "model.ssd.image_resizer"]),
        ("quux", []),
    ],
)
def test_the_nearest_paths_come_from_the_whole_schema(
    config: Any, typed: str, near: list[str]
) -> None:
    """Those through what is set before the others, at most three."""
    found = nearest_paths(config, parse_path(typed), WORDS)

    assert found[: len(near)] == near
    assert len(found) <= 3
    assert bool(found) == bool(near)


def test_the_schema_is_walked_once_and_whole() -> None:
    """From the first field to the last one below the deepest message."""
    paths = schema_paths(TrainEvalPipelineConfig.DESCRIPTOR)

    assert paths[:3] == ("model", "model.faster_rcnn", "model.faster_rcnn.number_of_stages")
    assert f"{RATE}.hold_base_rate_steps" in paths
    assert f"{AUGMENTATION}.ssd_random_crop.operations.min_area" in paths
    assert len(paths) == len(set(paths)) > 1800
    assert schema_paths(TrainEvalPipelineConfig.DESCRIPTOR) is paths
