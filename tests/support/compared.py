"""Run folders with evaluations, as a comparison finds them, without a training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from odapi_runner.formats.detections import (
    Detections,
    Found,
    GroundTruth,
    write_detections,
    write_groundtruth,
)
from odapi_runner.metrics import COCO_METRICS
from odapi_runner.report.compare import Comparison
from odapi_runner.rundir import RunDir
from support.scored import build_found, build_groundtruth

CONFIG = "train_config {{ batch_size: {batch} num_steps: 20 {more} }}"
READER = """
eval_input_reader {
  label_map_path: "label_map.pbtxt"
  tf_record_input_reader { input_path: "val.record" }
}
"""
NOTHING = build_found([])


def write_run(
    folder: Path,
    maps: dict[int, float],
    *,
    batch: int = 4,
    more: str = "",
    options: dict[str, Any] | None = None,
    data: str = "",
    found: Found = NOTHING,
    truth: GroundTruth | None = None,
) -> Path:
    """A run with an evaluation of each step, of this mAP and a loss of a tenth of the step.

    Args:
        folder: of the run.
        maps: mAP by step.
        batch: of its config.
        more: config text inside train_config.
        options: of `odapi train`, beside seed and keep.
        data: digest of its evaluation records; empty: run.json tells none.
        found: the detections of each of its evaluations.
        truth: what they are of.
    """
    run = RunDir(folder)
    folder.mkdir(parents=True)
    text = CONFIG.format(batch=batch, more=more) + (READER if data else "")
    run.config.write_text(text, "utf-8")
    asked: dict[str, Any] = {"format": 1, "options": {"seed": 1, "keep": 7} | (options or {})}
    if data:
        asked["digests"] = {"records": {"val.record": data}, "label_maps": {"label_map.pbtxt": "b"}}
    run.run_json.write_text(json.dumps(asked), "utf-8")
    if truth:
        write_groundtruth(run.groundtruth, truth)
    for step, value in maps.items():
        metrics = dict.fromkeys((metric.tag for metric in COCO_METRICS), -1.0)
        metrics |= {COCO_METRICS[0].tag: value, "Loss/total_loss": step / 10}
        boxes = {name: getattr(found, name) for name in Found.__dataclass_fields__}
        write_detections(run.detections_at(step), Detections(step=step, metrics=metrics, **boxes))
    return folder


def rows(found: Comparison, *columns: str) -> list[list[Any]]:
    """These columns of the table, None for an empty cell."""
    part = found.table[list(columns)].astype(object)
    return part.where(pd.notna(part), None).to_numpy().tolist()


def simulate(images: int, shares: tuple[float, ...], seed: int = 0) -> tuple[Any, ...]:
    """Groundtruth of one box an image, and detections that find these shares of them."""
    box = [10.0, 10.0, 50.0, 50.0]
    truth = build_groundtruth([(image, 1, box) for image in range(images)], images=images)
    random = np.random.default_rng(seed)
    return truth, *(
        build_found(
            [
                (image, 1, box if random.random() < share else [300.0, 300.0, 20.0, 20.0], 0.9)
                for image in range(images)
            ]
        )
        for share in shares
    )
