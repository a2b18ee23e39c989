"""Records decoded for a tf.data pipeline, and what was wrong with them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import tensorflow as tf

from odapi_runner.engine.records import Records, Sample
from odapi_runner.engine.tally import BadImage, Tally
from odapi_runner.errors import DataError
from odapi_runner.formats.example import Annotated

# In place of an image that cannot be decoded, until it is dropped.
_NOTHING = Sample(
    image=np.zeros((1, 1, 3), np.uint8),
    boxes=np.zeros((0, 4), np.float32),
    classes=np.zeros(0, np.int32),
    weights=np.zeros(0, np.float32),
    ignored=np.zeros(0, np.bool_),
    scores=np.zeros((0, 0), np.float32),
)


class Source:
    """Feeds decoded records to a tf.data pipeline, and remembers what was wrong with them.

    Attributes:
        records: what is read.
        tally: what of it was seen, and left out.
    """

    def __init__(self, records: Records, *, max_bad: float = 0.0) -> None:
        """Begin with nothing read.

        Args:
            records: to feed.
            max_bad: the share of all records whose images may be undecodable; else it is an error.
        """
        self.records = records
        self.tally = Tally(records.spec, records.label_map, len(records), max_bad=max_bad)
        self._fault: DataError | None = None

    def read(self, record: int) -> Annotated:
        """One record, counted.

        Raises:
            DataError: it cannot be read.
        """
        example = self.records.read(record)
        self.tally.look(record, example, self.records.where(record))
        return example

    def training_sample(self, example: int) -> Sample:
        """The sample of a training's example number, for `tf.numpy_function`.

        Where its image cannot be decoded, it is the next one in the order of its data set that
        can: what is shown stays a function of seed and example number.
        """
        with self._remembering():
            for record in self.records.order.records_from(int(example)):
                sample = self._decoded(record)
                if sample is not None:
                    return sample
            raise DataError(
                f"{self.records.where(record)}: no image of its data set can be decoded",
                fix="See all faults: odapi data inspect, then convert the dataset again.",
            )

    def evaluation_sample(self, record: int) -> tuple[np.bool_, *Sample]:
        """Whether a record's image can be decoded, and its sample, for `tf.numpy_function`."""
        with self._remembering():
            sample = self._decoded(int(record))
        return (np.bool_(sample is not None), *(_NOTHING if sample is None else sample))

    def explain(self, error: tf.errors.OpError) -> DataError:
        """The DataError behind what a pipeline raised.

        Raises:
            tf.errors.OpError: `error` itself, where it is no fault of the data.
        """
        if self._fault is None:
            raise error
        return self._fault

    def _decoded(self, record: int) -> Sample | None:
        """A record's sample with its image decoded; None where that cannot be."""
        if record in self.tally.bad:
            return None
        example = self.read(record)
        try:
            image = decode_image(example.encoded)
        except tf.errors.InvalidArgumentError as error:
            where = self.records.where(record)
            self.tally.look_at_bad(record, BadImage(where, example.source_id, _reason(error)))
            return None
        return self.records.build_sample(record, example)._replace(image=image)

    @contextmanager
    def _remembering(self) -> Iterator[None]:
        try:
            yield
        except DataError as error:
            self._fault = error
            raise


def decode_image(encoded: bytes) -> np.ndarray:
    """JPEG, PNG, GIF (its first picture) or BMP to uint8 [height, width, 3], RGB.

    Grey and transparent images become RGB. Here rather than in a pipeline's graph, where one
    failure ends the whole pipeline, and does not say which.

    Raises:
        tf.errors.InvalidArgumentError: it is none of these, or damaged.
    """
    return np.asarray(tf.io.decode_image(encoded, channels=3, expand_animations=False))


def _reason(error: tf.errors.InvalidArgumentError) -> str:
    """Why an image cannot be decoded, without the names of TensorFlow's kernels around it."""
    message: str = error.message
    return message.rpartition("}} ")[2].partition(" [Op:")[0]
