"""Changes to a config as a command line has them: patches, `-s PATH=VALUE` and `-d PATH`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from odapi_runner.errors import ConfigError, printable
from odapi_runner.pipeline.draft import Draft
from odapi_runner.pipeline.paths import BRACKETS
from odapi_runner.pipeline.shorthands import LISTS, SHORTHANDS

_OVERRIDE = re.compile(rf"\s*((?:[^\[\]=]|{BRACKETS})+?)\s*(\+?=)(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Override:
    """One `-s`."""

    path: str  # a shorthand or a full path
    value: str
    appends: bool = False  # PATH+=VALUE


@dataclass(frozen=True, slots=True)
class Changes:
    """What a command line asks to change.

    Raises:
        ConfigError: an override is not of the form `PATH=VALUE` or `PATH+=VALUE`, or something
            here cannot stand in one line of text.
    """

    overrides: tuple[str, ...] = ()  # of each, lines are joined into one
    deletes: tuple[str, ...] = ()  # full paths
    patches: tuple[Path, ...] = ()  # each a file, with `:N` or `:M-N` its experiments (`patch`)

    def __post_init__(self) -> None:
        """Check the form; what the paths and values mean, only the config can tell."""
        object.__setattr__(self, "overrides", tuple(_in_one_line(item) for item in self.overrides))
        _require_plain("-d", self.deletes)
        _require_plain("--patch", (str(path) for path in self.patches))

    def __bool__(self) -> bool:
        return bool(self.overrides or self.deletes or self.patches)

    def given(self) -> set[str]:
        """The shorthands and full paths that the overrides set."""
        return {parse_override(item).path for item in self.overrides}

    def words(self) -> list[str]:
        """The options that ask for them, as typed."""
        return [
            *(word for path in self.patches for word in ("--patch", str(path))),
            *(word for item in self.overrides for word in ("-s", item)),
            *(word for item in self.deletes for word in ("-d", item)),
        ]


@dataclass(frozen=True, slots=True)
class Changed:
    """A config with changes applied."""

    message: Any  # a TrainEvalPipelineConfig of its own
    notes: tuple[str, ...]  # what the user should know of what was done, each a sentence
    paths: tuple[str, ...] = ()  # every path that was set or deleted, by patches as well


def apply_changes(message: Any, changes: Changes) -> Changed:
    """A copy of a TrainEvalPipelineConfig with changes applied.

    The patches come first, then the shorthands, in their own order, then the deletions, then the
    full paths in the order given: what is said most exactly wins. Of a shorthand given twice the
    last one counts. Either everything is applied or an error says what cannot be.

    Raises:
        ConfigError: a patch or an override that does not fit the config.
    """
    draft = Draft(message, words=SHORTHANDS)
    if changes.patches:
        # Its grammar takes time that a command without a patch need not spend.
        from odapi_runner.pipeline.patch import apply_patch

        for patch in changes.patches:
            apply_patch(draft, patch)
    overrides = [parse_override(item) for item in changes.overrides]
    words = {item.path: item.value for item in overrides if is_shorthand(item)}
    for name, set_word in SHORTHANDS.items():
        if name in words:
            set_word(draft, words[name])
            draft.paths.append(name)
    for path in changes.deletes:
        draft.delete(path)
    for item in overrides:
        if item.appends:
            draft.append_text(LISTS.get(item.path, item.path), item.value)
        elif not is_shorthand(item):
            draft.set_text(item.path, item.value)
    return Changed(draft.message, tuple(draft.notes), tuple(draft.paths))


def is_shorthand(override: Override) -> bool:
    """Whether an override is one of the words that move what depends on them."""
    return override.path in SHORTHANDS and not override.appends


def parse_override(text: str) -> Override:
    """Path and value of `PATH=VALUE` or `PATH+=VALUE`.

    Raises:
        ConfigError: the text is not of this form.
    """
    found = _OVERRIDE.fullmatch(text)
    if not found:
        raise ConfigError(f'-s "{printable(text)}": not PATH=VALUE', fix="As in -s batch_size=8")
    return Override(found[1], found[3], found[2] == "+=")


def is_override(text: str) -> bool:
    """Whether a text has the form of an override."""
    return _OVERRIDE.fullmatch(text) is not None


def _in_one_line(text: str) -> str:
    """An override without line ends: config text may be typed over several lines."""
    override = parse_override(text)
    value = override.value.strip()
    if not _is_plain(value) and value.startswith(("{", "[")):
        if "#" in value:
            raise ConfigError(
                f"-s {override.path}: a comment in a value of several lines", fix="Leave it out."
            )
        joined = " ".join(line.strip() for line in value.splitlines())
        text = f"{override.path}{'+=' if override.appends else '='}{joined}"
    _require_plain(f"-s {override.path}", [text])
    return text


def _require_plain(option: str, texts: Iterable[str]) -> None:
    """Refuse what could not be repeated in a comment of a config."""
    if not all(map(_is_plain, texts)):
        raise ConfigError(f"{option}: the value is not one line of text", fix="Retype it.")


def _is_plain(text: str) -> bool:
    """Whether a text is one line that UTF-8 can hold."""
    surrogates = any("\ud800" <= character <= "\udfff" for character in text)
    return text.splitlines() == ([text] if text else []) and "\0" not in text and not surrogates
