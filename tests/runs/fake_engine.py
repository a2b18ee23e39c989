"""An engine without a network: its two processes, and a supervisor that uses them.

python fake_engine.py train RUN STEPS EVERY SECONDS [--crash-at STEP] [--deaf] [--oom-above N]
                      [--nan-at STEP] [--say TEXT] [--hang-at STEP] [--import-for SECONDS]
                      [--patient]
python fake_engine.py eval RUN [--crash-on NUMBER] [--crash-once NUMBER] [--seconds S]
                      [--bad-image]
python fake_engine.py probe CONFIG FITS [--how WORD]
python fake_engine.py supervise RUN TRAIN-ARGUMENTS… -- EVAL-ARGUMENTS…
python fake_engine.py resume RUN TRAIN-ARGUMENTS… -- EVAL-ARGUMENTS…
python fake_engine.py foreground RUN TRAIN-ARGUMENTS… -- EVAL-ARGUMENTS…

$FAKE_CLOCK is by how many seconds the clock of all of them is ahead; $FAKE_PAUSE how many seconds
the supervisor waits before a first try after what may pass, 1 by default.

They keep to the files, events and signals of the real ones (`odapi_runner.engine.train`). mAP is
a step in thousandths; --peak STEP has it fall from there on. A patient trainer fails when its
newest checkpoint is being evaluated.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from odapi_runner.backends import Backend
from odapi_runner.cli.following import Terminal
from odapi_runner.errors import CheckpointError, OdapiError
from odapi_runner.formats.best import keep_best
from odapi_runner.formats.checkpoint_index import read_index, read_step
from odapi_runner.formats.rate import read_rate
from odapi_runner.formats.runlog import EventLog, Progress, read_events
from odapi_runner.formats.settled import settled_checkpoints
from odapi_runner.proto.text import read_pipeline
from odapi_runner.rundir import RunDir
from odapi_runner.runs.control import start_supervisor
from odapi_runner.runs.hang import LEAST_SECONDS
from odapi_runner.runs.lock import take_lock
from odapi_runner.runs.process import wait_until
from odapi_runner.runs.supervise import supervise
from support.checkpoints import write_checkpoint

HANG_SECONDS = 3.0


def clock() -> float:
    return time.time() + float(os.environ.get("FAKE_CLOCK", "0"))


def train(words: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("steps", type=int)
    parser.add_argument("every", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--crash-at", type=int)
    parser.add_argument("--deaf", action="store_true")
    parser.add_argument("--oom-above", type=int)
    parser.add_argument("--nan-at", type=int)
    parser.add_argument("--say")
    parser.add_argument("--hang-at", type=int)
    parser.add_argument("--import-for", type=float, default=0.0)
    parser.add_argument("--patient", action="store_true")
    return Training(parser.parse_args(words)).run_to_end(words)


class Training:
    """One of no weights."""

    def __init__(self, asked: argparse.Namespace) -> None:
        self.asked, self.run = asked, RunDir(asked.run)
        self.events = EventLog(self.run, "train", clock)
        self.progress = Progress(self.run, "train", clock)
        self.wishes: list[Any] = []
        time.sleep(asked.import_for)
        heed = signal.SIG_IGN if asked.deaf else lambda *_: self.wishes.append(1)
        signal.signal(signal.SIGTERM, heed)
        kept = self.run.checkpoints()
        self.number = kept[-1] if kept else 0
        self.step = step_of(self.run.root, self.number) if kept else 0
        self.batch = read_pipeline(self.run.config).train_config.batch_size

    def run_to_end(self, words: list[str]) -> int:
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        self.events.write(
            "started", resumed_from_step=self.step, visible=visible, batch=self.batch, words=words
        )
        if not self.number:
            self.save()
        while self.step < self.asked.steps:
            self.make_step()
            if failure := self.failure():
                error, what = failure
                if self.asked.patient:
                    assert wait_until(self.is_evaluating, 60)
                self.events.write("failed", error=error, what=what, fix="Do something.")
                return 1
            if self.step % self.asked.every == 0 or self.wishes:
                self.save()
            if self.wishes:
                self.events.write("stopped", step=self.step)
                return 0
        self.events.write("finished", step=self.step)
        return 0

    def make_step(self) -> None:
        asked = self.asked
        time.sleep(asked.seconds)
        if self.step == asked.hang_at:
            hang()
        if asked.say:
            print(asked.say, flush=True)
            os.abort()
        self.step += 1
        self.progress.write(
            "training",
            force=True,
            step=self.step,
            num_steps=asked.steps,
            steps_per_second=1 / (asked.seconds or 1),
            seconds_left=(asked.steps - self.step) * asked.seconds,
        )

    def failure(self) -> tuple[str, str] | None:
        asked, step = self.asked, self.step
        if step == asked.crash_at:
            return "ConfigError", f"step {step}: the records are gone"
        if asked.oom_above is not None and self.batch > asked.oom_above:
            return "OutOfMemoryError", f"the memory does not suffice for {self.batch} images"
        if step == asked.nan_at and read_rate(self.run) == 1:
            return "NotFiniteError", f"the loss of step {step} is not finite"
        return None

    def is_evaluating(self) -> bool:
        told = [event for event in read_events(self.run, "eval") if event["kind"] == "evaluating"]
        return any(event["number"] == self.number for event in told)

    def save(self) -> None:
        self.number += 1
        run, number, nan_at = self.run, self.number, self.asked.nan_at
        infinite = nan_at is not None and self.step >= nan_at - 1 and read_rate(run) == 1
        aside = run.root / "aside" / f"ckpt-{number}"
        fill = b"\xff" if infinite else b"\0"
        write_checkpoint(aside, {"w": (2,)}, step=self.step, fill=fill)
        for end in ("data-00000-of-00001", "index"):
            aside.with_name(f"{aside.name}.{end}").replace(run.root / f"ckpt-{number}.{end}")
        self.events.write("checkpoint", number=number, step=self.step)
        if run.pending.is_dir():
            run.put_pending(number)


def hang() -> None:
    time.sleep(HANG_SECONDS)


def evaluate(words: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("--crash-on", type=int)
    parser.add_argument("--crash-once", type=int)
    parser.add_argument("--peak", type=int)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--checkpoint", type=int)
    parser.add_argument("--bad-image", action="store_true")
    parser.add_argument("--category")
    asked = parser.parse_args(words)
    events = EventLog(RunDir(asked.run), "eval", clock)
    try:
        return evaluate_all(asked, events)
    except CheckpointError as error:
        events.write("failed", error=type(error).__name__, what=error.what, fix=error.fix)
        raise


def evaluate_all(asked: argparse.Namespace, events: EventLog) -> int:
    run = RunDir(asked.run)
    progress = Progress(run, "eval", clock)
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    config = run.config  # one for all, as the real ones
    events.write("started", visible=visible, nice=os.nice(0))
    write_nothing_to_find(run)

    def evaluate_one(folder: Path, number: int) -> None:
        step = step_of(folder, number)
        events.write("evaluating", number=number, step=step)
        progress.write("evaluating", force=True, step=step)
        time.sleep(asked.seconds)
        crashed = run.root / "crashed-once"
        if asked.crash_on == number or (asked.crash_once == number and not crashed.exists()):
            crashed.touch()
            if asked.bad_image:
                events.write("bad_image", source_id="7")
            os.kill(os.getpid(), signal.SIGKILL)
        # Here, since this file is a supervisor too, which stays small.
        import numpy as np

        from odapi_runner.formats.detections import Detections, write_detections
        from odapi_runner.formats.metrics_csv import rebuild_metrics_csv

        score = min(step, 2 * asked.peak - step) / 1000 if asked.peak else step / 1000
        nothing = np.zeros(0)
        metrics = {"DetectionBoxes_Precision/mAP": score}
        if asked.category:
            metrics[f"DetectionBoxes_PerformanceByCategory/mAP/{asked.category}"] = score
        found = Detections(
            step=step,
            image=nothing,
            boxes_xywh_px=nothing.reshape(0, 4),
            classes=nothing,
            scores=nothing,
            metrics=metrics,
        )
        write_detections(run.detections_at(step), found)
        rebuild_metrics_csv(run)
        keep_best(run, config, folder, number, step, "mAP", {"mAP": score})
        events.write("evaluated", number=number, step=step, mAP=score)
        run.drop_pending(number)

    if asked.checkpoint is not None:
        evaluate_one(run.root, asked.checkpoint)
        return 0
    while True:
        closed = run.pending_closed.exists()
        waiting = run.pending_checkpoints()
        if waiting and waiting[0] in settled_checkpoints(run):
            run.drop_pending(waiting[0])  # killed in between
        elif waiting:
            evaluate_one(run.pending, waiting[0])
        elif closed:
            return 0
        else:
            time.sleep(0.05)


def write_nothing_to_find(run: RunDir) -> None:
    """The real one writes what is to be found whenever it begins."""
    import numpy as np

    from odapi_runner.formats.detections import GroundTruth, write_groundtruth

    none, names = np.zeros(0, np.int64), np.zeros(0, np.str_)
    boxes = np.zeros((0, 4))
    found = GroundTruth(
        names, none.reshape(0, 2), none, boxes, none, none > 0, np.zeros(0), none, names
    )
    write_groundtruth(run.groundtruth, found)


def probe(words: list[str]) -> int:
    """Batches up to FITS images fit; what is larger fails as --how says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=Path)
    parser.add_argument("fits", type=int)
    parser.add_argument("--how", choices=["told", "aborted", "broken"], default="told")
    asked = parser.parse_args(words)
    batch = read_pipeline(asked.config).train_config.batch_size
    failed = {"error": "OutOfMemoryError", "what": "too much", "fix": "Take less."}
    if batch <= asked.fits:
        print(json.dumps({"seconds": batch / 20, "peak": batch << 29}))
    elif asked.how == "told":
        print(json.dumps({"failed": failed}))
    elif asked.how == "aborted":
        print("terminate called after throwing an instance of 'std::bad_alloc'", file=sys.stderr)
        os.abort()
    else:
        print("libcudnn.so.9: cannot open shared object file", file=sys.stderr)
        return 1
    return 0


