"""Shims on packages that the tests make, as they may be elsewhere: each in a process of its own.

No TensorFlow: what the launcher looks for in it, and in others, is files.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import odapi_runner.backends.tf_models as package
from support.tf_models import write_checkout, write_newer_protos

LABEL_MAP = """
from launcher import protos
print(protos.needed())
protos.install()
from object_detection.protos import string_int_label_map_pb2
print(string_int_label_map_pb2.StringIntLabelMapItem(id=3).id)
"""


def say(code: str, *path: Path) -> list[str]:
    """The lines of a process that has the launcher, and folders before anything installed."""
    folders = [str(one) for one in (*path, Path(package.__file__).parent)]
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(folders)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def write_modules(folder: Path, modules: dict[str, str]) -> Path:
    """Write files by their paths, each package of them with an `__init__.py`; the folder."""
    for name, text in modules.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        for above in path.relative_to(folder).parents[:-1]:
            (folder / above / "__init__.py").touch()
    return folder


@pytest.mark.parametrize("made_by", ["none", "older", "newer"])
def test_protos_of_another_protobuf_are_none(tmp_path: Path, made_by: str) -> None:
    """None, of one before 3.19, and of a newer one, which refuses by an error of its own."""
    checkout = write_checkout(tmp_path / "models", old_protos=made_by == "older")
    if made_by == "newer":
        write_newer_protos(checkout)
    assert say(LABEL_MAP, checkout / "research") == ["True", "3"]
