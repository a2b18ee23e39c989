"""How fast `odapi parse` reads a log, and in how much memory.

    python benchmarks/parse.py --mib 256 --times 3

writes two logs of that size into a temporary folder, one in which a line in a hundred is a metric
and one in which every line is, as `model_main_tf2` writes them, parses each in processes of their
own, and prints the rate (of the processor's time, start-up included) and the largest memory. The
first may be of another size (`--long 2048`): memory does not grow with it. `--gzip` packs both.
"""

from __future__ import annotations

import argparse
import gzip
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from odapi_runner.cli.tables import print_table

MIB = 1 << 20
# MB/s on one core, and MiB of memory.
PROMISED = {"one line in a hundred": (150.0, 100.0), "every line": (15.0, 100.0)}
# What stands between the metrics: lines of TensorFlow's, of the kinds a real log has.
OTHERS = (
    (
        "W1120 12:12:24.671502 139820411952000 deprecation.py:50] From /opt/models/research/"
        "object_detection/model_lib_v2.py:557: StrategyBase.experimental_distribute_datasets is "
        "deprecated and will be removed in a future version.\n"
    ),
    "Instructions for updating:\n",
    "rename to distribute_datasets_from_function\n",
    (
        "2026-11-20 12:12:23.306968: W external/local_tsl/cpu_allocator_impl.cc:83] Allocation of "
        "154140672 exceeds 10% of free system memory.\n"
    ),
    (
        "I1120 12:22:46.045955 140324385008512 functional_saver.py:440] Sharding callback "
        "duration: 5 microseconds\n"
    ),
    "creating index...\n",
    "  warnings.warn(\n",
)
STEP = """\
INFO:tensorflow:Step {step} per-step time 0.531s
I1120 12:13:50.642122 139820411952000 model_lib_v2.py:705] Step {step} per-step time 0.531s
{first}{{'Loss/classification_loss': 0.{step},
 'Loss/localization_loss': 0.5421964,
 'Loss/regularization_loss': 0.0064049438,
 'Loss/total_loss': 0.9462246,
 'learning_rate': 0.0799}}
"""
EVALUATION = (
    "DetectionBoxes_Precision/mAP",
    "DetectionBoxes_Precision/mAP@.50IOU",
    "DetectionBoxes_Precision/mAP@.75IOU",
    "DetectionBoxes_Recall/AR@1",
    "DetectionBoxes_Recall/AR@10",
    "Loss/classification_loss",
    "Loss/total_loss",
)


class Parsed(NamedTuple):
    """What a process needed."""

    seconds: float  # of the processor
    mib: float  # at its largest


def main() -> None:
    """Write the logs, parse them, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mib", type=int, default=256, help="the size of both logs")
    parser.add_argument("--long", type=int, help="another size for the first one")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--gzip", action="store_true", help="pack them")
    asked = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for what, (rate, memory) in PROMISED.items():
            sparse = what != "every line"
            path = Path(folder) / "train.log"
            size = write_log(
                path, (asked.long if sparse and asked.long else asked.mib) * MIB, sparse
            )
            if asked.gzip:
                path = pack(path)
            found = [parse(path) for _ in range(asked.times)]
            rates = [size / each.seconds / 1e6 for each in found]
            mib = max(each.mib for each in found)
            rows.append([what, size / MIB, max(rates), statistics.median(rates), rate, mib, memory])
    columns = [
        "a metric is",
        "MiB",
        "best MB/s",
        "median MB/s",
        "promised",
        "MiB at most",
        "promised",
    ]
    print_table(columns, rows, "markdown")


def write_log(path: Path, size: int, sparse: bool) -> int:
    """Write a log of at least that many bytes; how many there are."""
    written = 0
    with path.open("w", encoding="utf-8") as out:
        for block in blocks(sparse):
            written += out.write(block)
            if written >= size:
                return written
    raise AssertionError("the blocks do not end")


def blocks(sparse: bool) -> Iterator[str]:
    """Steps, each tenth with an evaluation; of the others so many that a hundredth is metrics."""
    step = 0
    while True:
        step += 100
        text = STEP.format(step=step, first="INFO:tensorflow:")
        if step % 1000 == 0:
            text += f"INFO:tensorflow:Eval metrics at step {step}\n"
            text += "".join(f"INFO:tensorflow:\t+ {tag}: 0.134822\n" for tag in EVALUATION)
        if sparse:
            lines = 99 * text.count("\n")
            text += "".join(OTHERS[number % len(OTHERS)] for number in range(lines))
        yield text


def pack(path: Path) -> Path:
    """The same, packed."""
    packed = path.with_name(f"{path.name}.gz")
    with path.open("rb") as stream, gzip.open(packed, "wb", compresslevel=1) as out:
        shutil.copyfileobj(stream, out)
    return packed


def parse(path: Path) -> Parsed:
    """Parse a log in a process of its own."""
    program = str(Path(sys.executable).with_name("odapi"))
    quiet = os.open(os.devnull, os.O_WRONLY)
    words = [program, "parse", str(path), "--format", "csv"]
    process = os.posix_spawn(
        program, words, os.environ,
        file_actions=[(os.POSIX_SPAWN_DUP2, quiet, 1), (os.POSIX_SPAWN_DUP2, quiet, 2)],
    )  # fmt: skip
    _, status, used = os.wait4(process, 0)
    os.close(quiet)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"odapi parse {path} failed")
    return Parsed(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


if __name__ == "__main__":
    main()
