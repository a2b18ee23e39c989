"""From a name to a plan: what is to be trained, and what is wrong with it. Nothing is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from odapi_runner import __version__
from odapi_runner.backends import AUTO, find_engine, refuse_others
from odapi_runner.backends.check import check_run
from odapi_runner.errors import ConfigError, RunError
from odapi_runner.files import is_file
from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.overrides import Changes, apply_changes, parse_override
from odapi_runner.pipeline.render import without_fine_tuning
from odapi_runner.pipeline.rendered import ensure_rendered, last_rendered
from odapi_runner.proto.text import parse_pipeline, read_text, render_pipeline
from odapi_runner.rundir import RunDir
from odapi_runner.runs.checkpoints import Start, begin_with
from odapi_runner.runs.names import list_runs
from odapi_runner.runs.notify import settle_notify
from odapi_runner.runs.options import RunOptions
from odapi_runner.runs.policies.columns import refuse_unmeasured
from odapi_runner.runs.slurm.request import refuse_unfit
from odapi_runner.runs.spec import RunSpec
from odapi_runner.runs.workers import count_replicas, refuse_helpers
from odapi_runner.workspace import Workspace, find_workspace

CHECKPOINT = "train_config.fine_tune_checkpoint"
_USUAL_NAME = re.compile(r"pipeline(\.\d+)?\.config")  # a run's later revisions have a number


@dataclass(frozen=True, slots=True)
class Plan:
    """A training that nothing on the disk knows of yet."""

    workspace: Workspace
    name: str  # what is trained
    source: Path  # the config that it starts from
    text: str  # the config as it will run
    message: Any  # the same as a TrainEvalPipelineConfig
    overrides: tuple[str, ...]
    notes: tuple[str, ...]  # what the user should know of the overrides
    engine: str
    device: str  # what the trainer uses: `visible`, `auto`, `all`, `none`, or numbers of GPUs
    devices: int  # how many share a batch, of all workers
    options: RunOptions
    findings: tuple[Finding, ...]
    start: Start | None = None  # another run's checkpoint
    queue: bool = False  # it is started when it is its turn


def plan_training(
    name: str | None = None,
    *,
    config: str | Path | None = None,
    overrides: Sequence[str] = (),
    patches: Sequence[str | Path] = (),
    num_steps: int | None = None,
    from_scratch: bool = False,
    start_from: str | None = None,
    engine: str = "auto",
    device: str = "visible",
    options: RunOptions | None = None,
    workspace: str | None = None,
    queue: bool = False,
) -> Plan:
    """Find the config, change it as asked, and check it.

    Args:
        name: a pipeline of the workspace, rendered first from the preset of that name if absent;
            without a name and a config it is that of the run to start from, or the pipeline
            rendered last.
        config: a config file instead.
        overrides: each `PATH=VALUE`, as for `render`.
        patches: files of changes, as for `render`.
        num_steps: short for the override `num_steps=`, which moves the schedule with it.
        from_scratch: leave out the fine-tune checkpoint.
        start_from: begin with all weights of another run: `RUN` (its newest checkpoint),
            `RUN@best` or `RUN@STEP`.
        engine: `auto` or the name of one.
        device: what the trainer uses: `visible` (all GPUs that CUDA_VISIBLE_DEVICES leaves), `auto`
            (one that is free), `all`, `none`, or numbers of GPUs, as in `0,1`.
        options: how the processes work.
        workspace: the workspace's folder.
        queue: it is to wait for its turn: it gets a GPU of its own then, unless it asks for more.

    Raises:
        ConfigError: there is no such config, or an override does not fit; or TF_CONFIG does not
            name the workers; or an option looks at a metric that no evaluation will have.
        RunError: there is no such engine, or it has not an option; or this machine is none that
            starts a run, or submits jobs; or there is no such run or checkpoint to start from, or
            no program to notify.
    """
    place = find_workspace(workspace, make=True)
    chosen = AUTO if engine == "auto" else engine
    asked = options or RunOptions()
    refuse_others(asked, chosen)
    asked = find_engine(chosen).settle(asked)
    if asked.notify is not None:
        asked = replace(asked, notify=settle_notify(asked.notify))
    refuse_helpers(asked.workers)
    if queue and device == "visible":
        device = "auto"
    refuse_unfit(asked, device, queue=queue)
    devices = count_replicas(device, asked)
    changes = Changes(
        (*overrides, *([] if num_steps is None else [f"num_steps={num_steps}"])),
        patches=tuple(map(Path, patches)),
    )
    start = None
    if start_from is not None:
        start = Start.find(start_from, place)
        _refuse_other_starts(changes, from_scratch)
        if name is None and config is None:
            config = start.run.config
    notes: list[str] = []
    source, rendered = find_source(name, config, changes, place, notes.append)
    text = written = read_text(source)
    before = parse_pipeline(written, str(source))
    message = before
    if not rendered:
        changed = apply_changes(before, changes)
        message = changed.message
        notes += changed.notes
    if from_scratch:
        message = without_fine_tuning(message)
    if start is not None:
        wanted = changes.given()
        begin = begin_with(start.prefix(place))
        begin = tuple(item for item in begin if parse_override(item).path not in wanted)
        message = apply_changes(message, Changes(begin)).message
    if message != before:
        # As the file is where it is used unchanged, its comments included.
        typed = [
            *changes.words(),
            *(["--from-scratch"] if from_scratch else []),
            *([f"--from {start_from}"] if start_from else []),
        ]
        head = f"# From {place.shown(source)}, changed by odapi {__version__}: {' '.join(typed)}"
        text = f"{head}\n\n{render_pipeline(message)}"
    refuse_unmeasured(asked, message, place, engine=chosen)
    return Plan(
        workspace=place,
        name=_name_of(source),
        source=source,
        text=text,
        message=message,
        overrides=changes.overrides,
        notes=tuple(notes),
        engine=chosen,
        device=device,
        devices=devices,
        options=asked,
        findings=tuple(
            finding
            for finding in check_run(
                message,
                place,
                engine=chosen,
                text=written,
                from_scratch=from_scratch,
                devices=devices,
                workers=asked.workers,
            )
            # What another run may take away is kept in this one's folder (`launch.create_run`).
            if start is None or finding.rule != "checkpoint-rotates"
        ),
        start=start,
        queue=queue,
    )


def trained_before(plan: Plan) -> RunDir | None:
    """A run of this very config, engine and number of devices, so of the same findings."""
    text = plan.text.encode()
    for run in list_runs(plan.workspace):
        config = run.config_of(1)
        if not is_file(config) or config.stat().st_size != len(text) or config.read_bytes() != text:
            continue
        try:
            spec = RunSpec.load(run)
        except RunError:  # none of this odapi's, which has told whatever it did
            continue
        if (spec.engine, count_replicas(spec.device, spec.options)) == (plan.engine, plan.devices):
            return run
    return None


def find_source(
    name: str | None,
    config: str | Path | None,
    changes: Changes,
    workspace: Workspace,
    say: Callable[[str], None],
) -> tuple[Path, bool]:
    """The config file to start from, and whether the changes went into rendering it just now.

    A pipeline that is there is left as it is: the changes are then made to the run's own copy.

    Raises:
        ConfigError: there is none.
    """
    if config is not None:
        return Path(config), False
    chosen = name or last_rendered(workspace)
    if chosen is None:
        raise ConfigError(
            f"nothing has been rendered in {workspace.root}, so there is nothing to train",
            fix="Name what to train, as in: odapi train kitti-d0   The presets: odapi presets",
        )
    absent = not workspace.pipeline_config(chosen).exists()
    return ensure_rendered(chosen, changes if absent else Changes(), workspace, say), absent


def _name_of(source: Path) -> str:
    """What a config is called: its folder where it has the usual file name, else its file name."""
    path = source.resolve()
    return path.parent.name if _USUAL_NAME.fullmatch(path.name) else path.stem


def _refuse_other_starts(changes: Changes, from_scratch: bool) -> None:
    """Two answers to the question where a training begins are one too many."""
    others = sorted(changes.given() & {CHECKPOINT, CHECKPOINT.removeprefix("train_config.")})
    if from_scratch or others:
        other = "--from-scratch" if from_scratch else f"-s {others[0]}"
        raise ConfigError(f"--from and {other} contradict each other", fix="Leave one of them out.")
