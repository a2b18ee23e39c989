"""A preset and overrides become the text of a pipeline.config."""

from __future__ import annotations

import shlex
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from jinja2 import (
    FileSystemLoader,
    StrictUndefined,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
    UndefinedError,
)
from jinja2.sandbox import SandboxedEnvironment

from odapi_runner import __version__
from odapi_runner.errors import ConfigError, did_you_mean
from odapi_runner.formats.label_map import read_label_map
from odapi_runner.pipeline.overrides import Changed, Changes, apply_changes
from odapi_runner.pipeline.presets import Preset, Setting, read_preset, template_folders
from odapi_runner.proto.text import parse_pipeline, render_pipeline
from odapi_runner.workspace import Workspace


def render(
    preset: str,
    changes: Changes,
    workspace: Workspace,
    say: Callable[[str], None] = lambda _: None,
) -> str:
    """The text of a pipeline.config: a comment that says how it was made, and the config.

    Args:
        preset: the name of a preset.
        changes: what to change, as `overrides.apply_changes` does it.
        workspace: whose templates come before the shipped ones; relative paths start there.
        say: told the notes of the changes.

    Raises:
        ConfigError: the preset, its template or an override cannot be used.
        DataError: the label map that the config names is there and broken.
    """
    changed = build_pipeline(preset, changes, workspace)
    for note in changed.notes:
        say(note)
    command = shlex.join(render_command(preset, changes))
    lines = [
        f"# Rendered by odapi {__version__}: {read_preset(preset, workspace).about}.",
        f"# {command}",
    ]
    return "\n".join([*lines, "", render_pipeline(changed.message)])


def render_command(preset: str, changes: Changes) -> list[str]:
    """The command line that renders a preset with these changes."""
    return ["odapi", "render", "--preset", preset, *changes.words()]


def build_pipeline(preset: str, changes: Changes, workspace: Workspace) -> Changed:
    """The TrainEvalPipelineConfig that `render` writes; arguments and errors as there."""
    found = read_preset(preset, workspace)
    # Lines of an error in what a template gives are not the template's.
    where = f"{found.template}.config.j2 filled for {preset}"
    message = parse_pipeline(_fill_template(found, workspace), where)
    given = changes.given()
    own = tuple(_typed(item) for item in found.overrides if item.name not in given)
    if changes.patches:
        # They change what the preset gives, its own settings included.
        message, own = apply_changes(message, Changes(own)).message, ()
    # A preset's own overrides and the user's are applied at once, so that what is in proportion
    # (rates to the batch, warm-up to the steps) is so to the published values, without rounding.
    changed = apply_changes(message, replace(changes, overrides=(*own, *changes.overrides)))
    family = changed.message.model.WhichOneof("model")
    asked = set(changed.paths) if changes.patches else given
    if not {"num_classes", f"model.{family}.num_classes"} & asked:
        message = _with_classes_of_label_map(changed.message, workspace)
        changed = replace(changed, message=message)
    return changed


def without_fine_tuning(message: Any) -> Any:
    """A copy of a config that starts from scratch: nothing of `fine_tune_checkpoint` in it."""
    changed = type(message)()
    changed.CopyFrom(message)
    for name in (
        "fine_tune_checkpoint",
        "fine_tune_checkpoint_type",
        "fine_tune_checkpoint_version",
        "from_detection_checkpoint",
    ):
        changed.train_config.ClearField(name)
    return changed


def _typed(setting: Setting) -> str:
    """A preset's override as it would be typed."""
    value = setting.value
    if isinstance(value, bool):
        value = str(value).lower()
    text = f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)
    return f"{setting.name}={text}"


def _with_classes_of_label_map(message: Any, workspace: Workspace) -> Any:
    """`num_classes` follows the label map where that file exists: its largest id."""
    path = message.train_input_reader.label_map_path
    if not path or not workspace.resolve(path).is_file():
        return message
    classes = max(read_label_map(workspace.resolve(path)).ids())
    return apply_changes(message, Changes((f"num_classes={classes}",))).message


def _fill_template(preset: Preset, workspace: Workspace) -> str:
    environment = SandboxedEnvironment(
        loader=FileSystemLoader(template_folders(workspace), encoding="utf-8"),
        undefined=StrictUndefined,
        autoescape=False,  # the text of a config is no HTML
    )
    environment.filters["quoted"] = _quoted
    values = {setting.name: setting.value for setting in preset.values}
    try:
        return environment.get_template(f"{preset.template}.config.j2").render(values)
    except TemplateNotFound as error:
        folders = template_folders(workspace)
        known = {path.name for folder in folders for path in folder.glob("*.config.j2")}
        raise ConfigError(
            f"{preset.path}: there is no template {error.name}",
            fix=did_you_mean(str(error.name), known)
            or f"The templates: {', '.join(sorted(known))}.",
        ) from error
    except TemplateSyntaxError as error:
        place = f"{error.filename or error.name}:{error.lineno}"
        raise ConfigError(f"{place}: {error.message}", fix="Correct the template.") from error
    except UndefinedError as error:
        raise _in_template(
            error, f"The values of {preset.name}: odapi presets {preset.name}"
        ) from error
    # What a template computes from values of the wrong kind.
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
        raise _in_template(error, f"Correct the template, or a value in {preset.path}.") from error


def _in_template(error: Exception, fix: str) -> ConfigError:
    """The error of a template at the line where it arose: jinja2 puts it into the traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    place = next((f"{f.filename}:{f.lineno}: " for f in reversed(frames) if _is_template(f)), "")
    return ConfigError(f"{place}{error}", fix=fix)


def _is_template(frame: traceback.FrameSummary) -> bool:
    return Path(frame.filename).suffix == ".j2"


def _quoted(text: object) -> str:
    """A string of a config: in quotes, on one line."""
    if not isinstance(text, str):
        raise TypeError(f"a text was expected, not {text!r}")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
