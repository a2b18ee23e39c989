"""`python -m odapi_runner.backends.automl.evaluate --run-dir RUN`: the evaluator of a run.

It evaluates what is pending by main.py's --mode=eval, in order and once each, until the queue is
closed and empty; `--checkpoint N` evaluates those alone. Each is the only one in the program's
folder, which ends when it finds no other.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from odapi_runner.backends.automl.checkpoints import clear, place
from odapi_runner.backends.automl.data import count_examples, write_validation
from odapi_runner.backends.automl.evaluated import Recorder, validation_hparams
from odapi_runner.backends.automl.program import (
    common_flags,
    hparams_for,
    places_of,
    program_argv,
    write_hparams,
)
from odapi_runner.errors import OdapiError
from odapi_runner.formats.runlog import EventLog, Progress, evaluation_phase
from odapi_runner.proto.text import read_pipeline
from odapi_runner.rundir import RunDir
from odapi_runner.runs.foreign import take_event_files
from odapi_runner.runs.minding import mind, telling_failure
from odapi_runner.runs.spec import RunSpec

_POLL_SECONDS = 0.2


class Evaluator:
    """The evaluator of one run."""

    def __init__(self, run: RunDir) -> None:
        """Write what the program reads.

        Raises:
            OdapiError: what is to be evaluated on cannot be read.
        """
        self.run = run
        self._places, self._options = places_of(run), RunSpec.load(run).options
        self._progress = Progress(run, "eval")
        self._progress.write("starting", force=True)
        config, root = read_pipeline(run.config), Path.cwd()
        examples = count_examples(config.train_input_reader, root)
        validation = write_validation(config.eval_input_reader[0], root, self._places.root)
        values = hparams_for(config, self._options, examples)
        values = validation_hparams(values, config, validation)
        write_hparams(self._places.eval_hparams, values)
        self._recorder = Recorder(run, validation, values)
        self._flags = [
            "--mode=eval",
            f"--model_dir={self._places.root}",
            f"--hparams={self._places.eval_hparams}",
            "--min_eval_interval=0",
            "--eval_timeout=0",
            *common_flags(config, self._options, examples),
            *self._recorder.flags(),
        ]

    def evaluate_pending(self) -> int:
        """Evaluate what is pending, and what will be, until the queue is closed; the exit code."""
        while True:
            # Looked at in this order, nothing that was queued before the closing is missed.
            closed = self.run.pending_closed.exists()
            numbers = self.run.pending_checkpoints()
            if numbers:
                # A crash between writing the result and leaving the queue is no reason to redo it.
                if not self.run.detections_at(numbers[0]).exists():
                    code = self.evaluate(numbers[0], self.run.pending)
                    if code is not None:
                        return code
                self.run.drop_pending(numbers[0])
            elif closed:
                self._progress.write("done", force=True)
                return 0
            else:
                self._progress.write("waiting")
                time.sleep(_POLL_SECONDS)

    def evaluate(self, number: int, folder: Path) -> int | None:
        """Evaluate `ckpt-number` of a folder; None, or the exit code to end with."""
        clear(self._places.root)
        try:
            place(folder, number, self._places.root)
        except FileNotFoundError:
            if number in self.run.pending_checkpoints():
                raise
            return None  # taken out of the queue meanwhile, since too many were waiting
        total = self._recorder.images
        self._recorder.events.write("evaluating", number=number, step=number)
        done = False

        def tell(images: int, *, force: bool = False) -> None:
            phase = evaluation_phase(images, total)
            self._progress.write(phase, step=number, images=images, total_images=total, force=force)

        tell(0, force=True)

        def hear(word: dict[str, Any]) -> None:
            nonlocal done
            if word["kind"] == "images":
                tell(word["done"])
            elif word["kind"] == "evaluated":
                self._recorder.record(word["step"], word["metrics"], folder)
                done = True

        ended = mind(lambda pipe: program_argv(self.run, self._options, pipe, self._flags), hear)
        take_event_files(self._places.root, self.run)
        if ended.asked:
            return 0
        return None if done else ended.exit_code or 1


def main(arguments: Sequence[str]) -> int:
    """Evaluate; what a run's supervisor starts."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--run-dir", type=Path, required=True)
    parser.add_argument("--checkpoint", type=int, action="append", default=[])
    asked = parser.parse_args(arguments)
    run = RunDir(asked.run_dir.resolve())
    try:
        with telling_failure(EventLog(run, "eval")):
            evaluator = Evaluator(run)
            if not asked.checkpoint:
                return evaluator.evaluate_pending()
            codes = (evaluator.evaluate(number, run.root) for number in asked.checkpoint)
            return next((code for code in codes if code is not None), 0)
    except OdapiError as error:
        error.show()
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
