"""In which fields messages differ."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odapi_runner.proto.differences import Difference, differing_fields, find_differences
from odapi_runner.proto.text import parse_pipeline
from support.random_configs import change, random_message, text_copy


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


def test_augmentations_are_compared_by_what_they_hold() -> None:
    """Wherever they stand; one that only some have is one field, with all that it holds."""
    path = "train_config.data_augmentation_options"

    found = differences(
        f"train_config {{ {FLIP} {CROP % 0.25} }}",
        f"train_config {{ {CROP % 0.5} }}",
        f"train_config {{ {CROP % 0.25} }}",
    )

    assert found == {
        f"{path}[random_crop_image].random_crop_image.min_area": [0.25, 0.5, 0.25],
        f"{path}[random_horizontal_flip]": ["set", None, None],
    }
    assert differences("", f"train_config {{ {CROP % 0.5} }}") == {
        f"{path}[random_crop_image]": [None, "min_area: 0.5"]
    }


def test_another_order_is_one_difference() -> None:
    """It is told by what the elements hold; their values are compared all the same."""
    hue = "data_augmentation_options { random_adjust_hue { } }"
    path = "train_config.data_augmentation_options"

    found = differences(
        f"train_config {{ {FLIP} {CROP % 0.25} {hue} }}",
        f"train_config {{ {hue} {FLIP} {CROP % 0.5} }}",
    )

    assert found == {
        path: [
            "random_horizontal_flip; random_crop_image; random_adjust_hue",
            "random_adjust_hue; random_horizontal_flip; random_crop_image",
        ],
        f"{path}[random_crop_image].random_crop_image.min_area": [0.25, 0.5],
    }


def test_what_has_no_name_has_a_number() -> None:
    """Two crops, equal ones matched first; steps without a member; elements of no oneof."""
    path = "train_config.data_augmentation_options"
    crop = "ssd_random_crop { operations { min_area: %s } operations { min_area: 0.5 } }"
    operations = f"{path}[ssd_random_crop].ssd_random_crop.operations"
    both = "train_config {{ data_augmentation_options {{ {} }} }}".format

    assert differences(
        f"train_config {{ {CROP % 0.1} {CROP % 0.3} }}", f"train_config {{ {CROP % 0.3} }}"
    ) == {f"{path}[0]": ["min_area: 0.1", None]}
    assert differences(both(crop % 0.1), both(crop % 0.2)) == {
        f"{operations}[0].min_area": [0.1, 0.2]
    }
    assert differences(
        both(crop % 0.1), both("ssd_random_crop { operations { min_area: 0.5 } }")
    ) == {f"{operations}[0]": ["min_area: 0.1", None]}


def test_readers_are_compared_by_name() -> None:
    """By number where they have none, or one that is another in the other config."""
    reader = "eval_input_reader {{ name: '{}' shuffle: {} }}".format

    assert differences(
        reader("val", "true") + reader("test", "true"),
        reader("test", "false") + reader("val", "true"),
    ) == {
        "eval_input_reader": ["name=val; name=test", "name=test; name=val"],
        "eval_input_reader[name=test].shuffle": [True, False],
    }
    assert differences(reader("a.b", "true"), reader("c", "true")) == {
        "eval_input_reader[0].name": ["a.b", "c"]
    }


def test_plain_lists_are_compared_whole() -> None:
    """One that is empty is none; maps are compared key by key."""
    path = "train_input_reader.tf_record_input_reader.input_path"
    found = differences(
        'train_input_reader { tf_record_input_reader { input_path: "데이터/a" input_path: "b" } }',
        "train_input_reader { tf_record_input_reader { input_path: 'c' } }",
        "train_input_reader { tf_record_input_reader { } }",
    )
    maps = differences(
        "eval_config { super_categories { key: 'a' value: '1' } }",
        "eval_config { super_categories { key: 'a' value: '2' } super_categories { key: 'b' } }",
    )

    assert found == {path: ["데이터/a; b", "c", None]}
    assert maps == {
        "eval_config.super_categories[a]": ["1", "2"],
        "eval_config.super_categories[b]": [None, ""],
    }


def test_a_difference_says_what_is_a_default_only() -> None:
    """A list is a tuple there, and the order that of the schema."""
    found = find_differences(
        [
            parse_pipeline(text, "x")
            for text in ("train_config { num_steps: 3 }", "eval_config { metrics_set: 'a' }")
        ]
    )

    assert found == [
        Difference("train_config.num_steps", (3, 0), (False, True)),
        Difference("eval_config.metrics_set", (None, ("a",)), (False, False)),
    ]


@settings(deadline=None, derandomize=True, max_examples=150)
@given(st.randoms(use_true_random=False))
def test_there_is_a_difference_exactly_where_messages_mean_something_else(random: Random) -> None:
    """None of a message to itself, some the other way round as well, each path once."""
    message = random_message(random)
    changed = text_copy(message)
    for _ in range(2):
        change(random, changed)

    found = find_differences([message, changed])
    back = find_differences([changed, message])

    assert find_differences([message, text_copy(message)]) == []
    assert len({each.path for each in found}) == len(found)
    assert bool(found) == bool(back)
    assert all(each.values[0] != each.values[1] for each in found)


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
