"""The queue of a machine with an engine without a network, and GPUs that a file describes.

The file may hold a text instead: why their driver does not answer.

python fake_queue.py serve LOADS TRAIN-ARGUMENTS…
python fake_queue.py supervise LOADS TRAIN-ARGUMENTS… FOLDER LOCK
"""

from __future__ import annotations

import functools
import json
import sys
from pathlib import Path

from fake_engine import build_backend  # makes the tests' `support` known, too

from odapi_runner.errors import GpuError
from odapi_runner.rundir import RunDir
from odapi_runner.runs.control import start_supervisor
from odapi_runner.runs.gpu_load import GpuLoad
from odapi_runner.runs.queue.serve import serve, take_serve_lock
from odapi_runner.runs.supervise import supervise


def main(words: list[str]) -> int:
    mode, loads, *rest = words
    read_loads = functools.partial(read_file, Path(loads))
    if mode == "supervise":
        *train, folder, lock = rest
        run = RunDir(Path(folder).resolve())
        supervise(run, int(lock), build_backend(train, []), loads=read_loads)
        return 0

    def start(run: RunDir, lock: int, python: str) -> None:
        start_supervisor(run, lock, program=[python, __file__, "supervise", loads, *rest])

    lock = take_serve_lock()
    if lock is None:
        return 3
    serve(lock, start=start, loads=read_loads, poll_seconds=0.05)
    return 0


def read_file(path: Path) -> list[GpuLoad]:
    found = json.loads(path.read_text())
    if isinstance(found, str):
        raise GpuError(found, fix="Mend it.")
    return [GpuLoad(**load) for load in found]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
