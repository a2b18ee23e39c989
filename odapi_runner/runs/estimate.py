"""How much memory a training needs: counted by the engine on its traced step, nothing is run."""

from __future__ import annotations

import dataclasses
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from odapi_runner.backends import AUTO, find_engine
from odapi_runner.errors import RunError
from odapi_runner.pipeline.diff import read_side
from odapi_runner.pipeline.overrides import Changes, apply_changes
from odapi_runner.proto.text import render_pipeline
from odapi_runner.runs.asking import ask, failure
from odapi_runner.runs.gpus import HIDDEN
from odapi_runner.runs.process import describe_exit
from odapi_runner.training import TrainerOptions
from odapi_runner.workspace import find_workspace

MIB = 1 << 20
_UNITS = {"": 1 << 30, "G": 1 << 30, "M": MIB}
_MEMORY = re.compile(r"(\d+(?:\.\d+)?)\s*([GM]?)(?:i?B)?", re.IGNORECASE)

# What the ops of a step need for themselves beside the tensors: convolutions' scratch space, and
# gaps between tensors. Measured on a CPU: 3 to 9 % of them (`benchmarks/estimate.py`).
_SCRATCH = 1.05
# The step's own batch, two that wait, one being put together (`engine.input`).
_BATCHES_ON_HOST = 4

# What of a GPU's memory TensorFlow does not take. It leaves 1536 MiB alone (of GPUs of compute
# capability 8: tensorflow/core/common_runtime/gpu/gpu_device.cc, `MinSystemMemory`), and driver,
# CUDA and screen have about 1 GiB by then: it has said "Created device … with 5592 MB memory" of
# an RTX 3060 Ti of 8 GiB.
NOT_FOR_TENSORFLOW = 2560 * MIB
_LARGEST = 4096  # of all batches that are tried


@dataclass(frozen=True, slots=True)
class Step:
    """Bytes that a step needs, and its batch.

    Attributes:
        batch: how many images are in the memory of one device.
        activations: tensors of the forward pass, where there are most.
        gradients: those of the backward pass at that time.
        input: one batch, as the network takes it.
    """

    batch: int
    activations: int
    gradients: int
    input: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """The memory of a training, in bytes, by its batch.

    Attributes:
        size: height and width of the input.
        asked: the batch of the config.
        weights: all variables of the network.
        optimizer: the slots of the optimizer.
        averages: the moving averages of the weights.
        sums: of gradients, for --accumulate.
        program: network and step as TensorFlow keeps them, on the host.
        steps: two, of different batches; the others lie on the line through them.
    """

    size: tuple[int, int]
    asked: int
    weights: int
    optimizer: int
    averages: int
    sums: int
    program: int
    steps: tuple[Step, Step]

    @property
    def kept(self) -> int:
        """What lies there from step to step."""
        return self.weights + self.optimizer + self.averages + self.sums

    def step(self, batch: int) -> Step:
        """The step of any batch."""
        first, second = self.steps
        share = (batch - first.batch) / (second.batch - first.batch)

        def at(name: str) -> int:
            low, high = (float(getattr(one, name)) for one in (first, second))
            return max(0, round(low + share * (high - low)))

        return Step(batch, at("activations"), at("gradients"), at("input"))

    def on_cpu(self, batch: int) -> int:
        """The most that the trainer's process holds beyond what the imports take."""
        step = self.step(batch)
        own = round((step.activations + step.gradients) * _SCRATCH)
        return self.kept + self.program + own + _BATCHES_ON_HOST * step.input

    def on_gpu(self, batch: int) -> int:
        """What TensorFlow needs of a GPU's memory; nobody has measured it yet."""
        step = self.step(batch)
        return self.kept + round((step.activations + step.gradients) * _SCRATCH) + step.input

    def fits(self, batch: int, memory: int) -> bool:
        """Whether a GPU of so many bytes can train with a batch."""
        return self.on_gpu(batch) <= memory - NOT_FOR_TENSORFLOW

    def largest(self, memory: int) -> int:
        """The largest batch that fits; 0 where none does."""
        low, high = 0, _LARGEST + 1
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.fits(middle, memory) else (low, middle)
        return low


