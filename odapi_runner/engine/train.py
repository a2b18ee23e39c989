"""The training process: `python -m odapi_runner.engine.train --config FILE --run-dir DIR`.

It saves a checkpoint at step 0, every N steps, on SIGTERM or SIGINT, and always at the end; it goes
on by itself from the newest checkpoint in DIR. Log lines and event tags are those of
object_detection/model_lib_v2.py, `train_loop`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import pprint
import resource
import signal
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
import psutil
import tensorflow as tf

from odapi_runner.engine.checkpoint import Restored, holds_model, numbered
from odapi_runner.engine.compilable import refuse_uncompilable
from odapi_runner.engine.detector import TOTAL
from odapi_runner.engine.distribution import Replicas, build_replicas
from odapi_runner.engine.feed import Feed
from odapi_runner.engine.input import training_batches
from odapi_runner.engine.log import log
from odapi_runner.engine.preprocess import denormalize, normalization
from odapi_runner.engine.read_config import build_spec
from odapi_runner.engine.records import Records
from odapi_runner.engine.source import Source
from odapi_runner.engine.spec.pipeline import Spec
from odapi_runner.engine.trainer import Trainer
from odapi_runner.errors import ConfigError, OdapiError, RunError
from odapi_runner.formats.runlog import EventLog, Progress
from odapi_runner.proto.text import read_pipeline
from odapi_runner.rundir import RunDir
from odapi_runner.training import TrainerOptions, trainer_options

LOG_EVERY = 100  # steps, as the Object Detection API
IMAGES_SHOWN = 3


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Options(TrainerOptions):
    """What the config language has no field for."""

    log_every: int = LOG_EVERY


class Stop:
    """Whether somebody asked this process to end."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, _number: int, _frame: object) -> None:
        self.asked = True


def train(
    config: Path,
    run: RunDir,
    options: Options,
    *,
    num_steps: int | None = None,
    replicas: Replicas | None = None,
) -> None:
    """Train to the last step of a config, or until asked to stop.

    Args:
        config: a pipeline.config; its relative paths are relative to the current folder.
        run: where checkpoints, events and heartbeat go.
        options: what the config has no field for.
        num_steps: instead of the config's.
        replicas: those that train together; one on the first device by default.

    Raises:
        OdapiError: config, data or checkpoint cannot be used; or a loss is not finite; or another
            worker has ended.
    """
    replicas = replicas or Replicas()
    stop = Stop()
    with replicas.own_folder(run) as own:
        events, progress = EventLog(own, "train"), Progress(own, "train")
        try:
            with replicas.naming_the_lost():
                spec = _spec(config, num_steps)
                if options.xla:
                    refuse_uncompilable(spec)
                replicas.share(spec.train.batch_size)  # refuses before anything is built
                own.root.mkdir(parents=True, exist_ok=True)
                progress.write("building", force=True, step=0, num_steps=spec.train.num_steps)
                records = Records(spec.train_input, Path.cwd(), seed=options.seed)
                source = Source(records, max_bad=options.max_bad_images)
                trainer = Trainer(spec, options=options, replicas=replicas)
                log(f"Training on {replicas.describe(spec.train.batch_size)}")
                saved_step = _start(trainer, run, events)
                _Loop(spec, trainer, source, own, options, events, progress, stop, saved_step).run()
        except OdapiError as error:
            events.write("failed", what=error.what, fix=error.fix)
            progress.write("failed", force=True, what=error.what)
            raise


def _spec(config: Path, num_steps: int | None) -> Spec:
    spec = build_spec(read_pipeline(config))
    if num_steps is not None:
        spec = dataclasses.replace(spec, train=dataclasses.replace(spec.train, num_steps=num_steps))
    if spec.train.num_steps == 0:
        raise ConfigError(
            f"{config}: train_config.num_steps is 0, so training would never end",
            fix="Set it, or give --num-steps.",
        )
    return spec


