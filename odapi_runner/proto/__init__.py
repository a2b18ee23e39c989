"""The language of pipeline.config: .proto files, and message classes built from them."""

from pathlib import Path

SCHEMA = Path(__file__).parent / "schema.binpb"
