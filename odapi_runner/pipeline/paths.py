"""What a path to a field looks like, and which real paths are like a mistyped one.

A path is field names joined by dots, with brackets after a list or a map:

    train_config.data_augmentation_options[1].random_crop_image.min_area    by number, from 0
    train_config.data_augmentation_options[random_crop_image]               by what is set in it
    eval_input_reader[name=validation].shuffle                              by the value of a field
    eval_config.metrics_set[coco_mask_metrics]                              by the value itself
    model.center_net.allowed_masked_classes_ids[=72]                        the same for numbers
    eval_config.super_categories[animals]                                   by key

What would be read otherwise stands in quotes: `input_path["a[0].record"]`.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import Descriptor

from odapi_runner.errors import ConfigError, nearest
from odapi_runner.proto.messages import is_map, is_repeated

BRACKETS = r"""\[(?:[^\[\]"']|"[^"]*"|'[^']*')*\]"""
_PART = re.compile(rf"(?:{BRACKETS}|[^.\[])*")
_STEP = re.compile(rf"(\w+)({BRACKETS})?")


@dataclass(frozen=True, slots=True)
class Step:
    """One name of a path."""

    name: str
    chosen: str | None  # what stands in the brackets after it


def parse_path(path: str) -> tuple[Step, ...]:
    """The steps of a path.

    Raises:
        ConfigError: a step is no name, or its brackets are not closed.
    """
    steps, start = [], 0
    while True:
        found = _PART.match(path, start)
        end = found.end() if found else start
        if end < len(path) and path[end] != ".":  # an open bracket
            end = len(path)
        step = _STEP.fullmatch(path, start, end)
        if step is None:
            raise ConfigError(
                f'{path}: "{path[start:end]}" is no field', fix="Write a name, or name[0]."
            )
        steps.append(Step(step[1], step[2][1:-1] if step[2] else None))
        if end == len(path):
            return tuple(steps)
        start = end + 1


def in_brackets(chosen: int | str) -> str:
    """The brackets that say a number of a place, or a text in quotes.

    Raises:
        ConfigError: a text has both kinds of quotes.
    """
    if isinstance(chosen, int):
        return f"[{chosen}]"
    quote = "'" if '"' in chosen else '"'
    if quote in chosen:
        raise ConfigError(f"[{chosen}]: quotes of both kinds", fix="Edit it in the file itself.")
    return f"[{quote}{chosen}{quote}]"


def show_path(steps: Iterable[Step]) -> str:
    """The steps as they are typed."""
    shown = (step.name if step.chosen is None else f"{step.name}[{step.chosen}]" for step in steps)
    return ".".join(shown)


def nearest_paths(message: Any, typed: Sequence[Step], words: Iterable[str] = ()) -> list[str]:
    """The real paths that a mistyped one is most like, best first; at most three.

    All paths of the schema count, those through what is set in the message before the others.

    Args:
        message: what the path was looked up in.
        typed: the steps of the path.
        words: names that stand for paths (`shorthands`).
    """
    alike = nearest(typed[-1].name, words, most=1) if len(typed) == 1 else []
    repaired = _repaired(message.DESCRIPTOR, typed)
    right_end = repaired is not None and repaired[-1].name == typed[-1].name
    found = [] if right_end else _paths_ending(message, [step.name for step in typed])
    if repaired and not found:
        return [*alike, show_path(_with_places(message, repaired))]
    found = found or _paths_alike(message, typed[-1].name)
    return [*alike, *(show_path(_with_places(message, steps)) for steps in found)][:3]


@functools.cache
def schema_paths(kind: Descriptor) -> tuple[str, ...]:
    """The path of every field below a message type, without places in lists."""
    return tuple(_below(kind, ""))


def _below(kind: Descriptor, here: str) -> Iterator[str]:
    for field in kind.fields:
        yield here + field.name
        if field.message_type and not is_map(field):
            yield from _below(field.message_type, f"{here}{field.name}.")


def _repaired(kind: Descriptor, typed: Sequence[Step]) -> list[Step] | None:
    """The steps with each unknown name replaced by the nearest one; None where none is near."""
    found: list[Step] = []
    inside: Descriptor | None = kind
    for step in typed:
        known = inside.fields_by_name if inside else {}
        near = [step.name] if step.name in known else nearest(step.name, known, most=1)
        if not near:
            return None
        found.append(Step(near[0], step.chosen))
        inside = known[near[0]].message_type
    return found


def _paths_ending(message: Any, names: Sequence[str]) -> list[list[Step]]:
    """The paths that end with these names, else with the last of them; the likest first."""
    paths = schema_paths(message.DESCRIPTOR)
    whole = ".".join(names)
    found = [path for path in paths if path.endswith(f".{whole}")]
    found = found or [path for path in paths if path.endswith(f".{names[-1]}")]
    if len(names) > 1:
        found.sort(key=lambda path: -difflib.SequenceMatcher(None, whole, path).ratio())
    return _as_steps(message, found)


def _paths_alike(message: Any, name: str) -> list[list[Step]]:
    """The paths whose last name is most like a mistyped one, in the order of the schema."""
    paths = schema_paths(message.DESCRIPTOR)
    alike = nearest(name, {path.rpartition(".")[2] for path in paths}, most=1)
    return _as_steps(message, [path for path in paths if path.rpartition(".")[2] in alike])


def _as_steps(message: Any, paths: Sequence[str]) -> list[list[Step]]:
    """The steps of those paths that lead through what is set; where none does, of all.

    Then a path comes before others that leave what is set sooner, as that of another model does.
    """
    split = [path.split(".") for path in paths]
    there = [names for names in split if is_set(message, names[:-1])]

    def left_after(names: list[str]) -> int:
        return next(end for end in range(len(names), -1, -1) if is_set(message, names[:end]))

    found = there or sorted(split, key=left_after, reverse=True)
    return [[Step(name, None) for name in names] for names in found]


def is_set(message: Any, names: Sequence[str]) -> bool:
    """Whether every message of these names is there; of a list, one that holds the next."""
    if not names:
        return True
    field = message.DESCRIPTOR.fields_by_name[names[0]]
    child = getattr(message, names[0])
    if is_repeated(field):
        return any(is_set(each, names[1:]) for each in child)
    return bool(message.HasField(names[0])) and is_set(child, names[1:])


def _with_places(message: Any, steps: Sequence[Step]) -> Iterator[Step]:
    """The steps with brackets where a list is on the way: what is in it next, else the first."""
    kind = message.DESCRIPTOR
    for step, after in zip(steps, [*steps[1:], None], strict=True):
        field = kind.fields_by_name[step.name]
        kind = field.message_type
        if after and is_repeated(field) and step.chosen is None:
            chosen = after.name if kind.fields_by_name[after.name].containing_oneof else "0"
            yield Step(step.name, chosen)
        else:
            yield step
