"""Options as fields of a dataclass."""

from __future__ import annotations

import dataclasses
from typing import Any

import click
import pytest
from click.testing import CliRunner

from odapi_runner.settings import Settings, changes_of, given, names_of, setting, settings_of


def even(text: str) -> int:
    """What of a text is even."""
    if int(text) % 2:
        raise ValueError(f"{text} is odd")
    return int(text)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Options(Settings):
    """One of each kind."""

    count: int = setting(3, "How many.", minimum=1)
    hours: float | None = setting(None, "How long.", minimum=0.5, real=True, metavar="HOURS")
    quick: bool = setting(False, "Hurry.")
    share: float = setting(0.25, "Of all.", share=True)
    colour: str = setting("red", "Which one.", choices=("red", "blue"))
    pair: str | None = setting(None, "An even one.", parse=even, metavar="EVEN")
    kept: int = 7  # no setting


def invoke(*words: str) -> tuple[str, list[Options]]:
    seen: list[Options] = []

    @click.command()
    @settings_of(Options)
    def command(**options: Any) -> None:
        seen.append(Options(**options))

    return CliRunner().invoke(command, words).output, seen


def test_fields_are_the_options_of_a_command() -> None:
    """In both directions, and by default."""
    changed = Options(count=5, hours=1.5, quick=True, share=0.5, colour="blue", pair="4")

    assert names_of(Options) == ("count", "hours", "quick", "share", "colour", "pair")
    assert Options().words(*names_of(Options)) == [
        "--count", "3", "--share", "0.25", "--colour", "red",
    ]  # fmt: skip
    assert invoke(*changed.words(*names_of(Options))) == ("", [changed])
    assert invoke() == ("", [Options()])
    assert Options(hours=2.0, kept=8).changed() == ["hours"]


def test_help_shows_what_each_wants() -> None:
    """Ranges, choices and defaults; none where there is no default."""
    output, _ = invoke("--help")

    assert "--count N            How many.  [default: 3; x>=1]" in output
    assert "--hours HOURS        How long.  [x>=0.5]" in output
    assert "--quick              Hurry.\n" in output
    assert "--colour [red|blue]" in output
    assert "--pair EVEN          An even one.\n" in output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--count", "0"), "Invalid value for '--count': 0 is not in the range x>=1."),
        (("--share", "2"), "Invalid value for '--share': 2.0 is not in the range 0<=x<=1."),
        (("--pair", "3"), "Invalid value for '--pair': 3 is odd."),
    ],
)
def test_a_mistake_is_one_of_usage(words: tuple[str, ...], message: str) -> None:
    """Before the command begins."""
    output, seen = invoke(*words)

    assert message in output
    assert seen == []


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"count": 0}, "count is 0, the least is 1"),
        ({"share": 2}, "share is 2, not a share from 0 to 1"),
        ({"colour": "green"}, 'colour is "green", not one of red, blue'),
        ({"pair": "3"}, "3 is odd"),
    ],
)
def test_a_call_is_looked_at_as_well(value: dict[str, Any], message: str) -> None:
    """A notebook has no command line."""
    with pytest.raises(ValueError, match="^" + message):
        Options(**value)


def change(*words: str) -> tuple[str, list[dict[str, Any]]]:
    seen: list[dict[str, Any]] = []

    @click.command()
    @changes_of(Options)
    def command(**options: Any) -> None:
        seen.append(given(Options, options))

    return CliRunner().invoke(command, words).output, seen


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ((), {}),
        (("--count", "3"), {"count": 3}),  # as by default, and given all the same
        (("--quick",), {"quick": True}),
        (("--no-quick",), {"quick": False}),
        (("--hours", "none", "--pair", "none"), {"hours": None, "pair": None}),
        (("--hours", "1.5", "--pair", "4"), {"hours": 1.5, "pair": "4"}),
    ],
)
def test_a_change_is_what_was_given(words: tuple[str, ...], changes: dict[str, Any]) -> None:
    """Nothing else, and `none` where something is to be absent again."""
    assert change(*words) == ("", [changes])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--hours", "0.1"), "Invalid value for '--hours': 0.1 is not in the range x>=0.5."),
        (("--pair", "3"), "Invalid value for '--pair': 3 is odd."),
        (("--count", "none"), "it always has a value; its default is 3."),
        (("--colour", "none"), "it always has a value; its default is red."),
        (("--hours", "10h"), "'10h' is not a valid number of hours, such as 2."),
        (("--count", "x"), "'x' is not a valid whole number."),
    ],
)
def test_a_change_is_looked_at_as_a_setting_is(words: tuple[str, ...], message: str) -> None:
    """What cannot be absent has no `none`."""
    output, seen = change(*words)

    assert message in output
    assert seen == []
