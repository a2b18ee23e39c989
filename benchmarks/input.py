"""What an image costs before the network sees it: read, decoded, augmented, resized, batched.

    python benchmarks/input.py [--images N]

Street scenes of KITTI's size (375 x 1242 pixels, PNG) become batches of eight, as a training makes
them, but without a network. Beside each figure stands the CPU time of decoding alone, so that
other programs hardly count: a step that takes longer than its images do never waits for them.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
from measuring import KITTI_SIZE, draw_records

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
BATCH = 8
ROUNDS = 3
FLIP = "{ random_horizontal_flip {} }"
SQUARE = "{ random_scale_crop_and_pad_to_square { output_size: %d scale_min: 0.1 scale_max: 2 } }"
CASES = {
    "320, flip": ("kitti-ssd-mobilenet-v2-fpnlite", 320, FLIP),
    "320, flip and crop": (
        "kitti-ssd-mobilenet-v2-fpnlite",
        320,
        f"{FLIP}, {{ ssd_random_crop {{}} }}",
    ),
    "512, flip": ("kitti-d0", 512, FLIP),
    "512, flip, scale, crop and pad": ("kitti-d0", 512, f"{FLIP}, {SQUARE % 512}"),
}


@click.command()
@click.option("--images", default=96, show_default=True, help="A round; a multiple of 8.")
def main(images: int) -> None:
    """Print a row a case: milliseconds of CPU an image, images a second."""
    from odapi_runner.engine.input import training_batches
    from odapi_runner.engine.read_config import build_spec
    from odapi_runner.engine.records import Records
    from odapi_runner.engine.source import Source, decode_image
    from odapi_runner.pipeline.overrides import Changes
    from odapi_runner.pipeline.render import build_pipeline
    from odapi_runner.workspace import Workspace

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        draw_records(root, 32, KITTI_SIZE, png=True)
        for name, (preset, size, steps) in CASES.items():
            changes = Changes(
                (
                    f"image_size={size}",
                    f"batch_size={BATCH}",
                    f"train_config.data_augmentation_options=[{steps}]",
                )
            )
            spec = build_spec(build_pipeline(preset, changes, Workspace(root)).message)
            records = Records(spec.train_input, root)
            encoded = records.read(0).encoded
            decoding, _ = cpu_time(lambda data=encoded: [decode_image(data) for _ in range(20)])
            found = []
            for _ in range(ROUNDS):
                batches = training_batches(
                    spec,
                    Source(records),
                    seed=0,
                    draws=0,
                    first_step=0,
                    last_step=images // BATCH,
                )
                found.append(cpu_time(lambda batches=batches: list(map(len, batches))))
            own = statistics.median(cpu for cpu, _ in found) / images
            rate = images / statistics.median(wall for _, wall in found)
            click.echo(
                f"{name:32} {own * 1000:6.2f} ms of CPU an image, decoding "
                f"{decoding / 20 * 1000:5.2f}; {rate:6.1f} images/s"
            )


def cpu_time(call: Callable[[], object]) -> tuple[float, float]:
    """Seconds of CPU, and of the clock, that a call takes."""
    cpu, wall = time.process_time(), time.perf_counter()
    call()
    return time.process_time() - cpu, time.perf_counter() - wall


if __name__ == "__main__":
    main()
