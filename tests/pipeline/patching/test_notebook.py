"""Notebooks of experiments: sections, numbers, prose."""

from __future__ import annotations

import pytest

from odapi_runner.errors import ConfigError
from odapi_runner.pipeline.patching.notebook import (
    is_notebook,
    parse_notebook,
    select_experiments,
)

# After a notebook that somebody kept: the newest on top, results, notes in Korean, prose below.
NOTEBOOK = """\
>>>

==== .config ====
3
  =
    DetectionBoxes_Precision/mAP = 0.800147
    { not config }
  note
    - mAP 75 ~ 80 에서 변동. ssd_random_crop 을 하면 속도는 확실히 빨라진다.
  set
    data_augmentation_options {
      ssd_random_crop {
      }
    }
  remove
    train_config: {
      use_bfloat16: true
    }

2
  =
    pending
  note: nothing yet

1
  set
    train config {
      batch_size: 8
    }
    }

- augmentation options order
  not sensitive
"""


def sections(text: str) -> list[tuple[int | None, list[tuple[str, int, str]]]]:
    """Number and sections of each experiment, blank lines and indentation left out."""
    return [
        (
            each.number,
            [(part.kind, part.line, " ".join(part.text.split())) for part in each.sections],
        )
        for each in parse_notebook(text).changing
    ]


def test_a_notebook_is_its_experiments_with_changes() -> None:
    """Results, notes and what is below the margin of a section are prose."""
    assert sections(NOTEBOOK) == [
        (
            3,
            [
                ("set", 10, "data_augmentation_options { ssd_random_crop { } }"),
                ("remove", 15, "train_config: { use_bfloat16: true }"),
            ],
        ),
        (1, [("set", 26, "train config { batch_size: 8 } }")]),
    ]
    assert parse_notebook(NOTEBOOK).unread == ()


def test_an_experiment_has_its_results_and_remarks() -> None:
    """With or without changes; what stands in no section is kept apart."""
    third, second, first = parse_notebook(NOTEBOOK).experiments

    assert [each.number for each in (third, second, first)] == [3, 2, 1]
    assert third.results == ("    DetectionBoxes_Precision/mAP = 0.800147\n    { not config }\n")
    assert (
        third.note
        == "    - mAP 75 ~ 80 에서 변동. ssd_random_crop 을 하면 속도는 확실히 빨라진다.\n"
    )
    assert (second.results, second.note) == ("    pending\n", "nothing yet\n\n")
    assert first.prose == "- augmentation options order\n  not sensitive\n\n"


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        (NOTEBOOK, True),
        ("실험 7\n\n  = \n", True),
        ("## Experiment 7\r\nset {\r\n", True),
        ("7\nStep 100 per-step time 0.5s\n", False),
        ("set\n  a: 1\n", False),
        ("note 7\n", False),
    ],
)
def test_a_notebook_is_told_from_a_log(text: str, is_one: bool) -> None:
    """By a number and the word below it."""
    assert is_notebook(text) == is_one


@pytest.mark.parametrize("line_end", ["\r\n", "\r"])
def test_line_ends_make_no_difference(line_end: str) -> None:
    """Notes are kept on all systems."""
    assert sections(NOTEBOOK.replace("\n", line_end)) == sections(NOTEBOOK)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # A text without any section is set as it is.
        ("train_config { batch_size: 8 }", [("set", 1, "train_config { batch_size: 8 }")]),
        ("set { a: 1 }\nremove { b: 1 }", [("set", 1, "{ a: 1 }"), ("remove", 2, "{ b: 1 }")]),
        ("SET:\n  a: 1\nRemove:\n  b: 1\n", [("set", 1, "a: 1"), ("remove", 3, "b: 1")]),
        ("set: {\n  a: 1\n}\nso much for that\n", [("set", 1, "{ a: 1 }")]),
        ("set\na: 1\nb: 2\n", [("set", 1, "a: 1 b: 2")]),
        ("set\n\ta: 1\n\n\tb: 2\nprose\n", [("set", 1, "a: 1 b: 2")]),
        ("set train_config { a: 1 }\n", [("set", 1, "train_config { a: 1 }")]),
        ("```\nset\n  a: 1\n```\n", [("set", 2, "a: 1")]),
        ("note set the rate\n  lower\nset\n  a: 1\n", [("set", 3, "a: 1")]),
    ],
)
def test_a_patch_needs_no_number(text: str, expected: list[tuple[str, int, str]]) -> None:
    """Braces or indentation, colons or none, capitals, a fence of Markdown."""
    assert sections(text) == [(None, expected)]


@pytest.mark.parametrize(
    "heading", ["7", "7.", "7)", "# 7", "## Experiment 7", "experiment 7:", "exp 7", "#7", "실험 7"]
)
def test_a_number_alone_begins_an_experiment(heading: str) -> None:
    """However it is written."""
    assert sections(f"{heading}\n  set\n    a: 1\n") == [(7, [("set", 2, "a: 1")])]


def test_config_text_outside_of_every_section_is_found() -> None:
    """It would be lost without a word otherwise."""
    notebook = parse_notebook("a { b: 1 }\n\n1\n c { d: 1 }\n set\n  e: 1\n f { g: 1 }\n")

    assert notebook.unread == (1, 4, 7)


def numbers(text: str, wanted: range | None) -> list[int | None]:
    return [each.number for each in select_experiments(parse_notebook(text), wanted, "n.txt")]


def test_experiments_are_selected_in_the_order_of_their_numbers() -> None:
    """The newest stands on top of a notebook, and builds on the older ones."""
    assert numbers(NOTEBOOK, None) == [1, 3]
    assert numbers(NOTEBOOK, range(3, 4)) == [3]
    assert numbers(NOTEBOOK, range(1, 4)) == [1, 3]
    assert numbers("set { a: 1 }", None) == [None]


@pytest.mark.parametrize(
    ("text", "wanted", "what", "fix"),
    [
        (
            NOTEBOOK,
            range(2, 3),
            "n.txt: no experiment 2 that changes a config",
            "Those that do: 1, 3.",
        ),
        (NOTEBOOK, range(1, 9), "n.txt: no experiment 8 that changes a config", "Those that do"),
        (
            "set { a: 1 }",
            range(1, 2),
            "n.txt: no experiment 1 that changes a config",
            "Give the file alone: n.txt",
        ),
        ("3\n  note\n    x\n", None, "n.txt: nothing in it changes a config", "Write what"),
        ("3\n  train_config {}\n", None, "n.txt: nothing in it changes a config", "Write what"),
        (
            "set { a: 1 }\n1\n set\n  b: 1\n",
            None,
            "n.txt:1: these changes have no number, others have",
            "Write the number",
        ),
        (
            "1\n set\n  b: 1\n1\n set\n  c: 1\n",
            None,
            "n.txt:4: experiment 1 stands on line 1, too",
            "Give each experiment",
        ),
    ],
)
def test_a_selection_that_is_not_there_says_so(
    text: str, wanted: range | None, what: str, fix: str
) -> None:
    """Absent numbers, numbers that stand twice, and changes without one beside them."""
    with pytest.raises(ConfigError) as caught:
        numbers(text, wanted)

    assert caught.value.what == what
    assert caught.value.fix.startswith(fix)
