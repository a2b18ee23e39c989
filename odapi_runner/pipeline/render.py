"""A preset and changes become the text of a pipeline.config.

as published    the template, filled with the preset's values
+ defaults      what odapi changes in every published config (`defaults`)
+ the preset    what it sets of its own
+ the label map its largest id is the number of classes
+ the user      patches, -s, -d
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from odapi_runner import files
from odapi_runner.errors import ConfigError
from odapi_runner.formats.label_map import read_label_map
from odapi_runner.pipeline.defaults import apply_defaults
from odapi_runner.pipeline.overrides import (
    Changed,
    Changes,
    apply_changes,
    is_shorthand,
    parse_override,
)
from odapi_runner.pipeline.presets import Preset, Setting, read_preset
from odapi_runner.pipeline.recipe import Recipe, render_file
from odapi_runner.pipeline.shorthands import SHORTHANDS
from odapi_runner.pipeline.templates import fill_template
from odapi_runner.proto.text import parse_pipeline, render_pipeline
from odapi_runner.workspace import Workspace

_PATHS = {"fine_tune_checkpoint", "input_path", "keypoint_label_map_path", "label_map_path"}


def render(
    preset: str,
    changes: Changes,
    workspace: Workspace,
    say: Callable[[str], None] = lambda _: None,
    *,
    as_published: bool = False,
    absolute: bool = False,
) -> str:
    """The text of a pipeline.config: a comment that says how it was made, and the config.

    Args:
        preset: the name of a preset.
        changes: what to change, as `overrides.apply_changes` does it.
        workspace: whose templates come before the shipped ones; relative paths start there.
        say: told the notes of the changes.
        as_published: without odapi's defaults: the sample config, but for its paths.
        absolute: with absolute paths, for use elsewhere.

    Raises:
        ConfigError: the preset, its template or a change cannot be used.
        DataError: the label map that the config names is there and broken.
    """
    changed = build_pipeline(
        preset, changes, workspace, as_published=as_published, absolute=absolute
    )
    for note in changed.notes:
        say(note)
    about = read_preset(preset, workspace).about + (", as published" if as_published else "")
    recipe = Recipe(preset, changes, as_published, absolute).told_from(workspace.root)
    return render_file(recipe, about, render_pipeline(changed.message))


def build_pipeline(
    preset: str,
    changes: Changes,
    workspace: Workspace,
    *,
    as_published: bool = False,
    absolute: bool = False,
) -> Changed:
    """The TrainEvalPipelineConfig that `render` writes; arguments and errors as there."""
    found = read_preset(preset, workspace)
    published = build_published(found, workspace)
    if as_published:
        _refuse_unpublished(found)
        changed = apply_changes(published, changes)
    else:
        base = apply_defaults(published, found.origin)
        changed = _with_settings(base, found, changes, workspace)
    if absolute:
        changed = replace(changed, message=_with_absolute_paths(changed.message, workspace))
    return changed


def build_published(preset: Preset, workspace: Workspace) -> Any:
    """The config that a preset's template and values give: a sample as it was published.

    Raises:
        ConfigError: the template cannot be used.
    """
    # Lines of an error in what a template gives are not the template's.
    where = f"{preset.template}.config.j2 filled for {preset.name}"
    return parse_pipeline(fill_template(preset, workspace), where)


def own_settings(preset: Preset) -> Iterator[Setting]:
    """What a preset sets of its own, in the order in which `apply_changes` would do it."""
    by_name = {setting.name: setting for setting in preset.overrides}
    return (by_name[name] for name in sorted(by_name, key=_rank))


def apply_setting(config: Any, preset: Preset, setting: Setting) -> Any:
    """A copy of a config with one `set` of a preset.

    Raises:
        ConfigError: it does not fit the config.
    """
    try:
        return apply_changes(config, Changes((_typed(setting),))).message
    except ConfigError as error:
        raise ConfigError(
            f"{preset.path}: [set.{setting.group}] {error.what}", fix=error.fix
        ) from error


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


def _refuse_unpublished(preset: Preset) -> None:
    if preset.published is None:
        raise ConfigError(
            f"{preset.name} was not published by the Object Detection API",
            fix=f"Leave out --as-published, or render what it extends: {preset.extends}."
            if preset.extends
            else "Leave out --as-published.",
        )


def _rank(name: str) -> int:
    """Shorthands in their own order before full paths, whose order stays."""
    words = list(SHORTHANDS)
    return words.index(name) if name in words else len(words)


def _typed(setting: Setting) -> str:
    """A preset's setting as it would be typed."""
    value = setting.value
    if isinstance(value, list):
        # In quotes a comma is no end of an item.
        items = (f'"{item}"' if isinstance(item, str) else _typed_item(item) for item in value)
        return f"{setting.name}=[{', '.join(items)}]"
    return f"{setting.name}={_typed_item(value)}"


def _typed_item(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _with_settings(base: Any, preset: Preset, changes: Changes, workspace: Workspace) -> Changed:
    """A base with the preset's settings, the classes of the label map, and the user's changes.

    A word that both have is the user's: what is in proportion (rates to the batch, warm-up to the
    steps) is then so to the published values, without rounding twice. Not beside a patch, which is
    written for the preset as it is.
    """
    words, rest = ({}, changes) if changes.patches else _split(changes)
    own = {setting.name: setting for setting in preset.overrides}
    notes: list[str] = []
    for name in sorted(dict.fromkeys([*own, *words]), key=_rank):
        if name in words:
            changed = apply_changes(base, Changes((words[name],)))
            base, notes = changed.message, [*notes, *changed.notes]
        else:
            base = apply_setting(base, preset, own[name])
    changed = apply_changes(base, rest)
    if "num_classes" not in words:
        # What the user says of the classes in `rest` still wins.
        followed = _with_classes_of(
            changed.message.train_input_reader.label_map_path, base, workspace
        )
        changed = apply_changes(followed, rest)
    return replace(changed, notes=(*notes, *changed.notes))


def _split(changes: Changes) -> tuple[dict[str, str], Changes]:
    """The shorthands among the overrides, the last of each name, and everything else."""
    words, others = {}, []
    for text in changes.overrides:
        override = parse_override(text)
        if is_shorthand(override):
            words[override.path] = text
        else:
            others.append(text)
    return words, replace(changes, overrides=tuple(others))


def _with_classes_of(label_map: str, config: Any, workspace: Workspace) -> Any:
    """A config whose number of classes is the largest id of a label map, where that file exists."""
    if not label_map or not config.model.WhichOneof("model"):
        return config
    path = workspace.resolve(label_map)
    if not files.is_file(path):
        return config
    classes = max(read_label_map(path).ids())
    return apply_changes(config, Changes((f"num_classes={classes}",))).message


def _with_absolute_paths(message: Any, workspace: Workspace) -> Any:
    """A copy of a message in which every path begins at the root of the file system."""
    changed = type(message)()
    changed.CopyFrom(message)
    for parent, name in list(_path_fields(changed)):
        value = getattr(parent, name)
        if isinstance(value, str):
            setattr(parent, name, _absolute(value, workspace))
        else:
            value[:] = [_absolute(path, workspace) for path in value]
    return changed


def _path_fields(message: Any) -> Iterator[tuple[Any, str]]:
    """Each message with a path in it, and the field that holds it."""
    for field, value in message.ListFields():
        if field.name in _PATHS:
            yield message, field.name
        elif field.message_type and not field.message_type.GetOptions().map_entry:
            for part in [value] if field.has_presence else value:
                yield from _path_fields(part)


def _absolute(path: str, workspace: Workspace) -> str:
    return str(Path(workspace.root, path).absolute()) if path else path
