"""Where fields stand in the text of a config."""

from __future__ import annotations

import pytest

from odapi_runner.pipeline.places import find_places, is_scalar
from odapi_runner.pipeline.syntax import parse_syntax

TEXT = """# a comment
model { ssd {
  num_classes: 3 } }
train_config {
  data_augmentation_options { random_horizontal_flip { } }
  batch_size: 4  data_augmentation_options {
    random_rotation90 { probability: 0.5 }
  }
  freeze_variables: ["a",
    "b"]
}
eval_input_reader { }
eval_input_reader { num_epochs: 1 }
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("model", 2),
        ("model.ssd.num_classes", 3),
        ("train_config.batch_size", 6),
        ("train_config.data_augmentation_options", 5),
        ("train_config.data_augmentation_options[0].random_horizontal_flip", 5),
        ("train_config.data_augmentation_options[1].random_rotation90.probability", 7),
        ("train_config.freeze_variables[1]", 10),
        ("eval_input_reader[1].num_epochs", 13),
        # What is not written stands where the message around it does.
        ("model.ssd.image_resizer.fixed_shape_resizer.height", 2),
        ("train_config.data_augmentation_options[7].ssd_random_crop", 5),
        ("train_config.optimizer.momentum_optimizer", 4),
        ("graph_rewriter.quantization", None),
        ("data/kitti/train-0.record: record 3", None),
        ("", None),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_a_field_has_a_line(path: str, line: int | None, newline: str) -> None:
    """Its own, whatever ends lines; or that of the nearest message around it."""
    places = find_places(parse_syntax(TEXT.replace("\n", newline), "text"))

    assert places.line(path) == line


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("train_config.num_steps", True),
        ("train_input_reader.tf_record_input_reader.input_path", True),
        ("train_config.data_augmentation_options[1]", False),
        ("train_config", False),
        ("train_config.num_stepz", False),
        ("data/kitti/a.record: record 3", False),
    ],
)
def test_a_scalar_is_no_message(path: str, expected: bool) -> None:
    """By the language: what is no path at all is none either."""
    assert is_scalar(path) is expected
