"""`odapi estimate`: how much memory a training needs, and the largest batch that fits."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from odapi_runner.cli.options import change_options, format_option, workspace_option
from odapi_runner.settings import parsed, settings_of
from odapi_runner.training import TrainerOptions

if TYPE_CHECKING:  # imports what `odapi --help` has no time for
    from odapi_runner.pipeline.overrides import Changes

_SIZE = re.compile(r"([1-9]\d*)x([1-9]\d*)")


def _parse_memory(value: str) -> int:
    from odapi_runner.runs.estimate import parse_memory

    return parse_memory(value)


def _parse_size(value: str) -> tuple[int, int]:
    found = _SIZE.fullmatch(value)
    if not found:
        raise ValueError(f'"{value}" is not HEIGHTxWIDTH, as in 1080x1920')
    return int(found[1]), int(found[2])


def _own_memory() -> int | None:
    """Of this machine's first GPU; None where there is none."""
    from odapi_runner.errors import GpuError
    from odapi_runner.runs.gpus import read_gpus

    try:
        gpus = read_gpus()
    except GpuError as error:
        click.echo(f"note: {error.what}; say how much memory there is: --memory SIZE", err=True)
        return None
    return next((gpu.memory_bytes for gpu in gpus if not gpu.fault), None)


@click.command("estimate")
@click.argument("config")
@click.option(
    "--memory",
    metavar="SIZE",
    callback=parsed(_parse_memory),
    help="Of the GPU, as in 8GB: which batches fit. [default: this machine's first GPU's]",
)
@click.option(
    "--batch",
    "batches",
    type=click.IntRange(min=1),
    multiple=True,
    metavar="N",
    help="Show batches of N images, rather than those around the config's.",
)
@change_options
@settings_of(TrainerOptions, "precision", "recompute", "accumulate")
@click.option(
    "--image-size",
    metavar="HEIGHTxWIDTH",
    callback=parsed(_parse_size),
    help="Of the input, where the config's image_resizer leaves images as they are.",
)
@workspace_option
@format_option
def command(
    *,
    config: str,
    memory: int | None,
    batches: tuple[int, ...],
    changes: Changes,
    image_size: tuple[int, int] | None,
    workspace: str | None,
    output_format: str,
    **options: Any,
) -> None:
    """Estimate the memory of a training, in MiB by batch, without running a step.

    CONFIG is a file, or the name of a pipeline, a run or a preset.

    Counted on the network and its traced step: weights, what the optimizer keeps, the activations
    that wait for the backward pass, gradients, input. `cpu` is what the trainer takes beyond the
    imports; `gpu` is what TensorFlow takes of a GPU, which has not been measured on one. To fit,
    it has to be 2.5 GiB less than SIZE: driver, CUDA and screen need these. With several GPUs it
    is the batch of one of them. `odapi train --batch auto` measures instead.

    \b
    Example:
      odapi estimate kitti-d0 --memory 8GB
      odapi estimate my.config -s image_size=640 --precision mixed_float16 --recompute
    """
    from odapi_runner.cli.tables import print_table
    from odapi_runner.cli.words import after_ctrl_c
    from odapi_runner.runs.estimate import MIB, NOT_FOR_TENSORFLOW, estimate, rows

    memory = memory or _own_memory()
    asked = TrainerOptions(**options)
    with after_ctrl_c("nothing was written, and nothing goes on"):
        found = estimate(
            config,
            changes=changes,
            options=asked,
            image_size=image_size,
            workspace=workspace,
        )
    height, width = found.size
    click.echo(f"Input {height} x {width}, {asked.precision}; MiB", err=True)
    table = rows(found, memory, batches)
    print_table(list(table[0]), [list(row.values()) for row in table], output_format)
    if memory is not None:
        largest = found.largest(memory)
        fits = f"batches of {largest}" if largest else "not even a batch of 1"
        size = f"{memory / MIB / 1024:g} GiB"
        click.echo(f"In {size} fit {fits}, by an estimate not measured on a GPU yet", err=True)
        left = f"{NOT_FOR_TENSORFLOW / MIB / 1024:g} GiB"
        click.echo(f"{left} of them are for driver, CUDA and screen, not for TensorFlow", err=True)
