"""Digests of everything that a config names and a result depends on."""

from __future__ import annotations

import hashlib
from typing import Any

from odapi_runner import files
from odapi_runner.formats.patterns import expand_patterns
from odapi_runner.runs.spec import Digests, digest_records
from odapi_runner.workspace import Workspace


def read_digests(message: Any, text: str, place: Workspace) -> Digests:
    """Those of a TrainEvalPipelineConfig, of its text, and of the files that it reads.

    Raises:
        DataError: records are not there.
    """
    readers = [message.train_input_reader, *message.eval_input_reader]
    label_maps = {reader.label_map_path for reader in readers if reader.label_map_path}
    patterns = {tuple(reader.tf_record_input_reader.input_path) for reader in readers}
    return Digests(
        config=hashlib.sha256(text.encode()).hexdigest(),
        label_maps={path: files.sha256(place.resolve(path)) for path in sorted(label_maps)},
        records={
            " ".join(paths): digest_records(expand_patterns(paths, place.root))
            for paths in sorted(patterns)
        },
    )
