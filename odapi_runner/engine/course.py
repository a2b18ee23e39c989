"""What a training tells of its course: log lines, events, the heartbeat, figures.

Log lines and tags of figures are those of object_detection/model_lib_v2.py, `train_loop`.
"""

from __future__ import annotations

import pprint
import resource
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import psutil
import tensorflow as tf

from odapi_runner.engine.clock import StepClock
from odapi_runner.engine.log import log
from odapi_runner.engine.waiting import TRAINING, WAITING
from odapi_runner.errors import OdapiError
from odapi_runner.formats.runlog import EventLog, Progress


@contextmanager
def telling_failure(events: EventLog, progress: Progress) -> Iterator[None]:
    """Let an error of the user's be the last event and the last heartbeat."""
    try:
        yield
    except OdapiError as error:
        events.write("failed", error=type(error).__name__, what=error.what, fix=error.fix)
        progress.write("failed", force=True, what=error.what)
        raise


class Course:
    """The course of one training.

    Attributes:
        events: where further ones may be written to.
    """

    def __init__(
        self, events: EventLog, progress: Progress, *, num_steps: int, images_per_step: int
    ) -> None:
        """Begin with nothing told."""
        self.events = events
        self._progress = progress
        self._last, self._images_per_step = num_steps, images_per_step
        self._clock = StepClock()
        self._step = 0  # the latest that was told

    def tell(self, phase: str, step: int, **more: Any) -> None:
        """Give a sign of life: at most one a second while steps are made."""
        self._step = step
        rate = self._clock.steps_per_second(step)
        numbers = {
            "step": step,
            "num_steps": self._last,
            "images": step * self._images_per_step,
            "steps_per_second": rate,
            "seconds_left": (self._last - step) / rate if rate else None,
        }
        quick = phase in {TRAINING, WAITING}
        self._progress.write(phase, **numbers, **more, force=not quick)

    def tell_wait(self) -> None:
        """Give a sign of life while the next batch is waited for; from another thread, too."""
        self.tell(WAITING, self._step)

    def start_clock(self, step: int) -> None:
        """The next step is the first of this process."""
        self._clock.start(step)

    def tell_first_step(self, step: int) -> None:
        """Say when the first step of this process was made, by its own age."""
        self._clock.warmed_up(step)
        alive = time.time() - psutil.Process().create_time()  # imports and all
        self.events.write("first_step", step=step, seconds=alive)

    def log_step(self, step: int, values: Mapping[str, Any]) -> None:
        """Log numbers of a step by their tags, and write them to the open summary writer."""
        seconds = self._clock.since_log(step)
        log(f"Step {step} per-step time {seconds:.3f}s")
        log(pprint.pformat({tag: np.float32(values[tag]) for tag in sorted(values)}, width=40))
        tf.summary.scalar("steps_per_sec", 1 / seconds, step=step)
        for tag, value in values.items():
            tf.summary.scalar(tag, value, step=step)

    def input_wait(self, waited: float, steps: int) -> float | None:
        """Log which share of the time was spent waiting for input; None of a single step.

        Args:
            waited: seconds, those of the first step aside.
            steps: how many were made.
        """
        if steps < 2:
            return None
        share = waited / self._clock.since_warm()
        log(f"Waited for input: {share:.1%} of the time of {steps} steps")
        return share

    def tell_end(self, step: int, input_wait: float | None) -> None:
        """Say that the last step was made, or the last before a stop."""
        finished = step >= self._last
        ended = "finished" if finished else "stopped"
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        self.events.write(ended, step=step, peak_mib=peak, input_wait=input_wait)
        self.tell("done" if finished else "stopped", step)
        log(f"Training {ended} at step {step}")
