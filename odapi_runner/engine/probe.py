"""Whether a batch fits: `python -m odapi_runner.engine.probe --config FILE --steps N …`.

Real steps on the device with the config's batch, of noise and as many boxes as the config allows;
nothing is read or written. The answer (`answer`) has seconds and bytes. Where the memory does not
suffice it is an `OutOfMemoryError`, or the process is killed.
"""

from __future__ import annotations

import re
import resource
import statistics
import time
from pathlib import Path
from typing import Any

import click
import tensorflow as tf

from odapi_runner.engine.answer import answer
from odapi_runner.engine.distribution import Replicas, build_replicas
from odapi_runner.engine.health import naming_memory
from odapi_runner.engine.read_config import build_spec
from odapi_runner.engine.spec.pipeline import Spec
from odapi_runner.engine.train import use_devices
from odapi_runner.engine.trainer import Trainer
from odapi_runner.engine.unread import element_spec, largest_input, made_up
from odapi_runner.proto.text import read_pipeline
from odapi_runner.settings import settings_of
from odapi_runner.training import TrainerOptions

_STATUS = Path("/proc/self/status")


def probe(
    spec: Spec, options: TrainerOptions, *, steps: int, replicas: Replicas | None = None
) -> dict[str, Any]:
    """Make steps of noise.

    Args:
        spec: of the whole config.
        options: of the trainer.
        steps: how many.
        replicas: those that share the batch; one by default.

    Returns:
        `seconds`, the median of all steps but the first; `peak`, bytes of the GPU that TensorFlow
        has taken, or of the process beyond what it had at first.

    Raises:
        OutOfMemoryError: the memory does not suffice.
        ConfigError: the size of the input is not known, or the replicas cannot share the batch.
    """
    replicas = replicas or Replicas()
    before = _status("VmRSS")
    with naming_memory(spec.train.batch_size):
        trainer = Trainer(spec, options=options, replicas=replicas)
        shapes = element_spec(
            spec,
            batch=replicas.share(spec.train.batch_size).size,
            size=largest_input(spec),
            boxes=spec.train_input.max_boxes,
            draws=trainer.detector.draws_per_example,
        )
        trainer.compile(shapes)
        batch, seconds = made_up(shapes), []
        for _ in range(steps):
            begun = time.perf_counter()
            losses = trainer.train_step(batch, [batch] * (options.accumulate - 1))
            for loss in losses.values():
                loss.numpy()  # waits for the device
            seconds.append(time.perf_counter() - begun)
    return {"seconds": statistics.median(seconds[1:] or seconds), "peak": _peak(before)}


def limit_memory(most: int) -> None:
    """Let TensorFlow have no more than so many bytes: of each GPU, else of the machine."""
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        limit = tf.config.LogicalDeviceConfiguration(memory_limit=most >> 20)
        tf.config.set_logical_device_configuration(gpu, [limit])
    if not gpus:
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (_status("VmData") + most, hard))


def _peak(before: int) -> int:
    if tf.config.list_logical_devices("GPU"):
        return int(tf.config.experimental.get_memory_info("GPU:0")["peak"])
    return _status("VmHWM") - before


def _status(name: str) -> int:
    """A number of bytes that Linux tells of this process."""
    found = re.search(rf"^{name}:\s+(\d+) kB$", _STATUS.read_text(encoding="utf-8"), re.MULTILINE)
    assert found
    return int(found[1]) * 1024


@click.command()
@click.option("--config", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--steps", type=click.IntRange(min=1), default=3)
@click.option("--memory", type=click.IntRange(min=1))
@settings_of(TrainerOptions)
def main(config: Path, steps: int, memory: int | None, **options: Any) -> None:
    """Try a batch; what `odapi train --batch auto` starts."""
    if memory is None:
        use_devices()
    else:
        limit_memory(memory)
    asked = TrainerOptions(**options)

    def find() -> dict[str, Any]:
        spec = build_spec(read_pipeline(config))
        return probe(spec, asked, steps=steps, replicas=build_replicas())

    answer(find)


if __name__ == "__main__":
    main()
