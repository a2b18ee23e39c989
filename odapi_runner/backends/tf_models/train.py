"""`python -m odapi_runner.backends.tf_models.train RUN`: minds a run's own model_main_tf2.

It goes on from the newest checkpoint of the run, saves at the end and where it is asked to stop,
and ends where a loss is not finite.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from odapi_runner.backends.tf_models.program import training_argv
from odapi_runner.formats.runlog import EventLog, Progress
from odapi_runner.proto.text import read_pipeline
from odapi_runner.rundir import RunDir, drop_checkpoint
from odapi_runner.runs.checkpoints import newest_checkpoint
from odapi_runner.runs.minding import exit_code, mind, telling_failure
from odapi_runner.runs.spec import RunSpec

_OUT_OF_MEMORY = {"ResourceExhaustedError", "MemoryError"}


class TrainingMinder:
    """Makes events and heartbeats of what the program tells."""

    def __init__(self, run: RunDir) -> None:
        """Begin where the run's newest checkpoint is."""
        self._run, self._spec = run, RunSpec.load(run)
        self._events, self._progress = EventLog(run, "train"), Progress(run, "train")
        self._begun = time.monotonic()
        self._warm: tuple[int, float] | None = None  # the first step told, and when
        self._batch = read_pipeline(run.config).train_config.batch_size
        newest = newest_checkpoint(run)
        self._start = newest.step if newest else None
        self._step, self._loss = self._start or 0, None
        self._ended = False
        self._beat("building", force=True)

    def run_to_end(self) -> int:
        """Train; the exit code."""

        def argv(messages: int) -> list[str]:
            return training_argv(self._run, self._spec, self._start, messages)

        with telling_failure(self._events):
            ended = mind(argv, self._take)
        if self._ended:
            return 0
        if ended.asked and ended.code == -signal.SIGTERM:  # before it heeds that, it trains nothing
            self._end("stopped", step=self._start or 0)
            return 0
        return ended.exit_code or 1

    def _take(self, message: dict[str, Any]) -> None:
        kind = message.pop("kind")
        if kind == "shims":
            self._events.write("shims", names=message["names"])
        elif kind == "compiling":
            resumed = self._start is not None
            self._events.write("started", step=self._start or 0, resumed=resumed)
            self._beat("compiling", force=True)
        elif kind == "step":
            self._take_step(message["step"])
        elif kind == "loss":
            self._loss = message["loss"]
        elif kind == "saving":
            self._beat("saving", force=True)
        elif kind == "saved":
            self._take_checkpoint(Path(message["path"]), message["step"])
        elif kind == "not_finite":
            self._fail(**_not_finite(self._run, **message))
        elif kind == "crashed":
            self._fail(**crash(self._run, "train", **message))
        elif kind in {"finished", "stopped"}:
            ended = "finished" if message["step"] >= self._spec.num_steps else "stopped"
            self._end(ended, **message)

    def _take_step(self, step: int) -> None:
        if self._warm is None:
            self._warm = step, time.monotonic()
            seconds = time.monotonic() - self._begun
            self._events.write("first_step", step=step, seconds=seconds)
        self._step = step
        self._beat("training")

    def _take_checkpoint(self, path: Path, step: int) -> None:
        number = int(path.name.rpartition("-")[2])
        if self._run.pending.is_dir():
            try:
                self._run.put_pending(number)
            except FileNotFoundError:  # rotated away: the disk is slower than the training
                drop_checkpoint(self._run.pending, number)
        self._events.write("checkpoint", number=number, step=step)
        self._step = step

    def _end(self, ended: str, *, step: int, **more: Any) -> None:
        self._ended, self._step = True, step
        self._events.write(ended, step=step, **more)
        self._beat("done" if ended == "finished" else "stopped", force=True)

    def _fail(self, error: str, what: str, fix: str) -> None:
        self._events.write("failed", error=error, what=what, fix=fix)
        self._beat("failed", force=True, what=what)

    def _beat(self, phase: str, *, force: bool = False, **more: Any) -> None:
        rate = None
        if self._warm and self._step > self._warm[0]:
            rate = (self._step - self._warm[0]) / (time.monotonic() - self._warm[1])
        self._progress.write(
            phase,
            force=force,
            step=self._step,
            num_steps=self._spec.num_steps,
            images=self._step * self._batch,
            steps_per_second=rate,
            seconds_left=(self._spec.num_steps - self._step) / rate if rate else None,
            loss=self._loss,
            **more,
        )


def _not_finite(run: RunDir, step: int, saved: int | None) -> dict[str, str]:
    kept = "" if saved is None else f"; the newest checkpoint is of step {saved}"
    return {
        "error": "NotFiniteError",
        "what": f"the loss of step {step} is not finite{kept}",
        "fix": f"Go on from there with a lower rate: odapi resume {run.typed} -s learning_rate=…",
    }


def crash(run: RunDir, role: str, error: str, what: str, where: str) -> dict[str, str]:
    """The event of an exception that has ended the program."""
    known = "OutOfMemoryError" if error in _OUT_OF_MEMORY else error
    return {
        "error": known,
        "what": f"model_main_tf2 ended with {error} in {where}: {what}",
        "fix": f"All of it: odapi logs {run.typed} --{role}",
    }


def main(arguments: Sequence[str]) -> int:
    """Train the run in a folder."""
    run = RunDir(Path(arguments[0]).resolve())
    return exit_code(lambda: TrainingMinder(run).run_to_end())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
