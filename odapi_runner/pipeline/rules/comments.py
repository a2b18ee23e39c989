"""Rules on the comments that tell the check to ignore something."""

from __future__ import annotations

from collections.abc import Iterator

from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.rules.rule import Rule
from odapi_runner.pipeline.rules.subject import Subject

_API = "A comment says nothing to it."


def comments_name_rules(subject: Subject) -> Iterator[Finding]:
    """What a comment `# odapi: ignore=ID` ignores is a rule: `odapi check --explain list`."""
    for comment in subject.comments:
        for id_ in comment.unknown:
            what = f'there is no rule "{id_}"'
            fix = "The rules: odapi check --explain list"
            place = f"# odapi: ignore={id_}"
            yield Finding("ignore-unknown", "hint", place, what, fix, comment.line)


def comments_are_needed(subject: Subject) -> Iterator[Finding]:
    """A comment `# odapi: ignore=ID` without effect hides what may come later.

    It lets findings pass of the field behind which it stands, or of the one below it; before the
    first field it speaks of the whole file.
    """
    for comment in subject.comments:
        for id_ in comment.unused:
            what = f"{id_} has nothing to say here"
            place = f"# odapi: ignore={id_}"
            yield Finding("ignore-unused", "hint", place, what, "Remove it.", comment.line)


RULES = (
    Rule(
        "ignore-unknown",
        comments_name_rules,
        severity="hint",
        api=_API,
        fails="# odapi: ignore=warmup",
        passes="# odapi: ignore=warmup-steps",
    ),
    Rule(
        "ignore-unused",
        comments_are_needed,
        severity="hint",
        api=_API,
        fails="batch_size: 8  # odapi: ignore=warmup-steps",
        passes="batch_size: 8",
    ),
)
