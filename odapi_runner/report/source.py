"""One run, or one log that stands for one, as it is compared."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from odapi_runner.errors import OdapiError
from odapi_runner.formats.detections import read_metrics
from odapi_runner.formats.metrics_csv import is_current, read_metrics_csv
from odapi_runner.proto.parts import read_shared_pipeline
from odapi_runner.report.rows import EvalRow, ParsedLog
from odapi_runner.report.stages import Stage, read_object, read_stages, stage_at
from odapi_runner.rundir import RunDir

_SHOWN_OF_DIGEST = 8


@dataclass(frozen=True, slots=True)
class Source:
    """One run, or one log that stands for one."""

    path: Path
    log: ParsedLog
    config: Any | None = None  # TrainEvalPipelineConfig
    noted: Any | None = None  # the same of an experiment: only what its notebook says
    options: dict[str, Any] = field(default_factory=dict)  # what `odapi train` was asked
    sweep: str | None = None  # the name of the one that it is of
    patch: str | None = None  # where the sweep varies that
    data: str | None = None  # digest of what it is evaluated on; None: not known
    stages: tuple[Stage, ...] = ()  # with what it was trained; none without a config
    notes: tuple[str, ...] = ()  # what of it could not be read, or is not there yet

    @property
    def name(self) -> str:
        """Its path, and which of a file's runs or experiments it is where there are several."""
        return f"{self.path}:{self.log.name}" if self.log.name else str(self.path)

    @property
    def said(self) -> Any | None:
        """Its config, or what a notebook says of it; None where nobody says anything."""
        return self.noted if self.config is None else self.config

    @property
    def files(self) -> str | None:
        """The records that it says it is evaluated on; None where nobody says so."""
        said = self.said
        if said is None or not said.eval_input_reader:
            return None
        return " ".join(said.eval_input_reader[0].tf_record_input_reader.input_path) or None

    @property
    def run(self) -> RunDir | None:
        """Its folder, where it is a run."""
        return RunDir(self.path) if is_run(self.path) else None

    def images_at(self, step: int | None) -> int | None:
        """How many images training had seen at a step; None where that is not known."""
        if step is None or not self.stages:
            return None
        ends = [stage.begin for stage in self.stages[1:]] + [step]
        spans = zip(self.stages, ends, strict=True)
        return sum(max(0, min(end, step) - one.begin) * one.images_a_step for one, end in spans)

    def at(self, step: int | None) -> Source:
        """With the config and the options that have trained a step; without one, the newest."""
        stage = None if step is None else stage_at(self.stages, step)
        if stage is None or stage is self.stages[-1]:
            return self
        return dataclasses.replace(self, config=stage.config, options=stage.options)


def is_run(folder: Path) -> bool:
    """Whether the folder is one run, of odapi or with its results."""
    run = RunDir(folder)
    return any(path.exists() for path in (run.run_json, run.detections, run.metrics_csv))


def read_run(run: RunDir, notes: list[str]) -> Source:
    """A run, whatever of it there is; what is faulty becomes a note.

    Raises:
        RunError: neither evaluations nor a table of them can be read.
    """
    evaluations = read_evaluations(run, notes)
    if not evaluations:
        notes.append(f"{run.root}: no evaluation yet")
    config = None
    try:
        config = read_shared_pipeline(run.config)
    except OdapiError as error:
        notes.append(error.what)
    asked = read_asked(run)
    options, sweep = asked.get("options"), sweep_of(asked)
    options = options if isinstance(options, dict) else {}
    return Source(
        run.root,
        ParsedLog((), tuple(evaluations)),
        config,
        options=options,
        sweep=sweep.get("name"),
        patch=sweep.get("values", {}).get("patch"),
        data=_digest_of_data(config, asked.get("digests")) if config else None,
        stages=read_stages(run, config, options) if config else (),
    )


def read_asked(run: RunDir) -> dict[str, Any]:
    """The content of run.json; nothing where there is none."""
    return read_object(run.run_json)


def sweep_of(asked: dict[str, Any]) -> dict[str, Any]:
    """Name and values of the sweep of which it is a run; nothing where it is of none."""
    sweep = asked.get("sweep")
    return sweep if isinstance(sweep, dict) else {}


def read_evaluations(run: RunDir, notes: list[str]) -> list[EvalRow]:
    """The evaluations of a run by step; what cannot be read becomes a note.

    Raises:
        RunError: nothing but a table of metrics is there, and it is faulty.
    """
    # One file instead of one a checkpoint, where it holds the same.
    if is_current(run):
        return [EvalRow(*row) for row in read_metrics_csv(run)]
    rows = []
    for step in run.evaluated_steps():
        try:
            rows.append(EvalRow(*read_metrics(run.detections_at(step))))
        except OdapiError as error:
            notes.append(error.what)
    if not rows and run.metrics_csv.exists():
        rows = [EvalRow(*row) for row in read_metrics_csv(run)]
    return rows


def _digest_of_data(config: Any, digests: Any) -> str | None:
    """Of the records, the label map and the choice of images that its evaluation reads.

    Source: object_detection/model_lib_v2.py (`eval_index`: the first reader is evaluated on).
    """
    if not isinstance(digests, dict) or not config.eval_input_reader:
        return None
    reader = config.eval_input_reader[0]
    records = digests.get("records", {}).get(" ".join(reader.tf_record_input_reader.input_path))
    label_map = digests.get("label_maps", {}).get(reader.label_map_path)
    if not records or not label_map:
        return None
    said = f"{records} {label_map} {reader.sample_1_of_n_examples} {reader.max_number_of_boxes}"
    return hashlib.sha256(said.encode()).hexdigest()[:_SHOWN_OF_DIGEST]
