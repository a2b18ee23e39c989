"""`python -m odapi_runner.runs.watcher train/RUN`: in the place of a trainer of another program.

It hands the checkpoints that appear in the other program's folder to the evaluator, tells how far
that has come, and ends when that has ended. SIGTERM ends the watching, never the training.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from odapi_runner.errors import RunError
from odapi_runner.formats.runlog import EventLog, Progress, read_events
from odapi_runner.rundir import RunDir
from odapi_runner.runs.checkpoints import saved_checkpoints
from odapi_runner.runs.foreign import (
    find_trainer,
    last_step,
    read_evaluations,
    take_checkpoints,
    take_evaluations,
    take_event_files,
)
from odapi_runner.runs.process import is_alive
from odapi_runner.runs.spec import RunSpec

_POLL_SECONDS = 1.0
_LOOK_SECONDS = 15.0  # at event files, which may be large


def watch(run: RunDir, stop: threading.Event, poll_seconds: float = _POLL_SECONDS) -> None:
    """Watch the training that a run was adopted from until it ends, or until asked to stop.

    Raises:
        RunError: the run was adopted from nowhere.
    """
    spec = RunSpec.load(run)
    if spec.adopted is None:
        raise RunError(
            f"{run.name}: not adopted from another program", fix=f"odapi resume {run.typed}"
        )
    folder = Path(spec.adopted)
    events, progress = EventLog(run, "train"), Progress(run, "train")
    told = (event for event in read_events(run) if event["kind"] == "checkpoint")
    seen = {int(event["number"]) for event in told}
    trainer = find_trainer(folder)
    step, looked = last_step(folder, saved_checkpoints(folder)), time.monotonic()
    events.write("started", step=step, resumed=True, watched=str(folder))
    while True:
        # Looked at in this order, nothing that was saved before the end is missed.
        is_last = stop.is_set() or trainer is None or not is_alive(trainer.process)
        for one in take_checkpoints(folder, run, seen, events, spec.options.keep):
            if run.pending.is_dir():
                run.put_pending(one.number)
        if is_last or time.monotonic() - looked > _LOOK_SECONDS:
            step, looked = last_step(folder, saved_checkpoints(folder)), time.monotonic()
            take_event_files(folder, run)
        if is_last:
            break
        progress.write("watching", step=step, num_steps=spec.num_steps)
        stop.wait(poll_seconds)
    saved = saved_checkpoints(run.root)
    evaluations = read_evaluations(folder)
    take_evaluations(run, evaluations, saved, EventLog(run, "eval"), spec.options.best)
    ended = "finished" if step >= spec.num_steps else "stopped"
    progress.write("done" if ended == "finished" else ended, force=True, step=step)
    events.write(ended, step=step)


def main(arguments: Sequence[str]) -> int:
    """Watch for the run in a folder."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    watch(RunDir(Path(arguments[0]).resolve()), stop)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
