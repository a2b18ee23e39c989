"""Reading a config so that nothing in it is overlooked."""

from __future__ import annotations

from typing import Any

from odapi_runner.engine.fields import Reader, Refusal, set_fields, unread
from odapi_runner.proto.text import parse_pipeline


def parsed(text: str) -> Any:
    return parse_pipeline(text, "test")


def test_set_fields_names_what_differs_from_its_default() -> None:
    """Scalars at their default are left out, messages are named before what they hold."""
    config = parsed(
        """
        model { ssd { num_classes: 3 freeze_batchnorm: false similarity_calculator {} } }
        train_config { data_augmentation_options { random_horizontal_flip {} } batch_size: 32 }
        eval_config { super_categories { key: "a" value: "b" } metrics_set: "x" }
        """
    )

    assert list(set_fields(config)) == [
        ("model", None),
        ("model.ssd", None),
        ("model.ssd.num_classes", 3),
        ("model.ssd.similarity_calculator", None),
        ("train_config", None),
        ("train_config.data_augmentation_options[0]", None),
        ("train_config.data_augmentation_options[0].random_horizontal_flip", None),
        ("eval_config", None),
        ("eval_config.metrics_set", ["x"]),
        ("eval_config.super_categories", {"a": "b"}),
    ]


def test_a_reader_gives_values_defaults_and_names_of_enums() -> None:
    """What is not set has its default, as protobuf has it; a list is a tuple."""
    reader = Reader(parsed("train_config { num_steps: 7 freeze_variables: ['a', 'b'] }"))
    train = reader.message("train_config")

    assert train.value("num_steps") == 7
    assert train.value("batch_size") == 32
    assert train.value("freeze_variables") == ("a", "b")
    assert train.enum("fine_tune_checkpoint_version") == "V1"
    assert reader.notes.read == {
        "train_config",
        "train_config.num_steps",
        "train_config.batch_size",
        "train_config.freeze_variables",
        "train_config.fine_tune_checkpoint_version",
    }


def test_a_value_that_is_not_supported_is_refused_with_those_that_are() -> None:
    """A refusal says the path, the value and what to write instead."""
    reader = Reader(parsed("model { ssd { freeze_batchnorm: true } }"))
    ssd = reader.message("model").message("ssd")

    assert ssd.require("freeze_batchnorm", (False,), "because") is True
    assert reader.notes.refusals == [
        Refusal("model.ssd.freeze_batchnorm", "true is not supported: because", "Use false.")
    ]


def test_another_member_of_a_oneof_is_refused_and_its_stand_in_leaves_no_note() -> None:
    """Reading goes on with defaults, and what is wrong with those is not reported."""
    config = parsed("model { faster_rcnn { num_classes: 3 } }")
    reader = Reader(config)
    name, ssd = reader.message("model").member("model", ("ssd",))
    ssd.require("add_background_class", (False,))

    assert name == "ssd"
    assert reader.notes.refusals == [
        Refusal("model.faster_rcnn", "is not supported", "Use ssd."),
    ]
    assert unread(config, reader.notes, {}) == []


def test_a_refused_member_of_a_oneof_may_have_a_reason() -> None:
    """It follows the refusal."""
    reader = Reader(parsed("model { center_net { } }"))
    reader.message("model").member("model", ("ssd",), why={"center_net": "it has no anchors"})

    assert [one.reason for one in reader.notes.refusals] == ["is not supported: it has no anchors"]


def test_a_oneof_without_a_member_is_refused_by_its_own_name() -> None:
    """There is no member whose path could be named."""
    reader = Reader(parsed("model {}"))
    reader.message("model").member("model", ("ssd",))

    assert reader.notes.refusals == [Refusal("model.model", "is not set", "Use ssd.")]


def test_unread_names_what_is_set_and_nobody_asked_for() -> None:
    """A message is named alone, not each field in it; ignored paths know no list places."""
    config = parsed(
        """
        model { ssd { num_classes: 3 mask_head_config { mask_height: 7 mask_width: 7 } } }
        eval_input_reader { shuffle: false num_epochs: 1 num_readers: 3 }
        """
    )
    reader = Reader(config)
    reader.message("model").message("ssd").value("num_classes")
    (first,) = reader.messages("eval_input_reader")
    first.value("shuffle")

    found = unread(config, reader.notes, {"eval_input_reader.num_epochs": "not here"})

    assert found == [
        Refusal(path, "is not supported by the builtin engine", f"Remove it: -d {path}")
        for path in ("model.ssd.mask_head_config", "eval_input_reader[0].num_readers")
    ]


def test_what_lies_inside_a_refused_list_is_not_refused_again() -> None:
    """Two readers where one is expected are one fault."""
    config = parsed("eval_input_reader { num_epochs: 1 } eval_input_reader { num_epochs: 1 }")
    reader = Reader(config)
    list(reader.messages("eval_input_reader"))
    reader.refuse("eval_input_reader", "is there 2 times", ("one of it",))

    assert unread(config, reader.notes, {}) == []
