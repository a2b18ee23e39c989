"""Changes to a config as a command line has them: patches, `-s PATH=VALUE` and `-d PATH`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from odapi_runner.errors import ConfigError
from odapi_runner.pipeline.paths import with_path_deleted, with_path_set
from odapi_runner.pipeline.shorthands import SHORTHANDS, with_shorthand_set


@dataclass(frozen=True, slots=True)
class Changes:
    """What a command line asks to change."""

    overrides: tuple[str, ...] = ()  # each PATH=VALUE: a shorthand or a full path
    deletes: tuple[str, ...] = ()  # full paths
    patches: tuple[Path, ...] = ()  # files

    def __bool__(self) -> bool:
        return bool(self.overrides or self.deletes or self.patches)

    def words(self) -> list[str]:
        """The options that ask for them, as typed."""
        return [
            *(word for path in self.patches for word in ("--patch", str(path))),
            *(word for item in self.overrides for word in ("-s", item)),
            *(word for item in self.deletes for word in ("-d", item)),
        ]


@dataclass(frozen=True, slots=True)
class Changed:
    """A config with changes applied."""

    message: Any  # a TrainEvalPipelineConfig of its own
    notes: tuple[str, ...]  # what the user should know of what was done, each a sentence


def apply_changes(message: Any, changes: Changes) -> Changed:
    """A copy of a TrainEvalPipelineConfig with changes applied.

    The shorthands come first, in their own order, then the deletions, then the full paths in the
    order given: what is said most exactly wins. Of a name given twice the last one counts.

    Raises:
        ConfigError: an override that is not of this form, or that does not fit the config.
    """
    settings = parse_overrides(changes.overrides)
    changed = type(message)()
    changed.CopyFrom(message)
    for name in SHORTHANDS:
        if name in settings:
            changed = with_shorthand_set(changed, name, settings[name])
    for path in changes.deletes:
        changed = with_path_deleted(changed, path)
    for path, value in settings.items():
        if path not in SHORTHANDS:
            changed = with_path_set(changed, path, value)
    return Changed(changed, ())


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