def _start(trainer: Trainer, run: RunDir, events: EventLog) -> int | None:
    """Resume from the newest checkpoint of the run, else from the fine-tune checkpoint.

    Returns:
        The step that was resumed at.
    """
    numbers = run.checkpoints()
    newest = trainer.replicas.of_chief(numbers[-1] if numbers else 0)
    if newest and newest not in numbers:
        raise RunError(
            f"{run.root}: the chief goes on from ckpt-{newest}, which is not here",
            fix="Train in a folder on a disk that all workers share.",
        )
    if newest and not holds_model(numbered(run.root, newest)):
        log(f"ckpt-{newest} holds no weights, so there is nothing to go on from")
        newest = 0
    if newest:
        restored: Restored | None = trainer.resume(numbered(run.root, newest))
    else:
        restored = trainer.fine_tune(Path.cwd())
    saved_step = trainer.step if newest else None
    events.write("started", step=trainer.step, resumed=bool(newest))
    if trainer.frozen:
        log(f"{len(trainer.frozen)} variables are not trained, as train_config says")
        events.write("frozen", variables=trainer.frozen)
    if restored is None:
        log("Training from scratch")
        return saved_step
    log(
        f"Restored {len(restored.restored)} variables from {restored.path} at step {trainer.step}; "
        f"{len(restored.left_in_model)} keep their initial values, "
        f"{len(restored.left_in_file)} of the file were left; "
        f"{len(restored.compared)} compared with it"
    )
    for number in restored.overruled:
        log(f"{number}: the config counts")
    events.write("restored", **dataclasses.asdict(restored))
    return saved_step


class _Loop:
    """The steps of one process: when to log, to save, to stop."""

    def __init__(
        self,
        spec: Spec,
        trainer: Trainer,
        source: Source,
        run: RunDir,
        options: Options,
        events: EventLog,
        progress: Progress,
        stop: Stop,
        saved_step: int | None,
    ) -> None:
        self._spec, self._trainer, self._source = spec, trainer, source
        self._run, self._options, self._stop = run, options, stop
        self._events, self._progress = events, progress
        self._last = spec.train.num_steps
        self._saved_step = saved_step
        self._skipped, self._was_lowest = 0, False  # steps of float16 so far, and their scale
        self._clock = _Clock()
        self._input_wait: float | None = None  # a share of the time

    def run(self) -> None:
        step = self._trainer.step
        if self._saved_step is None:
            self._save(step)
        if step < self._last:
            step = self._steps(step)
        if step != self._saved_step:
            self._save(step)
        ended = "finished" if step >= self._last else "stopped"
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        self._events.write(ended, step=step, peak_mib=peak, input_wait=self._input_wait)
        phase = "done" if ended == "finished" else "stopped"
        self._progress.write(phase, **self._numbers(step), force=True)
        log(f"Training {ended} at step {step}")

    def _steps(self, step: int) -> int:
        """Train until the end, or until asked to stop; the step that was reached."""
        batches = training_batches(
            self._spec,
            self._source,
            seed=self._options.seed,
            draws=self._trainer.detector.draws_per_example,
            first_step=step * self._options.accumulate,
            last_step=self._last * self._options.accumulate,
            share=self._trainer.replicas.share(self._spec.train.batch_size),
        )
        self._tell("compiling", step)
        feed = Feed(batches, self._source, self._events)
        self._trainer.compile(batches.element_spec)
        if begun := self._trainer.slots_from_zero:
            log(f"The checkpoint has no slots of {len(begun)} variables: they begin with zeros")
            self._events.write("slots_from_zero", slots=begun)
        first = step
        writer = tf.summary.create_file_writer(str(self._run.train_events))
        self._clock.start(step)
        # Closed at once where the loop fails: the failure is the last event, not what was seen.
        with writer.as_default(), contextlib.closing(iter(feed)) as queue:
            for batch in queue:
                more = itertools.islice(queue, self._options.accumulate - 1)
                losses = self._trainer.train_step(batch, more)
                step += 1
                self._check_finite(step, losses)
                self._tell_skipped(step)
                if step == first + 1:
                    self._events.write("first_step", step=step, seconds=_seconds_alive())
                if step % self._options.log_every == 0 or step == self._last:
                    self._log_step(step, losses, batch)
                self._tell("training", step, loss=float(losses[TOTAL]))
                if step % self._options.checkpoint_every == 0:
                    self._save(step)
                if self._trainer.replicas.any_of_them(self._stop.asked):
                    break
        writer.close()
        self._input_wait = feed.waited / self._clock.since_start()
        log(f"Waited for input: {self._input_wait:.1%} of the time of {step - first} steps")
        return step

    def _check_finite(self, step: int, losses: dict[str, tf.Tensor]) -> None:
        if np.isfinite(losses[TOTAL]):
            return
        shown = ", ".join(f"{tag} {float(value):g}" for tag, value in losses.items())
        saved = f"the last checkpoint is of step {self._saved_step}"
        raise RunError(
            f"the loss of step {step} is not finite ({shown}); {saved}",
            fix="Lower the learning rate (-s learning_rate=…), or lengthen the warm-up.",
        )

    def _tell_skipped(self, step: int) -> None:
        """Say that a step of float16 left the weights as they were.

        Raises:
            RunError: it will be so at every further step.
        """
        scale = self._trainer.loss_scale
        if scale is None or int(scale.skipped) == self._skipped:
            return
        self._skipped = int(scale.skipped)
        self._events.write("skipped_step", step=step, loss_scale=scale.scale)
        log(f"Step {step} skipped: gradients beyond float16; the loss scale is {scale.scale:g} now")
        was_lowest, self._was_lowest = self._was_lowest, scale.is_lowest
        if was_lowest:
            raise RunError(
                f"the gradients of step {step} are beyond float16, however the loss is scaled",
                fix="Train with --precision mixed_bfloat16, or lower the learning rate.",
            )

    def _log_step(self, step: int, losses: dict[str, tf.Tensor], batch: Any) -> None:
        seconds = self._clock.since_log(step)
        values = {tag: np.float32(value) for tag, value in losses.items()}
        if self._trainer.loss_scale is not None:
            values["loss_scale"] = np.float32(self._trainer.loss_scale.scale)
        values["learning_rate"] = np.float32(self._trainer.rate_at(step))
        log(f"Step {step} per-step time {seconds:.3f}s")
        log(pprint.pformat(dict(sorted(values.items())), width=40))
        tf.summary.scalar("steps_per_sec", 1 / seconds, step=step)
        for tag, value in values.items():
            tf.summary.scalar(tag, value, step=step)
        by = normalization(self._spec.model.backbone)
        shown = denormalize(batch.images[:IMAGES_SHOWN], by)
        tf.summary.image("train_input_images", shown, step=step, max_outputs=IMAGES_SHOWN)

    def _save(self, step: int) -> None:
        self._progress.write("saving", **self._numbers(step), force=True)
        number = self._trainer.save(self._run.root, self._options.keep)
        if self._run.pending.is_dir():
            self._run.put_pending(number)
        self._saved_step = step
        self._events.write("checkpoint", number=number, step=step)

    def _tell(self, phase: str, step: int, **more: Any) -> None:
        self._progress.write(phase, **self._numbers(step), **more, force=phase != "training")

    def _numbers(self, step: int) -> dict[str, Any]:
        rate = self._clock.steps_per_second(step)
        return {
            "step": step,
            "num_steps": self._last,
            "images": step * self._options.accumulate * self._spec.train.batch_size,
            "steps_per_second": rate,
            "seconds_left": (self._last - step) / rate if rate else None,
        }


