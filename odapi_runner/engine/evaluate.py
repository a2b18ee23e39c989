"""The evaluation process: `python -m odapi_runner.engine.evaluate --config FILE --run-dir DIR`.

It evaluates the checkpoints that lie in DIR/pending, in order and once each, until the queue is
closed and empty; `--checkpoint N` evaluates those alone; `--watch FOLDER` every checkpoint that
appears there, as `model_main_tf2 --checkpoint_dir` does. Log lines and event tags are those of
object_detection/model_lib_v2.py.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NoReturn

import click
import tensorflow as tf

from odapi_runner import coco
from odapi_runner.engine.checkpoint import holds_model, numbered, read_step
from odapi_runner.engine.course import telling_failure
from odapi_runner.engine.evaluator import Evaluator
from odapi_runner.engine.feed import TallyLog
from odapi_runner.engine.log import log
from odapi_runner.engine.pictures import side_by_side
from odapi_runner.engine.rate import factor_at
from odapi_runner.engine.read_config import build_spec
from odapi_runner.errors import CheckpointError
from odapi_runner.formats.best import keep_best
from odapi_runner.formats.detections import (
    Detections,
    read_metrics,
    write_detections,
    write_groundtruth,
)
from odapi_runner.formats.metrics_csv import rebuild_metrics_csv
from odapi_runner.formats.runlog import EventLog, Progress, evaluation_phase
from odapi_runner.formats.settled import settled_checkpoints
from odapi_runner.metrics import COCO_METRICS, LEARNING_RATE, METRICS, columns_of
from odapi_runner.proto.text import read_pipeline
from odapi_runner.rundir import RunDir, checkpoint_numbers
from odapi_runner.settings import settings_of
from odapi_runner.training import TrainerOptions

POLL = 0.2  # seconds


class EvaluationRun:
    """The evaluator of one run: evaluates checkpoints and leaves their results in its folder."""

    def __init__(
        self, config: Path, run: RunDir, *, max_bad: float = 0.0, best: str = METRICS[0]
    ) -> None:
        self._config, self._run, self._best = config, run, best
        self._spec = spec = build_spec(read_pipeline(config))
        self._events, self._progress = EventLog(run, "eval"), Progress(run, "eval")
        self._progress.write("starting", force=True)
        self._evaluator = Evaluator(spec, Path.cwd(), max_bad=max_bad)
        self._found = TallyLog(self._evaluator.tally, self._events)
        self._found.tell()
        for source_id in self._evaluator.duplicates:
            log(f"Ignoring ground truth with image id {source_id} since it was previously added")
        write_groundtruth(run.groundtruth, self._evaluator.groundtruth)

    def evaluate_pending(self) -> None:
        """Evaluate what is pending, and what will be, until the queue is closed."""
        log(f"Waiting for new checkpoint at {self._run.root}")
        while True:
            # Looked at in this order, nothing that was queued before the closing is missed.
            closed = self._run.pending_closed.exists()
            numbers = self._run.pending_checkpoints()
            if numbers:
                self._evaluate_one_pending(numbers[0])
            elif closed:
                break
            else:
                self._progress.write("waiting")
                time.sleep(POLL)
        self._progress.write("done", force=True)

    def evaluate_checkpoint(self, folder: Path, number: int) -> None:
        """Evaluate `ckpt-<number>` of a folder."""
        path = numbered(folder, number)
        log(f"Found new checkpoint at {path}")
        step = read_step(path)
        if not holds_model(path):
            log(f"ckpt-{number} holds no weights, so there is nothing to evaluate")
            return
        images = len(self._evaluator.groundtruth.source_ids)
        self._events.write("evaluating", number=number, step=step)

        def report(done: int, total: int) -> None:
            phase, is_end = evaluation_phase(done, total), done in {0, total}
            self._progress.write(phase, step=step, images=done, total_images=total, force=is_end)

        report(0, images)
        try:
            detections = self._evaluator.evaluate(path, report, log)
        finally:
            self._found.tell()
        self._found.sum_up()
        # The schedule alone does not know of a plateau.
        detections.metrics[LEARNING_RATE] *= factor_at(self._run, detections.step)
        if len(self._evaluator.groundtruth.source_ids) != images:
            write_groundtruth(self._run.groundtruth, self._evaluator.groundtruth)
        self._publish(folder, number, detections)

    def _evaluate_one_pending(self, number: int) -> None:
        try:
            step = read_step(numbered(self._run.pending, number))
            # A crash between writing the result and leaving the queue is no reason to redo it.
            if self._run.detections_at(step).exists():
                self._finish(number, step)
            else:
                self.evaluate_checkpoint(self._run.pending, number)
        except CheckpointError:
            if number in self._run.pending_checkpoints():
                raise
            return  # taken out of the queue meanwhile, since too many were waiting
        self._run.drop_pending(number)

    def _publish(self, folder: Path, number: int, detections: Detections) -> None:
        for line in coco.summary_lines(detections.metrics):
            print(line, flush=True)
        log(f"Eval metrics at step {detections.step}")
        for tag, value in detections.metrics.items():
            log(f"\t+ {tag}: {value:f}")
        self._write_events(detections)
        # This file is the evaluation: it comes last, and by a rename.
        write_detections(self._run.detections_at(detections.step), detections)
        self._tell(folder, number, detections.step, detections.metrics)

    def _finish(self, number: int, step: int) -> None:
        """Do what follows on an evaluation, where an interruption came in between."""
        if number not in settled_checkpoints(self._run):
            _, metrics = read_metrics(self._run.detections_at(step))
            self._tell(self._run.pending, number, step, metrics)

    def _tell(self, folder: Path, number: int, step: int, metrics: Mapping[str, float]) -> None:
        rebuild_metrics_csv(self._run)
        shown = {metric.column: metrics[metric.tag] for metric in COCO_METRICS[:2]}
        is_best = keep_best(
            self._run, self._config, folder, number, step, self._best, columns_of(metrics)
        )
        self._events.write("evaluated", number=number, step=step, best=is_best, **shown)

    def _write_events(self, detections: Detections) -> None:
        writer = tf.summary.create_file_writer(str(self._run.eval_events))
        with writer.as_default(step=detections.step):
            for tag, value in detections.metrics.items():
                tf.summary.scalar(tag, value)
            evaluator = self._evaluator
            for image, record in enumerate(
                evaluator.record_numbers[: self._spec.evaluation.num_visualizations]
            ):
                picture = side_by_side(
                    evaluator.records.read(int(record)).encoded,
                    image,
                    detections,
                    evaluator.groundtruth,
                    self._spec.evaluation,
                )
                tf.summary.image(f"eval_side_by_side_{image}_0", picture[None])
        writer.close()


def watch(evaluation: EvaluationRun, folder: Path, run: RunDir, timeout: float) -> None:
    """Evaluate the checkpoints of a folder as they appear, until none came for `timeout` seconds.

    What has a result in the run's `detections/` is not evaluated again.
    """
    log(f"Waiting for new checkpoint at {folder}")
    for number in _appearing(folder, timeout):
        path = numbered(folder, number)
        try:
            step = read_step(path)
        except CheckpointError:
            if number in checkpoint_numbers(folder):
                raise
            continue  # rotated away since it was seen
        if not run.detections_at(step).exists():
            evaluation.evaluate_checkpoint(folder, number)
    log("Timed-out waiting for a checkpoint.")


def _appearing(folder: Path, timeout: float) -> Iterator[int]:
    seen: set[int] = set()
    last = time.monotonic()
    while time.monotonic() - last < timeout:
        new = [number for number in checkpoint_numbers(folder) if number not in seen]
        if not new:
            time.sleep(POLL)
            continue
        seen.add(new[0])
        yield new[0]
        last = time.monotonic()


def _end(_number: int, _frame: object) -> NoReturn:
    # Nothing is half-written: results appear by a rename, and what is pending stays so.
    sys.exit(0)


@click.command()
@click.option("--config", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--run-dir", type=click.Path(path_type=Path), required=True)
@click.option(
    "--checkpoint",
    "checkpoints",
    type=click.IntRange(min=0),
    multiple=True,
    help="Evaluate ckpt-N of the run, and no queue.",
)
@click.option("--watch", "watched", type=click.Path(path_type=Path), help="Watch this folder.")
@settings_of(TrainerOptions, "max_bad_images")
@click.option("--best", default=METRICS[0], show_default=True, help="The column that decides.")
@click.option("--timeout", type=float, default=3600.0, show_default=True, help="With --watch.")
def main(
    config: Path,
    run_dir: Path,
    checkpoints: tuple[int, ...],
    watched: Path | None,
    timeout: float,
    max_bad_images: float,
    best: str,
) -> None:
    """Evaluate; what a run's supervisor starts."""
    signal.signal(signal.SIGTERM, _end)
    run = RunDir(run_dir)
    with telling_failure(EventLog(run, "eval"), Progress(run, "eval")):
        evaluation = EvaluationRun(config, run, max_bad=max_bad_images, best=best)
        if checkpoints:
            for number in checkpoints:
                evaluation.evaluate_checkpoint(run.root, number)
        elif watched is not None:
            watch(evaluation, watched, run, timeout)
        else:
            evaluation.evaluate_pending()


if __name__ == "__main__":
    main()
