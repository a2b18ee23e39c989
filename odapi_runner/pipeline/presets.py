"""Presets: a template and values, each with where it comes from, in `templates/presets/NAME.toml`.

    about = "one line for the list of presets"
    template = "efficientdet"         # templates/efficientdet.config.j2; or
    extends = "efficientdet-d0"       # everything of that preset that is not said here

    [values.GROUP]                    # the template's variables
    from = "where these values come from"
    image_size = 512

    [set.GROUP]                       # shorthands or full paths, as if given with -s
    from = "where these values come from"
    batch_size = 4

A user's preset, below the workspace, comes before a shipped one of the same name.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from odapi_runner.errors import ConfigError, did_you_mean
from odapi_runner.proto.text import read_text
from odapi_runner.workspace import Workspace, shipped

_KEYS = ("about", "extends", "set", "template", "values")


@dataclass(frozen=True, slots=True)
class Setting:
    """One value of a preset: a variable of its template, or a `-s` of its own."""

    group: str
    name: str
    value: Any
    source: str  # where the value comes from


@dataclass(frozen=True, slots=True)
class Preset:
    """A preset with everything that it extends."""

    name: str
    path: Path
    about: str
    template: str
    values: tuple[Setting, ...]
    overrides: tuple[Setting, ...]


def template_folders(workspace: Workspace) -> list[Path]:
    """Where templates and presets are looked for, in order."""
    return list(dict.fromkeys((workspace.templates.resolve(), shipped("templates").resolve())))


def preset_names(workspace: Workspace) -> list[str]:
    """The names of all presets, sorted."""
    folders = [folder / "presets" for folder in template_folders(workspace)]
    return sorted({path.stem for folder in folders for path in folder.glob("*.toml")})


def read_preset(name: str, workspace: Workspace, below: Sequence[str] = ()) -> Preset:
    """The preset of a name.

    Args:
        name: its file name without `.toml`.
        workspace: whose own presets come first.
        below: the presets that extend this one, for its errors.

    Raises:
        ConfigError: there is none of that name, or its file is not as described above.
    """
    path = _find(name, workspace)
    content = _read_toml(path)
    unknown = sorted(set(content) - set(_KEYS))
    if unknown:
        raise ConfigError(
            f'{path}: unknown key "{unknown[0]}"',
            fix=did_you_mean(unknown[0], _KEYS) or f"Its keys: {', '.join(_KEYS)}.",
        )
    if ("extends" in content) == ("template" in content):
        raise ConfigError(
            f"{path}: needs either template or extends", fix='As in template = "efficientdet"'
        )
    about = content.get("about")
    if not isinstance(about, str):
        raise ConfigError(f"{path}: needs about", fix='As in about = "one line"')
    values, overrides = _settings(path, content, "values"), _settings(path, content, "set")
    if "template" in content:
        return Preset(name, path, about, content["template"], values, overrides)
    if content["extends"] in (name, *below):
        raise ConfigError(f"{path}: extends itself", fix="Extend a preset of another name.")
    parent = read_preset(content["extends"], workspace, (name, *below))
    return Preset(
        name,
        path,
        about,
        parent.template,
        _merged(parent.values, values),
        _merged(parent.overrides, overrides),
    )


def _find(name: str, workspace: Workspace) -> Path:
    for folder in template_folders(workspace):
        path = folder / "presets" / f"{name}.toml"
        if path.is_file():
            return path
    known = preset_names(workspace)
    raise ConfigError(
        f'no preset "{name}"',
        fix=did_you_mean(name, known) or f"The presets: {', '.join(known)}.",
    )


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}", fix="Correct the TOML at this place.") from error


def _settings(path: Path, content: dict[str, Any], kind: str) -> tuple[Setting, ...]:
    """The settings of all groups of `values` or `set`."""
    groups = content.get(kind, {})
    found: dict[str, Setting] = {}
    for group, table in groups.items() if isinstance(groups, dict) else [(kind, groups)]:
        source = table.get("from") if isinstance(table, dict) else None
        if not isinstance(source, str):
            raise ConfigError(
                f"{path}: [{kind}.{group}] does not say where its values come from",
                fix='Add from = "…" below that line.',
            )
        for name, value in table.items():
            if name in found:
                raise ConfigError(
                    f"{path}: {name} stands in [{kind}.{found[name].group}] and [{kind}.{group}]",
                    fix="Keep one of the two.",
                )
            if name != "from":
                found[name] = Setting(group, name, value, source)
    return tuple(found.values())


def _merged(parent: Sequence[Setting], own: Sequence[Setting]) -> tuple[Setting, ...]:
    """The parent's settings, each replaced by the own one of its name; new ones at the end."""
    by_name = {setting.name: setting for setting in (*parent, *own)}
    return tuple(by_name.values())
