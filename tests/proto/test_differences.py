"""In which fields messages differ."""

from __future__ import annotations

from typing import Any

import pytest

from odapi_runner.proto.differences import differing_fields
from odapi_runner.proto.text import parse_pipeline


def differences(*texts: str) -> dict[str, list[Any]]:
    return differing_fields([parse_pipeline(text, "here") for text in texts])


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("", ""), {}),
        (("train_config { batch_size: 4 }", "train_config { batch_size: 4 }"), {}),
        (
            ("train_config { batch_size: 4 }", "train_config { batch_size: 8 }"),
            {"train_config.batch_size": [4, 8]},
        ),
        # The schema's default of train_config.batch_size is 32: writing it changes nothing.
        (("train_config { }", "train_config { batch_size: 32 }"), {}),
        (("", "train_config { batch_size: 32 }"), {"train_config": [None, "set"]}),
        (("", "train_config { batch_size: 4 }"), {"train_config.batch_size": [32, 4]}),
        # float32 values are shown as they were written.
        (
            (
                "train_config { gradient_clipping_by_norm: 0.1 }",
                "train_config { gradient_clipping_by_norm: 0.3 }",
            ),
            {"train_config.gradient_clipping_by_norm": [0.1, 0.3]},
        ),
        # Enums by name.
        (
            (
                "train_config { fine_tune_checkpoint_version: V2 }",
                "train_config { fine_tune_checkpoint_version: V1 }",
            ),
            {"train_config.fine_tune_checkpoint_version": ["V2", "V1"]},
        ),
    ],
)
def test_values_are_compared_with_their_defaults(
    texts: tuple[str, ...], expected: dict[str, list[Any]]
) -> None:
    """A field counts as different when what it means is."""
    assert differences(*texts) == expected


def test_a_choice_is_a_field_and_only_what_is_written_inside_it_counts() -> None:
    """momentum against adam: the choice, and the one value that was written; no defaults."""
    found = differences(
        "train_config { optimizer { momentum_optimizer { momentum_optimizer_value: 0.8 } } }",
        "train_config { optimizer { adam_optimizer { } } }",
    )

    assert found == {
        "train_config.optimizer.momentum_optimizer.momentum_optimizer_value": [0.8, None],
        "train_config.optimizer.optimizer": ["momentum_optimizer", "adam_optimizer"],
    }


def test_the_suffix_oneof_is_not_shown() -> None:
    """`image_resizer_oneof` is a word of the schema, not of the users."""
    found = differences(
        "model { ssd { image_resizer { identity_resizer { } } } }",
        "model { ssd { image_resizer { fixed_shape_resizer { height: 320 } } } }",
    )

    assert found == {
        "model.ssd.image_resizer.fixed_shape_resizer.height": [None, 320],
        "model.ssd.image_resizer.image_resizer": ["identity_resizer", "fixed_shape_resizer"],
    }


FLIP = "data_augmentation_options { random_horizontal_flip { } }"
CROP = "data_augmentation_options { random_crop_image { min_area: %s } }"


def test_lists_of_one_length_are_compared_item_by_item() -> None:
    """The second augmentation differs in one of its values."""
    found = differences(
        f"train_config {{ {FLIP} {CROP % 0.25} }}", f"train_config {{ {FLIP} {CROP % 0.5} }}"
    )

    path = "train_config.data_augmentation_options[1].random_crop_image.min_area"
    assert found == {path: [0.25, 0.5]}


def test_lists_of_several_lengths_are_shown_whole() -> None:
    """With an augmentation more or less, or another path, the lists stand side by side."""
    found = differences(
        f"train_config {{ {FLIP} }} eval_input_reader {{ }}",
        f"train_config {{ {FLIP} {CROP % 0.5} }} eval_input_reader {{ }}",
    )
    paths = differences(
        'train_input_reader { tf_record_input_reader { input_path: "데이터/a" input_path: "b" } }',
        'train_input_reader { tf_record_input_reader { input_path: "c" } }',
    )

    assert found == {
        "train_config.data_augmentation_options": [
            "random_horizontal_flip { }",
            "random_horizontal_flip { }; random_crop_image { min_area: 0.5 }",
        ]
    }
    assert paths == {"train_input_reader.tf_record_input_reader.input_path": ["데이터/a; b", "c"]}


def test_many_messages_and_none() -> None:
    """One value a message, paths in order; nothing to compare has no differences."""
    found = differences(
        "train_config { num_steps: 3 batch_size: 1 }",
        "train_config { num_steps: 3 }",
        "train_config { num_steps: 5 batch_size: 1 }",
    )

    assert list(found.items()) == [
        ("train_config.batch_size", [1, 32, 1]),
        ("train_config.num_steps", [3, 3, 5]),
    ]
    assert differences() == {}


def test_the_published_configs_differ_in_what_their_names_say(reference: Any) -> None:
    """EfficientDet-D0 and D1: width, depth, backbone and image size."""
    folder = reference / "zoo_configs"
    names = (
        "ssd_efficientdet_d0_512x512_coco17_tpu-8.config",
        "ssd_efficientdet_d1_640x640_coco17_tpu-8.config",
    )

    found = differences(*((folder / name).read_text("utf-8") for name in names))

    assert {path.rsplit(".", 1)[1]: values for path, values in found.items()} == {
        "depth": [64, 88],
        "num_filters": [64, 88],
        "num_iterations": [3, 4],
        "type": ["ssd_efficientnet-b0_bifpn_keras", "ssd_efficientnet-b1_bifpn_keras"],
        "max_dimension": [512, 640],
        "min_dimension": [512, 640],
        "output_size": [512, 640],
    }
