"""What is done about a trainer that failed: what the options of its run ask for, and no more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from odapi_runner.errors import OdapiError, RunError
from odapi_runner.formats.runlog import EventLog
from odapi_runner.rundir import RunDir
from odapi_runner.runs.failures import NAN, OOM, PASSING, Failure
from odapi_runner.runs.mend import mend
from odapi_runner.runs.options import ACCUMULATE, HALVE, ROLLBACK, RunOptions
from odapi_runner.runs.policies.plateau import parse_plateau
from odapi_runner.runs.policies.rate import ROLLED_BACK, set_rate
from odapi_runner.runs.policies.reject import reject_infinite
from odapi_runner.runs.sessions import read_since_asked
from odapi_runner.runs.spec import RunSpec

# Told of each use; the trainer is started again after it.
RETRYING = "retrying"
# What passes may take a while: 10 s before the first try, then 40, 160, and never longer than this.
RETRY_SECONDS, _LONGER, _LONGEST = 10.0, 4, 600.0


@dataclass(slots=True)
class Remedies:
    """Those of one run; each use is an event, and counted by these.

    Attributes:
        end_evaluations: ends the evaluator: what waits goes on waiting.
        retry_after: how long to wait before the first try after what may pass, in seconds.
    """

    run: RunDir
    events: EventLog
    end_evaluations: Callable[[], None]
    retry_after: float = RETRY_SECONDS

    def apply(self, failure: Failure) -> float | None:
        """Do what was asked for; in how many seconds the trainer is to be started again, if it is.

        Where it cannot be done, an event says why.
        """
        options = RunSpec.load(self.run).options
        used = sum(event["kind"] == RETRYING for event in read_since_asked(self.run))
        if used >= options.retries:
            return None
        try:
            done = self._do(failure, options)
        except OdapiError as error:
            self.events.write("no_remedy", what=error.what)
            return None
        if done is None:
            return None
        pause = 0.0
        if failure.kind == PASSING:
            pause = min(self.retry_after * _LONGER**used, _LONGEST)
        done = f"{done} in {pause:g} s" if pause else done
        self.events.write(
            RETRYING, what=failure.what, done=done, retry=used + 1, of=options.retries
        )
        return pause

    def _do(self, failure: Failure, options: RunOptions) -> str | None:
        """What was done, in words; None where nothing was asked for."""
        if failure.kind == OOM and options.on_oom in {HALVE, ACCUMULATE}:
            return self._halve(accumulate=options.on_oom == ACCUMULATE)
        if failure.kind == NAN and options.on_nan == ROLLBACK:
            return self._roll_back()
        return "trying again" if failure.kind == PASSING else None

    def _halve(self, *, accumulate: bool) -> str:
        from odapi_runner.proto.text import read_pipeline  # only now: protobuf takes memory
        from odapi_runner.runs.revise import revise

        spec = RunSpec.load(self.run)
        batch = read_pipeline(self.run.config).train_config.batch_size
        half = self._half_of(batch, spec)
        if accumulate:
            times = 2 * spec.options.accumulate
            done = f"{times} batches of {half} a step instead of {times // 2} of {batch}"
            overrides, options = [f"train_config.batch_size={half}"], {"accumulate": times}
        else:
            done = f"batches of {half} instead of {batch}, and the learning rate for it"
            overrides, options = [f"batch_size={half}"], {}
        why = f"the memory did not suffice: {done}"
        self.end_evaluations()  # the next evaluator reads the config anew
        revise(self.run, self.events, why=why, overrides=overrides, options=options)
        return done

    def _half_of(self, batch: int, spec: RunSpec) -> int:
        """Half a batch.

        Raises:
            RunError: it is no number of images that the run's devices can share equally.
        """
        from odapi_runner.runs.workers import count_replicas  # asks the driver

        devices = count_replicas(spec.device, spec.options)
        if batch % (2 * devices):
            shared = f" and shared by {devices} devices" if devices > 1 else ""
            raise RunError(
                f"--on-oom {spec.options.on_oom}: a batch of {batch} cannot be halved{shared}",
                fix=f"odapi resume {self.run.typed} -s batch_size=N",
            )
        return batch // 2

    def _roll_back(self) -> str:
        # An evaluator at work on what is rejected would tell of it afterwards.
        self.end_evaluations()
        options = RunSpec.load(self.run).options
        reject_infinite(self.run, self.events)
        mend(self.run, options, self.events)
        if not self.run.checkpoints():
            raise RunError(
                f"--on-nan {ROLLBACK}: there is no checkpoint whose weights are finite",
                fix=f"odapi resume {self.run.typed} -s learning_rate=RATE",
            )
        newest = self.run.checkpoints()[-1]
        self.events.write(ROLLED_BACK, number=newest)
        rule = options.reduce_on_plateau
        factor = set_rate(self.run, parse_plateau(rule) if rule else None, self.events)
        return f"from ckpt-{newest} on with {factor:g} times the learning rate"
