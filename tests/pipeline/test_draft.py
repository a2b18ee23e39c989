"""Fields set and deleted by their path."""

from __future__ import annotations

from typing import Any

import pytest

from odapi_runner.errors import ConfigError
from odapi_runner.pipeline.draft import Draft
from odapi_runner.proto.text import parse_pipeline

INPUT_PATH = "train_input_reader.tf_record_input_reader.input_path"
AUGMENTATION = "train_config.data_augmentation_options"
CONFIG = """
model { ssd { num_classes: 3 anchor_generator { multiscale_anchor_generator {} } } }
train_config {
  batch_size: 4
  data_augmentation_options { random_horizontal_flip {} }
  data_augmentation_options { random_scale_crop_and_pad_to_square { scale_min: 0.5 } }
}
train_input_reader { tf_record_input_reader { input_path: "a" input_path: "b" } }
eval_input_reader { shuffle: false }
"""


@pytest.fixture
def config() -> Any:
    return parse_pipeline(CONFIG, "test")


def with_path_set(message: Any, path: str, text: str) -> Any:
    draft = Draft(message)
    draft.set_text(path, text)
    return draft.message


def with_path_deleted(message: Any, path: str) -> Any:
    draft = Draft(message)
    draft.delete(path)
    return draft.message


def get(message: Any, path: str) -> Any:
    """The value at a path, read in the plainest way."""
    return eval(f"message.{path}", {"message": message})


@pytest.mark.parametrize(
    ("path", "text", "value"),
    [
        ("train_config.batch_size", "8", 8),
        ("train_config.use_bfloat16", "true", True),
        ("train_config.fine_tune_checkpoint", "모델/ckpt-0", "모델/ckpt-0"),
        ("train_config.fine_tune_checkpoint", "'a b'", "a b"),
        ("train_config.fine_tune_checkpoint_version", "V2", 2),
        ("train_config.gradient_clipping_by_norm", "1e1", 10.0),
        ("eval_input_reader[0].shuffle", "true", True),
        ("eval_input_reader[1].num_epochs", "1", 1),
        (f"{AUGMENTATION}[1].random_scale_crop_and_pad_to_square.scale_min", "0.25", 0.25),
        (f"{AUGMENTATION}[2].random_adjust_brightness.max_delta", "0.125", 0.125),
        (INPUT_PATH, "x,y, z", ["x", "y", "z"]),
        (INPUT_PATH, '["x", y]', ["x", "y"]),
        (f"{INPUT_PATH}[1]", "y", "y"),
        (f"{INPUT_PATH}[2]", "c", "c"),
        ("model.ssd.anchor_generator.multiscale_anchor_generator.aspect_ratios", "1,2", [1.0, 2.0]),
    ],
)
def test_a_value_is_set_as_its_field_has_it(
    config: Any, path: str, text: str, value: object
) -> None:
    """Numbers, enums, bools and strings unquoted; lists as wholes, by place, and appended to."""
    before = config.SerializeToString()

    found = get(with_path_set(config, path, text), path)

    assert (list(found) if isinstance(value, list) else found) == value
    assert config.SerializeToString() == before


@pytest.mark.parametrize("text", ["{}", "{ }", "'{}'"])
def test_an_empty_message_can_be_set(config: Any, text: str) -> None:
    """`{}` adds a step of augmentation that has no field off its default."""
    changed = with_path_set(config, f"{AUGMENTATION}[2].random_vertical_flip", text)

    assert changed.train_config.data_augmentation_options[2].HasField("random_vertical_flip")


def test_a_message_is_replaced_by_its_text(config: Any) -> None:
    """What stood there before is gone; a mistake inside is named as in a file."""
    path = f"{AUGMENTATION}[1]"

    changed = with_path_set(config, path, "{ random_jpeg_quality { random_coef: 0.5 } }")

    step = changed.train_config.data_augmentation_options[1]
    assert step.WhichOneof("preprocessing_step") == "random_jpeg_quality"
    with pytest.raises(ConfigError, match='has no field "random_jpg"'):
        with_path_set(config, path, "{ random_jpg {} }")


