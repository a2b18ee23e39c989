"""Filling a template with the values of its preset, in a sandbox.

A template may compute with values, call macros, and use other templates of the two folders
`templates/`, the workspace's and odapi's. It reaches no attribute that begins with an underscore,
changes no value, reads no other file, and gives the same text each time. A range has at most
100,000 numbers, what `*` makes of a text or a list 1,000,000 elements, a power 4,096 bits, the
result 4,000,000 characters. Neither time nor memory is bounded beyond that: loops within loops, or
a filter that pads to a billion characters, take what they take.
"""

from __future__ import annotations

import functools
import re
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from jinja2 import (
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
    UndefinedError,
    meta,
    nodes,
)
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from odapi_runner.errors import ConfigError, did_you_mean
from odapi_runner.pipeline.presets import Preset, template_folders
from odapi_runner.workspace import Workspace

_ENDING = ".config.j2"
_LONGEST_TEXT = 4_000_000
_LONGEST_PRODUCT = 1_000_000
_LARGEST_POWER = 4_096  # bits


def fill_template(preset: Preset, workspace: Workspace) -> str:
    """The text that a preset's template gives with its values.

    Raises:
        ConfigError: the template is not there or broken, does what the sandbox forbids, or names
            what nobody has defined; or the preset has a value that its template does not read.
    """
    environment = _environment(tuple(map(str, template_folders(workspace))))
    name = preset.template + _ENDING
    try:
        _refuse_unread(preset, environment, name)
        pieces = environment.get_template(name).generate(
            {item.name: item.value for item in preset.values}
        )
        return _joined(pieces, preset)
    except TemplateNotFound as error:
        known = {file for file in environment.list_templates() if file.endswith(_ENDING)}
        raise ConfigError(
            f"{preset.path}: there is no template {error.name}",
            fix=did_you_mean(str(error.name), known)
            or f"The templates: {', '.join(sorted(known))}.",
        ) from error
    except TemplateSyntaxError as error:
        place = f"{error.filename or error.name}:{error.lineno}"
        raise ConfigError(f"{place}: {error.message}", fix="Correct the template.") from error
    except _UnknownNameError as error:
        raise _explained(error, preset, environment) from error
    # What a template computes from values of the wrong kind.
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
        place = next((f"{f.filename}:{f.lineno}: " for f in _template_frames(error)), "")
        raise ConfigError(
            f"{place}{error}", fix=f"Correct the template, or a value in {preset.path}."
        ) from error
    except RecursionError as error:
        place = next((f"{f.filename}:{f.lineno}: " for f in _template_frames(error)), "")
        raise ConfigError(
            f"{place}calls itself without end", fix="Correct the template."
        ) from error


class _UnknownNameError(UndefinedError):
    """A template uses a name that stands for nothing."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


class _Undefined(StrictUndefined):
    """An undefined variable whose error knows its name."""

    __slots__ = ()

    def __init__(
        self,
        hint: str | None = None,
        obj: Any = missing,
        name: str | None = None,
        exc: Any = UndefinedError,
    ) -> None:
        if obj is missing and hint is None and name is not None:
            exc = functools.partial(_UnknownNameError, name)
        super().__init__(hint, obj, name, exc)


class _Loader(FileSystemLoader):
    """Loads a template anew also where another file of its name has come before it."""

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str, Callable[[], bool]]:
        source, path, is_unchanged = super().get_source(environment, template)

        def is_current() -> bool:
            places = (Path(folder) / template for folder in self.searchpath)
            return next((str(p) for p in places if p.is_file()), None) == path and is_unchanged()

        return source, path, is_current


class _Sandbox(ImmutableSandboxedEnvironment):
    """jinja2's sandbox, in which a product cannot fill the memory either."""

    intercepted_binops = frozenset(("*", "**"))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "**":
            bits = left.bit_length() * right if isinstance(left, int) else 0
            if bits > _LARGEST_POWER:
                raise SecurityError(f"a power of more than {_LARGEST_POWER:,} bits")
        for whole, times in ((left, right), (right, left)):
            is_sequence = isinstance(whole, str | bytes | list | tuple) and isinstance(times, int)
            if operator == "*" and is_sequence and len(whole) * times > _LONGEST_PRODUCT:
                raise SecurityError(f"a product of more than {_LONGEST_PRODUCT:,} elements")
        return super().call_binop(context, operator, left, right)


