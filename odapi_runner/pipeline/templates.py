"""Filling a template with the values of its preset, and saying what is wrong with it."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from pathlib import Path

from jinja2 import (
    Environment,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
    meta,
    nodes,
)

from odapi_runner.errors import ConfigError, did_you_mean
from odapi_runner.pipeline.presets import Preset, template_folders
from odapi_runner.pipeline.sandbox import LONGEST_TEXT, UnknownNameError, build_environment
from odapi_runner.proto.text import read_text
from odapi_runner.workspace import Workspace

_ENDING = ".config.j2"


def fill_template(preset: Preset, workspace: Workspace) -> str:
    """The text that a preset's template gives with its values.

    Raises:
        ConfigError: the template is not there or broken, does what the sandbox forbids, or names
            what nobody has defined; or the preset has a value that its template does not read.
    """
    environment = build_environment(tuple(map(str, template_folders(workspace))))
    name = preset.template + _ENDING
    try:
        template = environment.get_template(name)
        _refuse_unread(preset, environment, name)
        return _joined(template.generate({v.name: v.value for v in preset.values}), preset)
    except TemplateNotFound as error:
        folders = template_folders(workspace)
        known = {
            path.name.removesuffix(_ENDING)
            for folder in folders
            for path in folder.glob(f"*{_ENDING}")
        }
        raise ConfigError(
            f"{preset.path}: there is no template {error.name}",
            # The key is the name without its ending, which people write all the same.
            fix=did_you_mean(str(error.name).removesuffix(_ENDING).removesuffix(_ENDING), known)
            or f"The templates: {', '.join(sorted(known))}.",
        ) from error
    except TemplateSyntaxError as error:
        raise _unreadable(error) from error
    except UnknownNameError as error:
        raise _explained(error, preset, environment) from error
    # What a template computes from values of the wrong kind.
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
        fix = f"Correct the template, or a value in {preset.path}."
        raise ConfigError(f"{_place(error)}{error}", fix=fix) from error
    except RecursionError as error:
        what = f"{_place(error)}calls itself without end"
        raise ConfigError(what, fix="Correct the template.") from error


def _joined(pieces: Iterator[str], preset: Preset) -> str:
    parts, length = [], 0
    for piece in pieces:
        parts.append(piece)
        length += len(piece)
        if length > LONGEST_TEXT:
            raise ConfigError(
                f"{preset.path}: its template gives more than {LONGEST_TEXT:,} characters",
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
        try:
            source, path, _ = environment.loader.get_source(environment, name)
        except TemplateNotFound:
            continue  # an `include … ignore missing`; without these words, filling tells it
        tree = environment.parse(source, name, path)
        yield str(path), tree
        found = [node.template for node in tree.find_all(nodes.Extends)]
        found += [node.template for node in tree.find_all(nodes.Include)]
        # What is computed cannot be known here.
        waiting += [str(other.value) for other in found if isinstance(other, nodes.Const)]


def _explained(error: UnknownNameError, preset: Preset, environment: Environment) -> ConfigError:
    """What to say of an undefined name: where it stands, and which names there are."""
    name = error.name
    word = re.compile(rf"\b{re.escape(name)}\b")
    place, path = "", ""
    # An undefined name may travel through macros before anything asks for its value.
    for frame in _template_frames(error):
        path = frame.filename
        lines = read_text(Path(path)).splitlines()
        mentions = [number for number, line in enumerate(lines, 1) if word.search(line)]
        if mentions:
            # Of an expression over several lines jinja2 tells the first.
            below = [number for number in mentions if number >= (frame.lineno or 0)]
            place = f"{path}:{(below or mentions)[0]}: "
            break
    try:
        trees = dict(_filled_with_values(environment, preset.template + _ENDING))
    except TemplateSyntaxError as broken:  # of a template that filling has not come to
        return _unreadable(broken)
    variables = {item.name for item in preset.values} if path in trees else set()
    if path and path not in trees:
        trees[path] = environment.parse(read_text(Path(path)))
    defined = _defined_in(trees[path]) if path in trees else set()
    fix = did_you_mean(name, variables | defined)
    listed = ", ".join(sorted(variables or defined)) or "none"
    return ConfigError(f'{place}"{name}" is undefined', fix=f"{fix} There are: {listed}.".strip())


def _unreadable(error: TemplateSyntaxError) -> ConfigError:
    place = f"{error.filename or error.name}:{error.lineno}"
    return ConfigError(f"{place}: {error.message}", fix="Correct the template.")


def _defined_in(tree: nodes.Template) -> set[str]:
    """The names that a template gives a meaning itself."""
    found = {node.name for node in tree.find_all(nodes.Name) if node.ctx in {"param", "store"}}
    found |= {node.name for node in tree.find_all(nodes.Macro)}
    found |= {node.target for node in tree.find_all(nodes.Import)}
    for node in tree.find_all(nodes.FromImport):
        found |= {name if isinstance(name, str) else name[1] for name in node.names}
    return found


def _place(error: Exception) -> str:
    """The beginning of a message: the innermost place in a template, where there is one."""
    return next((f"{f.filename}:{f.lineno}: " for f in _template_frames(error)), "")


def _template_frames(error: Exception) -> Iterator[traceback.FrameSummary]:
    """The places in templates at which an error arose, innermost first: jinja2 puts them there."""
    frames = traceback.extract_tb(error.__traceback__)
    return (frame for frame in reversed(frames) if Path(frame.filename).suffix == ".j2")
