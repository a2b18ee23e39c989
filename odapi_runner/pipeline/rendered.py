"""The rendered configs of a workspace: `pipelines/NAME/pipeline.config`.

The head of a rendered config says what it was rendered from (`recipe`). So a file can be compared
with what its preset gives now, and an edit by hand is told from a file that is merely old: nobody's
edit is lost, nobody trains an old config unknowingly.
"""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

from odapi_runner.errors import ConfigError, OdapiError, did_you_mean
from odapi_runner.files import is_file, keep_backup, write_atomic
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.presets import preset_names
from odapi_runner.pipeline.recipe import Recipe, is_as_rendered, parse_recipe
from odapi_runner.pipeline.render import build_pipeline, render
from odapi_runner.proto.text import parse_pipeline, read_text
from odapi_runner.workspace import Workspace

_LAST = ".last"


def write_rendered(
    preset: str,
    changes: Changes,
    workspace: Workspace,
    out: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
    *,
    as_published: bool = False,
    absolute: bool = False,
    force: bool = False,
) -> Path:
    """Render a preset into a file, atomically, and remember it as the pipeline rendered last.

    Args:
        preset: the name of a preset.
        changes: what to change, as `overrides.apply_changes` does it.
        workspace: where it is remembered and where the file goes.
        out: another file than `pipelines/PRESET/pipeline.config`.
        say: told the notes of the changes, and where a file that is replaced is kept.
        as_published: without odapi's defaults, as in `render.render`.
        absolute: with absolute paths.
        force: replace also a file that somebody has edited; it is kept as FILE.bak.

    Returns:
        The file.

    Raises:
        ConfigError, DataError: as `render.render`, or somebody has edited the file that is there;
            nothing is written then.
    """
    path = out or workspace.pipeline_config(preset)
    text = render(preset, changes, workspace, say, as_published=as_published, absolute=absolute)
    edited = is_file(path) and not _may_replace(path, text, workspace)
    if edited and not force:
        shown = shlex.quote(workspace.shown(path))
        raise ConfigError(
            f"{path}: was not rendered, or was edited since; rendering would lose that",
            fix=f"Change the file itself: odapi edit --in-place {shown} -s …   Or render elsewhere "
            "with --out, or replace it with --force.",
        )
    try:
        if edited:
            say(f"the file as it was: {workspace.shown(keep_backup(path))}")
        write_atomic(path, text)
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be written ({error.strerror})", fix="Choose another place with --out."
        ) from error
    # A file elsewhere is no pipeline of the workspace: `odapi train` takes it with --config.
    name = path.resolve().parent.name
    if path.resolve() == workspace.pipeline_config(name).resolve():
        workspace.mark()
        write_atomic(workspace.pipelines / _LAST, f"{name}\n")
    return path


def last_rendered(workspace: Workspace) -> str | None:
    """The name of the pipeline rendered last in this workspace, if it is still there."""
    last = workspace.pipelines / _LAST
    name = last.read_text(encoding="utf-8").strip() if last.is_file() else ""
    return name if name and workspace.pipeline_config(name).is_file() else None


def ensure_rendered(
    name: str,
    changes: Changes,
    workspace: Workspace,
    say: Callable[[str], None] = lambda _: None,
) -> Path:
    """The config of pipeline `name`, rendered from the preset of that name where it is absent.

    A file that is there is used if it is what its recipe gives now. Its recipe is:

    - without changes: the command in its second line, else the preset `name` as it is;
    - with changes: the same preset with these, and only these.

    What counts is the config, not its comments. A file of which no preset is known (no such line,
    and no preset of its name) was made by hand and is used as it is.

    Raises:
        ConfigError: the file is something else than its recipe gives (it was edited, its preset or
            label map has changed, it was rendered with other changes), or there is neither a
            file nor a preset of that name, or changes are given for a file made by hand.
    """
    path = workspace.pipeline_config(name)
    if not is_file(path):
        if name not in preset_names(workspace):
            raise _no_pipeline(name, workspace)
        return write_rendered(name, changes, workspace, say=say)

    text = read_text(path)
    recorded = parse_recipe(text)
    preset = recorded.preset if recorded else name
    as_it_is = f"odapi train --config {shlex.quote(workspace.shown(path))}"
    if preset not in preset_names(workspace):
        if changes:
            raise ConfigError(
                f"{path}: no preset is known from which to render it with other settings",
                fix=f"Give them to the file itself: {as_it_is} -s …",
            )
        return path

    recipe = recorded.found_from(workspace.root) if recorded else Recipe(preset)
    if changes:
        recipe = dataclasses.replace(recipe, changes=changes)
    if parse_pipeline(text, str(path)) != _build(recipe, workspace):
        edited = not is_as_rendered(text)
        out = () if preset == name else ("--out", workspace.shown(path))
        command = recipe.told_from(workspace.root).command(*out, *(["--force"] if edited else []))
        raise ConfigError(
            f"{path}: {'was edited, ' if edited else ''}not what the preset {preset} and its "
            "settings give now",
            fix=f"Keep this file: {as_it_is}   Or replace it: {command}",
        )
    return path


def _may_replace(path: Path, text: str, workspace: Workspace) -> bool:
    """Whether a file holds nothing of anybody's own: it is as some odapi rendered it."""
    try:
        there = read_text(path)
        if there == text or is_as_rendered(there):
            return True
        # Files of odapi 0.1 have no digest.
        recipe = parse_recipe(there)
        return (
            recipe is not None
            and "#" not in there.split("\n", 2)[-1]
            and parse_pipeline(there, str(path))
            == _build(recipe.found_from(workspace.root), workspace)
        )
    except OdapiError:  # no config, or nothing that can be rendered again
        return False


def _build(recipe: Recipe, workspace: Workspace) -> Any:
    return build_pipeline(
        recipe.preset,
        recipe.changes,
        workspace,
        as_published=recipe.as_published,
        absolute=recipe.absolute,
    ).message


def _no_pipeline(name: str, workspace: Workspace) -> ConfigError:
    there = sorted(path.parent.name for path in workspace.pipelines.glob("*/pipeline.config"))
    near = did_you_mean(name, {*there, *preset_names(workspace)})
    pipelines = f"The pipelines: {', '.join(there) or 'none yet'}. The presets: odapi presets"
    return ConfigError(f'neither a pipeline nor a preset "{name}"', fix=near or pipelines)
