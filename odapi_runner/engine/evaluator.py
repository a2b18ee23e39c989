"""One checkpoint's evaluation: losses, detections, metrics.

Source: object_detection/model_lib_v2.py, `eager_eval_loop`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from odapi_runner import coco
from odapi_runner.engine.checkpoint import restore_run
from odapi_runner.engine.detector import Detected, total_losses
from odapi_runner.engine.input import Batch, evaluation_batches
from odapi_runner.engine.meta_architectures import build_detector
from odapi_runner.engine.moving_average import restore_averages
from odapi_runner.engine.records import Records
from odapi_runner.engine.source import Source
from odapi_runner.engine.spec.pipeline import Spec
from odapi_runner.errors import ConfigError, DataError, did_you_mean
from odapi_runner.formats.detections import Detections, Found, GroundTruth
from odapi_runner.formats.groundtruth import build_groundtruth
from odapi_runner.metrics import LEARNING_RATE
from odapi_runner.schedules import learning_rate
from odapi_runner.scoring.origin import evaluate_origin, read_origin, voc_metrics

LOG_EVERY = 100  # batches, as the Object Detection API


class Evaluator:
    """A network and the images to try it on, for any number of checkpoints.

    Attributes:
        records: all records of the evaluation, and their label map.
        groundtruth: what is to be found on the images; after the first evaluation on those that
            can be decoded.
        tally: what of the records was left out.
        duplicates: source ids of records that are left out, because they came before.
    """

    def __init__(self, spec: Spec, root: Path, *, max_bad: float = 0.0) -> None:
        self._spec = spec
        self.records = Records(spec.eval_input, root)
        self._source = Source(self.records, max_bad=max_bad)
        self.tally = self._source.tally
        built = build_groundtruth(
            map(self._source.read, range(len(self.records))),
            self.records.label_map,
            max_boxes=spec.eval_input.max_boxes,
        )
        self.groundtruth: GroundTruth = built.groundtruth
        _check_super_categories(spec, self.records.label_map.display_names())
        self.duplicates = built.duplicates
        self.record_numbers = built.records
        paths = map(self.records.path_of, built.records.tolist())
        source_ids = built.groundtruth.source_ids.tolist()
        self._origin = read_origin(dict(zip(source_ids, paths, strict=True)))
        self._detector = build_detector(spec)
        self._step = tf.Variable(0, dtype=tf.int64, trainable=False)
        # Traced once, for images of any size and any number of boxes.
        self._infer = tf.function(self._infer_batch, autograph=False).get_concrete_function(
            self._batches().element_spec
        )

    def evaluate(
        self, path: str, report: Callable[[int, int], None], log: Callable[[str], None]
    ) -> Detections:
        """Evaluate the checkpoint with the prefix `path`.

        Args:
            path: `…/ckpt-N`.
            report: called after each batch with the images done and all images.
            log: takes the lines that the Object Detection API logs.

        Raises:
            CheckpointError: the checkpoint does not fit the config, or is not whole.
            DataError: a record cannot be read, or too many images.
        """
        restore_run(tf.train.Checkpoint(step=self._step, model=self._detector), path)
        if self._spec.evaluation.use_averages:
            restore_averages(self._detector, path)
        detected, losses = self._run(report, log)
        count = len(self.groundtruth.source_ids)
        log(f"Performing evaluation on {count} images.")
        step = int(self._step)
        metrics = coco.evaluate(
            self.groundtruth,
            detected,
            per_category=self._spec.evaluation.per_category,
            all_per_category=self._spec.evaluation.all_per_category,
            super_categories=dict(self._spec.evaluation.super_categories),
        )
        if self._origin:
            metrics |= evaluate_origin(self._origin, self.groundtruth, detected)
        if self._spec.evaluation.voc:
            metrics |= voc_metrics(self.groundtruth, detected)
        metrics |= losses
        metrics[LEARNING_RATE] = learning_rate(self._spec.train.schedule, step)
        return Detections(
            step=step,
            image=detected.image,
            boxes_xywh_px=detected.boxes_xywh_px,
            classes=detected.classes,
            scores=detected.scores,
            metrics=metrics,
        )

    def _run(
        self, report: Callable[[int, int], None], log: Callable[[str], None]
    ) -> tuple[Found, dict[str, float]]:
        found: list[Detected] = []
        losses: list[dict[str, tf.Tensor]] = []
        done, total = 0, len(self.record_numbers)
        try:
            for number, batch in enumerate(self._batches()):
                batch_detected, batch_losses = self._infer(batch)
                found.append(batch_detected)
                losses.append(batch_losses)
                done += int(tf.shape(batch.images)[0])
                if number % LOG_EVERY == 0:
                    log(f"Finished eval step {number}")
                report(done, total)
        except tf.errors.OpError as error:
            raise self._source.explain(error) from error
        if not found:
            raise DataError(
                "there is no image to evaluate on",
                fix="Check eval_input_reader: odapi check CONFIG",
            )
        self._leave_out_bad_images()
        # The plain mean over batches, as the Object Detection API has it.
        means = {tag: float(np.mean([one[tag] for one in losses])) for tag in losses[0]}
        return self._flat(found), means

    def _batches(self) -> tf.data.Dataset:
        return evaluation_batches(self._spec, self._source, self.record_numbers)

    def _leave_out_bad_images(self) -> None:
        """Keep the images that were evaluated, which are all that can be decoded."""
        kept = ~np.isin(self.record_numbers, list(self.tally.bad))
        self.record_numbers = self.record_numbers[kept]
        self.groundtruth = self.groundtruth.keep_images(kept)

    def _infer_batch(self, batch: Batch) -> tuple[Detected, dict[str, tf.Tensor]]:
        predictions = self._detector.predict_batch(batch.images, training=False)
        losses = total_losses(self._spec, self._detector, predictions, batch)
        return self._detector.detect(predictions, batch), losses

    def _flat(self, found: list[Detected]) -> Found:
        """Rows of boxes in pixels of the original images, as `Detections` has them."""
        counts = np.concatenate([one.count for one in found])
        kept = np.arange(found[0].scores.shape[1])[None, :] < counts[:, None]
        boxes = np.concatenate([one.boxes for one in found])[kept]
        image = np.repeat(np.arange(len(counts)), counts)
        scale = np.tile(self.groundtruth.sizes_hw[image], 2).astype(np.float32)
        ymin, xmin, ymax, xmax = (boxes * scale).T
        return Found(
            image=image,
            boxes_xywh_px=np.stack([xmin, ymin, xmax - xmin, ymax - ymin], axis=1),
            classes=np.concatenate([one.classes for one in found])[kept].astype(np.int64) + 1,
            scores=np.concatenate([one.scores for one in found])[kept],
        )


def _check_super_categories(spec: Spec, known: Sequence[str]) -> None:
    """Raises: ConfigError where a class is named that the label map does not show."""
    for name, members in spec.evaluation.super_categories:
        for member in members:
            if member not in known:
                raise ConfigError(
                    f'eval_config.super_categories "{name}": no class of the label map is shown as '
                    f'"{member}"',
                    fix=did_you_mean(member, known) or "Name its classes as the label map does.",
                )
