"""What main.py's evaluation of a checkpoint becomes in the run: as of any engine's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from odapi_runner.backends.automl.data import Validation
from odapi_runner.backends.automl.hparams import HParams
from odapi_runner.backends.automl.program import places_of
from odapi_runner.formats.best import keep_best
from odapi_runner.formats.detections import Detections, write_detections, write_groundtruth
from odapi_runner.formats.metrics_csv import rebuild_metrics_csv
from odapi_runner.formats.runlog import EventLog
from odapi_runner.metrics import CATEGORY_TAG, COCO_METRICS, LOSS_TAGS, columns_of
from odapi_runner.rundir import RunDir
from odapi_runner.runs.spec import RunSpec

# In the order of COCOeval.stats (coco_metric.py).
_NAMES: Final = (
    "AP", "AP50", "AP75", "APs", "APm", "APl", "ARmax1", "ARmax10", "ARmax100", "ARs", "ARm", "ARl"
)  # fmt: skip
_CLASS: Final = "AP_/"


def validation_hparams(values: HParams, config: Any, validation: Validation) -> HParams:
    """The hyperparameters of an evaluation."""
    found = validation.groundtruth
    told = values | {"regenerate_source_id": False}
    if config.eval_config.include_metrics_per_category and values.get("label_map") is None:
        names = zip(found.class_ids.tolist(), found.class_names.tolist(), strict=True)
        told["label_map"] = dict(names)
    return told


class Recorder:
    """Leaves the results of main.py's evaluations in a run's folder."""

    def __init__(self, run: RunDir, validation: Validation, values: HParams) -> None:
        """Begin with the groundtruth."""
        self._run, self._validation = run, validation
        self._best = RunSpec.load(run).options.best
        self._box_weight = float(values["box_loss_weight"])
        self._places = places_of(run)
        self._config = run.config
        self.events = EventLog(run, "eval")
        self.images = len(validation.groundtruth.source_ids)
        write_groundtruth(run.groundtruth, validation.groundtruth)

    def flags(self) -> list[str]:
        """What main.py is told of the data."""
        return [
            f"--val_file_pattern={self._validation.pattern}",
            f"--val_json_file={self._places.groundtruth}",
            f"--eval_samples={self.images}",
            "--eval_batch_size=1",  # it drops a last batch that is not full
        ]

    def record(self, step: int, told: Mapping[str, float], folder: Path) -> None:
        """Write an evaluation down.

        Args:
            step: of the checkpoint, and its number.
            told: the program's metrics.
            folder: where the checkpoint lies.
        """
        metrics = self._metrics(told)
        write_detections(self._run.detections_at(step), self._detections(step, metrics))
        rebuild_metrics_csv(self._run)
        is_best = keep_best(
            self._run, self._config, folder, step, step, self._best, columns_of(metrics)
        )
        shown = {metric.column: metrics[metric.tag] for metric in COCO_METRICS[:2]}
        self.events.write("evaluated", number=step, step=step, best=is_best, **shown)

    def _metrics(self, told: Mapping[str, float]) -> dict[str, float]:
        """By the Object Detection API's tags, losses by their shares in the total."""
        metrics = {
            metric.tag: told[name] for metric, name in zip(COCO_METRICS, _NAMES, strict=True)
        }
        for name, value in told.items():
            if name.startswith(_CLASS):
                metrics[f"{CATEGORY_TAG}{name.removeprefix(_CLASS)}"] = value
        boxes = told["box_loss"] * self._box_weight
        return metrics | {
            LOSS_TAGS["loss_classification"]: told["cls_loss"],
            LOSS_TAGS["loss_localization"]: boxes,
            LOSS_TAGS["loss_regularization"]: told["loss"] - told["cls_loss"] - boxes,
            LOSS_TAGS["loss_total"]: told["loss"],
        }

    def _detections(self, step: int, metrics: dict[str, float]) -> Detections:
        boxes = np.load(self._places.boxes)
        place_of = {number: place for place, number in enumerate(self._validation.numbers.tolist())}
        image = np.array([place_of[int(number)] for number in boxes[:, 0]], np.int64)
        return Detections(
            step=step,
            image=image,
            boxes_xywh_px=boxes[:, 1:5].astype(np.float32),
            classes=boxes[:, 6].astype(np.int64),
            scores=boxes[:, 5].astype(np.float32),
            metrics=metrics,
        )
