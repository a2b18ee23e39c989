"""The text of a patch as people write it, read with what had to be repaired."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odapi_runner.errors import ConfigError
from odapi_runner.pipeline.patching.text import parse_tree
from odapi_runner.pipeline.patching.tree import Block, Entry, Tree


def plain(entries: tuple[Entry, ...]) -> Any:
    """Entries as pairs: blocks as lists, values as their text, names alone with None."""
    return [(entry.name, _content(entry)) for entry in entries]


def _content(entry: Entry) -> Any:
    if isinstance(entry.content, Block):
        return plain(entry.content.entries)
    if entry.content is None:
        return None
    parts = [part.text for part in entry.content.parts]
    return parts if entry.content.listed else parts[0]


def notes(tree: Tree) -> list[str]:
    return [f"{note.place}: {note.text}" for note in tree.notes]


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ("", []),
        ("# only a comment\n", []),
        ("a: 1", [("a", "1")]),
        ("a { b: 1 }", [("a", [("b", "1")])]),
        ("a: { b: 1 }", [("a", [("b", "1")])]),
        ("a\n{\n  b: -1.5e-3 # why\n}", [("a", [("b", "-1.5e-3")])]),
        ("a { }", [("a", [])]),
        ("random_adjust_contrast  {\n}", [("random_adjust_contrast", [])]),
        ("a: 1, b: .5; c: RELU_6,", [("a", "1"), ("b", ".5"), ("c", "RELU_6")]),
        ("a: \"x # y\" 'z'", [("a", "\"x # y\" 'z'")]),
        ('a: "x\\"y{"', [("a", '"x\\"y{"')]),
        ("a: [1, 2.5, -3]", [("a", ["1", "2.5", "-3"])]),
        ('a: ["x" "y", \'z\']', [("a", ['"x" "y"', "'z'"])]),
        ("a: []", [("a", [])]),
        ("a: [{ b: 1 }, { b: 2 }]", [("a", [("b", "1")]), ("a", [("b", "2")])]),
        ("a [{ b: 1 }]", [("a", [("b", "1")])]),
        ("a: true b: 0x1F c: 1.f", [("a", "true"), ("b", "0x1F"), ("c", "1.f")]),
        ("input_path: /data/내/x-?????-of-00010.record", None),
        ("a: data/x.record b: 3", [("a", "data/x.record"), ("b", "3")]),
        ("a\nb { c }\nd", [("a", None), ("b", [("c", None)]), ("d", None)]),
    ],
)
def test_config_text_is_read_without_a_word(text: str, entries: Any) -> None:
    """All that text_format reads, and names alone, which are only named."""
    tree = parse_tree(text, "notes.txt")

    assert plain(tree.entries) == (
        [("input_path", "/data/내/x-?????-of-00010.record")] if entries is None else entries
    )
    assert notes(tree) == []


@pytest.mark.parametrize(
    ("text", "entries", "said"),
    [
        (
            "train config {\n  batch_size: 8\n}",
            [("train_config", [("batch_size", "8")])],
            ['1:1: "train config" is read as train_config'],
        ),
        (
            "train-config: { data  augmentation options {} }",
            [("train_config", [("data_augmentation_options", [])])],
            [
                '1:1: "train-config" is read as train_config',
                '1:17: "data  augmentation options" is read as data_augmentation_options',
            ],
        ),
        ("a 8", [("a", "8")], ["1:1: a lacks its colon"]),
        (
            "staircase true\nb: 1",
            [("staircase", "true"), ("b", "1")],
            ["1:1: staircase lacks its colon"],
        ),
        ("a = 8", [("a", "8")], ['1:1: "=" after a is read as :']),
        ("a: : { b: 1 }", [("a", [("b", "1")])], ['1:1: ": :" after a is read as :']),
        (
            "a { b: 1 }:\n:",
            [("a", [("b", "1")])],
            [
                "1:11: this : belongs to nothing and is left out",
                "2:1: this : belongs to nothing and is left out",
            ],
        ),
        (
            "a {\n  b { c: 1 }\n  }\n}\nd: 2\n}",
            [("a", [("b", [("c", "1")])]), ("d", "2")],
            [
                "4:1: this } belongs to nothing and is left out",
                "6:1: this } belongs to nothing and is left out",
            ],
        ),
        (
            "a {\n  b {\n    c: 1\n",
            [("a", [("b", [("c", "1")])])],
            [
                "1:3: this { is not closed: a } is added at the end",
                "2:5: this { is not closed: a } is added at the end",
            ],
        ),
        (
            "a { { b: 1 } }",
            [("a", [("b", "1")])],
            ["1:5: these braces have no name and are left out"],
        ),
        (
            "optimizer {\n  adam_optimizer ...\n}\nb: 1",
            [("b", "1")],
            [
                "2:3: adam_optimizer is left out: an ellipsis does not say what is in it",
            ],
        ),
        ("a: …", [], ["1:1: a is left out: an ellipsis does not say what is in it"]),
        ("a: [1, ...]", [], ["1:1: a is left out: an ellipsis does not say what is in it"]),
        ("a { ... }", [], ["1:5: ... is left out: an ellipsis does not say what is meant"]),
        (
            "a { b: 1\n  .... }",
            [("a", [("b", "1")])],
            [
                "2:3: .... is left out: an ellipsis does not say what is meant",
            ],
        ),
    ],
)
def test_what_is_meant_is_read_and_said(text: str, entries: Any, said: list[str]) -> None:
    """Every repair has a note with its place."""
    tree = parse_tree(text, "notes.txt")

    assert plain(tree.entries) == entries
    assert notes(tree) == said


@pytest.mark.parametrize("text", ["{ a: 1 }", "  {\n  a: 1\n}\n"])
def test_braces_around_the_whole_are_no_repair(text: str) -> None:
    """They are those of `set { … }`."""
    tree = parse_tree(text, "notes.txt")

    assert plain(tree.entries) == [("a", "1")]
    assert notes(tree) == []


def test_places_count_from_the_line_that_is_said() -> None:
    """A section is a part of a file."""
    tree = parse_tree("a b {\n  c: 1\n}", "notes.txt", line=7)

    assert notes(tree) == ['7:1: "a b" is read as a_b']
    (entry,) = tree.entries
    assert isinstance(entry.content, Block)
    assert str(entry.content.entries[0].place) == "8:3"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("- hello", '1:1: "- hello" is nothing that config text has here'),
        ("a {\n  그러나 b: 1\n}", '2:3: "그러나 b: 1" is nothing that config text has here'),
        ("a: ", "1:2: the text ends too soon"),
        ("a: [1, 2", "1:8: the text ends too soon"),
        ('a: "x', '1:4: ""x" is nothing that config text has here'),
        ("a: }", '1:4: "}" is nothing that config text has here'),
        ("8", '1:1: "8" is nothing that config text has here'),
        ("a: “x”", '1:4: "“x”" is nothing that config text has here'),
    ],
)
def test_what_cannot_be_read_is_an_error_with_its_place(text: str, what: str) -> None:
    """Prose, values that end nowhere, quotes that are none."""
    with pytest.raises(ConfigError) as caught:
        parse_tree(text, "notes.txt")

    assert caught.value.what.startswith(f"notes.txt:{what}")
    assert caught.value.fix.startswith("Correct it; comments begin with #")


PIECES = st.sampled_from(
    ["a", "train config", " ", "\n", "{", "}", ":", "=", "...", "[", "]", ",", '"x"', "1", "-", "#"]
)


@given(st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=30).map("".join)))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_any_text_is_a_tree_or_an_error(text: str) -> None:
    """Nothing else comes of it, whatever stands there."""
    try:
        tree = parse_tree(text, "notes.txt")
    except ConfigError:
        return
    assert all(entry.name for entry in tree.entries)