@functools.lru_cache(maxsize=8)
def _environment(folders: tuple[str, ...]) -> Environment:
    """The environment of some folders of templates; each template is compiled once."""
    environment = _Sandbox(
        loader=_Loader(folders, encoding="utf-8"),
        undefined=_Undefined,
        autoescape=False,  # the text of a config is no HTML
    )
    environment.filters["literal"] = _literal
    # What would give another text each time.
    del environment.filters["random"], environment.globals["lipsum"]
    return environment


def _literal(value: object) -> str:
    """A value as a config has it: a text in quotes, a list in brackets."""
    if isinstance(value, Undefined):
        return str(value)  # raises its error
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'"{escaped}"'
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_literal, value))}]"
    raise TypeError(f"a field takes a text, a number, true, false or a list, not {value!r}")


def _joined(pieces: Iterator[str], preset: Preset) -> str:
    parts, length = [], 0
    for piece in pieces:
        parts.append(piece)
        length += len(piece)
        if length > _LONGEST_TEXT:
            raise ConfigError(
                f"{preset.path}: its template gives more than {_LONGEST_TEXT:,} characters",
                fix="Look for a loop that goes too far.",
            )
    return "".join(parts)


def _refuse_unread(preset: Preset, environment: Environment, name: str) -> None:
    """A variable that only this preset has, and that its template does not read, is a mistake."""
    unread = set(preset.added)
    names: set[str] = set()
    for _, tree in _filled_with_values(environment, name) if unread else ():
        variables = meta.find_undeclared_variables(tree)
        names |= variables
        unread -= variables
        if not unread:
            return
    if unread:
        first = min(unread)
        raise ConfigError(
            f'{preset.path}: the template {name} has no variable "{first}"',
            fix=did_you_mean(first, names) or f"Its variables: {', '.join(sorted(names))}.",
        )


def _filled_with_values(
    environment: Environment, name: str
) -> Iterator[tuple[str, nodes.Template]]:
    """The templates that see a preset's values: its own, those it extends, those they include.

    Macros see what they are given, and are not among them.
    """
    assert environment.loader is not None
    waiting, seen = [name], set[str]()
    while waiting:
        name = waiting.pop(0)
        if name in seen:
            continue
        seen.add(name)
        source, path, _ = environment.loader.get_source(environment, name)
        tree = environment.parse(source, name, path)
        yield str(path), tree
        found = [node.template for node in tree.find_all(nodes.Extends)]
        found += [node.template for node in tree.find_all(nodes.Include)]
        # What is computed cannot be known here.
        waiting += [str(other.value) for other in found if isinstance(other, nodes.Const)]


def _explained(error: _UnknownNameError, preset: Preset, environment: Environment) -> ConfigError:
    """What to say of an undefined name: where it stands, and which names there are."""
    name = error.name
    word = re.compile(rf"\b{re.escape(name)}\b")
    place, path = "", ""
    # An undefined name may travel through macros before anything asks for its value.
    for frame in _template_frames(error):
        path = frame.filename
        lines = Path(path).read_text("utf-8").splitlines()
        mentions = [number for number, line in enumerate(lines, 1) if word.search(line)]
        if mentions:
            # Of an expression over several lines jinja2 tells the first.
            below = [number for number in mentions if number >= (frame.lineno or 0)]
            place = f"{path}:{(below or mentions)[0]}: "
            break
    trees = dict(_filled_with_values(environment, preset.template + _ENDING))
    variables = {item.name for item in preset.values} if path in trees else set()
    if path and path not in trees:
        trees[path] = environment.parse(Path(path).read_text("utf-8"))
    defined = _defined_in(trees[path]) if path in trees else set()
    fix = did_you_mean(name, variables | defined)
    listed = ", ".join(sorted(variables or defined)) or "none"
    return ConfigError(f'{place}"{name}" is undefined', fix=f"{fix} There are: {listed}.".strip())


def _defined_in(tree: nodes.Template) -> set[str]:
    """The names that a template gives a meaning itself."""
    found = {node.name for node in tree.find_all(nodes.Name) if node.ctx in {"param", "store"}}
    found |= {node.name for node in tree.find_all(nodes.Macro)}
    found |= {node.target for node in tree.find_all(nodes.Import)}
    for node in tree.find_all(nodes.FromImport):
        found |= {name if isinstance(name, str) else name[1] for name in node.names}
    return found


def _template_frames(error: Exception) -> Iterator[traceback.FrameSummary]:
    """The places in templates at which an error arose, innermost first: jinja2 puts them there."""
    frames = traceback.extract_tb(error.__traceback__)
    return (frame for frame in reversed(frames) if Path(frame.filename).suffix == ".j2")