def _seconds_alive() -> float:
    """Seconds since this process was started, imports and all."""
    return time.time() - psutil.Process().create_time()


class _Clock:
    """Times steps; the first one, which warms up, counts for nothing."""

    def __init__(self) -> None:
        self._logged = self._first = (0, 0.0)

    def start(self, step: int) -> None:
        self._logged = self._first = (step, time.perf_counter())

    def since_log(self, step: int) -> float:
        """Seconds a step since this was last asked."""
        now = time.perf_counter()
        steps, seconds = step - self._logged[0], now - self._logged[1]
        self._logged = (step, now)
        return seconds / steps

    def since_start(self) -> float:
        """Seconds of the steps that count."""
        return time.perf_counter() - self._first[1]

    def steps_per_second(self, step: int) -> float | None:
        now = time.perf_counter()
        if step <= self._first[0]:
            return None
        return (step - self._first[0]) / (now - self._first[1])


def use_devices() -> None:
    """Let TensorFlow take a GPU's memory as it needs it, not all at once."""
    for device in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(device, True)


@click.command()
@click.option("--config", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--run-dir", type=click.Path(path_type=Path), required=True)
@click.option("--num-steps", type=click.IntRange(min=1))
@trainer_options
@click.option("--log-every", type=click.IntRange(min=1), default=LOG_EVERY, show_default=True)
def main(config: Path, run_dir: Path, num_steps: int | None, **options: Any) -> None:
    """Train; what a run's supervisor starts."""
    use_devices()
    asked = Options(**options)
    replicas = build_replicas(asked.workers)
    train(config, RunDir(run_dir), asked, num_steps=num_steps, replicas=replicas)


if __name__ == "__main__":
    main()
