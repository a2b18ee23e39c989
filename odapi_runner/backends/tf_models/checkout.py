"""Where the user's own Object Detection API is, and what its version has; without running it."""

from __future__ import annotations

import ast
import functools
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from odapi_runner.errors import RunError

VARIABLE = "ODAPI_MODELS_DIR"
PROGRAM = "model_main_tf2"
_PACKAGE = "object_detection"
_LOOP = "train_loop"
_STEPS, _KEEP = "num_steps_per_iteration", "checkpoint_max_to_keep"
_NEEDED = ("tensorflow", "tf_slim", "pycocotools", "PIL", "matplotlib")
_SECONDS = 60

# Told by the interpreter that is to run it: what it could import.
_ASK = (
    "import importlib.util as u, json, sys\n"
    "def find(name):\n"
    "    spec = u.find_spec(name)\n"
    "    return spec and list(spec.submodule_search_locations or [spec.origin])\n"
    "print(json.dumps({name: find(name) for name in sys.argv[1:]}))\n"
)
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
    places = _importable(python or sys.executable, (_PACKAGE,))[_PACKAGE]
    if places is None:
        raise RunError(
            "there is no Object Detection API: nothing was named, and object_detection cannot be "
            "imported",
            fix=f"{_CLONE}, then --models-dir models, or ${VARIABLE}. Without: --engine builtin",
        )
    return _in_folder(str(Path(places[0]).parent), python or sys.executable)


def refuse_incomplete(python: str | None) -> None:
    """See that an interpreter has what every Object Detection API imports.

    Raises:
        RunError: something of it is not installed.
    """
    found = _importable(python or sys.executable, _NEEDED)
    absent = [name for name in _NEEDED if found[name] is None]
    if absent:
        packages = " ".join({"tf_slim": "tf-slim", "PIL": "Pillow"}.get(one, one) for one in absent)
        raise RunError(
            f"{python or sys.executable}: {', '.join(absent)} cannot be imported, which the Object "
            "Detection API needs",
            fix=f"{python or sys.executable} -m pip install {packages}, or another --python PATH",
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


@functools.cache
def _importable(python: str, names: tuple[str, ...]) -> dict[str, list[str] | None]:
    """Where an interpreter would import modules from."""
    try:
        done = subprocess.run(
            [python, "-c", _ASK, *names],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=True,
            cwd="/",  # no module is imported from the current folder
        )
        found: dict[str, list[str] | None] = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, json.JSONDecodeError) as error:
        raise RunError(
            f"{python}: not a Python that works ({error})", fix="As in: --python ENV/bin/python"
        ) from error
    return found


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
