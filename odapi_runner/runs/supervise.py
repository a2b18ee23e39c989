"""`python -m odapi_runner.runs.supervise train/RUN`: watch over a run until it has ended.

    trainer     starts at once, unless training has finished before
    evaluator   starts when a first checkpoint waits; started again at most twice
    the end     training has ended and nothing waits -> finished or failed
                SIGTERM, SIGINT or SIGHUP -> the trainer saves and ends, the evaluator ends,
                what waits goes on waiting -> stopped

If this process is killed, both children get SIGTERM from the kernel (`lifeline`).
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from odapi_runner.backends import Backend, find_engine
from odapi_runner.errors import OdapiError
from odapi_runner.formats.runlog import EventLog
from odapi_runner.rundir import RunDir
from odapi_runner.runs import policies
from odapi_runner.runs.child import QUIET, Child, last_told
from odapi_runner.runs.gpus import HIDDEN
from odapi_runner.runs.lock import take_lock
from odapi_runner.runs.process import describe_exit, identify
from odapi_runner.runs.spec import RunSpec

EVALUATOR_STARTS = 3
EVALUATOR_NICE = 10

# How long a trainer may take to end its step (or its tracing) and to save; then it is killed.
_TRAINER_GRACE_SECONDS = 300
_EVALUATOR_GRACE_SECONDS = 20
_POLL_SECONDS = 0.25
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def supervise(
    run: RunDir, lock: int, backend: Backend, *, on_poll: Callable[[], None] = lambda: None
) -> str:
    """Run trainer and evaluator to their end.

    Args:
        run: its folder, with pipeline.config and run.json.
        lock: the open, locked file of `take_lock`; trainer and evaluator share it.
        backend: the engine.
        on_poll: called several times a second, for showing progress.

    Returns:
        How the run ended, the kind of its last event: `finished`, `failed` or `stopped`.
    """
    with _stop_by_signals() as stop:
        return _Supervisor(run, lock, backend, stop).watch(on_poll)


@dataclass(slots=True)
class _Stop:
    """Counts the requests to stop: the first is a wish, a second one is urgent."""

    requests: int = 0

    def is_urgent(self) -> bool:
        return self.requests > 1


@contextmanager
def _stop_by_signals() -> Iterator[_Stop]:
    stop = _Stop()

    def note(*_: object) -> None:
        stop.requests += 1

    before = {number: signal.signal(number, note) for number in _SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Supervisor:
    """The decisions; processes, queue and events are others' work."""

    def __init__(self, run: RunDir, lock: int, backend: Backend, stop: _Stop) -> None:
        spec = RunSpec.load(run)
        asked = spec.options
        self.run, self.lock, self.options, self.stop = run, lock, asked, stop
        self.events = EventLog(run, "supervise")
        self.outcome, self.what = "finished", ""
        argv = backend.trainer_argv(run, options=asked)
        environment = QUIET | backend.trainer_environment(asked) | dict(spec.environment)
        self.trainer = Child("trainer", "train", argv, environment)
        argv = backend.evaluator_argv(run, options=asked)
        self.evaluator = Child("evaluator", "eval", argv, QUIET | HIDDEN, nice=EVALUATOR_NICE)

    def watch(self, on_poll: Callable[[], None]) -> str:
        self.events.write("started", process=identify(os.getpid()).dump())
        self._open_queue()
        if last_told(self.run, "train")["kind"] == "finished":
            self._close_queue()
        else:
            self.trainer.start(self.run, self.lock, self.events)
        while not self.stop.requests:
            self._look_at_trainer()
            self._look_at_evaluator()
            on_poll()
            if not self.trainer.is_running and not self._is_evaluating():
                return self._conclude()
            time.sleep(_POLL_SECONDS)
        self.trainer.end(_TRAINER_GRACE_SECONDS, self.stop.is_urgent)
        self._look_at_trainer()
        self.evaluator.end(_EVALUATOR_GRACE_SECONDS, self.stop.is_urgent)
        self.evaluator.collect(self.events)
        on_poll()
        return self._conclude()

    def _look_at_trainer(self) -> None:
        code = self.trainer.collect(self.events)
        if code is None:
            return
        last = last_told(self.run, "train", since=self.trainer.started_at)
        if code == 0 and last["kind"] in {"finished", "stopped"}:
            self.outcome = last["kind"]
        else:
            self.outcome = "failed"
            told = f"{last['what']}. {last['fix']}" if last["kind"] == "failed" else None
            self.what = told or f"the trainer {describe_exit(code)}: odapi logs {self.run.typed}"
        self._close_queue()

    def _look_at_evaluator(self) -> None:
        if not self.options.evaluate:
            return
        for number in policies.skip_oldest(self.run, self.options.eval_backlog):
            self.events.write("skipped", number=number)
        code = self.evaluator.collect(self.events)
        if not self.evaluator.is_running and self._is_evaluating():
            self.evaluator.start(self.run, self.lock, self.events)
        elif code is not None and self.run.pending_checkpoints():
            self.events.write("evaluator_given_up", starts=self.evaluator.starts)

    def _is_evaluating(self) -> bool:
        """Whether the evaluator runs, or has something to do and may be started for it."""
        may_start = self.options.evaluate and self.evaluator.starts < EVALUATOR_STARTS
        return self.evaluator.is_running or (may_start and bool(self.run.pending_checkpoints()))

    def _open_queue(self) -> None:
        self.run.pending_closed.unlink(missing_ok=True)
        if self.options.evaluate:
            # The trainer hands its checkpoints over where it finds this folder.
            self.run.pending.mkdir(exist_ok=True)
            policies.put_missing(self.run)

    def _close_queue(self) -> None:
        if self.options.evaluate:
            policies.put_missing(self.run)
            self.run.pending_closed.touch()

    def _conclude(self) -> str:
        waiting = len(self.run.pending_checkpoints()) if self.options.evaluate else 0
        if self.stop.requests and (waiting or self.outcome != "finished"):
            self.outcome = "stopped"
        elif waiting and self.outcome == "finished":
            self.outcome = "failed"
            last = last_told(self.run, "eval", since=self.evaluator.started_at)
            why = last.get("what", f"odapi logs {self.run.typed} --eval")
            self.what = f"the evaluator crashed {self.evaluator.starts} times: {why}"
        self.events.write(self.outcome, waiting=waiting, what=self.what)
        return self.outcome


def main(arguments: Sequence[str]) -> int:
    """Supervise the run in a folder; its open, locked file may come from the parent process."""
    folder, *inherited = arguments
    run = RunDir(Path(folder).resolve())
    try:
        lock = int(inherited[0]) if inherited else take_lock(run)
        backend = find_engine(RunSpec.load(run).engine)
        return 0 if supervise(run, lock, backend) == "finished" else 1
    except OdapiError as error:
        error.show()
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
