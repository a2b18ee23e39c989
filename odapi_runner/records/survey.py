"""What record files hold: every record read once, or a sample of them, on all cores.

The survey knows nothing of configs and label maps: `data inspect` prints it, and the rules of
`check` compare it with what a config says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from odapi_runner.errors import DataError
from odapi_runner.formats.example import read_fields
from odapi_runner.formats.features import parse_features
from odapi_runner.formats.tfrecord import RecordIndex, index_records, open_records, read_record
from odapi_runner.records.ahead import count_cores, map_ahead
from odapi_runner.records.found import FaultCounts, RecordFault, Survey, merge_surveys
from odapi_runner.records.progress import Track, untracked
from odapi_runner.records.tally import Tally

# Records that are looked at unless all are: under half a second with KITTI's images.
SAMPLE: Final = 200

# What one core reads at a time: enough to be worth the handing out, little enough to share well.
_CHUNK_BYTES: Final = 64_000_000
_CHUNK_RECORDS: Final = 256


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Some records of a file, to be read one after another."""

    file: int  # its number in the survey
    index: RecordIndex
    numbers: NDArray[np.int64]


def survey_records(
    paths: Sequence[Path],
    *,
    every_record: bool = False,
    decode: bool = False,
    track: Track = untracked,
    title: str = "records",
) -> Survey:
    """Read the records of some files, all or a sample, and count what they hold.

    Every record that is read is compared with its checksum. A file that is no TFRecord file, or
    that ends within a record, is told by `Survey.unreadable`; a record that cannot be read or
    understood, and whatever else is wrong with one, by `Survey.faults`.

    Args:
        paths: the files; one that is named twice is read twice.
        every_record: all records; else `SAMPLE` of them, evenly spread over each file.
        decode: decode each image that is looked at as a whole, not only its header.
        track: shows progress, over runs of records.
        title: what the progress is called.
    """
    indexed = list(map_ahead(_try_to_index, paths, threads=count_cores()))
    indices = [item for item in indexed if isinstance(item, RecordIndex)]
    chosen = [np.arange(len(index)) for index in indices]
    if not every_record:
        chosen = _sample(chosen)
    chunks = [
        chunk
        for file, (index, numbers) in enumerate(zip(indices, chosen, strict=True))
        for chunk in _cut(file, index, numbers)
    ]
    surveyed = map_ahead(partial(_survey_chunk, decode=decode), chunks, threads=count_cores())
    # Progress is of what is done, not of what has been handed out.
    parts = [part for _, part in zip(track(chunks, title), surveyed, strict=True)]
    survey = replace(
        merge_surveys(parts),
        files=tuple(index.path for index in indices),
        records=tuple(len(index) for index in indices),
        record_bytes=int(sum(index.lengths.sum() for index in indices)),
        unreadable=tuple(item for item in indexed if isinstance(item, DataError)),
    )
    return _with_repeats(survey, indices)


def _try_to_index(path: Path) -> RecordIndex | DataError:
    try:
        return index_records(path)
    except DataError as error:
        return error


def _sample(numbers: Sequence[NDArray[np.int64]]) -> list[NDArray[np.int64]]:
    """Records evenly spread over each file, in proportion to what it holds and at least one.

    Of more files than `SAMPLE` only every second, third … one is looked into.
    """
    stride = max(1, -(-len(numbers) // SAMPLE))
    total = sum(len(of_file) for of_file in numbers[::stride])
    none = np.zeros(0, np.int64)
    chosen = []
    for file, of_file in enumerate(numbers):
        share = max(1, SAMPLE * len(of_file) // total) if len(of_file) else 0
        places = np.linspace(0, len(of_file) - 1, min(share, len(of_file))).astype(np.int64)
        chosen.append(none if file % stride else of_file[places])
    return chosen


def _cut(file: int, index: RecordIndex, numbers: NDArray[np.int64]) -> Iterator[_Chunk]:
    volume = np.cumsum(index.lengths[numbers]) // _CHUNK_BYTES
    part = volume + np.arange(len(numbers)) // _CHUNK_RECORDS
    for of_chunk in np.split(numbers, np.flatnonzero(np.diff(part)) + 1):
        if len(of_chunk):
            yield _Chunk(file, index, of_chunk)


def _survey_chunk(chunk: _Chunk, *, decode: bool) -> Survey:
    tally = Tally(chunk.file, chunk.index.path)
    with open_records(chunk.index) as read:
        for number in chunk.numbers.tolist():
            try:
                features = parse_features(read(number), "")
                tally.add(number, features, read_fields(features), decode=decode)
            except DataError as error:
                # The place is told beside it: by the file, or by nothing where features are wrong.
                what = error.what.removeprefix(str(chunk.index.path)).removeprefix(": ")
                tally.add_unreadable(number, what)
    return tally.survey()


def _with_repeats(survey: Survey, indices: Sequence[RecordIndex]) -> Survey:
    """Add the fault of records whose source id an earlier one has."""
    repeats = survey.find_repeats()
    if not len(repeats):
        return survey
    first = []
    for place in repeats[:1].tolist():
        index, number = indices[survey.file[place]], int(survey.record[place])
        source_id = read_fields(parse_features(read_record(index, number))).source_id
        words = "another record has this image/source_id"
        first.append(RecordFault(index.path, number, source_id, "source id twice", words))
    counts = FaultCounts(len(repeats), 0, tuple(first))
    return replace(survey, faults={**survey.faults, "source id twice": counts})
