"""The encoded images of an evaluation, found in its records again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from odapi_runner.errors import DataError
from odapi_runner.formats.detections import GroundTruth
from odapi_runner.formats.example import SOURCE_ID, find_image
from odapi_runner.formats.features import Features, parse_features
from odapi_runner.formats.patterns import expand_patterns
from odapi_runner.formats.tfrecord import read_records


def read_images(
    config: Any, root: Path, groundtruth: GroundTruth, wanted: Sequence[int]
) -> dict[int, bytes]:
    """Some images by their numbers, as their files were; those that are not found are left out.

    A record is recognized by its source id, of several the first. Records without one are taken in
    their order, which is right as long as the evaluation could decode all of them.

    Args:
        config: TrainEvalPipelineConfig; its first `eval_input_reader` names the records.
        root: where its relative paths begin.
        groundtruth: whose images they are.
        wanted: their numbers there.

    Raises:
        DataError: the records are not there, or cannot be read.
    """
    missing = set(wanted)
    ids = groundtruth.source_ids.tolist()
    numbers = {name: number for number, name in reversed(list(enumerate(ids))) if name}
    nameless = (number for number, name in enumerate(ids) if not name)
    found: dict[int, bytes] = {}
    for features in _read_records(config, root):
        name = features.text(features.one("bytes_list", SOURCE_ID, b""))
        number = numbers.get(name) if name else next(nameless, None)
        if number in missing:
            missing.discard(number)
            found[number] = bytes(find_image(features))
            if not missing:
                break
    return found


def _read_records(config: Any, root: Path) -> Iterator[Features]:
    """The records that an evaluation reads, in their order."""
    if not config.eval_input_reader:
        raise DataError(
            "the config names no eval_input_reader", fix="Give it one, to see its images."
        )
    reader = config.eval_input_reader[0]
    every = max(1, reader.sample_1_of_n_examples)
    number = 0
    for path in expand_patterns(reader.tf_record_input_reader.input_path, root):
        for record in read_records(path):
            if number % every == 0:
                yield parse_features(record, str(path))
            number += 1
