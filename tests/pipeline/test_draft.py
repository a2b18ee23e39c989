"""Fields set, appended to and deleted by their path."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odapi_runner.errors import ConfigError
from odapi_runner.pipeline.draft import Draft
from odapi_runner.proto.text import parse_pipeline, render_pipeline

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


# Elements by what they hold

HOLDING = """
train_config {
  data_augmentation_options { random_horizontal_flip {} }
  data_augmentation_options { random_crop_image { min_area: 0.5 } }
  data_augmentation_options { random_horizontal_flip { probability: 0.25 } }
  optimizer { momentum_optimizer { learning_rate { manual_step_learning_rate {
    schedule { step: 10 learning_rate: 0.5 } schedule { step: 20 learning_rate: 0.25 }
  } } } }
}
train_input_reader { tf_record_input_reader { input_path: "a.record" input_path: "b[0].record" } }
eval_config {
  metrics_set: "coco_detection_metrics" metrics_set: "coco_mask_metrics"
  super_categories { key: "animals" value: "cat" }
}
eval_input_reader { name: "train" shuffle: false tf_record_input_reader { input_path: "a" } }
eval_input_reader { name: "val.2" }
model { ssd { anchor_generator { multiscale_anchor_generator {
  aspect_ratios: 1 aspect_ratios: 0.1
} } } }
"""
SCHEDULE = (
    "train_config.optimizer.momentum_optimizer.learning_rate.manual_step_learning_rate.schedule"
)
RATIOS = "model.ssd.anchor_generator.multiscale_anchor_generator.aspect_ratios"


@pytest.mark.parametrize(
    ("path", "text", "real", "value"),
    [
        (
            f"{AUGMENTATION}[random_crop_image].random_crop_image.min_area",
            "0.25",
            f"{AUGMENTATION}[1].random_crop_image.min_area",
            0.25,
        ),
        # What the element was chosen by need not be said again.
        (
            f"{AUGMENTATION}[random_crop_image].min_area",
            "0.25",
            f"{AUGMENTATION}[1].random_crop_image.min_area",
            0.25,
        ),
        (
            "eval_input_reader[tf_record_input_reader].input_path",
            "c",
            "eval_input_reader[0].tf_record_input_reader.input_path",
            ["c"],
        ),
        ("eval_input_reader[shuffle].shuffle", "true", "eval_input_reader[0].shuffle", True),
        ("eval_input_reader[name=val.2].shuffle", "true", "eval_input_reader[1].shuffle", True),
        ("eval_input_reader[name='val.2'].shuffle", "true", "eval_input_reader[1].shuffle", True),
        (f"{SCHEDULE}[step=20].learning_rate", "0.125", f"{SCHEDULE}[1].learning_rate", 0.125),
        (f"{SCHEDULE}[learning_rate=.25].step", "30", f"{SCHEDULE}[1].step", 30),
        ("eval_config.metrics_set[coco_mask_metrics]", "x", "eval_config.metrics_set[1]", "x"),
        (f'{INPUT_PATH}["b[0].record"]', "c", f"{INPUT_PATH}[1]", "c"),
        (f"{RATIOS}[0.1]", "0.5", f"{RATIOS}[1]", 0.5),
        (f"{RATIOS}[=1]", "0.5", f"{RATIOS}[0]", 0.5),
        ("eval_config.super_categories[animals]", "cow", "eval_config.super_categories", None),
        ("eval_config.super_categories['new one']", "x", "eval_config.super_categories", None),
    ],
)
def test_an_element_is_chosen_by_what_it_holds(
    path: str, text: str, real: str, value: object
) -> None:
    """A member, the value of a field, the value itself, a key."""
    draft = Draft(parse_pipeline(HOLDING, "test"))

    draft.set_text(path, text)

    found = get(draft.message, real)
    if value is None:
        key = path.partition("[")[2].strip("]'")
        assert found[key] == text
    else:
        assert (list(found) if isinstance(value, list) else found) == value
    assert draft.paths == [path]
    assert draft.notes == []


@pytest.mark.parametrize(
    ("path", "what", "fix"),
    [
        (
            f"{AUGMENTATION}[random_horizontal_flip].probability",
            (
                f"{AUGMENTATION}[random_horizontal_flip]: "
                f"could be {AUGMENTATION}[0] and {AUGMENTATION}[2]"
            ),
            "Say which by its number.",
        ),
        (
            f"{AUGMENTATION}[ssd_random_crop].operations[0].min_area",
            f"{AUGMENTATION}[ssd_random_crop]: nothing of that kind is in it",
            (
                "It has [0] random_horizontal_flip, [1] random_crop_image, "
                "[2] random_horizontal_flip; "
                f"-s '{AUGMENTATION}+={{ ssd_random_crop {{}} }}' appends."
            ),
        ),
        (
            f"{AUGMENTATION}[random_crop_imge].min_area",
            f'{AUGMENTATION}[random_crop_imge]: PreprocessingStep has no field "random_crop_imge"',
            'Did you mean "random_crop_image"',
        ),
        (
            "eval_input_reader[name=test].shuffle",
            "eval_input_reader[name=test]: nothing of that kind is in it",
            "It has [0] name=train, [1] name=val.2; -s 'eval_input_reader+=…' appends.",
        ),
        (
            "eval_input_reader[external_input_reader=x].shuffle",
            "eval_input_reader[external_input_reader=x]: external_input_reader has no single value",
            "Write [external_input_reader].",
        ),
        (
            f"{SCHEDULE}[step=many].step",
            f'{SCHEDULE}[step=many]: takes a whole number, found "many"',
            f"As in {SCHEDULE}[step=many]=1",
        ),
        (
            "eval_config.metrics_set[coco]",
            "eval_config.metrics_set[coco]: nothing of that kind is in it",
            "It has [0] coco_detection_metrics, [1] coco_mask_metrics; -s",
        ),
        (
            "train_config.freeze_variables[x]",
            "train_config.freeze_variables[x]: nothing of that kind is in it",
            "-s 'train_config.freeze_variables+=…' appends one.",
        ),
        (
            "train_config.batch_size[x]",
            "train_config.batch_size[x]: batch_size is no list",
            "Leave out the brackets.",
        ),
        (
            f"{AUGMENTATION}[99999999999999999999].random_crop_image",
            f"{AUGMENTATION}[99999999999999999999]: data_augmentation_options has 3 elements",
            "They are numbered from 0; -s with [3] appends one.",
        ),
    ],
)
def test_what_no_element_or_several_hold_says_what_there_is(path: str, what: str, fix: str) -> None:
    """So that the next try is right."""
    with pytest.raises(ConfigError) as caught:
        with_path_set(parse_pipeline(HOLDING, "test"), path, "{}")

    assert caught.value.what == what
    assert caught.value.fix.startswith(fix)


def test_elements_are_deleted_by_what_they_hold() -> None:
    """And keys of maps."""
    draft = Draft(parse_pipeline(HOLDING, "test"))

    for path in (
        f"{AUGMENTATION}[random_crop_image]",
        f"{AUGMENTATION}[1].random_horizontal_flip",
        "eval_input_reader[name=train].shuffle",
        "eval_config.metrics_set[coco_mask_metrics]",
        "eval_config.super_categories[animals]",
        f"{RATIOS}[=1]",
    ):
        draft.delete(path)

    message = draft.message
    first, second = message.train_config.data_augmentation_options
    assert (first.WhichOneof("preprocessing_step"), second.ByteSize()) == (
        "random_horizontal_flip",
        0,
    )
    assert not message.eval_input_reader[0].HasField("shuffle")
    assert list(message.eval_config.metrics_set) == ["coco_detection_metrics"]
    assert not message.eval_config.super_categories
    assert [round(ratio, 3) for ratio in get(message, RATIOS)] == [0.1]


@pytest.mark.parametrize(
    "path",
    [
        "train_config.optimizer.adam_optimizer",
        "train_config.optimizer.adam_optimizer.epsilon",
        "model.faster_rcnn.num_classes",
        "graph_rewriter.quantization.delay",
        "eval_config.super_categories[plants]",
    ],
)
def test_deleting_makes_nothing_and_replaces_nothing(path: str) -> None:
    """What is not chosen in a oneof is not set."""
    draft = Draft(parse_pipeline(HOLDING, "test"))

    with pytest.raises(ConfigError) as caught:
        draft.delete(path)

    assert caught.value.what == f"{path}: not set, there is nothing to delete"
    assert draft.message == parse_pipeline(HOLDING, "test")


# Oneofs, lists as wholes, appending


def test_another_member_of_a_oneof_replaces_the_first_and_says_so() -> None:
    """At every level, also inside an element of a list."""
    draft = Draft(parse_pipeline(HOLDING, "test"))

    draft.set_text("train_config.optimizer.adam_optimizer.epsilon", "1e-7")
    draft.set_text(f"{AUGMENTATION}[0].random_vertical_flip", "{}")
    draft.set_text("model.center_net.num_classes", "3")

    assert draft.message.train_config.optimizer.WhichOneof("optimizer") == "adam_optimizer"
    assert draft.message.model.WhichOneof("model") == "center_net"
    assert draft.notes == [
        "train_config.optimizer: adam_optimizer replaces momentum_optimizer",
        f"{AUGMENTATION}[0]: random_vertical_flip replaces random_horizontal_flip",
        "model: center_net replaces ssd",
    ]


@pytest.mark.parametrize(
    ("path", "text", "value"),
    [
        (INPUT_PATH, "c", ["a", "b", "c"]),
        (INPUT_PATH, '[c, "d,e"]', ["a", "b", "c", "d,e"]),
        (INPUT_PATH, "c,'d'", ["a", "b", "c", "d"]),
        (INPUT_PATH, '"c,d"', ["a", "b", "c,d"]),
        (INPUT_PATH, "", ["a", "b"]),
        ("train_input_reader.sample_from_datasets_weights", "1, 2.5", [1.0, 2.5]),
    ],
)
def test_values_are_appended_to_a_list(
    config: Any, path: str, text: str, value: list[object]
) -> None:
    """After those that are there; commas in quotes part nothing."""
    draft = Draft(config)

    draft.append_text(path, text)

    assert list(get(draft.message, path)) == value


def test_messages_are_appended_and_lists_of_them_replaced(config: Any) -> None:
    """One, or several in square brackets."""
    draft = Draft(config)

    draft.append_text(AUGMENTATION, "{ random_vertical_flip { probability: 0.5 } }")
    draft.append_text(AUGMENTATION, "[{ random_adjust_hue {} }, { random_rotation90 {} }]")
    appended = [step.WhichOneof("preprocessing_step") for step in get(draft.message, AUGMENTATION)]
    draft.set_text(AUGMENTATION, "[{ random_jpeg_quality {} }]")
    (left,) = get(draft.message, AUGMENTATION)
    draft.set_text(AUGMENTATION, "[]")

    assert appended[2:] == ["random_vertical_flip", "random_adjust_hue", "random_rotation90"]
    assert left.HasField("random_jpeg_quality")
    assert not get(draft.message, AUGMENTATION)


@pytest.mark.parametrize(
    ("path", "text", "what"),
    [
        ("train_config.batch_size", "4", "train_config.batch_size: no list to append to"),
        (f"{AUGMENTATION}[0]", "{}", f"{AUGMENTATION}[0]: no list to append to"),
        ("eval_config.super_categories", "x", "eval_config.super_categories: no list to append to"),
        (AUGMENTATION, "random_vertical_flip", f"{AUGMENTATION}: takes fields of its own"),
        (AUGMENTATION, "[{ random_flip {} }]", f"{AUGMENTATION}: PreprocessingStep has no"),
    ],
)
def test_what_cannot_be_appended_says_so(config: Any, path: str, text: str, what: str) -> None:
    """No list, or nothing that its elements are."""
    with pytest.raises(ConfigError) as caught:
        Draft(config).append_text(path, text)

    assert caught.value.what.startswith(what)


NAMES = st.sampled_from(
    [
        "train_config",
        "data_augmentation_options",
        "random_crop_image",
        "min_area",
        "eval_input_reader",
        "eval_config",
        "super_categories",
        "optimizer",
        "adam_optimizer",
        "metrics_set",
        "name",
    ]
)
CHOSEN = st.sampled_from(["", "[0]", "[1]", "[2]", "[name=x]", "[random_crop_image]", "['a']", "["])
PATHS = st.lists(st.tuples(NAMES, CHOSEN).map("".join), min_size=1, max_size=5).map(".".join)
VALUES = st.sampled_from(["1", "x", "{}", "[]", "a,b", "{ min_area: 1 }", "[{}]", "true", '"', ""])


@given(st.lists(st.tuples(PATHS, VALUES, st.integers(0, 2)), max_size=4), st.text(max_size=20))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_any_path_and_value_fits_or_says_why_not(
    changes: list[tuple[str, str, int]], text: str
) -> None:
    """And what fits is a config still."""
    draft = Draft(parse_pipeline(HOLDING, "test"))
    for path, value, kind in [*changes, (text, "1", 0), ("train_config.batch_size", text, 0)]:
        try:
            if kind == 2:
                draft.delete(path)
            elif kind == 1:
                draft.append_text(path, value)
            else:
                draft.set_text(path, value)
        except ConfigError:
            draft = Draft(parse_pipeline(HOLDING, "test"))

    assert parse_pipeline(render_pipeline(draft.message), "x") == draft.message
