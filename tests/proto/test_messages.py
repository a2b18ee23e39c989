"""The language: every message, field and enum of pipeline.config and label_map.pbtxt."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pb2

from odapi_runner.proto import SCHEMA
from odapi_runner.proto.build import build_schema
from odapi_runner.proto.messages import PACKAGE, POOL, TrainEvalPipelineConfig, message_class

FieldProto = descriptor_pb2.FieldDescriptorProto


def read_committed() -> descriptor_pb2.FileDescriptorSet:
    return descriptor_pb2.FileDescriptorSet.FromString(SCHEMA.read_bytes())


def test_the_committed_schema_is_what_the_proto_files_compile_to() -> None:
    """`python -m odapi_runner.proto.build` was run after the last change of a .proto file."""
    assert build_schema() == read_committed()


def test_the_language_has_the_known_size() -> None:
    """34 files, 146 top-level and 21 nested messages (counts of the TF2 API's descriptors)."""
    files = read_committed().file
    nested = [message for file in files for top in file.message_type for message in below(top)]

    assert len(files) == 34
    assert sum(len(file.message_type) for file in files) == 146
    assert len(nested) == 21
    assert sum(message.options.map_entry for message in nested) == 5
    assert {file.package for file in files} == {PACKAGE}


def below(message: descriptor_pb2.DescriptorProto) -> Iterator[descriptor_pb2.DescriptorProto]:
    for nested in message.nested_type:
        yield nested
        yield from below(nested)


@pytest.mark.parametrize(
    ("message", "field", "number", "default"),
    [
        ("TrainConfig", "fine_tune_checkpoint_version", 28, 1),
        ("TrainConfig", "batch_size", 1, 32),
        ("CosineDecayLearningRate", "total_steps", 2, 4_000_000),
        ("CosineDecayLearningRate", "warmup_steps", 4, 10_000),
        ("BatchNonMaxSuppression", "iou_threshold", 2, pytest.approx(0.6)),
        ("AdamOptimizer", "epsilon", 2, pytest.approx(1e-8)),
        ("BidirectionalFeaturePyramidNetworks", "combine_method", 5, "fast_attention"),
        ("Optimizer", "use_moving_average", 4, True),
        ("RandomJitterBoxes", "jitter_mode", 2, 0),
    ],
)
def test_fields_have_their_numbers_and_defaults(
    message: str, field: str, number: int, default: Any
) -> None:
    """Numbers and defaults that a mistyped .proto would get wrong."""
    found = POOL.FindMessageTypeByName(f"{PACKAGE}.{message}").fields_by_name[field]

    assert (found.number, found.default_value) == (number, default)


def test_message_class_knows_short_full_and_nested_names() -> None:
    """The same class by each of its names; an unknown name is a KeyError."""
    assert message_class("TrainEvalPipelineConfig") is TrainEvalPipelineConfig
    assert message_class(f"{PACKAGE}.TrainEvalPipelineConfig") is TrainEvalPipelineConfig
    assert message_class("Ssd.MaskHead")().mask_height == 15
    with pytest.raises(KeyError):
        message_class("NoSuchMessage")


def test_the_language_lives_in_a_pool_of_its_own() -> None:
    """A foreign `object_detection.protos` in the default pool meets no other definition."""
    code = """
from google.protobuf import descriptor_pb2, descriptor_pool
from odapi_runner.proto.messages import TrainEvalPipelineConfig
file = descriptor_pb2.FileDescriptorProto(name="pipeline.proto", package="object_detection.protos")
file.message_type.add(name="TrainEvalPipelineConfig")
descriptor_pool.Default().AddSerializedFile(file.SerializeToString())
ours = TrainEvalPipelineConfig.DESCRIPTOR
foreign = descriptor_pool.Default().FindMessageTypeByName(ours.full_name)
print(len(foreign.fields), len(ours.fields))
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert out.stdout == "0 6\n"


def test_every_proto_file_opens_with_what_it_is_about() -> None:
    """The first line of each .proto file is a comment."""
    for path in SCHEMA.parent.glob("*.proto"):
        assert re.match(r"// \w.+\.\n", path.read_text("utf-8")), path.name


def test_the_language_is_that_of_the_reference(reference: Path) -> None:
    """Every message, field, number, type, label, default, oneof and enum of schema.json."""
    expected = json.loads((reference / "schema.json").read_text("utf-8"))

    assert {file.name: described_file(file) for file in read_committed().file} == expected


def described_file(file: descriptor_pb2.FileDescriptorProto) -> dict[str, Any]:
    return {
        "package": file.package,
        "messages": {message.name: described_message(message) for message in file.message_type},
        "enums": {enum.name: described_enum(enum) for enum in file.enum_type},
    }


def described_enum(enum: descriptor_pb2.EnumDescriptorProto) -> dict[str, int]:
    return {value.name: value.number for value in enum.value}


def described_message(message: descriptor_pb2.DescriptorProto) -> dict[str, Any]:
    oneofs = [oneof.name for oneof in message.oneof_decl]
    described: dict[str, Any] = {
        "fields": [described_field(field, oneofs) for field in message.field],
        "enums": {enum.name: described_enum(enum) for enum in message.enum_type},
    }
    if message.nested_type:
        described["nested"] = {
            nested.name: described_message(nested) for nested in message.nested_type
        }
    if message.extension_range:
        described["extensions"] = [[span.start, span.end] for span in message.extension_range]
    return described


def described_field(field: FieldProto, oneofs: list[str]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": field.name,
        "number": field.number,
        "type": field.type_name.removeprefix(".")
        or FieldProto.Type.Name(field.type).removeprefix("TYPE_").lower(),
        "label": FieldProto.Label.Name(field.label).removeprefix("LABEL_").lower(),
    }
    if field.HasField("oneof_index"):
        described["oneof"] = oneofs[field.oneof_index]
    if field.HasField("default_value"):
        described["default"] = default_value(field)
    if field.options.deprecated:
        described["deprecated"] = True
    return described


def default_value(field: FieldProto) -> Any:
    """A default as schema.json has it: floats as the float32 they become."""
    if field.type == FieldProto.TYPE_FLOAT:
        message = message_class("ConstantLearningRate")(learning_rate=float(field.default_value))
        return message.learning_rate
    if field.type == FieldProto.TYPE_BOOL:
        return field.default_value == "true"
    if field.type in {FieldProto.TYPE_STRING, FieldProto.TYPE_ENUM}:
        return field.default_value
    return int(field.default_value)
