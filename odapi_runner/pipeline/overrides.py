"""`-s PATH=VALUE` and `-d PATH`: changes to a config, as typed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from odapi_runner.errors import ConfigError
from odapi_runner.pipeline.paths import with_path_deleted, with_path_set
from odapi_runner.pipeline.shorthands import SHORTHANDS, with_shorthand_set


def apply_overrides(message: Any, overrides: Sequence[str], deletes: Sequence[str] = ()) -> Any:
    """A copy of a TrainEvalPipelineConfig with overrides and deletions applied.

    The shorthands come first, in their own order, then the deletions, then the full paths in the
    order given: what is said most exactly wins. Of a name given twice the last one counts.

    Args:
        message: the config.
        overrides: each `PATH=VALUE`; PATH is one of `shorthands.SHORTHANDS` or a full path.
        deletes: full paths.

    Raises:
        ConfigError: an override that is not of this form, or that does not fit the config.
    """
    settings = parse_overrides(overrides)
    changed = type(message)()
    changed.CopyFrom(message)
    for name in SHORTHANDS:
        if name in settings:
            changed = with_shorthand_set(changed, name, settings[name])
    for path in deletes:
        changed = with_path_deleted(changed, path)
    for path, value in settings.items():
        if path not in SHORTHANDS:
            changed = with_path_set(changed, path, value)
    return changed


def parse_overrides(overrides: Sequence[str]) -> dict[str, str]:
    """Path and value of each `PATH=VALUE`; the last value of a path given twice.

    Raises:
        ConfigError: no `=`, or a value of several lines.
    """
    settings: dict[str, str] = {}
    for override in overrides:
        path, equals, value = override.partition("=")
        path = path.strip()
        if not equals or not path:
            raise ConfigError(f'-s "{override}": not PATH=VALUE', fix="As in -s batch_size=8")
        if len(override.splitlines()) > 1 or "\0" in override:
            raise ConfigError(f"-s {path}: the value is not one line of text", fix="Retype it.")
        # A later value takes the later place as well.
        settings.pop(path, None)
        settings[path] = value
    return settings
