"""The memory of a training: `python -m odapi_runner.engine.estimate --config FILE --batch N …`.

The network is built and its step traced, once for each batch; nothing is computed. The answer
(`answer`) has bytes only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import psutil

from odapi_runner.engine.answer import answer
from odapi_runner.engine.memory import StepMemory, step_memory, tensor_bytes
from odapi_runner.engine.read_config import build_spec
from odapi_runner.engine.spec.pipeline import Spec
from odapi_runner.engine.trainer import Trainer
from odapi_runner.engine.unread import element_spec, largest_input
from odapi_runner.proto.text import read_pipeline
from odapi_runner.settings import settings_of
from odapi_runner.training import TrainerOptions

_BOXES = 20  # an image, as photographs of traffic have; the matching needs some of each anchor

# What TensorFlow keeps of an op that was traced once it has been run: node, kernel, and what its
# optimizer made of it. Measured: 23 KiB (EfficientDet-D0, with --recompute and without) to 27
# (SSD MobileNet V2 FPNLite), TensorFlow 2.20.
_BYTES_PER_OP = 24 << 10


def estimate(
    spec: Spec,
    options: TrainerOptions,
    batches: tuple[int, ...],
    size: tuple[int, int] | None = None,
) -> dict[str, Any]:
    """What a training keeps, and what its step needs by batch.

    Args:
        spec: of the whole config; its batch does not count.
        options: of the trainer.
        batches: how many images each, in one device's memory.
        size: height and width of the input where the config does not say it.

    Raises:
        ConfigError: the size of the input is not known.
    """
    before = _resident()
    size = size or largest_input(spec)
    trainer = Trainer(spec, options=options)
    steps, program = [], None
    for batch in batches:
        shapes = element_spec(
            spec,
            batch=batch,
            size=size,
            boxes=min(_BOXES, spec.train_input.max_boxes),
            draws=trainer.detector.draws_per_example,
        )
        trainer.compile(shapes)
        kept = {name: tensor_bytes(of) for name, of in trainer.kept.items()}
        if program is None:  # of one trace, as a training has it
            ops = sum(len(graph.get_operations()) for graph in trainer.graphs)
            program = _resident() - before - sum(kept.values()) + ops * _BYTES_PER_OP
        most = max(map(step_memory, trainer.graphs), key=_total)
        steps.append(
            {
                "batch": batch,
                "activations": most.activations,
                "gradients": most.gradients,
                "input": tensor_bytes(shapes),
            }
        )
    return {"size": size, "kept": kept, "program": program, "steps": steps}


def _total(memory: StepMemory) -> int:
    return memory.total


def _resident() -> int:
    return int(psutil.Process().memory_info().rss)


@click.command()
@click.option("--config", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--batch", "batches", type=click.IntRange(min=1), multiple=True, required=True)
@click.option("--height", type=click.IntRange(min=1))
@click.option("--width", type=click.IntRange(min=1))
@settings_of(TrainerOptions, "precision", "recompute", "accumulate")
def main(
    config: Path, batches: tuple[int, ...], height: int | None, width: int | None, **options: Any
) -> None:
    """Estimate; what `odapi estimate` starts."""
    size = (height, width) if height and width else None

    def find() -> dict[str, Any]:
        return estimate(build_spec(read_pipeline(config)), TrainerOptions(**options), batches, size)

    answer(find)


if __name__ == "__main__":
    main()
