"""The rendered configs of a workspace: `pipelines/NAME/pipeline.config`.

The second line of a rendered config is the command that renders it. So a file can be compared with
what its preset gives now, and an edit by hand is told from a file that is merely old.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from odapi_runner.errors import ConfigError
from odapi_runner.files import write_atomic
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.presets import preset_names
from odapi_runner.pipeline.render import build_pipeline, render, render_command
from odapi_runner.proto.text import parse_pipeline, read_text
from odapi_runner.workspace import Workspace

_LAST = ".last"
_COMMAND = "# odapi render --preset "


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a config is rendered from."""

    preset: str
    changes: Changes

    def command(self, *more: str) -> str:
        """The command line that renders it."""
        return shlex.join([*render_command(self.preset, self.changes), *more])


def write_rendered(
    preset: str,
    changes: Changes,
    workspace: Workspace,
    out: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Path:
    """Render a preset into a file, atomically, and remember it as the pipeline rendered last.

    Args:
        preset: the name of a preset.
        changes: what to change, as `overrides.apply_changes` does it.
        workspace: where it is remembered and where the file goes.
        out: another file than `pipelines/PRESET/pipeline.config`.
        say: told the notes of the changes.

    Returns:
        The file.

    Raises:
        ConfigError, DataError: as `render.render`; nothing is written then.
    """
    path = out or workspace.pipeline_config(preset)
    text = render(preset, changes, workspace, say)
    try:
        write_atomic(path, text)
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be written ({error.strerror})", fix="Choose another place with --out."
        ) from error
    # A file elsewhere is no pipeline of the workspace: `odapi train` takes it with --config.
    name = path.resolve().parent.name
    if path.resolve() == workspace.pipeline_config(name).resolve():
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
    if not path.is_file():
        if name not in preset_names(workspace):
            raise _no_pipeline(name, workspace)
        return write_rendered(name, changes, workspace, say=say)

    text = read_text(path)
    recorded = _recipe_in(text)
    preset = recorded.preset if recorded else name
    as_it_is = f"odapi train --config {shlex.quote(workspace.shown(path))}"
    if preset not in preset_names(workspace):
        if changes:
            raise ConfigError(
                f"{path}: no preset is known from which to render it with other settings",
                fix=f"Give them to the file itself: {as_it_is} -s …",
            )
        return path

    recipe = recorded or Recipe(name, Changes())
    if changes:
        recipe = Recipe(preset, changes)
    wanted = build_pipeline(recipe.preset, recipe.changes, workspace).message
    if parse_pipeline(text, str(path)) != wanted:
        out = () if preset == name else ("--out", workspace.shown(path))
        raise ConfigError(
            f"{path}: not what the preset {preset} and its settings give now",
            fix=f"Keep this file: {as_it_is}   Or replace it: {recipe.command(*out)}",
        )
    return path


def _recipe_in(text: str) -> Recipe | None:
    """What the comment at the head of a config says that it was rendered from."""
    head = text.splitlines()[:2]
    if len(head) < 2 or not head[1].startswith(_COMMAND):
        return None
    try:
        words = shlex.split(head[1].removeprefix(_COMMAND))
    except ValueError:  # an open quote: somebody wrote into the comment
        return None
    preset, *options = words
    pairs = list(zip(options[::2], options[1::2], strict=False))
    changes = Changes(
        overrides=tuple(value for option, value in pairs if option == "-s"),
        deletes=tuple(value for option, value in pairs if option == "-d"),
        patches=tuple(Path(value) for option, value in pairs if option == "--patch"),
    )
    return Recipe(preset, changes)


def _no_pipeline(name: str, workspace: Workspace) -> ConfigError:
    there = sorted(path.parent.name for path in workspace.pipelines.glob("*/pipeline.config"))
    known = sorted({*there, *preset_names(workspace)})
    return ConfigError(
        f'neither a pipeline nor a preset "{name}"', fix=f"There are: {', '.join(known)}."
    )
