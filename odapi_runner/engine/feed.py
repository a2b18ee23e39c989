"""The batches of a training as its loop takes them: waited for, explained, counted."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import asdict

import tensorflow as tf

from odapi_runner.engine.input import Batch
from odapi_runner.engine.log import log
from odapi_runner.engine.source import Source
from odapi_runner.engine.tally import Tally
from odapi_runner.engine.waiting import Waiting
from odapi_runner.formats.runlog import EventLog


class TallyLog:
    """Says what a tally finds, in the log and among the events, each thing once."""

    def __init__(self, tally: Tally, events: EventLog) -> None:
        self._tally, self._events = tally, events
        self._bad_told = 0
        self._summed_up = False

    def tell(self) -> None:
        """Say what was found since this was last called."""
        for sentence in self._tally.take_news():
            log(f"Warning: {sentence}")
        for image in list(self._tally.bad.values())[self._bad_told :]:
            self._events.write("bad_image", **asdict(image))
            self._bad_told += 1

    def sum_up(self) -> None:
        """Say what was seen and left out, the first time that this is called."""
        if not self._summed_up:
            log(f"Data: {self._tally.summary()}")
            self._events.write("data", **self._tally.numbers())
        self._summed_up = True


class Feed:
    """Takes the batches of a pipeline and tells what became of the records meanwhile.

    Attributes:
        wait: the time that the loop has spent waiting for batches.
    """

    def __init__(
        self,
        batches: tf.data.Dataset,
        source: Source,
        events: EventLog,
        tell_wait: Callable[[], None],
    ) -> None:
        """Begin to make the first batches.

        Args:
            batches: the pipeline.
            source: its records.
            events: where it is told what they hold.
            tell_wait: called while the loop waits for long (`Waiting`).
        """
        self.wait = Waiting(tell_wait)
        self._source = source
        self._found = TallyLog(source.tally, events)
        self._ready = iter(batches)

    def __iter__(self) -> Generator[Batch]:
        """The batches.

        Raises:
            DataError: a record cannot be used, or too many images.
        """
        try:
            with self.wait:
                yield from self._batches()
        except tf.errors.OpError as error:
            raise self._source.explain(error) from error
        finally:
            self._found.tell()
            self._found.sum_up()

    def _batches(self) -> Iterator[Batch]:
        while True:
            with self.wait.waiting():
                batch = next(self._ready, None)
            if batch is None:
                return
            yield batch
            self._found.tell()
            if self._source.tally.complete:
                self._found.sum_up()
