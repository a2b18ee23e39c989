"""How fast records are looked at, against reading their files and against decoding their images.

    python benchmarks/check_records.py --images 1500

writes records of photographs (JPEG, 1.5 MB, ten boxes each) into a temporary folder and measures

    reading     the files with a plain loop
    structure   what `check --all` does: checksums, fields, boxes, headers of the images
    Pillow      every image decoded, on as many threads as there are cores, nothing else
    decoding    what `check --all --decode` does

one after another, in several rounds, and prints the median of each, the medians of the ratios
within a round, and the largest memory of a process that did that. `--cold` puts the files out of
the system's cache before each, as a data set that is larger than it; otherwise all come from there,
which leaves the looking nothing to hide behind.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from convert import evict
from PIL import Image

from odapi_runner.formats.example import Annotated, encode_example
from odapi_runner.formats.tfrecord import RecordWriter, index_records
from odapi_runner.records.ahead import count_cores
from odapi_runner.records.survey import survey_records

WIDTH, HEIGHT = 1800, 1200
BOXES = 10
FILES = 4
DIFFERENT = 8  # images; the others are the same with another number

# Each job runs in a process of its own: peak memory is the job's alone.
TIMED = """
import re, sys, time
from pathlib import Path
from check_records import {job} as job
paths = sorted(Path(sys.argv[1]).iterdir())
start, used = time.perf_counter(), time.process_time()
job(paths)
seconds, cpu = time.perf_counter() - start, time.process_time() - used
# Not getrusage: a process inherits the peak of the one that started it.
peak = re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]
print(seconds, cpu, int(peak) / 1024)
"""


class Measured(NamedTuple):
    """What a job took."""

    seconds: float
    cpu: float  # seconds, on all cores together
    peak: float  # MB of memory


def read_files(paths: list[Path]) -> None:
    """Read every byte."""
    for path in paths:
        with path.open("rb") as stream:
            while stream.read(1 << 20):
                pass


def look_at_structure(paths: list[Path]) -> None:
    """As `odapi check --all`."""
    assert not survey_records(paths, every_record=True).faults


def decode_bare(paths: list[Path]) -> None:
    """Decode every image: the bytes between its marks, whatever else the record holds."""
    places = [
        (path, offset, length)
        for path in paths
        for index in [index_records(path)]
        for offset, length in zip(index.offsets.tolist(), index.lengths.tolist(), strict=True)
    ]

    def decode(place: tuple[Path, int, int]) -> None:
        path, offset, length = place
        with path.open("rb") as stream:
            stream.seek(offset)
            payload = stream.read(length)
        start = payload.index(b"\xff\xd8\xff")
        with Image.open(io.BytesIO(payload[start:])) as image:
            image.load()

    with ThreadPoolExecutor(count_cores()) as pool:
        for _ in pool.map(decode, places):
            pass


def look_and_decode(paths: list[Path]) -> None:
    """As `odapi check --all --decode`."""
    assert not survey_records(paths, every_record=True, decode=True).faults


JOBS = {
    "reading": "read_files",
    "structure": "look_at_structure",
    "Pillow": "decode_bare",
    "decoding": "look_and_decode",
}
AGAINST = {"structure": "reading", "decoding": "Pillow"}


def write(folder: Path, images: int) -> int:
    """Write the records; their bytes in all."""
    generator = np.random.default_rng(0)
    encoded = []
    for _ in range(DIFFERENT):
        # Patches of colour with some noise: as many bits a pixel as a photograph of a street has.
        patches = generator.integers(0, 226, (HEIGHT // 8, WIDTH // 8, 3))
        pixels = np.kron(patches, np.ones((8, 8, 1))) + generator.integers(
            0, 30, (HEIGHT, WIDTH, 3)
        )
        stream = io.BytesIO()
        Image.fromarray(pixels.astype(np.uint8)).save(stream, "JPEG", quality=96)
        encoded.append(stream.getvalue())
    for file in range(FILES):
        with RecordWriter(folder / f"train-{file:05d}-of-{FILES:05d}.record") as writer:
            for number in range(file, images, FILES):
                corners = np.sort(generator.random((BOXES, 2, 2)), axis=1).reshape(BOXES, 4)
                writer.write(encode_example(annotate(number, encoded[number % DIFFERENT], corners)))
    return sum(path.stat().st_size for path in folder.iterdir())


def annotate(number: int, encoded: bytes, boxes_yxyx_norm: np.ndarray) -> Annotated:
    """A record of ten cars."""
    return Annotated(
        source_id=f"{number:06d}",
        filename=f"{number:06d}.jpg",
        height=HEIGHT,
        width=WIDTH,
        encoded=encoded,
        image_format="jpeg",
        boxes_yxyx_norm=boxes_yxyx_norm.astype(np.float32),
        class_names=("Car",) * BOXES,
        class_ids=np.ones(BOXES, np.int64),
        is_crowd=np.zeros(BOXES, np.bool_),
        difficult=np.zeros(BOXES, np.bool_),
        group_of=np.zeros(BOXES, np.bool_),
        truncated=np.zeros(BOXES, np.float32),
        area=np.zeros(BOXES, np.float32),
    )


def measure(job: str, folder: Path, *, cold: bool) -> Measured:
    """One job in a new process."""
    if cold:
        evict(folder)
    command = [sys.executable, "-c", TIMED.format(job=JOBS[job]), str(folder)]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=Path(__file__).parent
    )
    return Measured(*map(float, done.stdout.split()))


def main() -> None:
    """Write, look, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cold", action="store_true", help="put the files out of the cache")
    parser.add_argument("--without-decoding", action="store_true", help="the first two jobs only")
    asked = parser.parse_args()
    jobs = list(JOBS)[: 2 if asked.without_decoding else None]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        megabytes = write(folder, asked.images) / 1e6
        print(f"{asked.images} images, {megabytes:.0f} MB, {count_cores()} cores", flush=True)
        rounds = []
        for _ in range(asked.rounds):
            rounds.append({job: measure(job, folder, cold=asked.cold) for job in jobs})
            shown = ", ".join(f"{job} {rounds[-1][job].seconds:.2f} s" for job in jobs)
            print(f"  {shown}, load {os.getloadavg()[0]:.1f}", flush=True)
    for job in jobs:
        seconds = statistics.median(one[job].seconds for one in rounds)
        cpu = statistics.median(one[job].cpu for one in rounds)
        peak = max(one[job].peak for one in rounds)
        print(
            f"{job}: {seconds:.2f} s, {megabytes / seconds:.0f} MB/s, {cpu:.2f} s of CPU, "
            f"peak {peak:.0f} MB"
        )
    for job, base in AGAINST.items():
        if job in jobs:
            ratio = statistics.median(one[job].seconds / one[base].seconds for one in rounds)
            cpu = statistics.median(one[job].cpu / one[base].cpu for one in rounds)
            print(f"{job} / {base}: {ratio:.2f}, of CPU {cpu:.2f}")


if __name__ == "__main__":
    main()
