"""A notebook of experiments: which sections it has, and which of them change a config.

    3                          a number alone at the left margin begins an experiment
      =                        results, which `report.notebooks` reads
        mAP = 0.800147
      note                     prose
        …
      set                      config text, until a line that is indented as little as this one
        train_config { … }
      remove {                 or in braces
        …
      }

    2                          the newest stands on top, but their numbers say the order
      …

A patch of its own is the same without a number, or without any section: then all of it is set.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import lark
from lark.lark import PostLex

from odapi_runner.errors import ConfigError

if TYPE_CHECKING:
    from lark import Token, Tree

# Every token is one line.
_GRAMMAR = r"""
start: (PROSE | section)* experiment*
experiment: HEADING (PROSE | section)*
section: CHANGE LINE* | REMARK LINE*
HEADING.3: /(?:#+[ \t]*)?(?:(?:experiment|exp\.?|no\.?|실험)[ \t]*)?#?\d{1,9}[ \t]*[.:)]?[ \t]*\n/i
CHANGE.3: /[ \t]*(?:set|remove)[ \t]*(?:[:{][^\n]*|\w+[ \t]*:?[ \t]*\{[^\n]*)?\n/i
REMARK.3: /[ \t]*(?:=|note\b[^\n]*)[ \t]*\n/i
LINE.1: /[^\n]*\n/
%declare PROSE
"""
_BEGINS = re.compile(
    r"^(?:#+[ \t]*)?(?:(?:experiment|exp\.?|no\.?|실험)[ \t]*)?#?\d{1,9}[ \t]*[.:)]?[ \t\r]*\n"
    r"(?:[ \t\r]*\n)*[ \t]*(?:=|note\b.*|(?:set|remove)[ \t]*(?:[:{].*)?)[ \t\r]*$",
    re.IGNORECASE | re.MULTILINE,
)
_KEYWORD = re.compile(r"[ \t]*(set|remove)[ \t]*:?", re.IGNORECASE)
_REMARK = re.compile(r"^[ \t]*(?:=|note\b[ \t]*:?)", re.IGNORECASE)
_FENCE = re.compile(r"^[ \t]*(?:```|~~~).*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Section:
    """A `set` or a `remove`."""

    kind: Literal["set", "remove"]
    line: int  # of the file, on which `text` begins
    text: str  # with blanks where the keyword stood


@dataclass(frozen=True, slots=True)
class Experiment:
    """What stands under one number."""

    number: int | None  # None without one
    line: int
    sections: tuple[Section, ...]
    results: str = ""  # what stands below "="
    note: str = ""  # what stands below "note"
    prose: str = ""  # what stands in no section


@dataclass(frozen=True, slots=True)
class Notebook:
    """A file of experiments."""

    experiments: tuple[Experiment, ...]  # as they stand in it
    unread: tuple[int, ...]  # lines outside of every section that look like config text

    @property
    def changing(self) -> tuple[Experiment, ...]:
        """The experiments that change something."""
        return tuple(each for each in self.experiments if each.sections)


def is_notebook(head: str) -> bool:
    """Whether a text that begins so is a notebook: a number, and below it what begins a section."""
    return _BEGINS.search(head) is not None


def parse_notebook(text: str) -> Notebook:
    """The experiments of a notebook; a text without any section is one that sets all of it."""
    text = _FENCE.sub("", text.replace("\r\n", "\n").replace("\r", "\n")) + "\n"
    tree = _parser().parse(text)
    if not any(tree.find_data("section")) and not any(tree.find_data("experiment")):
        return Notebook((Experiment(None, 1, (Section("set", 1, text),)),), ())
    found = [_experiment(part) for part in [tree, *tree.find_data("experiment")]]
    prose = tree.scan_values(lambda line: isinstance(line, lark.Token) and line.type == "PROSE")
    return Notebook(
        tuple(each for each in found if each.number is not None or each.sections),
        tuple(line.line or 1 for line in prose if "{" in line or "}" in line),
    )


def select_experiments(
    notebook: Notebook, wanted: range | None, where: str
) -> tuple[Experiment, ...]:
    """The experiments to apply, in the order of their numbers.

    Args:
        notebook: where they are from.
        wanted: their numbers, first to last; None for all.
        where: the file, for errors.

    Raises:
        ConfigError: a number is absent or stands twice, or changes without a number stand beside
            those with one.
    """
    there = sorted(notebook.changing, key=lambda each: (each.number or 0, each.line))
    if not there:
        raise ConfigError(
            f"{where}: nothing in it changes a config",
            fix="Write what to change below a line set or remove, or in set { … }.",
        )
    found = [each for each in there if wanted is None or each.number in wanted]
    numbers = [each.number for each in found]
    if wanted is not None and (wanted[0] not in numbers or wanted[-1] not in numbers):
        known = ", ".join(str(each.number) for each in there if each.number is not None)
        absent = wanted[0] if wanted[0] not in numbers else wanted[-1]
        raise ConfigError(
            f"{where}: no experiment {absent} that changes a config",
            fix=f"Those that do: {known}." if known else f"Give the file alone: {where}",
        )
    for each, after in itertools.pairwise(found):
        if each.number is None:
            raise ConfigError(
                f"{where}:{each.line}: these changes have no number, others have",
                fix="Write the number of their experiment on a line of its own above them.",
            )
        if each.number == after.number:
            raise ConfigError(
                f"{where}:{after.line}: experiment {each.number} stands on line {each.line}, too",
                fix="Give each experiment a number of its own.",
            )
    return tuple(found)


class _Layout(PostLex):
    """Tells the lines of a section from the prose after it, by their indentation."""

    always_accept = ("LINE", "CHANGE", "REMARK", "HEADING")

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        """The lines, with PROSE for those that belong to no section."""
        section: Token | None = None
        body: int | None = None  # the indentation of the section's first line
        for token in stream:
            if token.type != "LINE":
                section, body = (None if token.type == "HEADING" else token), None
            elif section and token.strip():
                body = _indentation(token) if body is None else body
                ends = body > _indentation(section) >= _indentation(token)
                if section.type == "CHANGE" and ends and token.strip(" \t\n{},;"):
                    section = None
            is_prose = token.type == "LINE" and section is None
            yield token.update(type="PROSE") if is_prose else token


@functools.cache
def _parser() -> lark.Lark:
    return lark.Lark(_GRAMMAR, parser="lalr", lexer="basic", postlex=_Layout())


def _experiment(tree: Tree[Token]) -> Experiment:
    """An experiment with its changes, or what stands before the first one."""
    parts = [child for child in tree.children if isinstance(child, lark.Tree)]
    sections = [part for part in parts if part.data == "section"]
    changes = tuple(change for part in sections if (change := _change(part)))
    heading = tree.children[0] if tree.data == "experiment" else None
    if not isinstance(heading, lark.Token):
        return Experiment(None, changes[0].line if changes else 1, changes)
    number = "".join(character for character in heading if character.isdecimal())
    prose = [line for line in tree.children[1:] if isinstance(line, lark.Token)]
    return Experiment(
        int(number),
        heading.line or 1,
        changes,
        results="".join(_remark(part) for part in sections if _is_results(part)),
        note="".join(_remark(part) for part in sections if _is_note(part)),
        prose="".join(prose),
    )


def _change(tree: Tree[Token]) -> Section | None:
    """A section of changes; None for remarks."""
    first, *rest = _lines(tree)
    keyword = _KEYWORD.match(first)
    if first.type != "CHANGE" or keyword is None:
        return None
    text = " " * keyword.end() + first[keyword.end() :] + "".join(rest)
    return Section("set" if keyword[1].lower() == "set" else "remove", first.line or 1, text)


def _is_results(tree: Tree[Token]) -> bool:
    first = _lines(tree)[0]
    return first.type == "REMARK" and first.strip() == "="


def _is_note(tree: Tree[Token]) -> bool:
    return _lines(tree)[0].type == "REMARK" and not _is_results(tree)


def _remark(tree: Tree[Token]) -> str:
    """The text of a section of remarks: what stands behind its keyword, and below it."""
    first, *rest = _lines(tree)
    behind = _REMARK.sub("", first).strip()
    return (behind + "\n" if behind else "") + "".join(rest)


def _lines(tree: Tree[Token]) -> list[Token]:
    return [line for line in tree.children if isinstance(line, lark.Token)]


def _indentation(line: str) -> int:
    return len(line.expandtabs()) - len(line.expandtabs().lstrip())
