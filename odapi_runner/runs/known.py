"""What the files of a run tell, read once for its report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from odapi_runner.errors import OdapiError, RunError
from odapi_runner.formats.runlog import read_events
from odapi_runner.metrics import best_step
from odapi_runner.proto.text import read_pipeline
from odapi_runner.report.rows import EvalRow
from odapi_runner.report.run.course import Marks
from odapi_runner.report.run.curves import build_evaluated, read_training
from odapi_runner.report.run.document import Curve
from odapi_runner.report.source import read_evaluations
from odapi_runner.report.stages import Stage, read_stages
from odapi_runner.rundir import RunDir
from odapi_runner.runs.spec import RunSpec
from odapi_runner.workspace import Workspace

At = Literal["best", "last"] | int

# What is read of an event of each kind.
_FIELDS: dict[str, dict[str, type]] = {
    "evaluating": {"step": int},
    "evaluated": {"step": int},
    "ending": {"outcome": str},
    "first_step": {"seconds": float},
}


@dataclass(frozen=True, slots=True)
class Known:
    """What the files of a run tell."""

    run: RunDir
    place: Workspace
    spec: RunSpec
    config: Any | None  # TrainEvalPipelineConfig
    rows: tuple[EvalRow, ...]
    training: Mapping[str, Curve]
    evaluated: Mapping[str, Curve]
    events: Sequence[Mapping[str, Any]]
    stages: tuple[Stage, ...]  # with what it was trained; none where that cannot be read
    notes: tuple[str, ...]  # what could not be read


def read_known(run: RunDir, place: Workspace) -> Known:
    """Read a run, whatever of it there is; what is faulty becomes a note.

    Raises:
        RunError: its run.json is absent or faulty.
    """
    spec = RunSpec.load(run)
    notes: list[str] = []
    rows = read_evaluations(run, notes)
    config, stages = None, tuple[Stage, ...]()
    try:
        config = read_pipeline(run.config)
        stages = read_stages(run, config, asdict(spec.options))
    except OdapiError as error:
        notes.append(error.what)
    training, evaluated = read_training(run), build_evaluated(rows)
    events = [event for event in read_events(run) if _is_whole(event)]
    return Known(
        run, place, spec, config, tuple(rows), training, evaluated, events, stages, tuple(notes)
    )


def _is_whole(event: Mapping[str, Any]) -> bool:
    """Whether an event has what is read of its kind: a damaged file is no reason for no report."""
    wanted = _FIELDS.get(event["kind"], {})
    return all(isinstance(event.get(name), kind) for name, kind in wanted.items())


def choose_step(known: Known, at: At) -> tuple[int | None, str]:
    """The step that is looked at, and why that one; None before the first evaluation.

    Raises:
        RunError: nothing was evaluated at the step that is asked for.
    """
    steps = sorted({row.step for row in known.rows if row.step is not None})
    if isinstance(at, int):
        if at not in steps:
            there = f"There are {', '.join(map(str, steps))}." if steps else "There is none yet."
            raise RunError(f"{known.run.name}: nothing was evaluated at step {at}", fix=there)
        return at, "as asked"
    if not steps:
        return None, "not evaluated yet"
    metric = known.spec.options.best
    scores = known.evaluated.get(metric)
    best = best_step(metric, dict(zip(scores.steps, scores.values, strict=True)) if scores else {})
    return (best, f"best {metric}") if at == "best" and best is not None else (steps[-1], "last")


def find_marks(known: Known) -> Marks:
    """The best step, and the one at which early stopping ended the training."""
    metric = known.spec.options.best
    scores = known.evaluated.get(metric)
    best = best_step(metric, dict(zip(scores.steps, scores.values, strict=True)) if scores else {})
    marks = [] if best is None else [(best, f"best {metric}")]
    return [*marks, *((step, "stopped early") for step in _early_stops(known.events))]


def _early_stops(events: Sequence[Mapping[str, Any]]) -> Iterator[int]:
    """The steps at which the trainer ended because of early stopping.

    It was decided on an evaluation of an earlier step: the training went on meanwhile.
    """
    decided = False
    for event in events:
        match event["kind"], event.get("role"):
            case "ending", _:
                decided = event["outcome"] == "finished"
            case "trainer_started", _:  # again, without an end of the one before
                decided = False
            case (("finished" | "stopped"), "train") if decided and isinstance(
                step := event.get("step"), int
            ):
                decided = False
                yield step
