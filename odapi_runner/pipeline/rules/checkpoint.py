"""Rules on `fine_tune_checkpoint`: what training starts from."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from odapi_runner.errors import did_you_mean
from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.rules.rule import Rule
from odapi_runner.pipeline.rules.subject import Subject
from odapi_runner.workspace import Workspace, shipped

_PLACE = "train_config.fine_tune_checkpoint"
_TYPES = ("classification", "detection", "full")
_FILE = re.compile(r"(.*)\.(index|meta|data-\d+-of-\d+)")
_INDEX = ".index"


def checkpoint_is_there(subject: Subject) -> Iterator[Finding]:
    """The value is a prefix: with `.index` and `.data-…` behind it, files have these names."""
    written = subject.config.train_config.fine_tune_checkpoint
    if not written:
        return
    path = subject.workspace.resolve(written)
    if path.is_dir():
        what, fix = f"{written} is a folder", _advice_for_folder(written, path)
    elif found := _FILE.fullmatch(written):
        what, fix = f"{written} is a file of a checkpoint, not its prefix", _to_set(found[1])
    elif not path.with_name(path.name + _INDEX).is_file():
        what, fix = _absent(written, path, subject.workspace)
    elif not list(path.parent.glob(f"{path.name}.data-*")):
        what = f"{written} has an .index, but no .data-…: half of it is missing"
        fix = "Unpack or copy the checkpoint again."
    else:
        return
    yield Finding("checkpoint", "error", _PLACE, what, fix)


def checkpoint_has_a_type(subject: Subject) -> Iterator[Finding]:
    """The type says what is restored: backbone, backbone and neck, or all."""
    train = subject.config.train_config
    kind = train.fine_tune_checkpoint_type
    if not train.fine_tune_checkpoint or kind in _TYPES:
        return
    place = "train_config.fine_tune_checkpoint_type"
    what = f'"{kind}" is no type' if kind else "no type is set, which means classification"
    known = "detection (backbone and neck), classification (backbone) or full (heads, too)"
    fix = did_you_mean(kind, _TYPES) or f"Set {known}: -s {place}=detection"
    yield Finding("checkpoint-type", "error", place, what, fix)


def checkpoint_has_version_two(subject: Subject) -> Iterator[Finding]:
    """The version is V2, which is not the default."""
    train = subject.config.train_config
    field = type(train).DESCRIPTOR.fields_by_name["fine_tune_checkpoint_version"]
    if (
        train.fine_tune_checkpoint
        and train.fine_tune_checkpoint_version != field.enum_type.values_by_name["V2"].number
    ):
        place = "train_config.fine_tune_checkpoint_version"
        what = "TF2 reads checkpoints of version V2 only"
        yield Finding("checkpoint-version", "error", place, what, f"-s {place}=V2")


def _absent(written: str, path: Path, workspace: Workspace) -> tuple[str, str]:
    """What to say of a prefix without an index: a published detector is worth its address."""
    catalogue = tomllib.loads((shipped("model_zoo") / "catalogue.toml").read_text("utf-8"))
    parts = Path(written).parts
    for depth, name in enumerate(parts):
        if name in catalogue:
            folder = workspace.shown(workspace.resolve(Path(*parts[:depth])))
            return (
                f"{written}: the published detector is not there",
                f"Unpack {catalogue[name]['url']} into {folder}, or train with --from-scratch.",
            )
    what = f"{written}: there is no {path.name}{_INDEX} in {workspace.shown(path.parent)}"
    if prefixes := _prefixes_in(path.parent):
        return what, _to_set(str(Path(written).parent / prefixes[0]))
    return what, "Correct the path, or train with --from-scratch."


def _advice_for_folder(written: str, folder: Path) -> str:
    for below in (Path(), Path("checkpoint")):  # zoo folders have their checkpoint in one of theirs
        if prefixes := _prefixes_in(folder / below):
            return _to_set(str(Path(written) / below / prefixes[0]))
    return f"Write the prefix of a checkpoint; {written} holds none."


def _prefixes_in(folder: Path) -> list[str]:
    """The checkpoints of a folder, the newest first: ckpt-10 is newer than ckpt-9."""
    names = [path.name.removesuffix(_INDEX) for path in folder.glob(f"*{_INDEX}")]
    return sorted(names, key=lambda name: (len(name), name), reverse=True)


def _to_set(prefix: str) -> str:
    return f"-s fine_tune_checkpoint={prefix}"


RULES = (
    Rule(
        "checkpoint",
        checkpoint_is_there,
        api="Restoring fails after the model is built (model_lib_v2.py, "
        "`load_fine_tune_checkpoint`).",
    ),
    Rule(
        "checkpoint-type",
        checkpoint_has_a_type,
        api="An empty type is classification: only the backbone is restored; an unknown one is a "
        "ValueError (core/model.py, `restore_from_objects` of the meta-architectures).",
    ),
    Rule(
        "checkpoint-version",
        checkpoint_has_version_two,
        api='The default is V1: ValueError "Checkpoint version should be V2" '
        "(model_lib_v2.py, `train_loop`).",
    ),
)
