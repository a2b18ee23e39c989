"""`--patch FILE`: changes as people write them into the notebooks of their experiments.

The notation (`patching.notebook`, `patching.text`):

    3                                       an experiment's number; without, the file is one
      set                                   or set { … }; what to change
        train_config {
          batch_size: 8
          data_augmentation_options {
            random_horizontal_flip { probability: 0.25 }
          }
        }
      remove                                what to leave out
        data_augmentation_options { ssd_random_crop {} }

`notes.txt` is all experiments of that notebook in the order of their numbers, the newest of which
usually stands on top; `notes.txt:3` is that one alone, `notes.txt:1-3` are those. What `set` and
`remove` do is said in `patching.setting` and `patching.removing`.

Whatever had to be repaired or understood becomes a note with its place. What cannot be understood
is an error with its place, and nothing is changed then.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from odapi_runner import files
from odapi_runner.errors import ConfigError
from odapi_runner.pipeline.draft import Draft
from odapi_runner.pipeline.patching.names import Scope
from odapi_runner.pipeline.patching.notebook import Section, parse_notebook, select_experiments
from odapi_runner.pipeline.patching.removing import remove_entries
from odapi_runner.pipeline.patching.setting import set_entries
from odapi_runner.pipeline.patching.text import parse_tree
from odapi_runner.pipeline.patching.tree import Note
from odapi_runner.proto.text import read_text

_EXPERIMENTS = re.compile(r"(.+):(\d{1,9})(?:-(\d{1,9}))?")
_MOST_CHARACTERS = 200_000  # of changes: a published config has 5,000


def apply_patch(draft: Draft, patch: Path | str) -> None:
    """Apply a file of changes to a config, and note what was done besides.

    Args:
        draft: the config; its notes get those of the patch.
        patch: the file; with `:N` or `:M-N` after it, these experiments of it only.

    Raises:
        ConfigError: the file cannot be read, or something in it fits no config or not this one:
            `file:line:column:` and what. The draft is then to be dropped.
    """
    file, wanted = _parse_selection(str(patch))
    apply_patch_text(draft, read_text(file), str(file), wanted)


def apply_patch_text(draft: Draft, text: str, where: str, wanted: range | None = None) -> None:
    """Apply the text of a patch; arguments and errors as in `apply_patch`.

    Args:
        draft: the config.
        text: the patch.
        where: what errors and notes call it.
        wanted: the numbers of its experiments to apply; None for all.
    """
    notebook = parse_notebook(text)
    experiments = select_experiments(notebook, wanted, where)
    sections = [section for each in experiments for section in each.sections]
    if sum(len(section.text) for section in sections) > _MOST_CHARACTERS:
        raise ConfigError(
            f"{where}: more than {_MOST_CHARACTERS} characters of changes",
            fix="Check the path; give a whole config to odapi edit instead.",
        )
    if len(experiments) > 1:
        numbers = ", ".join(str(each.number) for each in experiments)
        draft.notes.append(f"{where}: experiments {numbers} are applied, in this order")
    if notebook.unread:
        lines = ", ".join(map(str, notebook.unread))
        draft.notes.append(f"{where}: not in a set or remove, so left out: line {lines}")
    if not sum(_apply_section(draft, section, where) for section in sections):
        draft.notes.append(f"{where}: holds no change")


def _apply_section(draft: Draft, section: Section, where: str) -> int:
    """Apply what one set or remove holds; the number of its entries."""
    tree = parse_tree(section.text, where, section.line)
    _note(draft, where, tree.notes)
    changes = set_entries if section.kind == "set" else remove_entries
    scope = Scope(draft.message, where, draft.message.DESCRIPTOR)
    for change in changes(scope, tree.entries):
        if isinstance(change, Note):
            _note(draft, where, [change])
        else:
            before = len(draft.notes)
            change.apply(draft)
            draft.notes[before:] = [
                f"{where}:{change.place}: {note}" for note in draft.notes[before:]
            ]
    return len(tree.entries)


def _note(draft: Draft, where: str, notes: Iterable[Note]) -> None:
    draft.notes += (f"{where}:{note.place}: {note.text}" for note in notes)


def _parse_selection(patch: str) -> tuple[Path, range | None]:
    """The file, and the numbers of the experiments that are wanted of it."""
    found = _EXPERIMENTS.fullmatch(patch)
    if found is None or files.exists(Path(patch)):
        return Path(patch), None
    first, last = int(found[2]), int(found[3] or found[2])
    if last < first:
        raise ConfigError(
            f"{patch}: from {first} to {last}", fix=f"As in {found[1]}:{last}-{first}"
        )
    return Path(found[1]), range(first, last + 1)
