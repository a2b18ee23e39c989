"""Rules on `fine_tune_checkpoint`: what training starts from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from odapi_runner import files
from odapi_runner.errors import did_you_mean
from odapi_runner.formats.runlog import ENDS, read_events
from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.rules import checkpoint_contents, checkpoint_model
from odapi_runner.pipeline.rules.paths import lies_elsewhere
from odapi_runner.pipeline.rules.rule import Rule
from odapi_runner.pipeline.rules.start import TYPES
from odapi_runner.pipeline.rules.subject import Subject
from odapi_runner.pipeline.zoo import read_catalogue
from odapi_runner.rundir import RunDir
from odapi_runner.workspace import Workspace

_PLACE = "train_config.fine_tune_checkpoint"
_FILE = re.compile(r"(.*)\.(index|meta|data-\d+-of-\d+)")
_INDEX = ".index"
_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")


def random_weights_are_wanted(subject: Subject) -> Iterator[Finding]:
    """A training begins with a checkpoint: with random weights it needs far more data and steps.

    With `--from-scratch` nothing is said, nor of a `fine_tune_checkpoint_type` without a
    checkpoint: of that `checkpoint-type-unused` speaks.
    """
    train = subject.config.train_config
    if not (train.fine_tune_checkpoint or train.fine_tune_checkpoint_type or subject.from_scratch):
        what = "no checkpoint is named: training begins with random weights"
        fix = "-s fine_tune_checkpoint=FOLDER/ckpt-0, or --from-scratch if that is wanted"
        yield Finding("from-scratch", "hint", _PLACE, what, fix)


def types_have_a_checkpoint(subject: Subject) -> Iterator[Finding]:
    """Where a type says what is restored, a checkpoint is named to restore it from."""
    train = subject.config.train_config
    kind = train.fine_tune_checkpoint_type
    if kind and not train.fine_tune_checkpoint and not subject.from_scratch:
        place = f"{_PLACE}_type"
        what = f'"{kind}" is without effect: no checkpoint is named, and all weights are random'
        fix = f"-s fine_tune_checkpoint=FOLDER/ckpt-0, or -d {place} and train --from-scratch"
        yield Finding("checkpoint-type-unused", "warning", place, what, fix)


def checkpoint_is_there(subject: Subject) -> Iterator[Finding]:
    """The value is a prefix: with `.index` and `.data-…` behind it, files have these names."""
    written = subject.config.train_config.fine_tune_checkpoint
    if not written or lies_elsewhere(written):
        return
    path = subject.workspace.resolve(written)
    if files.is_folder(path):
        what, fix = f"{written} is a folder", _advice_for_folder(written, path)
    elif found := _FILE.fullmatch(written):
        what, fix = f"{written} is a file of a checkpoint, not its prefix", _to_set(found[1])
    elif not files.is_file(path.with_name(path.name + _INDEX)):
        what, fix = _absent(written, path, subject.workspace)
    else:
        return
    yield Finding("checkpoint", "error", _PLACE, what, fix)


def checkpoint_is_whole(subject: Subject) -> Iterator[Finding]:
    """Index and data belong together, and are as long and as they were when they were written."""
    if subject.stored_error is not None:
        what, fix = subject.stored_error.what, subject.stored_error.fix
        yield Finding("checkpoint-damaged", "error", _PLACE, what, fix)


def checkpoint_stays(subject: Subject) -> Iterator[Finding]:
    """A training that goes on keeps its newest checkpoints and its best, and removes the others."""
    written = subject.config.train_config.fine_tune_checkpoint
    folder = subject.workspace.resolve(written).parent
    run = RunDir(folder.parent if folder.name == "best" else folder)
    if not written or not files.is_file(run.run_json) or subject.stored is None:
        return
    told = [event["kind"] for event in read_events(run, "supervise")]
    told = [kind for kind in told if kind != "notified"]  # of its end, after it
    if not told or told[-1] not in ENDS:
        kept = "best" if folder.name == "best" else "newest"
        what = f"{written} belongs to {run.name}, which has not ended and keeps its {kept} only"
        fix = "Copy its files elsewhere, and begin with the copy."
        yield Finding("checkpoint-rotates", "warning", _PLACE, what, fix)


def checkpoint_has_a_type(subject: Subject) -> Iterator[Finding]:
    """The type says what is restored: backbone, backbone and neck, or all."""
    train = subject.config.train_config
    kind = train.fine_tune_checkpoint_type
    if not train.fine_tune_checkpoint or kind in TYPES:
        return
    place = "train_config.fine_tune_checkpoint_type"
    known = "detection (backbone and neck), classification (backbone) or full (heads, too)"
    fix = did_you_mean(kind, TYPES) or f"Set {known}: -s {place}=detection"
    if kind == "fine_tune":
        what = '"fine_tune" is a type no longer: it was that of CenterNet, now named "detection"'
    elif kind:
        what = f'"{kind}" is no type'
    else:
        meant = "detection" if train.from_detection_checkpoint else "classification"
        what = f"no type is set, which means {meant}"
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
    if files.is_file(path):
        what = f"{written} is one file, and a checkpoint of TF2 is the prefix of several"
        if written.endswith(_ARCHIVES):
            return what, "Unpack it, and name the prefix of the checkpoint inside."
        return what, "Name a checkpoint such as FOLDER/ckpt-0, or train with --from-scratch."
    catalogue = read_catalogue()
    parts = Path(written).parts
    for depth, name in enumerate(parts):
        if name in catalogue:
            folder = workspace.shown(workspace.resolve(Path(*parts[:depth])))
            return (
                f"{written}: the published detector is not there",
                f"Unpack {catalogue[name].url} into {folder}, or train with --from-scratch.",
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
    found = folder.glob(f"*{_INDEX}") if files.is_folder(folder) else ()
    names = [path.name.removesuffix(_INDEX) for path in found]
    return sorted(names, key=lambda name: (len(name), name), reverse=True)


def _to_set(prefix: str) -> str:
    return f"-s fine_tune_checkpoint={prefix}"


RULES = (
    Rule(
        "from-scratch",
        random_weights_are_wanted,
        severity="hint",
        api="Without a checkpoint nothing is restored, and nothing is said (model_lib_v2.py, "
        "`train_loop`).",
        fails="train_config { }",
        passes='train_config { fine_tune_checkpoint: "model_zoo/…/ckpt-0" }',
    ),
    Rule(
        "checkpoint-type-unused",
        types_have_a_checkpoint,
        severity="warning",
        api="The type is read where a checkpoint is named only (model_lib_v2.py, `train_loop`).",
        fails='fine_tune_checkpoint_type: "detection", and no fine_tune_checkpoint',
        passes='fine_tune_checkpoint_type: "detection" fine_tune_checkpoint: "…/ckpt-0"',
    ),
    Rule(
        "checkpoint",
        checkpoint_is_there,
        api="Restoring fails after the model is built (model_lib_v2.py, "
        "`load_fine_tune_checkpoint`).",
        fails='fine_tune_checkpoint: "model_zoo/NAME/checkpoint"',
        passes='fine_tune_checkpoint: "model_zoo/NAME/checkpoint/ckpt-0"',
    ),
    Rule(
        "checkpoint-damaged",
        checkpoint_is_whole,
        api="Restoring fails after the model is built, or much later where only the data of a "
        "variable is missing (model_lib_v2.py, `load_fine_tune_checkpoint`).",
        fails="ckpt-0.index without ckpt-0.data-00000-of-00001",
        passes="both files, as they were unpacked",
    ),
    Rule(
        "checkpoint-type",
        checkpoint_has_a_type,
        api="An empty type is classification (detection with from_detection_checkpoint): only the "
        "backbone is restored; an unknown one is a ValueError (utils/config_util.py, "
        "`update_fine_tune_checkpoint_type`; `restore_from_objects` of the meta-architectures).",
        fails='fine_tune_checkpoint_type: "detect"',
        passes='fine_tune_checkpoint_type: "detection"',
    ),
    Rule(
        "checkpoint-version",
        checkpoint_has_version_two,
        api='The default is V1: ValueError "Checkpoint version should be V2" '
        "(model_lib_v2.py, `train_loop`).",
        fails='fine_tune_checkpoint: "…", and no version',
        passes='fine_tune_checkpoint: "…" fine_tune_checkpoint_version: V2',
    ),
    Rule(
        "checkpoint-rotates",
        checkpoint_stays,
        api="A resumed training loads the fine-tune checkpoint again, and fails where it is gone; "
        "into the folder that holds it none can be trained: RuntimeError (model_lib_v2.py, "
        "`train_loop`; utils/variables_helper.py, `ensure_checkpoint_supported`).",
        severity="warning",
        fails='fine_tune_checkpoint: "train/kitti-d0/ckpt-12", and kitti-d0 is being trained',
        passes="the same, once kitti-d0 has ended",
    ),
    *checkpoint_contents.RULES,
    *checkpoint_model.RULES,
)
