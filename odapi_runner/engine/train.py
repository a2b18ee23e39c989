"""The training process: `python -m odapi_runner.engine.train --config FILE --run-dir DIR`.

It saves a checkpoint at step 0, every N steps, on SIGTERM or SIGINT, and always at the end; it goes
on by itself from the newest checkpoint in DIR.

Source: object_detection/model_lib_v2.py, `train_loop`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
from pathlib import Path
from typing import Any

import click
import tensorflow as tf

from odapi_runner.engine.compilable import refuse_uncompilable
from odapi_runner.engine.course import Course, telling_failure
from odapi_runner.engine.detector import TOTAL
from odapi_runner.engine.distribution import Replicas, build_replicas
from odapi_runner.engine.feed import Feed
from odapi_runner.engine.health import SkippedSteps, check_finite, naming_memory
from odapi_runner.engine.input import Batch, training_batches
from odapi_runner.engine.log import log
from odapi_runner.engine.preprocess import denormalize, normalization
from odapi_runner.engine.rate import RateFactor
from odapi_runner.engine.read_config import build_spec
from odapi_runner.engine.records import Records
from odapi_runner.engine.source import Source
from odapi_runner.engine.spec.pipeline import Spec
from odapi_runner.engine.start import start
from odapi_runner.engine.stop import Stop, heeding_signals, ignore_signals
from odapi_runner.engine.trainer import Trainer
from odapi_runner.errors import ConfigError
from odapi_runner.formats.runlog import EventLog, Progress
from odapi_runner.proto.text import read_pipeline
from odapi_runner.rundir import RunDir
from odapi_runner.settings import settings_of
from odapi_runner.training import TrainerOptions

LOG_EVERY = 100  # steps, as the Object Detection API
IMAGES_SHOWN = 3


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Options(TrainerOptions):
    """What the config language has no field for."""

    log_every: int = LOG_EVERY


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
    with heeding_signals() as stop, replicas.own_folder(run) as own:
        events, progress = EventLog(own, "train"), Progress(own, "train")
        with telling_failure(events, progress), replicas.naming_the_lost():
            spec = _spec(config, num_steps)
            if options.xla:
                refuse_uncompilable(spec)
            replicas.share(spec.train.batch_size)  # refuses before anything is built
            own.root.mkdir(parents=True, exist_ok=True)
            course = Course(
                events,
                progress,
                num_steps=spec.train.num_steps,
                images_per_step=spec.train.batch_size * options.accumulate,
            )
            course.tell("building", 0)
            records = Records(spec.train_input, Path.cwd(), seed=options.seed)
            source = Source(records, max_bad=options.max_bad_images)
            trainer = Trainer(spec, options=options, replicas=replicas)
            log(f"Training on {replicas.describe(spec.train.batch_size)}")
            start(trainer, run, events)
            rate = RateFactor(run, events, trainer.step, trainer.rate_factor)
            with naming_memory(spec.train.batch_size):
                _Training(spec, options, trainer, source, own, course, rate, stop).run_to_end()


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


@dataclasses.dataclass(frozen=True, slots=True)
class _Training:
    """A training that has been started."""

    spec: Spec
    options: Options
    trainer: Trainer
    source: Source
    run: RunDir  # where this process writes
    course: Course
    rate: RateFactor
    stop: Stop

    def run_to_end(self) -> None:
        """Make all steps that are left, and save before, between and after them."""
        trainer, waited = self.trainer, None
        if trainer.saved_step is None:
            self._save(trainer.step)
        if trainer.step < self.spec.train.num_steps:
            waited = self._make_steps()
        if trainer.saved_step != trainer.step:
            self._save(trainer.step)
        self.course.tell_end(trainer.step, waited)

    def _make_steps(self) -> float | None:
        """Train until the end, or until asked to stop; which share of the time was waiting."""
        trainer, course, first = self.trainer, self.course, self.trainer.step + 1
        step = first - 1
        batches = self._batches(step)
        course.tell("compiling", step)
        feed = Feed(batches, self.source, course.events, course.tell_wait)
        trainer.compile(batches.element_spec)
        self._tell_new_slots()
        skipped = SkippedSteps(trainer.loss_scale, course.events)
        writer = tf.summary.create_file_writer(str(self.run.train_events))
        course.start_clock(step)
        waited = 0.0  # for the first step, which warms up
        _, factor = self._agree()
        with (
            contextlib.closing(writer),
            writer.as_default(),
            # Closed at once where a step fails: the failure is the last event, not what was seen.
            contextlib.closing(iter(feed)) as queue,
        ):
            for step, batch in enumerate(queue, first):
                more = itertools.islice(queue, self.options.accumulate - 1)
                self.rate.put(step - 1, factor)
                trainer.rate_factor = self.rate.at(step - 1)
                losses = trainer.train_step(batch, more)
                check_finite(step, losses, trainer.saved_step)
                skipped.look(step)
                if step == first:
                    course.tell_first_step(step)
                    waited = feed.wait.seconds
                if step % self.options.log_every == 0 or step == self.spec.train.num_steps:
                    self._log_step(step, losses, batch)
                course.tell(feed.wait.phase(), step, loss=float(losses[TOTAL]))
                if step % self.options.checkpoint_every == 0:
                    self._save(step)
                stops, factor = self._agree()
                if stops:
                    break
        return course.input_wait(feed.wait.seconds - waited, step + 1 - first)

    def _batches(self, step: int) -> tf.data.Dataset:
        """Those of the steps that follow a step."""
        return training_batches(
            self.spec,
            self.source,
            seed=self.options.seed,
            draws=self.trainer.detector.draws_per_example,
            first_step=step * self.options.accumulate,
            last_step=self.spec.train.num_steps * self.options.accumulate,
            share=self.trainer.replicas.share(self.spec.train.batch_size),
        )

    def _agree(self) -> tuple[bool, float]:
        """Whether all stop now, and which factor on the rate the supervisor wants next."""
        return self.trainer.replicas.agree(self.stop.asked, self.rate.wanted())

    def _tell_new_slots(self) -> None:
        if begun := self.trainer.slots_from_zero:
            log(f"The checkpoint has no slots of {len(begun)} variables: they begin with zeros")
            self.course.events.write("slots_from_zero", slots=begun)

    def _log_step(self, step: int, losses: dict[str, tf.Tensor], batch: Batch) -> None:
        values: dict[str, Any] = dict(losses)
        if self.trainer.loss_scale is not None:
            values["loss_scale"] = self.trainer.loss_scale.scale
        values["learning_rate"] = self.trainer.rate_at(step)
        self.course.log_step(step, values)
        by = normalization(self.spec.model.backbone)
        shown = denormalize(batch.images[:IMAGES_SHOWN], by)
        tf.summary.image("train_input_images", shown, step=step, max_outputs=IMAGES_SHOWN)

    def _save(self, step: int) -> None:
        self.course.tell("saving", step)
        number = self.trainer.save(self.run.root, self.options.keep, self.options.keep_every_hours)
        if self.run.pending.is_dir():
            self.run.put_pending(number)
        self.course.events.write("checkpoint", number=number, step=step)


def use_devices() -> None:
    """Let TensorFlow take a GPU's memory as it needs it, not all at once."""
    for device in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(device, True)


@click.command()
@click.option("--config", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--run-dir", type=click.Path(path_type=Path), required=True)
@click.option("--num-steps", type=click.IntRange(min=1))
@settings_of(TrainerOptions)
@click.option("--log-every", type=click.IntRange(min=1), default=LOG_EVERY, show_default=True)
def main(config: Path, run_dir: Path, num_steps: int | None, **options: Any) -> None:
    """Train; what a run's supervisor starts."""
    use_devices()
    asked = Options(**options)
    replicas = build_replicas(asked.workers)
    # `train` heeds them; once it is done, a late one is not to make a failure of it.
    ignore_signals()
    train(config, RunDir(run_dir), asked, num_steps=num_steps, replicas=replicas)


if __name__ == "__main__":
    main()
