"""What records hold, and what of it is left out: counted, and said once of each kind.

The Object Detection API leaves the same boxes out, without a word: object_detection/inputs.py,
`transform_input_data` and `pad_input_data_to_static_shapes`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odapi_runner.engine.spec.input import Input
from odapi_runner.errors import DataError
from odapi_runner.formats.example import Annotated
from odapi_runner.formats.groundtruth import kept_boxes
from odapi_runner.formats.label_map import LabelMap

_ROUNDING = 1e-5  # of a coordinate that is 1


@dataclass(frozen=True, slots=True)
class BadImage:
    """An image that cannot be decoded."""

    where: str  # file, and number in it
    source_id: str
    why: str


class Tally:
    """Counts images and boxes of one input reader, each record once; for several threads.

    Attributes:
        bad: the images that cannot be decoded, by the number of their record.
    """

    def __init__(self, spec: Input, label_map: LabelMap, records: int, *, max_bad: float) -> None:
        """Begin with nothing seen.

        Args:
            spec: how many boxes of an image count.
            label_map: the classes that are known.
            records: how many there are.
            max_bad: the share of them that may be bad images.
        """
        self.bad: dict[int, BadImage] = {}
        self._spec, self._label_map, self._max_bad = spec, label_map, max_bad
        self._seen = np.zeros(records, np.bool_)
        self._boxes = self._outside = 0
        self._left_out: Counter[str] = Counter()
        self._unknown: Counter[str] = Counter()
        self._news: list[str] = []
        self._lock = Lock()

    @property
    def complete(self) -> bool:
        """Whether every record has been seen."""
        return bool(self._seen.all())

    def look(self, record: int, example: Annotated, where: str) -> None:
        """Count a record, if it comes for the first time."""
        with self._lock:
            if self._seen[record]:
                return
            self._seen[record] = True
            self._boxes += len(example.boxes_yxyx_norm)
            self._look_at_boxes(example, where)

    def look_at_bad(self, record: int, image: BadImage) -> None:
        """Count an image that cannot be decoded.

        Raises:
            DataError: there are more of them than may be.
        """
        with self._lock:
            if record in self.bad:
                return
            self.bad[record] = image
            named = f"{image.where} ({image.source_id})" if image.source_id else image.where
            self._news.append(f"{named}: its image is left out, it cannot be decoded: {image.why}")
            bad, records = len(self.bad), len(self._seen)
        if bad > self._max_bad * records:
            raise DataError(
                f"{image.where}: its image cannot be decoded; "
                f"{bad} of {records} are more than --max-bad-images {self._max_bad:g} allows",
                fix="Replace or remove such images, then convert the dataset again.",
            )

    def take_news(self) -> list[str]:
        """What was found since this was last asked: sentences for the log."""
        with self._lock:
            news, self._news = self._news, []
        return news

    def numbers(self) -> dict[str, Any]:
        """All counts, for an event."""
        return {
            "images": int(self._seen.sum()),
            "boxes": self._boxes,
            "left_out": dict(+self._left_out),
            "out_of_the_image": self._outside,
            "unknown_classes": dict(self._unknown.most_common()),
            "bad_images": [image.where for image in self.bad.values()],
        }

    def summary(self) -> str:
        """All counts in a line."""
        said = [f"{self._seen.sum()} images, {self._boxes} boxes"]
        left_out = [f"{count} {kind}" for kind, count in (+self._left_out).items()]
        if left_out:
            said.append(f"boxes left out: {', '.join(left_out)}")
        if self._outside:
            said.append(f"{self._outside} boxes reach out of the image")
        if self.bad:
            said.append(f"images left out: {len(self.bad)} that cannot be decoded")
        return "; ".join(said)

    def _look_at_boxes(self, example: Annotated, where: str) -> None:
        boxes = example.boxes_yxyx_norm
        classes, kept = kept_boxes(example, self._label_map)
        known = classes > 0
        for name in _names(example, ~known):
            self._unknown[name] += 1
            if self._unknown[name] == 1:
                self._news.append(f"{where}: boxes of {name}, not in the label map, are left out")
        self._left_out["of an unknown class"] += int((~known).sum())
        self._count("not finite", known & ~kept, f"{where}: a box not finite is left out")
        most = self._spec.max_boxes
        self._count(
            "beyond max_number_of_boxes",
            np.arange(kept.sum()) >= most,
            f"{where}: of {kept.sum()} boxes the first {most} count (max_number_of_boxes)",
        )
        outside = ((boxes < -_ROUNDING) | (boxes > 1 + _ROUNDING)).any(axis=1) & kept
        if outside.any() and not self._outside:
            self._news.append(f"{where}: a box reaches out of the image, and is taken as it is")
        self._outside += int(outside.sum())

    def _count(self, kind: str, found: NDArray[np.bool_], said: str) -> None:
        """Count boxes that are left out, and say so of the first."""
        if found.any() and not self._left_out[kind]:
            self._news.append(said)
        self._left_out[kind] += int(found.sum())


def _names(example: Annotated, chosen: NDArray[np.bool_]) -> list[str]:
    """The classes of some boxes as the record has them; without any they are class 0."""
    said = example.class_names or [f"class {number}" for number in example.class_ids.tolist()]
    said = [*said, *["no class"] * (len(chosen) - len(said))]
    return [name for name, take in zip(said, chosen.tolist(), strict=True) if take]
