"""From a name to a run: what is to be trained, whether it can be, and its folder.

plan = plan_training("kitti-d0")     (`plan`) reads only: the config as it will run, its findings
run, lock = create_run(plan)         refuses errors; makes train/RUN with config and run.json
start(run, lock)                     (`start`), or `supervise` in this process
"""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from odapi_runner import files
from odapi_runner.backends import find_engine
from odapi_runner.formats.checkpoint_index import read_index, read_step
from odapi_runner.pipeline.finding import refuse_errors
from odapi_runner.pipeline.overrides import Changes, apply_changes
from odapi_runner.proto.text import render_pipeline
from odapi_runner.rundir import RunDir, link_checkpoint
from odapi_runner.runs.batch_size import plan_with_batch
from odapi_runner.runs.checkpoints import Start
from odapi_runner.runs.claims import refuse_busy
from odapi_runner.runs.digests import read_digests
from odapi_runner.runs.gpu_load import read_loads
from odapi_runner.runs.gpus import device_environment
from odapi_runner.runs.lock import take_lock
from odapi_runner.runs.names import make_run_folder
from odapi_runner.runs.options import RunOptions
from odapi_runner.runs.plan import CHECKPOINT, Plan, plan_training
from odapi_runner.runs.queue.control import put_in_queue
from odapi_runner.runs.spec import RunSpec, Sweep, read_versions
from odapi_runner.runs.start import start


def create_run(
    plan: Plan,
    *,
    run: str | None = None,
    command: Sequence[str] = (),
    sweep: Sweep | None = None,
) -> tuple[RunDir, int]:
    """Make the run's folder with everything that its processes need.

    Args:
        plan: what to train.
        run: the name; without one it is named after what it trains, then NAME-2, ….
        command: what was typed, for the record.
        sweep: of which it is a run.

    Returns:
        The run, and its lock (`lock.take_lock`).

    Raises:
        ConfigError: the findings hold an error, or an option cannot do it with this config.
        RunError: the name is taken, or none; or a free GPU is wanted at once, and none is.
    """
    refuse_errors(plan.findings)
    environment = device_environment(plan.device)
    if plan.device == "auto" and not plan.queue:
        refuse_busy(read_loads())
    find_engine(plan.engine).refuse_options(plan.message, plan.options)
    # Reads what might have vanished: nothing is made before.
    digests = read_digests(plan.message, plan.text, plan.workspace)
    parent, parent_step = _parent(plan)
    plan.workspace.mark()
    made = make_run_folder(run or plan.name, plan.workspace, exactly=run is not None)
    lock = take_lock(made)
    text = plan.text if plan.start is None else _keep_start(plan, plan.start, made)
    files.write_atomic(made.config, text)
    spec = RunSpec(
        name=made.name,
        created=dt.datetime.now().astimezone().isoformat(timespec="seconds"),
        command=tuple(command),
        engine=plan.engine,
        device=plan.device,
        environment=environment,
        num_steps=plan.message.train_config.num_steps,
        overrides=plan.overrides,
        options=plan.options,
        versions=read_versions() | find_engine(plan.engine).versions(plan.options),
        digests=replace(digests, config=hashlib.sha256(text.encode()).hexdigest()),
        parent=parent,
        parent_step=parent_step,
        sweep=sweep,
    )
    spec.dump(made)
    return made, lock


def train(
    name: str | None = None,
    *,
    config: str | Path | None = None,
    overrides: Sequence[str] = (),
    num_steps: int | None = None,
    batch: int | str | None = None,
    from_scratch: bool = False,
    start_from: str | None = None,
    engine: str = "auto",
    run: str | None = None,
    device: str = "visible",
    options: RunOptions | None = None,
    workspace: str | None = None,
    queue: bool = False,
    after: Sequence[RunDir] = (),
) -> RunDir:
    """Start a run in the background: `odapi train` as a call; arguments as those of its parts.

    With `queue` it is put at the end of this machine's queue, and with runs in `after` it waits
    for the end of these there, too. `batch` is a number, or `auto` for the largest that fits, which
    is tried out before this returns (`batch_size.plan_with_batch`).
    """
    planned = functools.partial(
        plan_training,
        name,
        config=config,
        num_steps=num_steps,
        from_scratch=from_scratch,
        start_from=start_from,
        engine=engine,
        device=device,
        options=options,
        workspace=workspace,
        queue=queue or bool(after),
    )
    plan = plan_with_batch(planned, overrides, None if batch is None else str(batch))
    made, lock = create_run(plan, run=run)
    if plan.queue:
        put_in_queue(made, lock, after)
    else:
        start(made, lock)
    return made


def _keep_start(plan: Plan, start: Start, made: RunDir) -> str:
    """Link what the run begins with into its folder, and name that in its config.

    Where the other run has it, rotation may take it before it is read: in the queue after days.

    Returns:
        The config's text.
    """
    found = start.saved
    link_checkpoint(found.prefix.parent, found.number, made.start)
    own = (made.start / found.prefix.name).relative_to(plan.workspace.root)
    changes = Changes((f"{CHECKPOINT}={own}",))
    head, _, _ = plan.text.partition("\n")  # says where it is from
    return f"{head}\n\n{render_pipeline(apply_changes(plan.message, changes).message)}"


def _parent(plan: Plan) -> tuple[str | None, int | None]:
    """The run of this workspace whose checkpoint the training starts from, and its step."""
    start = plan.message.train_config.fine_tune_checkpoint
    path = plan.workspace.resolve(start).resolve()
    runs = plan.workspace.train.resolve()
    if not start or not path.is_relative_to(runs):
        return None, None
    return path.relative_to(runs).parts[0], read_step(read_index(path))
