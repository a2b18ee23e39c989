"""README is a promise: every command stands in it, links resolve, help has an example."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from odapi_runner.cli import main

REPOSITORY = Path(__file__).parent.parent
README = (REPOSITORY / "README.md").read_text("utf-8")
DOCUMENTS = [
    *list(REPOSITORY.glob("*.md")),
    REPOSITORY / "benchmarks" / "README.md",
    REPOSITORY / "train" / "README.md",
    REPOSITORY / "model_zoo" / "README.md",
]


def commands(
    group: click.Group = main, before: str = "odapi"
) -> Iterator[tuple[str, click.Command]]:
    """Each command by what is typed for it."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{before} {name}")
        else:
            yield f"{before} {name}", command


@pytest.mark.parametrize(("typed", "command"), list(commands()), ids=str)
def test_every_command_is_in_readme_and_has_an_example(typed: str, command: click.Command) -> None:
    """A command is described in README, and its help shows how it is typed."""
    assert f"`{typed}" in README or f"`{typed.removeprefix('odapi ')}`" in README
    assert command.help
    assert "Example:" in command.help
    assert typed in command.help.split("Example:")[1]


@pytest.mark.parametrize(("typed", "command"), list(commands()), ids=str)
def test_every_option_says_what_it_does(typed: str, command: click.Command) -> None:
    """No option without a word, but those whose name and default say it all."""
    plain = {"seed", "engine", "shards"}
    for option in command.params:
        if isinstance(option, click.Option) and option.name not in plain:
            assert option.help, f"{typed} {option.opts}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_resolve(path: Path) -> None:
    """A link to a file of the repository finds it."""
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text("utf-8")):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", sorted((REPOSITORY / "templates/presets").glob("*.toml")), ids=str)
def test_every_preset_opens_with_its_command_and_what_to_expect(path: Path) -> None:
    """The first lines of a preset say how it is rendered, and what comes of it."""
    head = [line for line in path.read_text("utf-8").splitlines() if line.startswith("#")]

    assert f"odapi render --preset {path.stem}" in head[0]
    assert len(head) > 1
    assert tomllib.loads(path.read_text("utf-8"))


def test_the_set_up_commands_are_targets() -> None:
    """What README tells a newcomer to type exists, and CI types nothing else."""
    makefile = (REPOSITORY / "Makefile").read_text("utf-8")
    ci = (REPOSITORY / ".ci" / "run").read_text("utf-8")

    for target in re.findall(r"^    make (\w+)", README, re.MULTILINE):
        assert f"\n{target}:" in makefile
    assert re.findall(r"^make .*", ci, re.MULTILINE) == ["make test"]


def test_every_version_is_pinned_without_an_address() -> None:
    """The lock names packages and versions, and no place that they come from."""
    lines = (REPOSITORY / "requirements.lock").read_text("utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]

    assert len(pins) > 100
    assert all(re.fullmatch(r"[\w.-]+==[\w.+]+( ; .+)?", pin) for pin in pins)