@pytest.mark.parametrize(
    ("path", "text", "what", "fix"),
    [
        (
            "train_config.batchsize",
            "4",
            'train_config.batchsize: TrainConfig has no field "batchsize"',
            "Did you mean train_config.batch_size?",
        ),
        (
            "modle.ssd.num_classes",
            "4",
            'modle.ssd.num_classes: TrainEvalPipelineConfig has no field "modle"',
            "Did you mean model.ssd.num_classes?",
        ),
        (
            "batchsize",
            "4",
            'batchsize: TrainEvalPipelineConfig has no field "batchsize"',
            "Did you mean train_config.batch_size?",
        ),
        (
            "quux",
            "4",
            'quux: TrainEvalPipelineConfig has no field "quux"',
            (
                "Its fields: eval_config, eval_input_reader, graph_rewriter, model, train_config, "
                "train_input_reader."
            ),
        ),
        (
            "eval_input_reader.shuffle",
            "true",
            "eval_input_reader: is a list of 1",
            "Write eval_input_reader[0].",
        ),
        (
            "eval_input_reader",
            "{}",
            "eval_input_reader: is a list of 1",
            "Write eval_input_reader[0].",
        ),
        (
            f"{AUGMENTATION}[4].random_vertical_flip",
            "{}",
            f"{AUGMENTATION}[4]: data_augmentation_options has 2 elements",
            "They are numbered from 0; -s with [2] appends one.",
        ),
        (
            "train_config.batch_size[0]",
            "4",
            "train_config.batch_size[0]: batch_size is no list",
            "Leave out the brackets.",
        ),
        (
            "train_config.batch_size.x",
            "4",
            "train_config.batch_size: has no fields of its own",
            "Set train_config.batch_size itself.",
        ),
        (
            "train_config.optimizer.momentum_optimizer",
            "4",
            "train_config.optimizer.momentum_optimizer: takes fields of its own, no value",
            "Set one of them (learning_rate, momentum_optimizer_value), or write {}.",
        ),
        (
            "train_config..batch_size",
            "4",
            'train_config..batch_size: "" is no field',
            "Write a name, or name[0].",
        ),
        (
            "eval_config.super_categories",
            "4",
            "eval_config.super_categories: is a map",
            "Say which of it, as in eval_config.super_categories[KEY]=VALUE",
        ),
        (
            "train_config.batch_size",
            "4.5",
            'train_config.batch_size: takes a whole number, found "4.5"',
            "As in train_config.batch_size=1",
        ),
        (
            "train_config.batch_size",
            "-1",
            'train_config.batch_size: takes a whole number from 0 to 4294967295, found "-1"',
            "As in train_config.batch_size=1",
        ),
        (
            "train_config.gradient_clipping_by_norm",
            "nan",
            'train_config.gradient_clipping_by_norm: takes a finite number, found "nan"',
            "As in train_config.gradient_clipping_by_norm=0.1",
        ),
        (
            "train_config.use_bfloat16",
            "yes",
            'train_config.use_bfloat16: takes true or false, found "yes"',
            "As in train_config.use_bfloat16=true",
        ),
        (
            "train_config.fine_tune_checkpoint_version",
            "3",
            'train_config.fine_tune_checkpoint_version: CheckpointVersion has no value "3"',
            "Its values: UNKNOWN, V1, V2.",
        ),
    ],
)
def test_a_mistake_is_named_with_its_remedy(
    config: Any, path: str, text: str, what: str, fix: str
) -> None:
    """A mistyped path says the nearest real one, a wrong value what the field takes."""
    with pytest.raises(ConfigError) as caught:
        with_path_set(config, path, text)

    assert (caught.value.what, caught.value.fix) == (what, fix)


def test_fields_messages_and_elements_are_deleted(config: Any) -> None:
    """A scalar goes back to its default, a message and a list are cleared, an element removed."""
    assert not with_path_deleted(config, "train_config.batch_size").train_config.HasField(
        "batch_size"
    )
    assert not with_path_deleted(config, "model").HasField("model")
    assert not with_path_deleted(config, AUGMENTATION).train_config.data_augmentation_options
    (left,) = with_path_deleted(config, f"{AUGMENTATION}[0]").train_config.data_augmentation_options
    assert left.HasField("random_scale_crop_and_pad_to_square")


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("graph_rewriter", "graph_rewriter: not set, there is nothing to delete"),
        (
            "train_config.optimizer.use_moving_average",
            "train_config.optimizer.use_moving_average: not set, there is nothing to delete",
        ),
        (f"{AUGMENTATION}[2]", f"{AUGMENTATION}[2]: data_augmentation_options has 2 elements"),
        ("train_config.batch_size[0]", "train_config.batch_size[0]: batch_size is no list"),
        ("train_confg", 'train_confg: TrainEvalPipelineConfig has no field "train_confg"'),
    ],
)
def test_what_is_not_there_cannot_be_deleted(config: Any, path: str, what: str) -> None:
    """A deletion without effect is a mistake, and the message stays as it was."""
    before = config.SerializeToString()

    with pytest.raises(ConfigError) as caught:
        with_path_deleted(config, path)

    assert caught.value.what == what
    assert config.SerializeToString() == before
