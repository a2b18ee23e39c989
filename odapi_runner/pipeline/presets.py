"""Presets: a template and values, each with where it comes from, in `templates/presets/NAME.toml`.

    about = "one line for the list of presets"
    template = "efficientdet"         # templates/efficientdet.config.j2
    extends = "efficientdet-d0"       # everything of that preset that is not said here; or both
    published = "ssd_….config"        # the sample of the Object Detection API that it reproduces

    [values.GROUP]                    # the template's variables, named after the fields they fill
    from = "where these values come from"
    image_size = 512

    [set.GROUP]                       # shorthands or full paths, as if given with -s
    from = "where these values come from"
    batch_size = 4

Values make the config as it was published; `set` is what a preset changes of it, and what depends
on a word of `set` follows. A user's preset, below the workspace, comes before a shipped one of the
same name.
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

_TEXTS = ("about", "extends", "published", "template")
_KEYS = (*_TEXTS, "set", "values")


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
    extends: str | None = None
    published: str | None = None  # the sample that its values reproduce
    origin: str | None = None  # that, or the sample of the nearest preset that it extends
    added: tuple[str, ...] = ()  # variables that nothing that it extends has


def template_folders(workspace: Workspace) -> list[Path]:
    """Where templates and presets are looked for, in order."""
    return list(dict.fromkeys((workspace.templates.resolve(), shipped("templates").resolve())))


def preset_names(workspace: Workspace) -> list[str]:
    """The names of all presets, sorted."""
    return sorted(_files(workspace))


def read_preset(name: str, workspace: Workspace, below: Sequence[str] = ()) -> Preset:
    """The preset of a name.

    Args:
        name: its file name without `.toml`.
        workspace: whose own presets come first.
        below: the presets that extend this one, for its errors.

    Raises:
        ConfigError: there is none of that name, or its file is not as described above.
    """
    files = _files(workspace)
    if name not in files:
        longer = [other for other in sorted(files) if name and other.startswith(name)]
        near = f"There are: {', '.join(longer)}." if longer else did_you_mean(name, files)
        raise ConfigError(f'no preset "{name}"', fix=near or "The presets: odapi presets")
    path = files[name]
    content = _read_toml(path)
    about, published = content["about"], content.get("published")
    values, overrides = _settings(path, content, "values"), _settings(path, content, "set")
    if "extends" not in content:
        template = content["template"]
        return Preset(name, path, about, template, values, overrides, None, published, published)
    extends = content["extends"]
    if extends in (name, *below):
        raise ConfigError(f"{path}: extends itself", fix="Extend a preset of another name.")
    if extends not in files:
        near = did_you_mean(extends, files) or "The presets: odapi presets"
        raise ConfigError(f'{path}: extends "{extends}", which is no preset', fix=near)
    parent = read_preset(extends, workspace, (name, *below))
    inherited = {setting.name for setting in parent.values}
    return Preset(
        name=name,
        path=path,
        about=about,
        template=content.get("template", parent.template),
        values=_merged(parent.values, values),
        overrides=_merged(parent.overrides, overrides),
        extends=extends,
        published=published,
        origin=published or parent.origin,
        added=(*parent.added, *(item.name for item in values if item.name not in inherited)),
    )


def _files(workspace: Workspace) -> dict[str, Path]:
    """The files of all presets by their names; the workspace's before the shipped ones."""
    folders = [folder / "presets" for folder in reversed(template_folders(workspace))]
    return {path.stem: path for folder in folders for path in folder.glob("*.toml")}


def _read_toml(path: Path) -> dict[str, Any]:
    """The content of a preset's file, its keys and their kinds checked."""
    try:
        content = tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}", fix="Correct the TOML at this place.") from error
    except RecursionError:
        raise ConfigError(f"{path}: brackets within brackets", fix="Correct the TOML.") from None
    unknown = sorted(set(content) - set(_KEYS))
    if unknown:
        raise ConfigError(
            f'{path}: unknown key "{unknown[0]}"',
            fix=did_you_mean(unknown[0], _KEYS) or f"Its keys: {', '.join(_KEYS)}.",
        )
    if not {"extends", "template"} & set(content):
        raise ConfigError(
            f"{path}: needs template or extends", fix='As in extends = "efficientdet-d0"'
        )
    if "about" not in content:
        raise ConfigError(f"{path}: needs about", fix='As in about = "one line"')
    for key in _TEXTS:
        value = content.get(key, key)
        if not isinstance(value, str) or len(value.splitlines()) != 1:
            raise ConfigError(f"{path}: {key} is not one line", fix=f'As in {key} = "words"')
    return content


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
