"""TensorBoard's event files as logs: of one run, or of a folder with runs in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from odapi_runner.errors import DataError
from odapi_runner.formats.event_file import event_files, read_whole_scalars
from odapi_runner.report.grammars import automl, mmdetection, ultralytics
from odapi_runner.report.rows import EvalRow, Row, TrainRow
from odapi_runner.report.scan import Findings, Problem

FORMAT = "event_file"
_TAGS = {**automl.TAGS, **mmdetection.TAGS, **ultralytics.TAGS}
# What evaluators tell, and the folders that they write to; all else is of training.
_METRICS = ("Detection", "Pascal", "OpenImages", "Weighted", "LVIS", "Keypoints", "metrics/")
_OF_EVALUATION = ("eval", "val")
_OF_TRAINING = "train"
_SPEED = "steps_per_sec"


def read_event_rows(
    path: Path, findings: Findings, content: Path | None = None
) -> Iterator[tuple[str, Row]]:
    """The run and the row of each step: those of a file, or of all files in a folder and below.

    A run is a folder below `path`; `train` and `eval…` in it are no runs of their own. The files
    of a run come in the order in which they were begun.

    Args:
        path: a file, or a folder.
        findings: gets where a file cannot be read any further.
        content: what holds the bytes of a file that cannot be read where it is.

    Raises:
        DataError: a folder holds none.
    """
    files = event_files(path) if path.is_dir() else [path]
    if not files:
        raise DataError(f"{path}: a folder without event files", fix="Give a log file.")
    for file in files:
        run = _run_of(file.parent.relative_to(path)) if file != path else ""
        steps: dict[int, dict[str, float]] = {}
        try:
            for step, tag, value in read_whole_scalars(content or file):
                steps.setdefault(step, {})[tag] = value
        except DataError as error:
            why = error.what.removeprefix(f"{content or file}: ")
            told = why if file == path else f"{file.relative_to(path)}: {why}"
            findings.add(Problem(None, told))
        for step, values in sorted(steps.items()):
            findings.formats[FORMAT] += 1
            yield run, _row(step, values, file.parent.name)


def _run_of(folder: Path) -> str:
    """The folder above what is written to: `train/`, `eval…/`, or `eval/` and its input's name."""
    parts = folder.parts
    if parts[-2:-1] == ("eval",):
        parts = parts[:-2]
    elif parts and (parts[-1].startswith(_OF_EVALUATION) or parts[-1] == _OF_TRAINING):
        parts = parts[:-1]
    return "/".join(parts)


def _row(step: int, values: Mapping[str, float], folder: str) -> Row:
    known = {_tag_of(name, values): value for name, value in values.items()}
    is_evaluation = folder.startswith(_OF_EVALUATION) or any(
        tag.startswith(_METRICS) for tag in known
    )
    if is_evaluation:
        return EvalRow(step, known)
    speed = known.pop(_SPEED, 0.0)
    return TrainRow(step, 1 / speed if speed > 0 else None, known)


def _tag_of(name: str, values: Mapping[str, float]) -> str:
    """The tag of a name that another program gave, unless something else has it already."""
    bare = name.removeprefix("trainloss/").removeprefix("coco/")
    tag = _TAGS.get(name, _TAGS.get(bare, name))
    return name if tag in values else tag