def estimate(
    config: str | Path,
    *,
    changes: Changes | None = None,
    options: TrainerOptions | None = None,
    image_size: tuple[int, int] | None = None,
    workspace: str | None = None,
) -> Estimate:
    """Estimate the memory of a training, with the builtin engine, in some 20 seconds.

    Args:
        config: a pipeline.config, or the name of a pipeline, a run or a preset.
        changes: to it.
        options: of the trainer: precision, recompute and accumulate count.
        image_size: height and width of the inputs where the config leaves images as they are.
        workspace: the workspace's folder.

    Raises:
        ConfigError: the config cannot be read or trained, or the size of the input is not known.
        RunError: the engine's process failed.
    """
    place = find_workspace(workspace)
    given = read_side(place.find_config(str(config)), place)
    message = apply_changes(given.message, changes or Changes()).message
    batch = max(1, message.train_config.batch_size)
    other = batch // 2 if batch > 1 else 2
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "pipeline.config"
        copy.write_text(render_pipeline(message), encoding="utf-8")
        argv = find_engine(AUTO).estimator_argv(
            copy, options=options or TrainerOptions(), batches=(batch, other), size=image_size
        )
        code, answer, stderr = ask(argv, cwd=place.root, environment=HIDDEN)
    if "failed" in answer:
        raise failure(answer)
    if not answer:
        last = next((line for line in reversed(stderr.splitlines()) if line.strip()), "")
        raise RunError(
            f"{config}: the estimate {describe_exit(code)}: {last}",
            fix="odapi check CONFIG tells what the engine cannot train.",
        )
    return _build(answer, batch)


def _build(answer: dict[str, Any], asked: int) -> Estimate:
    height, width = answer["size"]
    first, second = (Step(**one) for one in answer["steps"])
    return Estimate(
        size=(height, width),
        asked=asked,
        program=answer["program"],
        steps=(first, second),
        **answer["kept"],
    )


def rows(found: Estimate, memory: int | None, batches: Sequence[int] = ()) -> list[dict[str, Any]]:
    """The table: a row a batch, in MiB; those up to the config's, and the largest that fits.

    Args:
        found: the estimate.
        memory: of a GPU, in bytes; None leaves `fits` empty.
        batches: instead of the usual ones.
    """
    chosen = set(batches)
    if not chosen:
        chosen = {2**power for power in range(13) if 2**power < 2 * found.asked} | {found.asked}
        chosen |= {2 * found.asked}
        if memory is not None and (largest := found.largest(memory)):
            chosen |= {largest, min(largest + 1, _LARGEST)}
    return [_row(found, batch, memory) for batch in sorted(chosen)]


def _row(found: Estimate, batch: int, memory: int | None) -> dict[str, Any]:
    step = dataclasses.asdict(found.step(batch))
    of_step = {name: round(size / MIB) for name, size in step.items() if name != "batch"}
    return {
        "batch": batch,
        "weights": round(found.weights / MIB),
        "optimizer": round((found.optimizer + found.averages + found.sums) / MIB),
        **of_step,
        "cpu": round(found.on_cpu(batch) / MIB),
        "gpu": round(found.on_gpu(batch) / MIB),
        "fits": None if memory is None else "yes" if found.fits(batch, memory) else "no",
    }


def parse_memory(text: str) -> int:
    """Bytes of `8GB`, `8` (GiB) or `7800MiB`; GB is GiB, as makers of GPUs count.

    Raises:
        ValueError: it is none of these.
    """
    found = _MEMORY.fullmatch(text.strip())
    if not found or not float(found[1]):
        raise ValueError(f'"{text}" is no size of a memory as in 8GB or 7800MiB')
    return round(float(found[1]) * _UNITS[found[2].upper()])
