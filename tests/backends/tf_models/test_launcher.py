"""Shims on packages that the tests make, as they may be elsewhere: each in a process of its own.

No TensorFlow: what the launcher looks for in it, and in others, is files.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from odapi_runner.backends import tf_models
from support.tf_models import write_checkout, write_newer_protos

NAME = "odapi_runner.backends.tf_models"
FOLDER = Path(tf_models.__file__).parent
LABEL_MAP = """
from launcher import protos
print(protos.needed())
protos.install()
from object_detection.protos import string_int_label_map_pb2
print(string_int_label_map_pb2.StringIntLabelMapItem(id=3).id)
"""
UNUSED = """
from launcher import shims, standins
print(*shims.absent_packages())
standins.do_without(shims.absent_packages())
import tensorflow_addons as tfa
from tensorflow_addons.image import rotate
from tensorflow_io.python import ops
import lvis
print(tfa.__name__, rotate.__name__, lvis.LVIS())
print(standins.is_there("tensorflow_addons"), standins.is_there("lvis"))
try:
    tfa.layers.GroupNormalization(groups=32)
except ImportError as error:
    print(error)
"""
BACKEND = """
from launcher import keras
print(keras.is_backend_gone())
keras.move_backend()
from tensorflow.python.keras import backend
import tensorflow.python.keras.backend
print(backend.learning_phase(), tensorflow.python.keras.backend.learning_phase())
"""


def say(code: str, *path: Path) -> list[str]:
    """The lines of a process that has the launcher, and folders before anything installed."""
    folders = [str(one) for one in (*path, FOLDER)]
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


def test_an_unused_package_that_cannot_be_imported_is_none(tmp_path: Path) -> None:
    """Installed for another TensorFlow, it ends its import; one that works is taken as it is."""
    installed = {
        "tensorflow_addons/__init__.py": "from tensorflow_addons import image",
        "tensorflow_addons/image/__init__.py": "from tensorflow_addons.image import distort",
        # As utils/types.py of 0.23 does on TensorFlow 2.16 and newer.
        "tensorflow_addons/image/distort.py": "from json.src.engine import keras_tensor",
        "lvis.py": "LVIS = lambda: 'the real one'",
    }
    made = write_modules(tmp_path / "installed", installed)

    assert say(UNUSED, made) == [
        "tensorflow_io tensorflow_addons",
        "tensorflow_addons rotate the real one",
        "False True",
        "tensorflow_addons cannot be imported, which this needs",
    ]


@pytest.mark.parametrize(("version", "keras"), [("2.15.1", "keras"), ("2.21.0", "tf_keras")])
def test_the_backend_that_a_tensorflow_has_no_more_is_found(
    tmp_path: Path, version: str, keras: str
) -> None:
    """As 2.20 still has it: a TensorFlow without, and Keras 2 where it lies by the version."""
    others = {"keras", "tf_keras"} - {keras}
    modules = {
        "tensorflow/python/keras/layers.py": "",
        f"{keras}/backend.py": "learning_phase = lambda: 1",
        f"{others.pop()}/backend.py": "learning_phase = lambda: 3",
        f"tensorflow-{version}.dist-info/METADATA": f"Name: tensorflow\nVersion: {version}\n",
    }
    assert say(BACKEND, write_modules(tmp_path / "installed", modules)) == ["True", "1 1"]


@pytest.mark.parametrize("how", [("-m", NAME), (str(FOLDER),)], ids=["module", "path"])
def test_it_is_started_as_a_module_and_by_its_path(tmp_path: Path, how: tuple[str, ...]) -> None:
    """By its path where no odapi can be imported; told nothing, it says how it is called."""
    without = {"odapi_runner/__init__.py": "raise ImportError('there is none')"}
    path = {} if how[0] == "-m" else {"PYTHONPATH": str(write_modules(tmp_path, without))}
    done = subprocess.run(
        [sys.executable, *how],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | path,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"usage: python -m {NAME} run ")
