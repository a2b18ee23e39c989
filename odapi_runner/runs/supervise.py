"""`python -m odapi_runner.runs.supervise train/RUN`: watch over a run until it has ended.

    trainer     starts at once, unless training has finished before; again where the run's options
                have a remedy for what made it fail (`remedies`)
    evaluator   starts when a first checkpoint waits; again after a crash (`Evaluations`)
    the end     training has ended and nothing waits -> finished or failed
                a policy ends the training (`policies`) -> finished or stopped
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

from odapi_runner import files
from odapi_runner.backends import Backend, find_engine
from odapi_runner.errors import OdapiError, explain
from odapi_runner.formats.runlog import EventLog, last_told
from odapi_runner.rundir import RunDir
from odapi_runner.runs.child import Child, has_trained, trainer_environment
from odapi_runner.runs.claims import AUTO, Claim, claim_now
from odapi_runner.runs.evaluations import Evaluations
from odapi_runner.runs.failures import OomKills, classify, count_oom_kills, read_tail
from odapi_runner.runs.gpu_load import GpuLoad, read_loads
from odapi_runner.runs.hang import LEAST_SECONDS, HangWatch
from odapi_runner.runs.lock import take_lock
from odapi_runner.runs.mend import mend
from odapi_runner.runs.notify import notify
from odapi_runner.runs.policies.apply import Policies
from odapi_runner.runs.policies.queue import put_missing
from odapi_runner.runs.process import identify
from odapi_runner.runs.remedies import RETRY_SECONDS, Remedies
from odapi_runner.runs.slurm.jobs import own_job
from odapi_runner.runs.spec import RunSpec
from odapi_runner.runs.state import is_full

# How long a trainer may take to end its step (or its tracing) and to save; then it is killed.
_TRAINER_GRACE_SECONDS = 300
# How a trainer ends that is asked to before it is ready: it has nothing to save yet.
_BEFORE_IT_HEEDS = -signal.SIGTERM
_ONE_REQUEST_SECONDS = 1.0
_POLL_SECONDS = 0.25
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def supervise(
    run: RunDir,
    lock: int,
    backend: Backend,
    *,
    on_poll: Callable[[], None] = lambda: None,
    hung_after: float = LEAST_SECONDS,
    retry_after: float = RETRY_SECONDS,
    loads: Callable[[], Sequence[GpuLoad]] = read_loads,
    clock: Callable[[], float] = time.time,
) -> str:
    """Run trainer and evaluator to their end.

    Args:
        run: its folder, with pipeline.config and run.json.
        lock: the open, locked file of `take_lock`; trainer and evaluator share it.
        backend: the engine.
        on_poll: called several times a second, for showing progress.
        hung_after: what is no hang of trainer or evaluator, in seconds.
        retry_after: how long to wait before a first try after what may pass, in seconds.
        loads: tells what the GPUs of this machine are doing.
        clock: tells the time of events.

    Returns:
        How the run ended, the kind of its last event: `finished`, `failed` or `stopped`.

    Raises:
        RunError: a free GPU is wanted, and none is.
    """
    with _stop_by_signals() as stop, files.for_others_to_read():
        events = EventLog(run, "supervise", clock)
        supervisor = _Supervisor(run, lock, backend, stop, events, hung_after, retry_after)
        supervisor.take_devices(loads)
        try:
            return supervisor.watch(on_poll)
        finally:
            supervisor.claim.close()
            supervisor.tell_end()


@dataclass(slots=True)
class _Stop:
    """Counts the requests to stop: the first is a wish, a second one is urgent.

    What follows at once is the same request: of a job that it preempts, Slurm signals all processes
    twice (slurmd/slurmd/req.c, `_rpc_timelimit` and `_rpc_terminate_job`).
    """

    requests: int = 0
    _first: float = 0.0

    def note(self) -> None:
        now = time.monotonic()
        if not self.requests:
            self._first = now
        if not self.requests or now - self._first > _ONE_REQUEST_SECONDS:
            self.requests += 1

    def is_urgent(self) -> bool:
        return self.requests > 1


@contextmanager
def _stop_by_signals() -> Iterator[_Stop]:
    stop = _Stop()

    before = {number: signal.signal(number, lambda *_: stop.note()) for number in _SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Supervisor:
    """The decisions; processes, queue and events are others' work."""

    def __init__(
        self,
        run: RunDir,
        lock: int,
        backend: Backend,
        stop: _Stop,
        events: EventLog,
        hung_after: float,
        retry_after: float,
    ) -> None:
        self.run, self.lock, self.stop = run, lock, stop
        self.options = RunSpec.load(run).options
        self.events = events
        self.outcome, self.what = "finished", ""
        self.start_at: float | None = None  # the trainer, again, by time.monotonic()
        self.claim = Claim((), "none", ())  # until training has ended
        self.policies = Policies(run, self.options, self.events)
        self.hangs = HangWatch(run, self.events, hung_after)
        self.oom_kills = OomKills(count_oom_kills)
        self.evaluations = Evaluations(
            run, lock, backend, self.options, self.events, hung_after=hung_after
        )
        self.remedies = Remedies(
            run, events, lambda: self.evaluations.end(stop.is_urgent), retry_after
        )
        # Asked at each start: by then the run may have been revised.
        self.trainer = Child(
            "trainer",
            "train",
            lambda: backend.trainer_argv(run, options=RunSpec.load(run).options),
            lambda: self._trainer_environment(backend),
        )

    def _trainer_environment(self, backend: Backend) -> dict[str, str]:
        spec = RunSpec.load(self.run)
        device = self.claim.environment() if spec.device == AUTO else spec.environment
        return trainer_environment(backend, spec.options, device)

    def _has_trained(self) -> bool:
        return has_trained(self.run, RunSpec.load(self.run).num_steps)

    def take_devices(self, loads: Callable[[], Sequence[GpuLoad]]) -> None:
        """Claim what the trainer uses, unless it has nothing left to do."""
        if not self._has_trained():
            self.claim = claim_now(RunSpec.load(self.run).device, loads)

    def watch(self, on_poll: Callable[[], None]) -> str:
        # Whoever starts runs one after the other waits for this event: the devices are claimed.
        self.events.write(
            "started",
            process=identify(os.getpid()).dump(),
            devices=list(self.claim.names),
            job=own_job(),
        )
        mend(self.run, self.options, self.events)
        self._open_queue()
        self.oom_kills.look()
        if self._has_trained():
            self._end_training()
        else:
            self.trainer.start(self.run, self.lock, self.events)
        while not self.stop.requests:
            self._look_at_trainer()
            self._start_again()
            self.evaluations.look()
            self._apply_policies()
            on_poll()
            is_training = self.trainer.is_running or self.start_at is not None
            if not is_training and not self.evaluations.is_busy():
                return self._conclude()
            time.sleep(_POLL_SECONDS)
        self.trainer.end(_TRAINER_GRACE_SECONDS, self.stop.is_urgent)
        self._look_at_trainer()
        self.evaluations.end(self.stop.is_urgent)
        on_poll()
        return self._conclude()

    def _look_at_trainer(self) -> None:
        code = self.trainer.collect(self.events)
        if code is None:
            if self.trainer.process:
                self.hangs.look(self.trainer.process.pid)
                self.oom_kills.look()
            return
        last = last_told(self.run, "train", since=self.trainer.started_at)
        asked = bool(self.stop.requests or self.policies.ending)
        if code == 0 and last["kind"] == "finished":
            self.outcome, self.what = "finished", ""
        elif (code == 0 and last["kind"] == "stopped") or (asked and code == _BEFORE_IT_HEEDS):
            self.outcome, self.what = self.policies.ending or ("stopped", "")
        else:
            failure = classify(
                code,
                last,
                read_tail(self.run.log("train"), self.trainer.log_start),
                oom_kills=self.oom_kills.recent(),
                hint=f"odapi logs {self.run.typed}",
                disk_is_full=is_full(self.run),
            )
            self.outcome, self.what = "failed", failure.what
            pause = None if self.stop.requests else self.remedies.apply(failure)
            if pause is not None:
                self.start_at = time.monotonic() + pause
                return
        self._end_training()

    def _start_again(self) -> None:
        """Start the trainer that a remedy was found for, when it has waited long enough."""
        if self.start_at is not None and time.monotonic() >= self.start_at:
            self.start_at = None
            self.trainer.start(self.run, self.lock, self.events)

    def _apply_policies(self) -> None:
        self.policies.look(is_training=self.trainer.is_running)
        if self.trainer.is_running and self.policies.ending:
            self.trainer.ask_to_end(_TRAINER_GRACE_SECONDS)

    def _open_queue(self) -> None:
        self.run.pending_closed.unlink(missing_ok=True)
        if self.options.evaluate:
            # The trainer hands its checkpoints over where it finds this folder.
            self.run.pending.mkdir(exist_ok=True)
            put_missing(self.run)

    def _end_training(self) -> None:
        self.claim.close()  # evaluations need none of it
        if self.options.evaluate:
            put_missing(self.run)
            self.run.pending_closed.touch()

    def _conclude(self) -> str:
        waiting = len(self.run.pending_checkpoints()) if self.options.evaluate else 0
        if self.stop.requests and (waiting or self.outcome != "finished"):
            self.outcome = "stopped"
        elif waiting and self.outcome == "finished":
            self.outcome, self.what = "failed", self.evaluations.why_given_up()
        left_out = self.evaluations.left_out
        self.what = ". ".join(filter(None, (self.what, *left_out)))
        signalled = bool(self.stop.requests)
        self.events.write(self.outcome, waiting=waiting, what=self.what, signalled=signalled)
        return self.outcome

    def tell_end(self) -> None:
        """Call who is to be called, where the run has ended by an exception, too."""
        error = sys.exception()
        if error is not None:
            known = explain(error) if isinstance(error, OSError) else error
            what = known.what if isinstance(known, OdapiError) else repr(error)
            self.outcome, self.what = "failed", f"its supervisor ended: {what}"
        # A job may be queued again: it tells itself.
        if self.options.notify and self.options.cluster is None:
            notify(self.run, self.options.notify, self.outcome, self.what, self.events)


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
    except OSError as error:  # a full disk, most of all: nothing can be told in the run's events
        if (explained := explain(error)) is None:
            raise
        explained.show()
        return explained.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
