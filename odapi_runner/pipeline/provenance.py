"""Where each value of a preset's config comes from: the published one, odapi, or the preset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from odapi_runner.pipeline.defaults import defaults_for
from odapi_runner.pipeline.overrides import apply_changes
from odapi_runner.pipeline.presets import Preset
from odapi_runner.pipeline.render import apply_setting, build_published, own_settings
from odapi_runner.proto.differences import differing_fields
from odapi_runner.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Origin:
    """One value: of a variable of the template, or of a field that differs from the published."""

    name: str  # of the variable, or the field's path
    value: Any
    published: Any  # what the published config has there
    source: str  # where the value comes from
    differs: bool


def origins_of(preset: Preset, workspace: Workspace) -> list[Origin]:
    """The variables that hold as they are, then every field that differs from the published config.

    A variable is named after the field that it fills, or after the message that this is the type
    of. Where that differs, or the preset sets the variable's word anew, the variable no longer
    tells what the config has, and is left out.
    """
    differing = list(_differing_fields(preset, workspace))
    told = {word for origin in differing for word in origin.name.split(".")[-2:]}
    told |= {setting.name for setting in preset.overrides}
    return [
        *(
            Origin(item.name, item.value, item.value, item.source, differs=False)
            for item in preset.values
            if item.name not in told
        ),
        *differing,
    ]


def _differing_fields(preset: Preset, workspace: Workspace) -> Iterator[Origin]:
    published = config = build_published(preset, workspace)
    sources: dict[str, str] = {}
    left_out: set[str] = set()
    for source, deletes, changed in _steps(published, preset):
        sources |= dict.fromkeys(differing_fields([config, changed]), source)
        left_out |= set(deletes)
        config = changed
    for path, (before, now) in differing_fields([published, config]).items():
        # The default that a field left out has is nobody's choice.
        value = None if path in left_out else now
        yield Origin(path, value, before, sources.get(path, ""), differs=True)


def _steps(config: Any, preset: Preset) -> Iterator[tuple[str, tuple[str, ...], Any]]:
    """For each thing that is done to the published config: why, what it leaves out, the result."""
    for default in defaults_for(config, preset.origin):
        config = apply_changes(config, default.changes).message
        yield default.why, default.changes.deletes, config
    for setting in own_settings(preset):
        config = apply_setting(config, preset, setting)
        yield setting.source, (), config
