"""The syntax tree of a config."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odapi_runner.errors import ConfigError
from odapi_runner.pipeline.syntax import (
    Document,
    Field,
    Listed,
    Message,
    Scalar,
    parse_syntax,
    with_line_feeds,
)
from odapi_runner.proto.text import parse_pipeline
from support.random_configs import Speller, random_message


def test_every_part_has_its_place() -> None:
    """Offsets of names, values, brackets, commas; a separator belongs to its field."""
    text = "a: [1, -2.5f], # b: 3\nc {d <> e: 'x' \"y\";}"

    tree = parse_syntax(text, "x")

    numbers = Listed(3, 13, (Scalar(4, 5), Scalar(7, 12)), (5,))
    inside = (
        Field(25, 29, "d", False, Message(27, 29, ()), ""),
        Field(30, 41, "e", True, Scalar(33, 40), ";"),
    )
    assert tree == Document(
        text,
        (
            Field(0, 14, "a", True, numbers, ","),
            Field(22, 42, "c", False, Message(24, 42, inside), ""),
        ),
    )
    assert text[33:40] == "'x' \"y\""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  # only a comment",
        "train_config: {}",
        "train_config < batch_size: 0x10 > ;",
        "train_config{batch_size:010,num_steps:3}",
        "train_config { gradient_clipping_by_norm: 1.5e-3f }",
        "train_config { gradient_clipping_by_norm: .5 } # { end",
        "train_config { gradient_clipping_by_norm: -inf }",
        "train_config { gradient_clipping_by_norm: nan }",
        "train_config { fine_tune_checkpoint_version: 1 }",
        "train_config { fine_tune_checkpoint: 'it\\'s # no comment' \"\\\"{\" }",
        "train_config { freeze_variables: ['a', 'b' 'c'], freeze_variables: [] }",
        "train_config { data_augmentation_options [{ normalize_image {} }, <>] }",
        "eval_input_reader { shuffle: t } eval_input_reader { shuffle: False }",
        # What google.protobuf reads beyond the specification.
        "train_config { batch_size: +1_0 }",
        "train_config { batch_size: 0b11 }",
        "\ufefftrain_config { batch_size: 3 }",
        "train_config {\u3000batch_size: 3\u00a0}",
    ],
)
def test_what_google_protobuf_accepts_has_a_tree(text: str) -> None:
    """Each spelling of the format."""
    assert parse_pipeline(text, "x") is not None
    assert parse_syntax(text, "x").text == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train_config { batch_size: }", "x:1:28: batch_size takes a whole number, found }"),
        ("train_config { batch_sise 4 }", 'x:1:16: TrainConfig has no field "batch_sise"'),
        ("train_config {\n  batch_size: 4", "x:2:15: the text ends before a } that is missing"),
    ],
)
def test_a_mistake_is_told_as_everywhere(text: str, message: str) -> None:
    """By its place and in the words of the config, not of a grammar."""
    with pytest.raises(ConfigError) as caught:
        parse_pipeline(text, "x")
    with pytest.raises(ConfigError) as told:
        parse_syntax(text, "x")

    assert message in told.value.what
    assert (told.value.what, told.value.fix) == (caught.value.what, caught.value.fix)


def test_carriage_returns_end_lines_too() -> None:
    """As an old Mac writes them: a comment ends with its line; places stay."""
    text = "train_config {\r  # a\r  batch_size: 4\r\n}\r"

    assert with_line_feeds(text) == "train_config {\n  # a\n  batch_size: 4\r\n}\n"
    (field,) = parse_syntax(text, "x").fields
    assert isinstance(field.value, Message)
    assert text[field.value.fields[0].start :].startswith("batch_size")


@settings(deadline=None, derandomize=True, max_examples=150)
@given(st.randoms(use_true_random=False))
def test_any_spelling_of_any_config_has_a_tree(random: Random) -> None:
    """Random messages, spelled at random; the text's top fields are those of the tree."""
    message = random_message(random)
    text = Speller(random).spell(message)

    tree = parse_syntax(text, "x")

    assert parse_pipeline(with_line_feeds(text), "x") == message
    assert {field.name for field in tree.fields} == {
        field.name for field, _ in message.ListFields()
    }


def test_the_published_configs_have_a_tree(reference: Path) -> None:
    """All 40, those of the reference figures and of the recorded runs."""
    paths = sorted(reference.rglob("*.config"))

    for path in paths:
        text = path.read_text("utf-8")
        names = {field.name for field in parse_syntax(text, str(path)).fields}
        assert names == {field.name for field, _ in parse_pipeline(text, "x").ListFields()}
    assert len(paths) == 49
