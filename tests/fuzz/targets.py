"""What is fuzzed: how inputs are made, and the calls that read them."""

from __future__ import annotations

import math
import shutil
import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from fuzz import samples
from fuzz.harness import Target
from fuzz.logs import make_log, run_log, sample_logs
from fuzz.mutate import TOKENS, mutate_bytes, mutate_text
from odapi_runner.backends.check import CHECKED, check
from odapi_runner.errors import OdapiError
from odapi_runner.formats.checkpoint_index import read_index, read_tensor
from odapi_runner.formats.detections import read_detections
from odapi_runner.formats.event_file import Event
from odapi_runner.formats.label_map import read_label_map
from odapi_runner.formats.leveldb import read_table
from odapi_runner.formats.object_graph import read_graph
from odapi_runner.formats.tfrecord import read_records
from odapi_runner.pipeline.diff import diff_configs
from odapi_runner.pipeline.edit import edit
from odapi_runner.pipeline.overrides import Changes, apply_changes
from odapi_runner.pipeline.presets import read_preset
from odapi_runner.pipeline.render import build_pipeline
from odapi_runner.proto.messages import is_map, is_repeated
from odapi_runner.proto.parts import read_shared_pipeline
from odapi_runner.proto.text import parse_pipeline, read_pipeline, render_pipeline
from odapi_runner.proto.written import written_fields
from odapi_runner.records.kitti import convert_kitti
from odapi_runner.records.survey import survey_records
from odapi_runner.records.voc import convert_voc
from odapi_runner.report.parse import parse
from odapi_runner.workspace import Workspace
from support.checkpoints import table
from support.random_configs import random_message

_PATHS = ("x" * 300, "a/" * 3000, "/", ".", "~/a", "/proc/self/mem", "data", "**/*", "[", "data/[")

