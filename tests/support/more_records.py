"""Bends of the base workspace: other record files than it has."""

from __future__ import annotations

from collections.abc import Callable

from odapi_runner.formats.example import Annotated, encode_example
from odapi_runner.formats.tfrecord import RecordWriter, read_records
from odapi_runner.workspace import Workspace
from support.examples import write_records
from support.rule_cases import Bend, bend

TRAIN = "train-00000-of-00001.record"
VAL = "val-00000-of-00001.record"
WHOLE = (0.0, 0.0, 1.0, 1.0)


def adding(*examples: Annotated, sets: tuple[str, ...] = (), to: str = TRAIN) -> Bend:
    """Some records more than the base has."""
    return appending(*map(encode_example, examples), sets=sets, to=to)


def appending(*payloads: bytes, sets: tuple[str, ...] = (), to: str = TRAIN) -> Bend:
    """Some payloads more than the base has."""

    def write(workspace: Workspace) -> None:
        path = workspace.data / "kitti" / to
        there = list(read_records(path))
        with RecordWriter(path) as writer:
            for payload in (*there, *payloads):
                writer.write(payload)

    return bend(*sets, files=write)


def holding(*examples: Annotated, sets: tuple[str, ...] = (), name: str = TRAIN) -> Bend:
    """Nothing but these records."""
    return bend(
        *sets, files=lambda workspace: write_records(workspace.data / "kitti" / name, examples)
    )


def changing(change: Callable[[bytes], bytes], name: str = VAL) -> Bend:
    """The bytes of a record file, changed."""

    def write(workspace: Workspace) -> None:
        path = workspace.data / "kitti" / name
        path.write_bytes(change(path.read_bytes()))

    return bend(files=write)
