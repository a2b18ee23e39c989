"""Rebuild `schema.binpb` from the .proto files: `python -m odapi_runner.proto.build`.

The result is committed and shipped; `grpc_tools` is needed by whoever changes a .proto file only.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from odapi_runner.files import write_atomic
from odapi_runner.proto import SCHEMA


def build_schema() -> FileDescriptorSet:
    """Compile every .proto file beside this module; each file stands after those it imports.

    protoc runs in a process of its own: loaded beside TensorFlow, which brings a protobuf too, its
    extension crashes the interpreter.
    """
    folder = Path(__file__).parent
    sources = sorted(path.name for path in folder.glob("*.proto"))
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / "schema.binpb"
        protoc = [sys.executable, "-m", "grpc_tools.protoc"]
        options = [f"-I{folder}", f"--descriptor_set_out={target}"]
        if subprocess.run([*protoc, *options, *sources], check=False).returncode != 0:
            raise SystemExit("protoc refused the .proto files; its reasons stand above")
        return FileDescriptorSet.FromString(target.read_bytes())


if __name__ == "__main__":
    write_atomic(SCHEMA, build_schema().SerializeToString(deterministic=True))
