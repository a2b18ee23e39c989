"""Checkpoints written without TensorFlow; `tests/formats/test_checkpoint_tf.py` reads them with it.

The variables are zeros in a sparse file, so that those of the largest detector take no room.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import google_crc32c

from odapi_runner.formats.bundle_messages import BundleEntry, BundleHeader, ObjectGraph
from odapi_runner.formats.checkpoint_index import GRAPH, STEP, VALUE, index_file
from odapi_runner.formats.crc32c import mask, masked_crc32c

DTYPES = {"float32": (1, 4), "float16": (19, 2), "bfloat16": (14, 2), "int64": (9, 8)}
MAGIC = 0xDB4775248B80FB57


def varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def block(pairs: Sequence[tuple[bytes, bytes]], interval: int = 16) -> bytes:
    """Entries with shared beginnings of keys, restart places, no compression, checksum."""
    out, restarts, last = bytearray(), [], b""
    for number, (key, value) in enumerate(pairs):
        if number % interval == 0:
            restarts.append(len(out))
            last = b""
        shared = next((n for n, (a, b) in enumerate(zip(last, key, strict=False)) if a != b), None)
        shared = min(len(last), len(key)) if shared is None else shared
        out += (
            varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        )
        last = key
    restarts = restarts or [0]
    out += struct.pack(f"<{len(restarts)}I", *restarts) + struct.pack("<I", len(restarts)) + b"\0"
    return bytes(out) + struct.pack("<I", masked_crc32c(bytes(out)))


def table(pairs: Sequence[tuple[bytes, bytes]], entries: int = 100) -> bytes:
    """A LevelDB table with so many entries a block; `pairs` ascend by key."""
    out, handles = b"", []
    for start in range(0, len(pairs), entries):
        part = pairs[start : start + entries]
        content = block(part)
        handles.append((part[-1][0], varint(len(out)) + varint(len(content) - 5)))
        out += content
    places = []
    for content in (block([]), block(handles, interval=1)):  # metaindex, index
        places.append(varint(len(out)) + varint(len(content) - 5))
        out += content
    return out + b"".join(places).ljust(40, b"\0") + struct.pack("<Q", MAGIC)


def write_checkpoint(
    prefix: Path,
    shapes: Mapping[str, Sequence[int]],
    *,
    step: int | None = None,
    aliases: Mapping[str, str] | None = None,
    slots: Sequence[str] = (),
    dtypes: Mapping[str, str] | None = None,
    object_based: bool = True,
    fill: bytes = b"\0",
    summed: bool = False,
) -> str:
    """Write the two files of a checkpoint.

    Args:
        prefix: their path without endings.
        shapes: of each variable by its path in the graph of objects, or by its name.
        step: at which a training saved it; None as in a published detector.
        aliases: more edges: a path, and the path of the object that it leads to.
        slots: names of the optimizer's values, one each for the first variable.
        dtypes: of variables that are not float32.
        object_based: whether it holds the graph; those of TF1 do not.
        fill: each byte of the variables; all are written where it is not 0.
        summed: with the checksums of large variables, too: they are 0 otherwise.

    Returns:
        The prefix as text.
    """
    variables = {path: tuple(shape) for path, shape in shapes.items()}
    kinds = {path: (dtypes or {}).get(path, "float32") for path in variables}
    suffix = VALUE if object_based else ""
    blobs: dict[str, tuple[BundleEntry, bytes]] = {}
    if step is not None:
        variables["step"], kinds["step"] = (), "int64"
    if object_based:
        text = _graph(variables, aliases or {}, slots).SerializeToString()
        blobs[GRAPH] = string_tensor(text)
    entries, start = [], 0
    real = bytearray()
    for key, (entry, content) in blobs.items():
        entry.offset = len(real)
        real += content
        entries.append((key, entry))
    if step is not None:
        value = struct.pack("<q", step)
        key = STEP if object_based else "global_step"
        entries.append((key, _entry("int64", (), len(real), masked_crc32c(value))))
        real += value
        del variables["step"]
    start = len(real)
    for path, shape in variables.items():
        size = math.prod(shape) * DTYPES[kinds[path]][1]
        checksum = masked_crc32c(fill * size) if summed or size < 10_000 else 0
        entries.append((path + suffix, _entry(kinds[path], shape, start, checksum)))
        start += size
    prefix.parent.mkdir(parents=True, exist_ok=True)
    header = BundleHeader(num_shards=1).SerializeToString() + b"\x1a\x02\x08\x01"  # version 1
    pairs = [(b"", header)]
    pairs += sorted((key.encode(), entry.SerializeToString()) for key, entry in entries)
    index_file(prefix).write_bytes(table(pairs))
    with prefix.with_name(f"{prefix.name}.data-00000-of-00001").open("wb") as stream:
        stream.write(real)
        if fill != b"\0":
            stream.write(fill * (start - len(real)))
        stream.truncate(start)
    return str(prefix)


def _entry(kind: str, shape: Sequence[int], offset: int, checksum: int) -> BundleEntry:
    number, bytes_each = DTYPES[kind]
    entry = BundleEntry(dtype=number, offset=offset, crc32c=checksum)
    entry.size = math.prod(shape) * bytes_each
    entry.shape.SetInParent()
    for side in shape:
        entry.shape.dim.add(size=side)
    return entry


def string_tensor(text: bytes) -> tuple[BundleEntry, bytes]:
    """The entry of one string and its bytes in the data file."""
    crc = google_crc32c.value(struct.pack("<I", len(text)))
    first = struct.pack("<I", mask(crc))
    whole = google_crc32c.extend(google_crc32c.extend(crc, first), text)
    content = varint(len(text)) + first + text
    entry = BundleEntry(dtype=7, size=len(content), crc32c=mask(whole))
    entry.shape.SetInParent()
    return entry, content


def _graph(
    paths: Mapping[str, Sequence[int]], aliases: Mapping[str, str], slots: Sequence[str]
) -> ObjectGraph:
    graph = ObjectGraph()
    numbers = {"": 0}
    graph.nodes.add()

    def node(path: str) -> int:
        if path not in numbers:
            parent, _, name = path.rpartition("/")
            above = node(parent)
            numbers[path] = len(graph.nodes)
            graph.nodes.add()
            graph.nodes[above].children.add(node_id=numbers[path], local_name=name)
        return numbers[path]

    for path in paths:
        graph.nodes[node(path)].attributes.add(name="VARIABLE_VALUE", checkpoint_key=path + VALUE)
    for path, target in aliases.items():
        parent, _, name = path.rpartition("/")
        graph.nodes[node(parent)].children.add(node_id=numbers[target], local_name=name)
    first = node(next(iter(paths)))
    for name in slots:
        graph.nodes[0].slots.add(
            original_variable_node_id=first, slot_name=name, slot_variable_node_id=first
        )
    return graph
