"""An engine without a network: its two processes, and a supervisor that uses them.

python fake_engine.py train RUN STEPS EVERY SECONDS [--crash-at STEP] [--deaf]
python fake_engine.py eval RUN [--crash-on NUMBER] [--crash-once NUMBER] [--seconds S]
python fake_engine.py supervise RUN TRAIN-ARGUMENTS… -- EVAL-ARGUMENTS…

They keep to the files, events and signals of the real ones (`odapi_runner.engine.train`).
"""

from __future__ import annotations

import argparse
import functools
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from odapi_runner.backends import Backend
from odapi_runner.formats.runlog import EventLog, Progress
from odapi_runner.rundir import RunDir
from odapi_runner.runs.lock import take_lock
from odapi_runner.runs.supervise import supervise


def train(words: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("steps", type=int)
    parser.add_argument("every", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--crash-at", type=int)
    parser.add_argument("--deaf", action="store_true")
    asked = parser.parse_args(words)
    run = RunDir(asked.run)
    events, progress = EventLog(run, "train"), Progress(run, "train")
    wishes: list[Any] = []
    signal.signal(signal.SIGTERM, signal.SIG_IGN if asked.deaf else lambda *_: wishes.append(1))
    kept = run.checkpoints()
    number = kept[-1] if kept else 0
    step = int((run.root / f"ckpt-{number}.index").read_text()) if kept else 0
    events.write("started", resumed_from_step=step, visible=os.environ.get("CUDA_VISIBLE_DEVICES"))

    def save() -> None:
        nonlocal number
        number += 1
        (run.root / f"ckpt-{number}.data-00000-of-00001").write_bytes(b"weights")
        (run.root / f"ckpt-{number}.index").write_text(str(step))
        events.write("checkpoint", number=number, step=step)
        if run.pending.is_dir():
            run.put_pending(number)

    if not kept:
        save()
    while step < asked.steps:
        time.sleep(asked.seconds)
        step += 1
        left = (asked.steps - step) * asked.seconds
        progress.write(
            "training",
            force=True,
            step=step,
            num_steps=asked.steps,
            steps_per_second=1 / (asked.seconds or 1),
            seconds_left=left,
        )
        if step == asked.crash_at:
            what, fix = f"step {step}: the loss is not finite", "Lower the learning rate."
            events.write("failed", what=what, fix=fix)
            return 1
        if step % asked.every == 0 or wishes:
            save()
        if wishes:
            events.write("stopped", step=step)
            return 0
    events.write("finished", step=step)
    return 0


def evaluate(words: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("--crash-on", type=int)
    parser.add_argument("--crash-once", type=int)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--checkpoint", type=int)
    asked = parser.parse_args(words)
    run = RunDir(asked.run)
    events, progress = EventLog(run, "eval"), Progress(run, "eval")
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    events.write("started", visible=visible, nice=os.nice(0))

    def score(folder: Path, number: int) -> None:
        step = int((folder / f"ckpt-{number}.index").read_text())
        progress.write("evaluating", force=True, step=step)
        time.sleep(asked.seconds)
        crashed = run.root / "crashed-once"
        if asked.crash_on == number or (asked.crash_once == number and not crashed.exists()):
            crashed.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        run.detections.mkdir(exist_ok=True)
        run.detections_at(step).touch()
        run.drop_pending(number)
        events.write("evaluated", number=number, step=step, mAP=step / 1000)

    if asked.checkpoint is not None:
        score(run.root, asked.checkpoint)
        return 0
    while True:
        closed = run.pending_closed.exists()
        waiting = run.pending_checkpoints()
        if waiting:
            score(run.pending, waiting[0])
        elif closed:
            return 0
        else:
            time.sleep(0.05)


def main(words: list[str]) -> int:
    mode, *rest = words
    if mode == "train":
        return train(rest)
    if mode == "eval":
        return evaluate(rest)
    folder, *rest = rest
    split = rest.index("--")
    run = RunDir(Path(folder))

    def argv(mode: str, extra: list[str], run: RunDir, **_: Any) -> list[str]:
        return [sys.executable, __file__, mode, str(run.root), *extra]

    backend = Backend(
        functools.partial(argv, "train", rest[:split]),
        functools.partial(argv, "eval", rest[split + 1 :]),
        rules=(),
    )
    supervise(run, take_lock(run), backend)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
