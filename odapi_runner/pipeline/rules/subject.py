"""What the rules look at: a config, and what lies behind the paths in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from odapi_runner.errors import DataError, OdapiError
from odapi_runner.formats.label_map import LabelMap, read_label_map
from odapi_runner.pipeline.rules.stored import Stored, read_stored
from odapi_runner.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Reader:
    """An input reader of the config, with the files that it names."""

    place: str  # its path in the config
    patterns: tuple[str, ...]
    files: tuple[Path, ...]
    absent: tuple[DataError, ...]  # of patterns that match nothing
    label_map_path: str
    label_map: LabelMap | None
    label_map_error: OdapiError | None


@dataclass(frozen=True, slots=True)
class Subject:
    """A config in its workspace."""

    config: Any  # a TrainEvalPipelineConfig
    workspace: Workspace
    readers: tuple[Reader, ...]  # of the training first, then of the evaluations
    stored: Stored | None = None  # the fine-tune checkpoint; None where it cannot be read
    stored_error: OdapiError | None = None

    @property
    def num_classes(self) -> int | None:
        """The model's number of classes; None where no model is set."""
        family = self.config.model.WhichOneof("model")
        return getattr(self.config.model, family).num_classes if family else None

    @property
    def num_classes_path(self) -> str:
        return f"model.{self.config.model.WhichOneof('model')}.num_classes"


def build_subject(config: Any, workspace: Workspace) -> Subject:
    """Look up every file that a config names; records are not read yet."""
    readers = [("train_input_reader", config.train_input_reader)]
    readers += [
        (f"eval_input_reader[{n}]", item) for n, item in enumerate(config.eval_input_reader)
    ]
    stored, problem = _read_stored(config.train_config.fine_tune_checkpoint, workspace)
    looked_up = tuple(_build_reader(*reader, workspace) for reader in readers)
    return Subject(config, workspace, looked_up, stored, problem)


def _build_reader(place: str, reader: Any, workspace: Workspace) -> Reader:
    # numpy comes with it, and a config without files has no need of that.
    from odapi_runner.formats.tfrecord import expand_patterns

    patterns = tuple(reader.tf_record_input_reader.input_path)
    files: list[Path] = []
    absent: list[DataError] = []
    for pattern in patterns:
        try:
            files += expand_patterns([pattern], workspace.root)
        except DataError as error:
            absent.append(error)
    label_map, problem = _read_label_map(reader.label_map_path, workspace)
    return Reader(
        place, patterns, tuple(files), tuple(absent), reader.label_map_path, label_map, problem
    )


def _read_label_map(path: str, workspace: Workspace) -> tuple[LabelMap | None, OdapiError | None]:
    if not path:
        return None, None
    try:
        return read_label_map(workspace.resolve(path)), None
    except OdapiError as error:
        return None, error


def _read_stored(prefix: str, workspace: Workspace) -> tuple[Stored | None, OdapiError | None]:
    try:
        return (read_stored(workspace.resolve(prefix)) if prefix else None), None
    except OdapiError as error:
        return None, error
