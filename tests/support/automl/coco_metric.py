"""Who gathers the boxes of an evaluation: of efficientdet/coco_metric.py."""

from __future__ import annotations

NAMES = (
    "AP", "AP50", "AP75", "APs", "APm", "APl", "ARmax1", "ARmax10", "ARmax100", "ARs", "ARm", "ARl"
)  # fmt: skip


class EvaluationMetric:
    """One box an image; a precision that grows with the step."""

    def __init__(self, images: list[int], step: int) -> None:
        self.detections = [[image, 10.0, 20.0, 30.0, 40.0, 0.5, 1.0] for image in images]
        self._step = step

    def evaluate(self) -> dict[str, float]:
        return {name: -1.0 if name == "APl" else self._step / 100 for name in NAMES}
