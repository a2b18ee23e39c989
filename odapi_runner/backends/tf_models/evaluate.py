"""`python -m odapi_runner.backends.tf_models.evaluate RUN [NUMBER…]`: minds its evaluations.

The user's own model_main_tf2 evaluates each checkpoint that waits, or those of the numbers; its
metrics and the boxes that it found become those of the run.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from odapi_runner.backends.tf_models.program import evaluation_argv
from odapi_runner.backends.tf_models.train import crash
from odapi_runner.errors import RunError
from odapi_runner.formats.best import keep_best
from odapi_runner.formats.detections import (
    Detections,
    read_metrics,
    write_detections,
    write_groundtruth,
    write_metrics,
)
from odapi_runner.formats.example import decode_example
from odapi_runner.formats.groundtruth import build_groundtruth
from odapi_runner.formats.label_map import read_label_map
from odapi_runner.formats.metrics_csv import rebuild_metrics_csv
from odapi_runner.formats.patterns import expand_patterns
from odapi_runner.formats.runlog import EventLog, Progress, read_events
from odapi_runner.formats.tfrecord import read_records
from odapi_runner.metrics import COCO_METRICS, columns_of
from odapi_runner.proto.text import read_pipeline
from odapi_runner.rundir import RunDir
from odapi_runner.runs.checkpoints import saved_checkpoints
from odapi_runner.runs.minding import exit_code, mind, telling_failure
from odapi_runner.runs.spec import RunSpec
from odapi_runner.workspace import Workspace


class EvaluationMinder:
    """Makes evaluations of the run of what the program tells."""

    def __init__(self, run: RunDir, checkpoints: Sequence[int]) -> None:
        """Begin with an account of what is to be found."""
        self._run, self._spec, self._chosen = run, RunSpec.load(run), checkpoints
        self._events, self._progress = EventLog(run, "eval"), Progress(run, "eval")
        self._boxes = run.detections / ".boxes.npz"
        self._folder = run.root if checkpoints else run.pending
        self._begun = False  # an evaluation
        self._progress.write("starting", force=True)

    def run_to_end(self) -> int:
        """Evaluate; the exit code."""
        with telling_failure(self._events):
            self._images = self._write_groundtruth()
            self._finish_interrupted()

            def argv(messages: int) -> list[str]:
                return evaluation_argv(self._run, self._spec, self._chosen, self._boxes, messages)

            ended = mind(argv, self._take)
        self._boxes.unlink(missing_ok=True)
        if ended.asked:
            return 0
        if ended.code == 0:
            self._progress.write("done", force=True)
        return ended.exit_code

    def _write_groundtruth(self) -> int:
        config = read_pipeline(self._run.config)
        reader = config.eval_input_reader[0]
        place = Workspace(self._run.root.parent.parent)
        patterns = list(reader.tf_record_input_reader.input_path)
        paths = expand_patterns(patterns, place.root)
        every = itertools.chain.from_iterable(map(read_records, paths))
        taken = itertools.islice(every, 0, None, max(1, reader.sample_1_of_n_examples))
        built = build_groundtruth(
            map(decode_example, taken),
            read_label_map(place.resolve(reader.label_map_path)),
            max_boxes=reader.max_number_of_boxes,
        )
        write_groundtruth(self._run.groundtruth, built.groundtruth)
        records = len(built.records) + len(built.duplicates)
        # What fills no batch is left out (builders/dataset_builder.py).
        batch = int(config.eval_config.batch_size) if reader.drop_remainder else 1
        return records - records % max(1, batch)

    def _finish_interrupted(self) -> None:
        """A crash between writing a result and leaving the queue is no reason to redo it."""
        if self._chosen:
            return
        told = {one["number"] for one in read_events(self._run) if one["kind"] == "evaluated"}
        for one in saved_checkpoints(self._run.pending):
            if self._run.detections_at(one.step).exists():
                if one.number not in told:
                    _, metrics = read_metrics(self._run.detections_at(one.step))
                    self._tell(one.number, one.step, metrics)
                self._run.drop_pending(one.number)

    def _take(self, message: dict[str, Any]) -> None:
        kind = message.pop("kind")
        if kind == "shims":
            self._events.write("shims", names=message["names"])
        elif kind == "evaluating":
            self._begun = True
            self._events.write("evaluating", **message)
            self._progress.write("evaluating", force=True, **message)
        elif kind == "image":
            step, images = message["step"], message["images"]
            self._progress.write("evaluating", step=step, images=images, total_images=self._images)
        elif kind == "waiting":
            self._progress.write("waiting")
        elif kind == "weightless":
            self._run.drop_pending(message["number"])
        elif kind == "evaluated":
            self._publish(**message)
        elif kind == "crashed" and not self._begun:  # it would again
            self._events.write("failed", **crash(self._run, "eval", **message))

    def _publish(self, number: int, step: int, metrics: dict[str, float], images: int) -> None:
        if 0 < images < self._images:
            # Whatever goes wrong in a step ends its loop, and it publishes what it has.
            raise RunError(
                f"model_main_tf2 has evaluated {images} of {self._images} images at step {step}",
                fix=f'Its log says why ("Encountered … exception"): odapi logs {self._run.typed} '
                "--eval",
            )
        found = self._read_boxes(step, metrics, images)
        if found is None:
            write_metrics(self._run.detections_at(step), step, metrics)
        else:
            write_detections(self._run.detections_at(step), found)
        self._tell(number, step, metrics)
        if not self._chosen:
            self._run.drop_pending(number)
        self._progress.write("waiting", force=True)

    def _read_boxes(self, step: int, metrics: dict[str, float], images: int) -> Detections | None:
        """What was found; None where the program does not tell, or not on which image."""
        with np.load(self._boxes, allow_pickle=False) as stored:
            boxes = {name: stored[name] for name in stored.files}
        if not images or (boxes["image"] < 0).any():
            return None
        order = np.argsort(boxes["image"], kind="stable")
        ymin, xmin, ymax, xmax = boxes["boxes_yxyx_px"][order].T
        return Detections(
            step=step,
            image=boxes["image"][order].astype(np.int64),
            boxes_xywh_px=np.stack([xmin, ymin, xmax - xmin, ymax - ymin], 1).astype(np.float32),
            classes=boxes["classes"][order].astype(np.int64),
            scores=boxes["scores"][order].astype(np.float32),
            metrics=metrics,
        )

    def _tell(self, number: int, step: int, metrics: dict[str, float]) -> None:
        run = self._run
        rebuild_metrics_csv(run)
        best = self._spec.options.best
        is_best = keep_best(run, run.config, self._folder, number, step, best, columns_of(metrics))
        shown = {one.column: metrics.get(one.tag) for one in COCO_METRICS[:2]}
        self._events.write("evaluated", number=number, step=step, best=is_best, **shown)


def main(arguments: Sequence[str]) -> int:
    """Evaluate for the run in a folder."""
    folder, *numbers = arguments
    run = RunDir(Path(folder).resolve())
    return exit_code(lambda: EvaluationMinder(run, list(map(int, numbers))).run_to_end())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
