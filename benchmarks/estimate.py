"""What `odapi estimate` says of a training's memory, against the peak that the training has.

    python benchmarks/estimate.py
    python benchmarks/estimate.py --only "d0 512 batch 4" --only "d2 768 batch 2"

draws images, converts them, and of each config of `CONFIGS` renders the preset from scratch,
estimates it, and trains a few steps with the engine in a process of its own. Measured is the peak
of that process, less what it has when it has only imported the engine. Prints the machine, the
commit, and MiB and the ratio of each.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from measuring import add_image_options, draw_records, print_heading, train, write_config

from odapi_runner.runs.estimate import MIB, estimate
from odapi_runner.training import BFLOAT16, TrainerOptions

MOBILENET = "kitti-ssd-mobilenet-v2-fpnlite"

KITTI = (
    "num_classes=3",
    "label_map=data/kitti/label_map.pbtxt",
    "train_records=data/kitti/train-*.record",
    "eval_records=data/kitti/val-*.record",
)


class Config(NamedTuple):
    """What is changed of a preset, and the options of the training."""

    preset: str
    changes: tuple[str, ...]
    options: TrainerOptions = TrainerOptions()


D0 = ("image_size=512", "batch_size=4")
CONFIGS = {
    "mobilenet 320 batch 2": Config(MOBILENET, ("image_size=320", "batch_size=2")),
    "mobilenet 320 batch 32": Config(MOBILENET, ("image_size=320", "batch_size=32")),
    "mobilenet 640 batch 8": Config(MOBILENET, ("image_size=640", "batch_size=8")),
    "resnet50 fpn 640 batch 2": Config("ssd-resnet50-fpn-640", (*KITTI, "batch_size=2")),
    "d0 512 batch 1": Config("kitti-d0", ("image_size=512", "batch_size=1")),
    "d0 256 batch 16": Config("kitti-d0", ("image_size=256", "batch_size=16")),
    "d0 512 batch 4": Config("kitti-d0", D0),
    "d0 512 batch 4, recompute": Config("kitti-d0", D0, TrainerOptions(recompute=True)),
    "d0 512 batch 4, bfloat16": Config("kitti-d0", D0, TrainerOptions(precision=BFLOAT16)),
    "d0 512 batch 2, accumulate 4": Config(
        "kitti-d0", ("image_size=512", "batch_size=2"), TrainerOptions(accumulate=4)
    ),
    "d1 640 batch 2": Config("kitti-d1", ("image_size=640", "batch_size=2")),
    "d2 768 batch 2": Config("kitti-d2", ("image_size=768", "batch_size=2")),
    "d4 1024 batch 1": Config("kitti-d4", ("image_size=1024", "batch_size=1")),
}

_IMPORTED = """\
import re, odapi_runner.engine.train
print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
"""


def imported_mib() -> float:
    """The peak of a process that has only imported what a trainer imports."""
    argv = [sys.executable, "-c", _IMPORTED]
    done = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True)
    return int(done.stdout) / 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--only", choices=CONFIGS, action="append")
    add_image_options(parser, images=60)
    asked = parser.parse_args()

    print_heading(f"{asked.steps} steps, images of {asked.size}")
    print(f"{'':<32}{'estimated':>10}{'measured':>10}{'ratio':>8}")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        draw_records(root, asked.images, asked.size, png=asked.png)
        for number, title in enumerate(asked.only or CONFIGS):
            preset, changes, options = CONFIGS[title]
            config = write_config(root, preset, changes)
            found = estimate(config, options=options)
            words = options.words(*options.changed())
            base = imported_mib()
            trained = train(
                root, config, str(number), steps=asked.steps, log_every=1, options=words
            )
            told, seen = found.on_cpu(found.asked) / MIB, trained.peak_mib - base
            print(f"{title:<32}{told:10.0f}{seen:10.0f}{told / seen:8.2f}", flush=True)


if __name__ == "__main__":
    main()