def step_of(folder: Path, number: int) -> int:
    step = read_step(read_index(folder / f"ckpt-{number}"))
    assert step is not None
    return step


def main(words: list[str]) -> int:
    mode, *rest = words
    if mode == "train":
        return train(rest)
    if mode == "eval":
        return evaluate(rest)
    if mode == "probe":
        return probe(rest)
    if mode == "resume":
        return resume(rest)
    if mode == "inherit":
        *rest, folder, descriptor = rest
        run, lock = RunDir(Path(folder).resolve()), int(descriptor)
    else:
        folder, *rest = rest
        run = RunDir(Path(folder))
        lock = take_lock(run)
    split = rest.index("--")
    backend = build_backend(rest[:split], rest[split + 1 :])
    hung_after = HANG_SECONDS / 4 if "--hang-at" in rest else LEAST_SECONDS
    show = Terminal(run).show if mode == "foreground" else lambda: None
    retry_after = float(os.environ.get("FAKE_PAUSE", "1"))
    supervise(
        run, lock, backend, on_poll=show, hung_after=hung_after, retry_after=retry_after,
        clock=clock,
    )  # fmt: skip
    return 0


def resume(words: list[str]) -> int:
    """`odapi resume` with this engine."""
    from odapi_runner.runs.resume import prepare_resume

    folder, *rest = words
    run = RunDir(Path(folder))
    try:
        lock = prepare_resume(run)
        start_supervisor(run, lock, program=[sys.executable, __file__, "inherit", *rest])
    except OdapiError as error:
        error.show()
        return error.exit_code
    return 0


def build_backend(train: list[str], evaluate: list[str]) -> Backend:
    """This engine, whose processes get these arguments."""

    def argv(mode: str, extra: list[str], run: RunDir, **_: Any) -> list[str]:
        return [sys.executable, __file__, mode, str(run.root), *extra]

    return Backend(
        functools.partial(argv, "train", train),
        functools.partial(argv, "eval", evaluate),
        rules=(),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
