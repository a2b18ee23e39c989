"""What has no effect on training."""

from __future__ import annotations

import pytest

from odapi_runner.pipeline.diff import diff_configs
from odapi_runner.pipeline.semantics import as_trained
from odapi_runner.proto.text import parse_pipeline
from odapi_runner.proto.unread import UNREAD

READER = "train_input_reader {{ tf_record_input_reader {{ input_path: [{}] }} {} }}".format
EVAL = "eval_input_reader {{ tf_record_input_reader {{ input_path: [{}] }} {} }}".format


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("", "train_config {} eval_config {} train_input_reader {} model {}"),
        ("train_config {}", "train_config { sync_replicas: true startup_delay_steps: 0 }"),
        ("eval_config {}", "eval_config { max_evals: 10 num_examples: 8000 }"),
        ("train_config {}", "train_config { use_bfloat16: true }"),
        # What counts with another field only.
        ("train_config {}", "train_config { fine_tune_checkpoint_type: 'detection' }"),
        (
            "train_config { optimizer { use_moving_average: false } }",
            "train_config { optimizer { use_moving_average: false moving_average_decay: 0.5 } }",
        ),
        # The type of a checkpoint, as TF1 said it, and as it is taken where nothing is said.
        (
            "train_config { fine_tune_checkpoint: 'a' from_detection_checkpoint: true }",
            "train_config { fine_tune_checkpoint: 'a' fine_tune_checkpoint_type: 'detection' }",
        ),
        (
            "train_config { fine_tune_checkpoint: '' fine_tune_checkpoint_type: 'full' }",
            "train_config { }",
        ),
        (
            "train_config { fine_tune_checkpoint: 'a' }",
            (
                "train_config { fine_tune_checkpoint: 'a' "
                "fine_tune_checkpoint_type: 'classification' }"
            ),
        ),
        # Orders of what is read as a set, or shuffled anyway; a weight goes with its files.
        ("eval_config { metrics_set: ['a', 'b'] }", "eval_config { metrics_set: ['b', 'a', 'b'] }"),
        (READER("'a', 'b'", ""), READER("'b', 'a'", "")),
        (
            READER("'a', 'b'", "sample_from_datasets_weights: [1, 2]"),
            READER("'b', 'a'", "sample_from_datasets_weights: [2, 1]"),
        ),
        (EVAL("'a', 'b'", "shuffle: false"), EVAL("'b', 'a'", "shuffle: false")),
        (EVAL("'a'", ""), EVAL("'a'", "num_epochs: 3")),
        # The first reader is the one that is evaluated.
        (EVAL("'a'", ""), EVAL("'a'", "") + EVAL("'b'", "")),
        # Spellings of a path.
        (READER("'data/a'", "label_map_path: 'x'"), READER("'./data//a'", "label_map_path: './x'")),
    ],
)
def test_what_trains_alike_has_no_semantic_difference(one: str, other: str) -> None:
    """Though it is written in another way."""
    messages = parse_pipeline(one, "x"), parse_pipeline(other, "x")

    assert diff_configs(*messages, semantic=True) == ()
    assert diff_configs(*messages)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("train_config {}", "train_config { batch_size: 4 }"),
        (
            "train_config { fine_tune_checkpoint: 'a' from_detection_checkpoint: true }",
            "train_config { fine_tune_checkpoint: 'a' }",
        ),
        (
            "train_config { optimizer { moving_average_decay: 0.5 } }",
            "train_config { optimizer { } }",
        ),
        # Without shuffling the order of training is that of the files; one example in ten of them
        # is another one in another order.
        (READER("'a', 'b'", "shuffle: false"), READER("'b', 'a'", "shuffle: false")),
        (
            EVAL("'a', 'b'", "sample_1_of_n_examples: 10"),
            EVAL("'b', 'a'", "sample_1_of_n_examples: 10"),
        ),
        (
            READER("'a', 'b'", "sample_from_datasets_weights: [1, 2]"),
            READER("'a', 'b'", "sample_from_datasets_weights: [2, 1]"),
        ),
        # Weights that do not fit the files cannot be told apart from others by sorting.
        (
            READER("'a', 'b'", "sample_from_datasets_weights: 1"),
            READER("'b', 'a'", "sample_from_datasets_weights: 1"),
        ),
        (READER("'gs://a'", ""), READER("'gs:/a'", "")),
        ("", "model { ssd { image_resizer { identity_resizer { } } } }"),
        # The builtin engine honours what TF1 only did.
        ("", "train_config { freeze_variables: 'Conv1/' }"),
        ("", "train_config { bias_grad_multiplier: 2 }"),
    ],
)
def test_what_trains_otherwise_has_one(one: str, other: str) -> None:
    """However alike it looks."""
    messages = parse_pipeline(one, "x"), parse_pipeline(other, "x")

    assert diff_configs(*messages, semantic=True)


def test_the_order_of_augmentations_counts() -> None:
    """A crop before a resize is not a resize before a crop."""
    step = "data_augmentation_options {{ {} {{ }} }}".format
    one, other = step("random_horizontal_flip"), step("random_crop_image")
    messages = [
        parse_pipeline(f"train_config {{ {text} }}", "x") for text in (one + other, other + one)
    ]

    (found,) = diff_configs(*messages, semantic=True)

    assert found.path == "train_config.data_augmentation_options"
    assert found.values == (
        ("random_horizontal_flip", "random_crop_image"),
        ("random_crop_image", "random_horizontal_flip"),
    )


def test_the_message_itself_stays_as_it_is() -> None:
    """What is compared is a copy."""
    message = parse_pipeline("train_config { sync_replicas: true } eval_input_reader {}", "x")
    before = message.SerializeToString()

    as_trained(message)

    assert message.SerializeToString() == before
    assert "train_config.sync_replicas" in UNREAD
