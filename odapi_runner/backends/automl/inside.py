"""Runs google/automl's main.py in its own interpreter, and tells of its course.

    PYTHON inside.py PIPE CHECKOUT BOXES FLAG…

This file is given to the interpreter that has the program's TensorFlow, and imports nothing of
odapi. No file of the checkout is touched: three functions are followed, in this process only.

Each word is a line of JSON, written to the open pipe of that number: `building`, `started` (step),
`step` (step, loss), `trained` (step), `evaluating`, `images` (done), `evaluated`
(step, metrics) and `failed` (error, what). The boxes of an evaluation are written to the file
BOXES, float [n, 7]: image id, x, y, width, height, score, class.

SIGTERM lets a training end after the step at hand, with a checkpoint of it, and ends an evaluation
at once; so does a second one a training.

Source: tensorflow_estimator/python/estimator/estimator.py (train, evaluate);
tensorflow/python/training/basic_session_run_hooks.py; efficientdet/coco_metric.py.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf


class Pipe:
    """Tells the words."""

    def __init__(self, number: int) -> None:
        self._stream = os.fdopen(number, "w", buffering=1)

    def tell(self, kind: str, **fields: Any) -> None:
        self._stream.write(json.dumps(dict(fields, kind=kind)) + "\n")


class Stop:
    """Whether SIGTERM came."""

    def __init__(self, *, is_heeded: bool) -> None:
        self.is_asked = False
        if is_heeded:
            signal.signal(signal.SIGTERM, self._note)

    def _note(self, number: int, _frame: Any) -> None:
        self.is_asked = True
        signal.signal(number, signal.SIG_DFL)


class Steps(tf.train.SessionRunHook):
    """Follows the steps of one call of `train`, and ends it where that is asked for."""

    def __init__(self, pipe: Pipe, stop: Stop, *, is_single: bool) -> None:
        self._pipe, self._stop, self._is_single = pipe, stop, is_single
        self.step = 0

    def begin(self) -> None:
        # The estimator puts its loss there last, unless several devices have one each.
        losses = tf.get_collection(tf.GraphKeys.LOSSES)
        self._loss = losses[-1] if losses and self._is_single else None

    def after_create_session(self, session: Any, coord: Any) -> None:  # noqa: ARG002
        self.step = int(session.run(tf.train.get_global_step()))
        self._pipe.tell("started", step=self.step)

    def before_run(self, run_context: Any) -> Any:  # noqa: ARG002
        return tf.train.SessionRunArgs(self._loss) if self._loss is not None else None

    def after_run(self, run_context: Any, run_values: Any) -> None:
        # Counted, not read: a read in the same run may be of before or after the step.
        self.step += 1
        loss = None if run_values.results is None else float(run_values.results)
        self._pipe.tell("step", step=self.step, loss=loss)
        if self._stop.is_asked:
            run_context.request_stop()


class Images(tf.train.SessionRunHook):
    """Follows the batches of one call of `evaluate`."""

    def __init__(self, pipe: Pipe, stop: Stop) -> None:
        self._pipe, self._stop, self._done = pipe, stop, 0

    def after_run(self, run_context: Any, run_values: Any) -> None:  # noqa: ARG002
        if self._stop.is_asked:
            sys.exit(0)
        self._done += 1
        self._pipe.tell("images", done=self._done)


def follow_training(pipe: Pipe, stop: Stop) -> None:
    """Have every training told."""
    estimator = tf.estimator.Estimator
    train = estimator.train

    def followed(self: Any, input_fn: Any, hooks: Any = None, **named: Any) -> Any:
        pipe.tell("building")
        course = Steps(pipe, stop, is_single=self.config.train_distribute is None)
        try:
            done = train(
                self,
                input_fn,
                hooks=[*(hooks or []), course],
                **named,
            )
        except tf.train.NanLossDuringTrainingError:
            pipe.tell(
                "failed",
                error="NotFiniteError",
                what=f"the loss of step {course.step + 1} is not finite",
            )
            raise
        pipe.tell("trained", step=course.step)
        if stop.is_asked:
            sys.exit(0)
        return done

    estimator.train = followed


def follow_evaluation(pipe: Pipe, stop: Stop) -> None:
    """Have every evaluation told."""
    estimator = tf.estimator.Estimator
    evaluate = estimator.evaluate

    def followed(self: Any, input_fn: Any, hooks: Any = None, **named: Any) -> Any:
        pipe.tell("evaluating")
        results = evaluate(
            self,
            input_fn,
            hooks=[*(hooks or []), Images(pipe, stop)],
            **named,
        )
        step = int(results["global_step"])
        metrics = {key: float(value) for key, value in results.items() if key != "global_step"}
        pipe.tell("evaluated", step=step, metrics=metrics)
        return results

    estimator.evaluate = followed


def keep_boxes(path: Path) -> None:
    """Have the boxes of every evaluation written down."""
    import coco_metric

    evaluate = coco_metric.EvaluationMetric.evaluate

    def followed(self: Any, *arguments: Any, **named: Any) -> Any:
        boxes = np.array(self.detections, np.float64).reshape([-1, 7])
        with path.open("wb") as stream:
            np.save(stream, boxes)
        return evaluate(self, *arguments, **named)

    coco_metric.EvaluationMetric.evaluate = followed


def main(arguments: list[str]) -> None:
    """Run the program, followed."""
    number, checkout, boxes = arguments[:3]
    pipe, stop = Pipe(int(number)), Stop(is_heeded="--mode=eval" not in arguments)
    sys.path[0] = checkout  # as if it were started by its own path, not by this file's
    follow_training(pipe, stop)
    follow_evaluation(pipe, stop)
    keep_boxes(Path(boxes))
    program = str(Path(checkout) / "main.py")
    sys.argv = [program, *arguments[3:]]
    runpy.run_path(program, run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])
