"""Changing a config that exists: `odapi edit`."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from odapi_runner import files
from odapi_runner.errors import ConfigError
from odapi_runner.pipeline.editing.splice import edit_text
from odapi_runner.pipeline.overrides import Changes, apply_changes
from odapi_runner.pipeline.syntax import with_line_feeds
from odapi_runner.proto.differences import Difference, find_differences
from odapi_runner.proto.text import Source, parse_pipeline, read_source


@dataclass(frozen=True, slots=True)
class Edited:
    """A config file as it was, and what becomes of it."""

    path: Path
    before: Source
    after: Source
    differences: tuple[Difference, ...]  # by field
    notes: tuple[str, ...]  # sentences for the user: what a oneof replaced, what a patch left out
    backup: Path | None = None  # where the file as it was is kept, if the change was written

    @property
    def content(self) -> bytes:
        """The bytes of the changed file, in the encoding that it had."""
        return self.after.encode(self.after.text)


def edit(config: str | Path, changes: Changes, *, in_place: bool = False) -> Edited:
    """Change a config file and leave everything else of it as it is: `odapi edit` as a call.

    Comments, order, spacing, line ends and the encoding stay; without a change the file is the
    same, byte for byte. `editing.layout` says how new fields look and what goes with old ones.

    Args:
        config: the file.
        changes: as for `render`: patches, `-s` and `-d`.
        in_place: write the file, atomically, with the permissions that it has. The file as it was
            is kept beside it as `NAME.bak`, `NAME.bak-2`, …: an older backup is never replaced.

    Raises:
        ConfigError: the file or a change is faulty, or it cannot be written.
    """
    path = Path(config)
    before = read_source(path)
    message = parse_pipeline(with_line_feeds(before.text), str(path))
    changed = apply_changes(message, changes)
    edited = Edited(
        path,
        before,
        replace(before, text=edit_text(before.text, message, changed.message, str(path))),
        tuple(find_differences([message, changed.message])),
        changed.notes,
    )
    if not in_place or edited.after.text == before.text:
        return edited
    try:
        return replace(edited, backup=_write(edited))
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be written ({error.strerror})",
            fix="Leave out --in-place and write the result elsewhere, with > FILE.",
        ) from error


def _write(edited: Edited) -> Path:
    """Replace the file, also where the path is a link to it; return its backup."""
    target = edited.path.resolve() if edited.path.is_symlink() else edited.path
    backup = files.keep_backup(target)
    with files.replacing(target) as aside:
        aside.write_bytes(edited.content)
        shutil.copymode(target, aside)
    return backup
