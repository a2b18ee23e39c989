"""`python fake_job.py RUN`: what a job starts, with the engine of `fake_engine.py`.

The arguments of its trainer and its evaluator are in RUN/fake.txt, a line each.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from fake_engine import build_backend

from odapi_runner.rundir import RunDir
from odapi_runner.runs.lock import take_lock
from odapi_runner.runs.supervise import supervise


def main(folder: str) -> int:
    run = RunDir(Path(folder))
    train, evaluate = (run.root / "fake.txt").read_text("utf-8").split("\n")
    backend = build_backend(train.split(), evaluate.split())
    return 0 if supervise(run, take_lock(run), backend) == "finished" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
