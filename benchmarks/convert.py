"""How fast a KITTI folder is converted, against reading and writing the same bytes.

    python benchmarks/convert.py --images 7500

draws images of KITTI's size and weight into a temporary folder, copies their bytes with a plain
loop, converts them, and prints one line for each, with the peak memory of a process that did that.
The files are put out of the system's cache before each, as a data set that is larger than it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 1242, 375  # KITTI's usual frame
LABELS = """\
Car 0.00 0 1.85 387.63 181.54 423.81 203.12 1.67 1.87 3.69 -16.53 2.39 58.49 1.57
Cyclist 0.00 3 -1.65 676.60 163.95 688.98 193.93 1.86 0.60 2.02 4.59 1.32 45.84 -1.55
Pedestrian 0.00 0 -0.20 712.40 143.00 810.73 307.92 1.89 0.48 1.20 1.84 1.47 8.41 0.01
DontCare -1 -1 -10 503.89 169.71 590.61 190.13 -1 -1 -1 -1000 -1000 -1000 -10
"""

# Each job runs in a process of its own: peak memory is the job's alone.
TIMED = """
import resource, sys, time
from pathlib import Path
from {module} import {function} as job
start = time.perf_counter()
job(Path(sys.argv[1]), Path(sys.argv[2]))
seconds = time.perf_counter() - start
print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def copy_bytes(folder: Path, out: Path) -> None:
    """Read every image and append it to one of eight files, as shards would be."""
    out.mkdir()
    paths = sorted((folder / "training" / "image_2").iterdir())
    for shard in range(8):
        with (out / f"{shard}.bytes").open("wb") as stream:
            for path in paths[shard::8]:
                stream.write(path.read_bytes())


def draw(folder: Path, images: int) -> int:
    """Write `images` frames that compress as KITTI's do; their bytes in all."""
    picture_folder = folder / "training" / "image_2"
    label_folder = folder / "training" / "label_2"
    picture_folder.mkdir(parents=True)
    label_folder.mkdir()
    generator = np.random.default_rng(0)
    first = picture_folder / "000000.png"
    # 16 grey levels of noise: 0.8 MB a frame, of 1.4 MB of pixels.
    noise = generator.integers(96, 112, (HEIGHT, WIDTH, 3), np.uint8)
    Image.fromarray(noise).save(first)
    content = first.read_bytes()
    for number in range(images):
        (picture_folder / f"{number:06d}.png").write_bytes(content)
        (label_folder / f"{number:06d}.txt").write_text(LABELS, encoding="utf-8")
    return len(content) * images


def evict(folder: Path) -> None:
    """Have the system forget the content of the files, so that it must read them."""
    for path in folder.rglob("*.*"):
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def measure(module: str, function: str, folder: Path, out: Path) -> tuple[float, float]:
    """Seconds and peak MB of one job in a new process."""
    code = TIMED.format(module=module, function=function)
    evict(folder)
    command = [sys.executable, "-c", code, str(folder), str(out)]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=Path(__file__).parent
    )
    shutil.rmtree(out)
    seconds, peak = done.stdout.split()
    return float(seconds), float(peak)


def main() -> None:
    """Draw, copy, convert, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3, help="the best of so many is printed")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        megabytes = draw(root / "kitti", asked.images) / 1e6
        jobs = {
            "plain loop": ("convert", "copy_bytes"),
            "conversion": ("odapi_runner.records.kitti", "convert_kitti"),
        }
        best: dict[str, float] = {}
        for name, (module, function) in jobs.items():
            runs = [
                measure(module, function, root / "kitti", root / "out") for _ in range(asked.rounds)
            ]
            seconds, peak = min(runs)[0], max(run[1] for run in runs)
            best[name] = seconds
            print(
                f"{name}: {asked.images} images, {megabytes:.0f} MB in {seconds:.2f} s, "
                f"{megabytes / seconds:.0f} MB/s, peak {peak:.0f} MB"
            )
        print(f"conversion / plain loop: {best['conversion'] / best['plain loop']:.2f}")


if __name__ == "__main__":
    main()
