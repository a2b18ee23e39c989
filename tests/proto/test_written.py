"""The fields that a config writes."""

from __future__ import annotations

from odapi_runner.proto.text import parse_pipeline
from odapi_runner.proto.written import written_fields

TEXT = """
model { ssd { num_classes: 3 image_resizer { fixed_shape_resizer { height: 64 width: 32 } } } }
train_config {
  batch_size: 4
  data_augmentation_options { random_horizontal_flip { } }
  data_augmentation_options { random_crop_image { min_area: 0.1 } }
  optimizer { adam_optimizer { } }
  update_trainable_variables: "a"
  update_trainable_variables: "b"
}
eval_config {
  super_categories { key: "animals" value: "cat,dog" }
}
eval_input_reader { name: "val" shuffle: false }
eval_input_reader { name: "val" }
"""


def test_each_written_field_has_its_path() -> None:
    """Elements by what they hold, by their numbers where that is not enough; empty messages too."""
    assert written_fields(parse_pipeline(TEXT, "x")) == {
        "model.ssd.num_classes": 3,
        "model.ssd.image_resizer.fixed_shape_resizer.height": 64,
        "model.ssd.image_resizer.fixed_shape_resizer.width": 32,
        "train_config.batch_size": 4,
        "train_config.data_augmentation_options[random_horizontal_flip]": "set",
        # as `differences` has it, and `odapi edit -s` takes it: 0.1, not 0.10000000149011612
        "train_config.data_augmentation_options[random_crop_image].random_crop_image.min_area": 0.1,
        "train_config.optimizer.adam_optimizer": "set",
        "train_config.update_trainable_variables": ("a", "b"),
        "eval_config.super_categories[animals]": "cat,dog",
        "eval_input_reader[0].name": "val",
        "eval_input_reader[0].shuffle": False,
        "eval_input_reader[1].name": "val",
    }


def test_nothing_written_is_nothing() -> None:
    """Defaults are not written."""
    assert written_fields(parse_pipeline("", "x")) == {}
