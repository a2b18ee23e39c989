"""Where the user's own Object Detection API is, and what its version has; without running it."""

from __future__ import annotations

import ast
import functools
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from odapi_runner.errors import RunError

VARIABLE = "ODAPI_MODELS_DIR"
PROGRAM = "model_main_tf2"
_PACKAGE = "object_detection"
_LOOP = "train_loop"
_STEPS, _KEEP = "num_steps_per_iteration", "checkpoint_max_to_keep"
_NEEDED = ("tensorflow", "tf_slim", "pycocotools", "PIL", "matplotlib")
_OFFICIAL = "official"  # the EfficientNet of tensorflow/models, beside `research` or installed
_KERAS_2 = "tf_keras"
_KERAS_3_FROM = (2, 16)  # a version of TensorFlow, whose own Keras it is
# As pip calls what is imported by another name.
_DISTRIBUTIONS = {
    "tf_slim": "tf-slim",
    "PIL": "Pillow",
    _OFFICIAL: "tf-models-official",
    _KERAS_2: "tf-keras",
}
_INSTALLED = {"site-packages", "dist-packages"}
_SECONDS = 60

# Told by the interpreter that is to run it: what it could import; nothing is.
_ASK = """
import importlib.metadata, importlib.util, json, platform, sys
def find(name):
    spec = importlib.util.find_spec(name)
    return spec and list(spec.submodule_search_locations or [spec.origin])
names = ("tensorflow", "tensorflow-cpu", "tensorflow-intel")
found = [d.version for d in importlib.metadata.distributions() if d.metadata["Name"] in names]
places = {name: find(name) for name in sys.argv[1:]}
python = platform.python_version()
print(json.dumps({"python": python, "tensorflow": (found or [None])[0], "places": places}))
"""
_CLONE = "git clone --depth 1 https://github.com/tensorflow/models"


@dataclass(frozen=True, slots=True)
class Checkout:
    """One that was found.

    Attributes:
        research: the folder that holds `object_detection`.
        found_by: `--models-dir`, the variable, or the interpreter that can import it.
    """

    research: Path
    found_by: str

    @property
    def package(self) -> Path:
        return self.research / _PACKAGE

    @property
    def is_clone(self) -> bool:
        """Whether it may be one of git's, and not among installed packages."""
        return not _INSTALLED & set(self.research.parts)

    @property
    def has_exact_steps(self) -> bool:
        """Whether its loop can be told how many steps it makes at once."""
        return _STEPS in self._parameters

    @property
    def has_keep(self) -> bool:
        """Whether its loop can be told how many checkpoints stay."""
        return _KEEP in self._parameters

    @property
    def _parameters(self) -> frozenset[str]:
        return _parameters_of(self.package / "model_lib_v2.py")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an interpreter has.

    Attributes:
        python: its version.
        tensorflow: the version of its TensorFlow; None where there is none, or one of another name.
        places: of each module that is asked for, where it would be imported from.
    """

    python: str
    tensorflow: str | None
    places: Mapping[str, Sequence[str] | None]

    @property
    def has_keras_3(self) -> bool:
        """Whether the Keras of its TensorFlow is one that no Object Detection API runs on."""
        numbers = (self.tensorflow or "0.0").split(".")[:2]
        return tuple(map(int, numbers)) >= _KERAS_3_FROM


def find_checkout(models_dir: str | None = None, python: str | None = None) -> Checkout:
    """The checkout that is named, by an option or the environment, or else can be imported.

    Args:
        models_dir: as of `--models-dir`: a clone of tensorflow/models, or its folder `research`.
        python: the interpreter that is to run it; odapi's own by default.

    Raises:
        RunError: there is none, or it has no model_main_tf2.py.
    """
    if models_dir is not None:
        return _in_folder(models_dir, "--models-dir")
    if named := os.environ.get(VARIABLE):
        return _in_folder(named, f"${VARIABLE}")
    places = ask_surroundings(python).places[_PACKAGE]
    if places is None:
        raise RunError(
            "there is no Object Detection API: nothing was named, and object_detection cannot be "
            "imported",
            fix=f"{_CLONE}, then --models-dir models, or ${VARIABLE}. Without: --engine builtin",
        )
    return _in_folder(str(Path(places[0]).parent), python or sys.executable)


def refuse_incomplete(checkout: Checkout, python: str | None) -> None:
    """See that an interpreter has what every Object Detection API imports.

    Raises:
        RunError: something of it is not installed, nor in the checkout.
    """
    program, found = python or sys.executable, ask_surroundings(python)
    needed = list(_NEEDED)
    if not (checkout.research.parent / _OFFICIAL).is_dir():
        needed.append(_OFFICIAL)
    if found.has_keras_3:
        needed.append(_KERAS_2)
    absent = [name for name in needed if found.places[name] is None]
    if absent:
        packages = [_DISTRIBUTIONS.get(name, name) for name in absent]
        if found.tensorflow:  # some of them go with one version of it, and bring another otherwise
            packages.insert(0, f"tensorflow=={found.tensorflow}")
        raise RunError(
            f"{program}: {', '.join(absent)} cannot be imported, which the Object Detection API "
            "needs",
            fix=f"{program} -m pip install {' '.join(packages)}, or another --python PATH",
        )


def _in_folder(typed: str, found_by: str) -> Checkout:
    folder = Path(typed).expanduser().resolve()
    for research in (folder / "research", folder, folder.parent):
        if (research / _PACKAGE / f"{PROGRAM}.py").is_file():
            return Checkout(research, found_by)
    if (folder / "research" / _PACKAGE).is_dir() or (folder / _PACKAGE).is_dir():
        what = f"there is no {PROGRAM}.py in its {_PACKAGE}: older than July 2020, or TensorFlow 1"
    else:
        what = f"there is no research/{_PACKAGE} in it"
    raise RunError(f"{typed} ({found_by}): {what}", fix=f"A whole one: {_CLONE}")


def ask_surroundings(python: str | None) -> Surroundings:
    """What an interpreter has, odapi's own by default, asked of itself.

    Raises:
        RunError: it cannot be asked.
    """
    return _ask(python or sys.executable)


@functools.cache
def _ask(python: str) -> Surroundings:
    try:
        done = subprocess.run(
            [python, "-c", _ASK, _PACKAGE, *_NEEDED, _OFFICIAL, _KERAS_2],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=True,
            cwd="/",  # no module is imported from the current folder
        )
        return Surroundings(**json.loads(done.stdout))
    except (OSError, subprocess.SubprocessError, json.JSONDecodeError) as error:
        raise RunError(
            f"{python}: not a Python that works ({error})", fix="As in: --python ENV/bin/python"
        ) from error


@functools.cache
def _parameters_of(source: Path) -> frozenset[str]:
    """The parameters of the training loop, from its text."""
    try:
        tree = ast.parse(source.read_bytes())
    except (OSError, SyntaxError, ValueError) as error:
        raise RunError(
            f"{source}: cannot be read ({error})", fix=f"A whole one: {_CLONE}"
        ) from error
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == _LOOP:
            return frozenset(one.arg for one in (*node.args.args, *node.args.kwonlyargs))
    raise RunError(f"{source}: there is no {_LOOP} in it", fix=f"A whole one: {_CLONE}")
