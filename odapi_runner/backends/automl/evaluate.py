"""`python -m odapi_runner.backends.automl.evaluate --run-dir RUN`: the evaluator of a run.

It evaluates what is pending by main.py's --mode=eval, in order and once each, until the queue is
closed and empty; `--checkpoint N` evaluates those alone. One process evaluates all: it is given
one checkpoint after the other.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

from odapi_runner.backends.automl.checkpoints import clear, place
from odapi_runner.backends.automl.data import count_examples, write_validation
from odapi_runner.backends.automl.evaluated import Recorder, validation_hparams
from odapi_runner.backends.automl.program import (
    Program,
    common_flags,
    hparams_for,
    places_of,
    started,
    write_hparams,
)
from odapi_runner.errors import OdapiError
from odapi_runner.formats.runlog import Progress, evaluation_phase
from odapi_runner.proto.text import read_pipeline
from odapi_runner.rundir import RunDir
from odapi_runner.runs.foreign import take_event_files
from odapi_runner.runs.spec import RunSpec

_POLL_SECONDS = 0.2


class Evaluator:
    """The evaluator of one run."""

    def __init__(self, run: RunDir, stack: contextlib.ExitStack) -> None:
        """Write what the program reads; it starts with the first checkpoint.

        Raises:
            OdapiError: what is to be evaluated on cannot be read.
        """
        self.run, self._stack = run, stack
        self._places, self._options = places_of(run), RunSpec.load(run).options
        self._progress = Progress(run, "eval")
        self._progress.write("starting", force=True)
        config, root = read_pipeline(run.config), Path.cwd()
        examples = count_examples(config.train_input_reader, root)
        validation = write_validation(config.eval_input_reader[0], root, self._places.root)
        values = hparams_for(config, self._options, examples)
        values = validation_hparams(values, config, validation)
        write_hparams(self._places.eval_hparams, values)
        self.recorder = Recorder(run, validation, values)
        self._flags = [
            "--mode=eval",
            f"--model_dir={self._places.root}",
            f"--hparams={self._places.eval_hparams}",
            "--min_eval_interval=0",
            *common_flags(config, self._options, examples),
            *self.recorder.flags(),
        ]
        self._program: Program | None = None
        self._words: Iterator[dict[str, Any]] = iter(())

    def evaluate_pending(self) -> None:
        """Evaluate what is pending, and what will be, until the queue is closed."""
        while True:
            # Looked at in this order, nothing that was queued before the closing is missed.
            closed = self.run.pending_closed.exists()
            numbers = self.run.pending_checkpoints()
            if numbers:
                # A crash between writing the result and leaving the queue is no reason to redo it.
                if not self.run.detections_at(numbers[0]).exists():
                    self.evaluate(numbers[0], self.run.pending)
                self.run.drop_pending(numbers[0])
            elif closed:
                break
            else:
                self._progress.write("waiting")
                time.sleep(_POLL_SECONDS)
        self._progress.write("done", force=True)

    def evaluate(self, number: int, folder: Path) -> None:
        """Evaluate `ckpt-number` of a folder."""
        clear(self._places.root)
        try:
            place(folder, number, self._places.root)
        except FileNotFoundError:
            if number in self.run.pending_checkpoints():
                raise
            return  # taken out of the queue meanwhile, since too many were waiting
        total = self.recorder.images
        self.recorder.events.write("evaluating", number=number, step=number)
        self._progress.write("restoring", step=number, images=0, total_images=total, force=True)
        again = True
        while True:
            word = next(self._words, None)
            if word is None:
                if not again:
                    break
                again = False  # it ends by itself after the last step of the training
                self._start()
            elif word["kind"] == "images":
                done = word["done"]
                phase = evaluation_phase(done, total)
                self._progress.write(phase, step=number, images=done, total_images=total)
            elif word["kind"] == "evaluated":
                self.recorder.record(word["step"], word["metrics"], folder)
                take_event_files(self._places.root, self.run)
                return
        assert self._program is not None
        sys.exit(self._program.end() or 1)

    def _start(self) -> None:
        self._stack.close()
        self._program = self._stack.enter_context(started(self.run, self._options, self._flags))
        self._words = iter(self._program)


def _end(*_: object) -> NoReturn:
    # Nothing is half-written: results appear by a rename, and what is pending stays so.
    sys.exit(0)


def main(arguments: Sequence[str]) -> int:
    """Evaluate; what a run's supervisor starts."""
    signal.signal(signal.SIGTERM, _end)
    parser = argparse.ArgumentParser()
    parser.add_argument("--run-dir", type=Path, required=True)
    parser.add_argument("--checkpoint", type=int, action="append", default=[])
    asked = parser.parse_args(arguments)
    run = RunDir(asked.run_dir.resolve())
    try:
        with contextlib.ExitStack() as stack:
            evaluator = Evaluator(run, stack)
            for number in asked.checkpoint:
                evaluator.evaluate(number, run.root)
            if not asked.checkpoint:
                evaluator.evaluate_pending()
    except OdapiError as error:
        from odapi_runner.formats.runlog import EventLog

        EventLog(run, "eval").write("failed", what=error.what, fix=error.fix)
        error.show()
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
