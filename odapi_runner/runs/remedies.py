"""What is done about a trainer that failed: what the options of its run ask for, and no more."""

from __future__ import annotations

from dataclasses import dataclass

from odapi_runner.formats.runlog import EventLog
from odapi_runner.rundir import RunDir
from odapi_runner.runs.failures import NAN, OOM, PASSING, Failure
from odapi_runner.runs.options import ACCUMULATE, HALVE, ROLLBACK
from odapi_runner.runs.policies.plateau import parse_plateau
from odapi_runner.runs.policies.rate import ROLLED_BACK, set_rate
from odapi_runner.runs.policies.reject import reject_infinite
from odapi_runner.runs.spec import RunSpec


@dataclass(slots=True)
class Remedies:
    """Those of one run, under one supervisor; each use is an event."""

    run: RunDir
    events: EventLog
    used: int = 0

    def apply(self, failure: Failure) -> bool:
        """Do what was asked for; whether the trainer is to be started again."""
        options = RunSpec.load(self.run).options
        if self.used >= options.retries:
            return False
        done = None
        if failure.kind == OOM and options.on_oom in {HALVE, ACCUMULATE}:
            done = self._halve(accumulate=options.on_oom == ACCUMULATE)
        elif failure.kind == NAN and options.on_nan == ROLLBACK:
            done = self._roll_back()
        elif failure.kind == PASSING:
            done = "trying again"
        if done is None:
            return False
        self.used += 1
        self.events.write(
            "retrying", what=failure.what, done=done, retry=self.used, of=options.retries
        )
        return True

    def _halve(self, *, accumulate: bool) -> str | None:
        from odapi_runner.proto.text import read_pipeline  # only now: protobuf takes memory
        from odapi_runner.runs.revise import revise

        spec = RunSpec.load(self.run)
        batch = read_pipeline(self.run.config).train_config.batch_size
        if batch < 2 or batch % 2:
            return None
        half = batch // 2
        if accumulate:
            times = 2 * spec.options.accumulate
            done = f"{times} batches of {half} a step instead of {times // 2} of {batch}"
            overrides, options = [f"train_config.batch_size={half}"], {"accumulate": times}
        else:
            done = f"batches of {half} instead of {batch}, and the learning rate for it"
            overrides, options = [f"batch_size={half}"], {}
        why = f"the memory did not suffice: {done}"
        revise(self.run, self.events, why=why, overrides=overrides, options=options)
        return done

    def _roll_back(self) -> str | None:
        reject_infinite(self.run, self.events)
        if not self.run.checkpoints():
            return None
        newest = self.run.checkpoints()[-1]
        self.events.write(ROLLED_BACK, number=newest)
        rule = RunSpec.load(self.run).options.reduce_on_plateau
        factor = set_rate(self.run, parse_plateau(rule) if rule else None, self.events)
        return f"from ckpt-{newest} on with {factor:g} times the learning rate"