# Inputs of people are texts in some encoding; now and then not even that.
_ENCODINGS = ("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "cp949")


def _text(texts: Callable[[], Sequence[str]]) -> Callable[[Random], bytes]:
    """Mutations of texts, as bytes."""

    def make(random: Random) -> bytes:
        text = mutate_text(random, random.choice(texts()), texts())
        if random.random() < 0.1:
            text = text.replace("\n", random.choice(("\r\n", "\r")))
        data = text.encode(random.choice(_ENCODINGS), errors="ignore")
        return mutate_bytes(random, data) if random.random() < 0.1 else data

    return make


def _write(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


# Configs


def _look_at(message: Any) -> None:
    """What is asked of a config that parses."""
    text = render_pipeline(message)
    assert render_pipeline(parse_pipeline(text, "text")) == text
    assert bool(written_fields(message)) is bool(message.ListFields())
    for semantic in (False, True):
        diff_configs(samples.messages()[0], message, semantic=semantic)


def _run_config(data: bytes, folder: Path) -> None:
    path = _write(folder, "a.config", data)
    for engine in CHECKED:
        check(path, samples.base(), engine=engine)
    message = _read_either(read_shared_pipeline, path)
    assert message == _read_either(read_pipeline, path)
    _look_at(read_pipeline(path))


def _read_either(read: Callable[[Path], Any], path: Path) -> bytes | str:
    """The content of a config, or what is wrong with it."""
    try:
        return bytes(read(path).SerializeToString(deterministic=True))
    except OdapiError as error:
        return error.what


def _make_message(random: Random) -> bytes:
    """Any message of the language at all, on top of one that trains, with odd values in it."""
    message = type(samples.messages()[0])()
    message.CopyFrom(random.choice(samples.messages()))
    if random.random() < 0.7:
        message.MergeFrom(random_message(random))
    values = list(_scalars(message))
    for parent, field in random.sample(values, min(len(values), random.choice((0, 1, 3, 20)))):
        value = _odd_value(random, field)
        if field.has_presence:
            setattr(parent, field.name, value)
        else:
            getattr(parent, field.name)[random.randrange(len(getattr(parent, field.name)))] = value
    return message.SerializeToString()


def _scalars(message: Any) -> Iterator[tuple[Any, FieldDescriptor]]:
    """Every message below one with each scalar field, or list of them, that is set in it."""
    for field, value in message.ListFields():
        if is_map(field):
            continue
        if not field.message_type:
            yield message, field
        else:
            for item in value if is_repeated(field) else [value]:
                yield from _scalars(item)


def _odd_value(random: Random, field: FieldDescriptor) -> Any:
    """The ends of a type's range, and what is no number or no path."""
    if field.enum_type:
        return random.choice(list(field.enum_type.values_by_number))
    if field.type == FieldDescriptor.TYPE_STRING:
        return random.choice((*TOKENS, *_PATHS))
    return random.choice(
        {
            FieldDescriptor.TYPE_BOOL: (False, True),
            FieldDescriptor.TYPE_UINT32: (0, 1, 2**31, 2**32 - 1),
            FieldDescriptor.TYPE_INT32: (-(2**31), -1, 0, 1, 2**31 - 1),
            FieldDescriptor.TYPE_FLOAT: (math.nan, math.inf, -math.inf, 0.0, -1.0, 1e-38, 3e38),
        }[field.type]
    )


def _run_message(data: bytes, folder: Path) -> None:
    message = type(samples.messages()[0]).FromString(data)
    check(message, samples.base(), engine="tf-models")
    _look_at(message)


# Changes to configs: lines of options, as typed


def _make_overrides(random: Random) -> bytes:
    options = random.choices(samples.OVERRIDES, k=random.randint(1, 3))
    changed = [
        f"{option} {mutate_text(random, value, [v for _, v in samples.OVERRIDES])}"
        for option, value in options
    ]
    return "\0".join(changed).encode("utf-8", "surrogatepass")


def _changes(data: bytes) -> Changes:
    lines = [line for line in data.decode("utf-8", "surrogateescape").split("\0") if line]
    sets = tuple(line[3:] for line in lines if line.startswith("-s "))
    return Changes(sets, tuple(line[3:] for line in lines if line.startswith("-d ")))


def _run_overrides(data: bytes, folder: Path) -> None:
    apply_changes(samples.messages()[0], _changes(data))


def _run_patch(data: bytes, folder: Path) -> None:
    path = _write(folder, "patch.txt", data)
    apply_changes(samples.messages()[-1], Changes(patches=(path,)))


def _make_edit(random: Random) -> bytes:
    config = mutate_text(random, random.choice(samples.configs()), samples.configs())
    return (
        struct.pack("<I", len(changes := _make_overrides(random)))
        + changes
        + config.encode("utf-8", "ignore")
    )


def _run_edit(data: bytes, folder: Path) -> None:
    (length,) = struct.unpack_from("<I", data)
    path = _write(folder, "a.config", data[4 + length :])
    unchanged = edit(path, Changes())
    assert unchanged.content == data[4 + length :]
    edited = edit(path, _changes(data[4 : 4 + length]))
    parse_pipeline(edited.after.text, "after")


# Presets and templates of a user


def _user_workspace(folder: Path, preset: bytes, template: bytes | None = None) -> Workspace:
    shutil.rmtree(folder / "templates", ignore_errors=True)
    _write(folder, "templates/presets/mine.toml", preset)
    if template is not None:
        _write(folder, "templates/mine.config.j2", template)
    return Workspace(folder)


def _run_preset(data: bytes, folder: Path) -> None:
    workspace = _user_workspace(folder, data)
    read_preset("mine", workspace)
    build_pipeline("mine", Changes(), workspace)


def _run_template(data: bytes, folder: Path) -> None:
    preset = samples.presets()[1].encode()
    shipped = read_preset("efficientdet-d0", Workspace(folder))
    workspace = _user_workspace(folder, preset, data)
    name = Path(shipped.template).name
    (folder / "templates" / "mine.config.j2").rename(folder / "templates" / name)
    build_pipeline("mine", Changes(), workspace)


# Data


def _run_label_map(data: bytes, folder: Path) -> None:
    read_label_map(_write(folder, "label_map.pbtxt", data))


def _make_records(random: Random) -> bytes:
    payloads = list(random.choices(samples.payloads(), k=random.randint(1, 3)))
    if random.random() < 0.6:  # what a writer with mistakes has written
        payloads = [mutate_bytes(random, data, samples.payloads()) for data in payloads]
        return b"".join(map(samples.framed, payloads))
    return mutate_bytes(random, b"".join(map(samples.framed, payloads)))


def _run_records(data: bytes, folder: Path) -> None:
    path = _write(folder, "a.record", data)
    survey_records([path], every_record=True, decode=True)
    for _ in read_records(path):
        pass


def _run_kitti(data: bytes, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    _write(folder, "K/training/label_2/000001.txt", data)
    _write(folder, "K/training/image_2/000001.png", samples.picture())
    convert_kitti(folder / "K", folder / "out", skip_bad=True)


def _run_voc(data: bytes, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    _write(folder, "V/annotations/one.xml", data)
    _write(folder, "V/images/one.png", samples.picture())
    convert_voc(folder / "V/images", folder / "V/annotations", folder / "out", skip_bad=True)


# Checkpoints: index and data, the length of the index before them


def _make_checkpoint(random: Random) -> bytes:
    index, data = samples.checkpoint()
    kind = random.randrange(3)
    if kind == 0:
        index = mutate_bytes(random, index)
    elif kind == 1:
        data = mutate_bytes(random, data)
    else:  # with right checksums
        pairs = dict(_pairs(index))
        for key in random.sample(sorted(pairs), 2):
            pairs[key] = mutate_bytes(random, pairs[key], list(pairs.values()))
        index = table(sorted(pairs.items()))
    return struct.pack("<I", len(index)) + index + data


def _pairs(index: bytes) -> list[tuple[bytes, bytes]]:
    import tempfile

    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(index)
        return read_table(Path(file.name))


def _run_checkpoint(data: bytes, folder: Path) -> None:
    (length,) = struct.unpack_from("<I", data)
    _write(folder, "ckpt-0.index", data[4 : 4 + length])
    _write(folder, "ckpt-0.data-00000-of-00001", data[4 + length :])
    message = type(samples.messages()[0])()
    message.CopyFrom(samples.messages()[0])
    message.train_config.fine_tune_checkpoint = str(folder / "ckpt-0")
    message.train_config.fine_tune_checkpoint_type = "full"
    check(message, samples.base())
    index = read_index(folder / "ckpt-0")
    for key in list(index.tensors)[:5]:
        try:
            read_tensor(index, key)
        except OdapiError:
            continue
    read_graph(index).variables()


def _run_log(data: bytes, folder: Path) -> None:
    parse([_write(folder, "train.log", data)])


def _make_events(random: Random) -> bytes:
    payloads = [
        Event(step=step, summary={"value": [{"tag": "Loss/a", "simple_value": [0.5]}]})
        for step in range(random.randint(0, 4))
    ]
    data = [b"\x1a\x0dbrain.Event:2", *(payload.SerializeToString() for payload in payloads)]
    if random.random() < 0.6:  # with right checksums
        data = [data[0], *(mutate_bytes(random, each) for each in data[1:])]
        return b"".join(map(samples.framed, data))
    return mutate_bytes(random, b"".join(map(samples.framed, data)))


def _run_events(data: bytes, folder: Path) -> None:
    parse([_write(folder, "events.out.tfevents.1", data)])


def _make_evaluation(random: Random) -> bytes:
    return mutate_bytes(random, samples.evaluation())


def _run_evaluation(data: bytes, folder: Path) -> None:
    read_detections(_write(folder, "step-1.npz", data))


TARGETS = (
    Target("config", _text(samples.configs), _run_config),
    Target("message", _make_message, _run_message),
    Target("overrides", _make_overrides, _run_overrides),
    Target("patch", _text(lambda: samples.PATCHES), _run_patch),
    Target("edit", _make_edit, _run_edit),
    Target("preset", _text(samples.presets), _run_preset),
    Target("template", _text(samples.templates), _run_template),
    Target("label_map", _text(lambda: samples.LABEL_MAPS), _run_label_map),
    Target("records", _make_records, _run_records),
    Target("kitti", _text(lambda: (samples.KITTI,)), _run_kitti),
    Target("voc", _text(lambda: (samples.VOC,)), _run_voc),
    Target("checkpoint", _make_checkpoint, _run_checkpoint),
    Target("log", _text(lambda: (samples.LOG, *sample_logs())), _run_log),
    Target("log_numbers", make_log, run_log),
    Target("event_file", _make_events, _run_events),
    Target("evaluation", _make_evaluation, _run_evaluation),
)
