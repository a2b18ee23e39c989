"""Peak memory and time of a training step with `--recompute` and without, of the engine itself.

    python benchmarks/recompute.py --rounds 3
    python benchmarks/recompute.py --rounds 1 --model kitti-d0 --side 512 --batch 4

draws images, converts them, renders the preset from scratch and trains it by turns
without and with the option, each time in a fresh process and never two at once. The first two steps
warm up. Prints the machine, the commit, and median, minimum and maximum of every figure; ratios are
of one round. Of the time, that of the processor is shown as well: it is what counts where something
else runs on the machine.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from measuring import (
    add_image_options,
    draw_records,
    print_heading,
    show,
    show_ratios,
    train,
    write_config,
)

WARM_UP = 2  # steps


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--model", default="kitti-d2", help="a preset")
    parser.add_argument("--side", type=int, default=768, help="of the network's input")
    add_image_options(parser, images=20)
    parser.add_argument("--batch", type=int, default=2)
    asked = parser.parse_args()

    print_heading(f"{asked.model} at {asked.side}, batch {asked.batch}, {asked.steps} steps")
    plain, again = [], []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        draw_records(root, asked.images, asked.size, png=asked.png)
        changes = (f"image_size={asked.side}", f"batch_size={asked.batch}")
        config = write_config(root, asked.model, changes)
        for number in range(asked.rounds):
            for into, option in ((plain, ()), (again, ("--recompute",))):
                name = f"{number}{''.join(option)}"
                steps = asked.steps + WARM_UP
                into.append(train(root, config, name, steps=steps, log_every=1, options=option))
    for what, of in (
        ("peak MiB", lambda one: one.peak_mib),
        ("s a step", lambda one: statistics.median(one.steps[WARM_UP:])),
        ("s of the processor, start and all", lambda one: one.processor),
    ):
        without, with_it = list(map(of, plain)), list(map(of, again))
        show(f"plain: {what}", without)
        show(f"--recompute: {what}", with_it)
        show_ratios(with_it, without)


if __name__ == "__main__":
    main()
