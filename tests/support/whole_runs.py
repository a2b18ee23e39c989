"""A finished run in a workspace, as training and evaluation leave it, made in a second.

Its images and groundtruth are real; what was found of them is made up (`scenes.random_finds`).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from odapi_runner import coco
from odapi_runner.formats.detections import (
    Detections,
    GroundTruth,
    write_detections,
    write_groundtruth,
)
from odapi_runner.formats.event_file import Event
from odapi_runner.formats.example import decode_example
from odapi_runner.formats.groundtruth import build_groundtruth
from odapi_runner.formats.label_map import read_label_map
from odapi_runner.formats.metrics_csv import rebuild_metrics_csv
from odapi_runner.formats.tfrecord import RecordWriter, read_records
from odapi_runner.rundir import RunDir
from odapi_runner.runs.options import RunOptions
from odapi_runner.runs.spec import Digests, RunSpec
from odapi_runner.workspace import Workspace
from support.scenes import detections, random_finds

CONFIG = """\
model {{ ssd {{ num_classes: 3 }} }}
train_config {{ batch_size: {batch} num_steps: 800 }}
eval_input_reader {{
  label_map_path: "data/kitti/label_map.pbtxt"
  tf_record_input_reader {{ input_path: "data/kitti/{records}" }}
}}
"""
# How good the detector is at each step, and the validation loss: it overfits since step 400.
COURSE = {0: (0.02, 3.0), 200: (0.3, 1.6), 400: (0.7, 1.0), 600: (0.6, 1.3), 800: (0.55, 1.5)}


def write_run(
    workspace: Workspace,
    name: str = "뜰-d0",
    *,
    course: Mapping[int, tuple[float, float]] = COURSE,
    records: str = "*.record",
    batch: int = 4,
    parent: str | None = None,
    overrides: Sequence[str] = (),
) -> RunDir:
    """A run on the dataset in `data/kitti` of the workspace, evaluated on all of its images."""
    run = RunDir(workspace.train / name)
    run.root.mkdir(parents=True)
    run.config_of(1).write_text(CONFIG.format(batch=batch, records=records), "utf-8")
    spec = RunSpec(
        name=name,
        created="2026-01-02T03:04:05+09:00",
        command=("odapi", "train", name),
        engine="builtin",
        device="none",
        environment={},
        num_steps=800,
        overrides=tuple(overrides),
        options=RunOptions(),
        versions={"odapi": "0.1.0"},
        digests=Digests("c", {}, {}),
    )
    step = None if parent is None else 400
    dataclasses.replace(spec, parent=parent, parent_step=step).dump(run)
    truth = read_truth(workspace)
    write_groundtruth(run.groundtruth, truth)
    for step, (quality, loss) in course.items():
        write_detections(run.detections_at(step), found_at(truth, step, quality, loss))
    rebuild_metrics_csv(run)
    write_curves(run, {"learning_rate": [(s, 0.08 * (1 - s / 900)) for s in range(0, 801, 50)]})
    falling = [(step, 2.5 * 0.9 ** (step / 50)) for step in range(0, 801, 50)]
    write_curves(run, {"Loss/total_loss": falling, "steps_per_sec": [(50, 2.0), (100, 2.5)]}, 2)
    write_events(run)
    return run


def read_truth(workspace: Workspace) -> GroundTruth:
    """Of all records in `data/kitti`."""
    folder = workspace.data / "kitti"
    paths = sorted(folder.glob("*.record"))
    examples = [
        decode_example(record, str(path)) for path in paths for record in read_records(path)
    ]
    return build_groundtruth(examples, read_label_map(folder / "label_map.pbtxt")).groundtruth


def found_at(truth: GroundTruth, step: int, quality: float, loss: float) -> Detections:
    """What a detector of a quality would find, and the metrics of that."""
    found = detections(random_finds(np.random.default_rng(step), truth, quality), step=step)
    losses = {"Loss/total_loss": loss, "Loss/classification_loss": loss / 2}
    return dataclasses.replace(found, metrics=coco.evaluate(truth, found) | losses)


def write_curves(
    run: RunDir, curves: Mapping[str, Sequence[tuple[int, float]]], number: int = 1
) -> Path:
    """An event file of the trainer, as TensorFlow 2 writes it."""
    path = run.train_events / f"events.out.tfevents.{1_700_000_000 + number}.host.1.v2"
    path.parent.mkdir(exist_ok=True)
    points = [(step, tag, value) for tag, some in curves.items() for step, value in some]
    with RecordWriter(path) as writer:
        for step, tag, value in sorted(points):
            tensor = {"dtype": 1, "float_val": [value]}
            event = Event(step=step, summary={"value": [{"tag": tag, "tensor": tensor}]})
            writer.write(event.SerializeToString())
    return path


def write_events(run: RunDir) -> None:
    """That the evaluations took two seconds each, the trainer 1,648 MiB, and it stopped early."""
    nobody = {"host": "", "boot_id": "", "pid": 0, "start_ticks": 0}
    told: list[dict[str, Any]] = [
        {"role": "supervise", "kind": "started", "time": 0.0, "process": nobody},
        {"role": "train", "kind": "first_step", "step": 1, "seconds": 12.5},
    ]
    for place, step in enumerate(COURSE):
        told += [
            {"role": "eval", "kind": "evaluating", "step": step, "time": 10.0 * place},
            {"role": "eval", "kind": "evaluated", "step": step, "time": 10.0 * place + 2},
        ]
    told += [
        {"role": "supervise", "kind": "ending", "outcome": "finished", "what": "stopped early"},
        {"role": "train", "kind": "finished", "step": 800, "peak_mib": 1648, "input_wait": 0.01},
        {"role": "supervise", "kind": "finished", "waiting": 0, "what": "stopped early"},
    ]
    run.events.mkdir()
    for number, event in enumerate(told):
        whole = {"time": 100.0, "seq": number} | event
        with (run.events / f"{event['role']}-1-1.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(whole) + "\n")
