"""What an evaluation is given beside the flags of model_main_tf2, through its own functions.

    checkpoints_iterator   what waits in the run's queue, in order, once each; no waits between
    Checkpoint             restores no optimizer, unless its averages are evaluated
    prepare_eval_dict      every box found on an image is kept
    eager_eval_loop        its metrics are told

Source: object_detection/model_lib_v2.py, `eval_continuously`, `eager_eval_loop`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .messages import Messages

_INDEX = re.compile(r"ckpt-(\d+)\.index")
_STEP_KEY = "step/.ATTRIBUTES/VARIABLE_VALUE"
_POLL_SECONDS = 0.1
_BOXES = ("image", "boxes_yxyx_px", "scores", "classes")


class Evaluation:
    """The evaluations of one process."""

    def __init__(self, settings: dict[str, Any], messages: Messages) -> None:
        """Begin; the settings say which checkpoints, and where boxes go."""
        self._settings, self._messages = settings, messages
        self._queue = Path(settings["pending"])
        self._evaluated: tuple[int, int] = (0, 0)  # number and step, while it lasts
        self._begun: set[int] = set()  # numbers, which stay in the queue until they are published
        self._metrics: dict[Any, Any] = {}
        self._images = 0
        self._found: list[tuple[Any, ...]] = []  # of each image, as `_BOXES`

    def install(self) -> None:
        """Put it between the program and what it calls."""
        from object_detection import inputs, model_lib_v2

        self._tf, self._hash_key = model_lib_v2.tf, inputs.HASH_KEY
        self._indices = self._read_indices(inputs.HASH_BINS)
        self._tf.train.checkpoints_iterator = self._checkpoints
        if not self._settings["averages"]:
            train = self._tf.compat.v2.train
            train.Checkpoint = without_optimizer(train.Checkpoint)
        self._loop, model_lib_v2.eager_eval_loop = model_lib_v2.eager_eval_loop, self._see_loop
        if hasattr(model_lib_v2, "prepare_eval_dict"):  # not in 2020
            self._prepare = model_lib_v2.prepare_eval_dict
            model_lib_v2.prepare_eval_dict = self._see_images

    def _read_indices(self, bins: int) -> dict[int, int]:
        """Which image of the groundtruth a hash means: inputs.py makes it of the source id."""
        with np.load(self._settings["groundtruth"]) as stored:
            ids = [str(one) for one in stored["source_ids"]]
        hashes = self._tf.strings.to_hash_bucket_fast(ids, bins).numpy()
        return {int(value): index for index, value in enumerate(hashes)}

    def _checkpoints(self, *_: Any, **__: Any) -> Iterator[str]:
        """The paths of checkpoints to evaluate; the next one once the last has left the queue."""
        for folder, number in self._numbers():
            path = str(folder / f"ckpt-{number}")
            reader = self._tf.train.load_checkpoint(path)
            step = int(reader.get_tensor(_STEP_KEY))
            keys = reader.get_variable_to_shape_map()
            if not any(key.startswith("model/") for key in keys):
                self._messages.tell("weightless", number=number)
                while folder == self._queue and number in _numbers_in(folder):
                    time.sleep(_POLL_SECONDS)
                continue
            self._begun.add(number)
            self._evaluated, self._metrics = (number, step), {}
            self._images, self._found = 0, []
            self._messages.tell("evaluating", number=number, step=step)
            yield path
            # Asked for the next one, the program is through with this one.
            self._tell()

    def _numbers(self) -> Iterator[tuple[Path, int]]:
        if self._settings["checkpoints"]:
            root = Path(self._settings["root"])
            yield from ((root, number) for number in self._settings["checkpoints"])
            return
        while True:
            # Looked at in this order, nothing that was queued before the closing is missed.
            is_closed = (self._queue / "closed").exists()
            waiting = [one for one in _numbers_in(self._queue) if one not in self._begun]
            if waiting:
                yield self._queue, waiting[0]
            elif is_closed:
                return
            else:
                self._messages.tell("waiting")
                time.sleep(_POLL_SECONDS)

    def _tell(self) -> None:
        number, step = self._evaluated
        joined: dict[str, Any] = {
            name: np.concatenate([found[index] for found in self._found])
            for index, name in enumerate(_BOXES)
            if self._found
        }
        with Path(self._settings["boxes"]).open("wb") as stream:
            np.savez(stream, **joined)
        metrics = {str(tag): float(value) for tag, value in self._metrics.items()}
        self._messages.tell(
            "evaluated", number=number, step=step, metrics=metrics, images=self._images
        )

    def _see_loop(self, *args: Any, **kwargs: Any) -> Any:
        self._metrics = self._loop(*args, **kwargs)
        return self._metrics

    def _see_images(self, detections: Any, groundtruth: Any, features: Any) -> Any:
        prepared, class_agnostic = self._prepare(detections, groundtruth, features)
        known = np.asarray(features[self._hash_key]).reshape(-1)
        boxes = np.asarray(prepared["detection_boxes"]).reshape(len(known), -1, 4)
        scores = np.asarray(prepared["detection_scores"]).reshape(len(known), -1)
        classes = np.asarray(prepared["detection_classes"]).reshape(len(known), -1)
        for one, key in enumerate(known):
            found = scores[one] > 0
            image = np.full(int(found.sum()), self._indices.get(int(key), -1))
            self._found.append((image, boxes[one][found], scores[one][found], classes[one][found]))
        self._images += len(known)
        self._messages.tell("image", step=self._evaluated[1], images=self._images)
        return prepared, class_agnostic


def without_optimizer(kind: Any) -> Any:
    """The class of what restores checkpoints, which passes over an optimizer.

    Its slots would be read when they are made, by the second evaluation, from files that have left
    the queue after the first.
    """

    class Weights(kind):
        def __init__(self, *root: Any, **objects: Any) -> None:
            objects.pop("optimizer", None)
            super().__init__(*root, **objects)

    return Weights


def _numbers_in(folder: Path) -> list[int]:
    matches = [_INDEX.fullmatch(path.name) for path in folder.iterdir()]
    return sorted(int(match.group(1)) for match in matches if match)
