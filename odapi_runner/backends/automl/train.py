"""`python -m odapi_runner.backends.automl.train --run-dir RUN`: the trainer of a run.

It starts main.py, makes its words the run's events and heartbeat, and its checkpoints
`model.ckpt-STEP` the run's `ckpt-STEP`, which alone count: a training goes on from the newest of
those. SIGTERM lets main.py end with a checkpoint of the step at hand.
"""

from __future__ import annotations

import shutil
import signal
import sys
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from odapi_runner.backends.automl.checkpoints import clear, place, saved_steps, take
from odapi_runner.backends.automl.data import count_examples, file_pattern, write_validation
from odapi_runner.backends.automl.evaluated import Recorder, validation_hparams
from odapi_runner.backends.automl.program import (
    common_flags,
    hparams_for,
    places_of,
    program_argv,
    write_hparams,
)
from odapi_runner.errors import ConfigError, OdapiError, RunError
from odapi_runner.formats.checkpoint_state import write_checkpoint_state
from odapi_runner.formats.runlog import EventLog, Progress
from odapi_runner.proto.text import read_pipeline
from odapi_runner.rundir import RunDir, drop_checkpoint
from odapi_runner.runs.foreign import take_event_files
from odapi_runner.runs.gpus import count_devices
from odapi_runner.runs.minding import Ended, mind, telling_failure
from odapi_runner.runs.options import RunOptions
from odapi_runner.runs.spec import RunSpec

_LOOK_SECONDS = 1.0  # at the program's folder
_WAIT_SECONDS = 30.0  # for a checkpoint to be whole
_REMEMBERED = 50  # steps, for the speed


