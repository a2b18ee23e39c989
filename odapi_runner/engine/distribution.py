"""The replicas that train together: the GPUs of this machine, or those of several.

A batch is of all replicas. Each takes its share of the images, divides its losses by the number of
replicas, and clips the gradients of that; the clipped ones are summed, and change every replica's
weights alike. Batch norm sees one replica's images, unless the config synchronises it. Nothing
scales the learning rate. All this is the Object Detection API's meaning; but for the order of the
images, which here is the same for any number of replicas.

Source: object_detection/model_main_tf2.py, `main`; model_lib_v2.py, `eager_train_step`,
`reduce_dict` and `get_filepath`.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf

from odapi_runner.engine.gradients import Pair
from odapi_runner.engine.input import Batch, Share
from odapi_runner.engine.log import log
from odapi_runner.errors import ConfigError, RunError
from odapi_runner.formats.cluster import read_cluster
from odapi_runner.rundir import RunDir

Losses = dict[str, tf.Tensor]

# What a collective operation ends with when a worker has gone away.
_LOST = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.DeadlineExceededError)


@dataclass(frozen=True, slots=True)
class Worker:
    """One process of a training."""

    index: int = 0
    count: int = 1

    @property
    def is_chief(self) -> bool:
        """Whether it is the one that writes checkpoints, events, heartbeat and log lines."""
        return self.index == 0


class Replicas:
    """The copies of the network, in this process and in others, that make each step together."""

    def __init__(
        self, strategy: tf.distribute.Strategy | None = None, worker: Worker | None = None
    ) -> None:
        """Without a strategy it is one replica, on the first device."""
        self._strategy = strategy or tf.distribute.get_strategy()
        self.worker = worker or Worker()
        self.count: int = self._strategy.num_replicas_in_sync
        self.here = self.count // self.worker.count  # of this process
        self._summed: Any = None

    def scope(self) -> Any:
        """The block in which variables are made, so that each replica has them."""
        return self._strategy.scope()

    def share(self, batch_size: int) -> Share:
        """The part of each batch that this process reads.

        Raises:
            ConfigError: the batch cannot be shared equally.
        """
        if batch_size % self.count:
            more = -(-batch_size // self.count) * self.count
            raise ConfigError(
                f"a batch of {batch_size} images cannot be shared equally by {self.count} devices",
                fix=f"-s batch_size={more}",
            )
        size = batch_size // self.worker.count
        return Share(self.worker.index * size, size)

    def describe(self, batch_size: int) -> str:
        """What is used, as in "2 GPUs, 4 images each"."""
        kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
        devices = f"{self.count} {kind}{'s' if self.count > 1 else ''}"
        workers = f" of {self.worker.count} workers" if self.worker.count > 1 else ""
        each = batch_size // self.count
        return f"{devices}{workers}, {each} image{'s' if each > 1 else ''} each"

    def run(self, step: Callable[[Batch], Losses], batch: Batch) -> Losses:
        """Have each replica make a step with its part of the batch; called inside a tf.function.

        Args:
            step: of one replica: from its part to its losses, as of `part_of_mean`.
            batch: this process's share.

        Returns:
            The sums of the losses over all replicas.
        """
        if self.count == 1:
            return step(batch)
        tags: list[str] = []

        def stacked() -> tf.Tensor:
            losses = step(self._part(batch))
            tags[:] = losses
            return tf.stack(list(losses.values()))  # one reduction for all of them

        found = self._strategy.run(stacked)
        total = self._strategy.reduce(tf.distribute.ReduceOp.SUM, found, axis=None)
        return dict(zip(tags, tf.unstack(total, num=len(tags)), strict=True))

    def each(self, work: Callable[[], None]) -> None:
        """Have each replica do something; called inside a tf.function."""
        if self.count == 1:
            work()
        else:
            self._strategy.run(work)

    def part_of_mean(self, losses: Losses, pairs: list[Pair]) -> tuple[Losses, list[Pair]]:
        """A replica's losses and gradients, of which the sum over the replicas is the mean."""
        if self.count == 1:
            return losses, pairs
        return (
            {tag: loss / self.count for tag, loss in losses.items()},
            [(gradient / self.count, variable) for gradient, variable in pairs],
        )

    def _part(self, batch: Batch) -> Batch:
        """The images of the replica in which this is called."""
        size = batch.images.shape[0] // self.here
        context = tf.distribute.get_replica_context()
        first = (context.replica_id_in_sync_group - self.worker.index * self.here) * size
        with tf.device("CPU:0"):  # where the batch is: only the part goes to the device
            return Batch(
                *(
                    tf.ensure_shape(whole[first : first + size], [size, *whole.shape[1:]])
                    for whole in batch
                )
            )

    def agree(self, wish: bool, number: float) -> tuple[bool, float]:
        """Whether one of the workers has a wish, and the number that the chief has.

        All call this, get the same answer, and none goes on before.
        """
        if self.worker.count == 1:
            return wish, number
        if self._summed is None:
            self._summed = tf.function(
                self._sum, input_signature=[tf.TensorSpec([2], tf.float64)], autograph=False
            )
        own = [float(wish), number if self.worker.is_chief else 0.0]
        wishes, of_chief = self._summed(tf.constant(own, tf.float64)).numpy()
        return bool(wishes > 0), float(of_chief)

    def _sum(self, numbers: tf.Tensor) -> tf.Tensor:
        """Of a float64 [2] of each worker, wherever it has how many replicas: one exchange."""
        found = self._strategy.run(lambda: tf.identity(numbers))
        total = self._strategy.reduce(tf.distribute.ReduceOp.SUM, found, axis=None)
        return total / self.here

    @contextlib.contextmanager
    def own_folder(self, run: RunDir) -> Iterator[RunDir]:
        """Where this process writes: into the run, or what nobody needs into a folder that goes.

        A checkpoint is the work of all workers, since batch norm's averages are means over them.
        Log lines are the chief's, too.
        """
        if self.worker.is_chief:
            yield run
            return
        with (
            tempfile.TemporaryDirectory() as folder,
            Path(os.devnull).open("w", encoding="utf-8") as nowhere,
            contextlib.redirect_stdout(nowhere),
        ):
            yield RunDir(Path(folder))

    @contextlib.contextmanager
    def naming_the_lost(self) -> Iterator[None]:
        """Turn the end of another worker into a sentence.

        Raises:
            RunError: another worker has ended, or cannot be reached.
        """
        try:
            yield
        except tf.errors.OpError as error:
            if self.worker.count == 1 or not _tells_of_a_lost_worker(error):
                raise
            raise RunError(
                f"worker {self.worker.index} of {self.worker.count} cannot go on: another one has "
                "ended, or is out of reach",
                fix="Look at the others' output, then start all of them again: they go on from the "
                "newest checkpoint.",
            ) from error


def build_replicas(workers: int = 1) -> Replicas:
    """One replica for each GPU that this process sees, and for those of the other workers.

    Args:
        workers: how many processes train together; more than one are named by TF_CONFIG, and this
            waits for all of them.

    Raises:
        ConfigError: TF_CONFIG does not name them.
        RunError: this process cannot be reached at the place that it names.
    """
    if workers > 1:
        cluster = read_cluster(workers)
        if cluster.is_chief:
            log(f"Waiting for the workers {', '.join(cluster.workers[1:])}")
        try:
            strategy = tf.distribute.MultiWorkerMirroredStrategy()
        except tf.errors.OpError as error:
            place = cluster.workers[cluster.index]
            raise RunError(
                f"{place}: this worker cannot join the others ({error.message.splitlines()[0]})",
                fix="See that the port is free here, and that all workers reach one another.",
            ) from error
        return Replicas(strategy, Worker(cluster.index, workers))
    if len(tf.config.list_logical_devices("GPU")) > 1:
        return Replicas(tf.distribute.MirroredStrategy())
    return Replicas()


def _tells_of_a_lost_worker(error: tf.errors.OpError) -> bool:
    return isinstance(error, _LOST) or "Collective ops is aborted" in error.message