class Trainer:
    """One training, followed."""

    def __init__(self, run: RunDir) -> None:
        """Begin without a program."""
        self.run, self.places = run, places_of(run)
        self.spec = RunSpec.load(run)
        self.options: RunOptions = self.spec.options
        self.config = read_pipeline(run.config)
        self.events, self.progress = EventLog(run, "train"), Progress(run, "train")
        self._failed: dict[str, Any] = {}
        self._step, self._looked, self._begun = 0, 0.0, time.monotonic()
        self._times: deque[tuple[float, int]] = deque(maxlen=_REMEMBERED)
        self._recorder: Recorder | None = None

    def run_to_end(self) -> int:
        """Train to the end, or until asked to stop; the exit code."""
        self.progress.write("starting", force=True)
        with telling_failure(self.events):
            flags = self._prepare()
            ended = mind(lambda pipe: program_argv(self.run, self.options, pipe, flags), self._hear)
            self._take_all()
            if self._failed:
                fix = f"odapi logs {self.run.typed}"
                self.events.write("failed", fix=fix, **self._failed)
                self._tell("failed", force=True, what=self._failed["what"])
            elif ended.code == 0 or (ended.asked and self._is_ended_before_it_began(ended)):
                self._tell_end(asked=ended.asked)
                return 0
        return ended.exit_code or 1  # why may be in its log, where the supervisor looks

    def _prepare(self) -> list[str]:
        """Write what the program reads; its flags."""
        root, places = Path.cwd(), self.places
        examples = count_examples(self.config.train_input_reader, root)
        values = hparams_for(self.config, self.options, examples)
        pattern = file_pattern(self.config.train_input_reader, root, places.root / "records")
        values["regenerate_source_id"] = True  # those of the records may be no numbers
        flags = common_flags(self.config, self.options, examples)
        if self.options.alternate:
            validation = write_validation(self.config.eval_input_reader[0], root, places.root)
            values = validation_hparams(values, self.config, validation)
            values["num_epochs"] = self._whole_epochs(examples)
            self._recorder = Recorder(self.run, validation, values)
            flags += self._recorder.flags()
        write_hparams(places.train_hparams, values)
        self._step = self._place_newest()
        start = self.config.train_config.fine_tune_checkpoint
        return [
            f"--mode={'train_and_eval' if self.options.alternate else 'train'}",
            f"--model_dir={places.train}",
            f"--train_file_pattern={pattern}",
            f"--hparams={places.train_hparams}",
            "--iterations_per_loop=100",
            *([f"--ckpt={root / start}"] if start else []),
            *(["--strategy=gpus"] if count_devices(self.spec.device) > 1 else []),
            *flags,
        ]

    def _whole_epochs(self, examples: int) -> int:
        """How many epochs the training takes: it takes turns by them.

        Raises:
            ConfigError: its steps are no whole number of epochs.
        """
        steps, batch = self.spec.num_steps, int(self.config.train_config.batch_size)
        epochs = max(1, round(steps * batch / examples))
        last = epochs * examples // batch
        if last != steps:
            raise ConfigError(
                f"--alternate takes turns by epochs of {examples} images, and {steps} steps are "
                f"{steps * batch / examples:.2f} of them",
                fix=f"odapi resume {self.run.typed} --num-steps {last}",
            )
        return epochs

    def _place_newest(self) -> int:
        """Have the run's newest checkpoint, and no other, where the program goes on; its step."""
        numbers = self.run.checkpoints()
        clear(self.places.train)
        if not numbers:
            return 0
        # A copy: the program saves it again as it begins, over the files that are there.
        place(self.run.root, numbers[-1], self.places.train, shutil.copyfile)
        return numbers[-1]

    def _hear(self, word: dict[str, Any]) -> None:
        kind = word.pop("kind")
        if kind == "failed":
            self._failed = word
        elif kind == "building":
            self._tell("building", force=True)
        elif kind == "started":
            if not self._times:  # once, however often it begins an epoch
                self.events.write("started", step=word["step"], resumed=word["step"] > 0)
            self._step = word["step"]
            self._tell("compiling", force=True)
        elif kind == "step":
            if not self._times:
                seconds = time.monotonic() - self._begun
                self.events.write("first_step", step=word["step"], seconds=seconds)
            self._step = word["step"]
            self._times.append((time.monotonic(), self._step))
            self._tell("training", loss=word["loss"])
        elif kind in {"evaluating", "images"} and self._recorder:
            self._tell("evaluating", images_done=word.get("done"))
        elif kind == "evaluated" and self._recorder:
            self._wait_for_checkpoint(word["step"])
            self._recorder.record(word["step"], word["metrics"], self.run.root)
        if time.monotonic() - self._looked > _LOOK_SECONDS or kind == "trained":
            self._take_all()

    def _tell(self, phase: str, *, force: bool = False, **more: Any) -> None:
        rate = None
        if len(self._times) > 1:
            (first, before), (last, step) = self._times[0], self._times[-1]
            rate = (step - before) / (last - first) if last > first else None
        self.progress.write(
            phase,
            force=force,
            step=self._step,
            num_steps=self.spec.num_steps,
            images=self._step * self.config.train_config.batch_size,
            steps_per_second=rate,
            seconds_left=(self.spec.num_steps - self._step) / rate if rate else None,
            **more,
        )

    def _take_all(self) -> None:
        """Make what the program leaves in its folder the run's."""
        self._take_checkpoints()
        take_event_files(self.places.root, self.run)
        self._looked = time.monotonic()

    def _take_checkpoints(self) -> None:
        """Make what the program has saved checkpoints of the run."""
        for step in saved_steps(self.places.train):
            if step in self.run.checkpoints() or self._is_older(step):
                continue
            if not take(self.places.train, step, self.run.root):
                continue
            self.events.write("checkpoint", number=step, step=step)
            for number in self.run.checkpoints()[: -self.options.keep]:
                drop_checkpoint(self.run.root, number)
            write_checkpoint_state(self.run.root, self.run.checkpoints())
            if self.run.pending.is_dir():
                self.run.put_pending(step)

    def _wait_for_checkpoint(self, step: int) -> None:
        """Take one that the program may be saving again.

        Raises:
            RunError: it never becomes whole.
        """
        end = time.monotonic() + _WAIT_SECONDS
        while step not in self.run.checkpoints():
            self._take_checkpoints()
            if time.monotonic() > end:
                what = f"{self.places.train}: the checkpoint of step {step} is not whole"
                raise RunError(what, fix=f"odapi logs {self.run.typed}")

    def _is_older(self, step: int) -> bool:
        """Whether rotation has taken it from the run, which keeps fewer than the program."""
        return bool(self.run.checkpoints()) and step < self.run.checkpoints()[-1]

    def _is_ended_before_it_began(self, ended: Ended) -> bool:
        """Whether SIGTERM ended the program before it heeds that: no step is lost by it.

        Any other end after a request is a crash: what was to be saved then is not there.
        """
        return ended.code == -signal.SIGTERM and not self._times

    def _tell_end(self, *, asked: bool) -> None:
        step = max(self.run.checkpoints(), default=0)
        if step < self._step:
            raise RunError(
                f"main.py ended at step {self._step}, of which there is no whole checkpoint: "
                f"the newest is of step {step}",
                fix=f"odapi logs {self.run.typed}",
            )
        ended = "finished" if step >= self.spec.num_steps else "stopped"
        if ended == "stopped" and not asked:
            raise RunError(
                f"main.py ended at step {step} of {self.spec.num_steps}",
                fix=f"odapi logs {self.run.typed}",
            )
        self._step = step
        self.events.write(ended, step=step)
        self._tell("done" if ended == "finished" else ended, force=True)


def main(arguments: Sequence[str]) -> int:
    """Train the run in a folder."""
    try:
        return Trainer(RunDir(Path(arguments[-1]).resolve())).run_to_end()
    except OdapiError as error:
        error.show()
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
