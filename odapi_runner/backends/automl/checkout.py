"""The user's copy of google/automl: where it is, which hyperparameters it knows, what runs it."""

from __future__ import annotations

import ast
import functools
import json
import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from odapi_runner.backends.automl.hparams import HParams
from odapi_runner.backends.interpreter import interpreter, settle_python
from odapi_runner.errors import ConfigError, RunError, did_you_mean
from odapi_runner.runs.options import RunOptions

ENVIRONMENT: Final = "ODAPI_AUTOML_DIR"
_PROGRAM, _HPARAMS = "main.py", "hparams_config.py"
_FOLDER = "efficientdet"
# It builds on tf.estimator, which TensorFlow 2.16 has no more.
TENSORFLOW_BELOW: Final = (2, 16)
# Of each package that its modules import: how pip calls it. Later numpy breaks TensorFlow 2.15.
PACKAGES: Final = {
    "tensorflow": "'tensorflow==2.15.1'",
    "numpy": "'numpy<2'",
    "absl": "absl-py",
    "yaml": "pyyaml",
    "PIL": "pillow",
    "six": "six",
    "pycocotools": "pycocotools",
    "tensorflow_addons": "tensorflow-addons",
    "tensorflow_hub": "tensorflow-hub",
    "neural_structured_learning": "neural-structured-learning",
}
_ASK = """
import importlib.metadata, importlib.util, json, sys
names = sys.argv[1:]
missing = [name for name in names if importlib.util.find_spec(name) is None]
names = ("tensorflow", "tensorflow-cpu", "tensorflow-intel")
found = [d.version for d in importlib.metadata.distributions() if d.metadata["Name"] in names]
print(json.dumps({"python": sys.version.split()[0], "missing": missing, "tensorflow": found[:1]}))
"""
_ASK_SECONDS = 60

# What is known of a hyperparameter: of a group the names in it, of a single value none; None where
# it may be either, as of one that is not set by default.
Parts = tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an interpreter has for google/automl."""

    python: str  # its version
    tensorflow: str | None  # its version
    missing: tuple[str, ...]  # packages, as they are imported

    @property
    def fault(self) -> str | None:
        """What keeps the program from running there, in words."""
        faults = []
        if self.tensorflow and _numbers(self.tensorflow) >= TENSORFLOW_BELOW:
            faults.append(f"TensorFlow {self.tensorflow}, which has no tf.estimator any more")
        if self.missing:
            faults.append(f"no {', '.join(self.missing)}")
        return f"it has {', and '.join(faults)}" if faults else None


def install_line() -> str:
    """What makes an environment that runs the program."""
    return f"python3.11 -m venv ENV && ENV/bin/pip install {' '.join(PACKAGES.values())}"


def settle(options: RunOptions) -> RunOptions:
    """With the places of checkout and interpreter as absolute paths.

    Raises:
        RunError: one of them is not there.
    """
    found = find_checkout(options.automl_dir)
    options = settle_python(replace(options, automl_dir=str(found)))
    if options.hparams and "=" not in options.hparams:
        return replace(options, hparams=str(Path(options.hparams).expanduser().absolute()))
    return options


def find_checkout(typed: str | None) -> Path:
    """The folder `efficientdet` of a checkout of google/automl.

    Args:
        typed: that folder, or the checkout's; without it `$ODAPI_AUTOML_DIR` says so.

    Raises:
        RunError: there is none, or not in this folder.
    """
    said = typed or os.environ.get(ENVIRONMENT)
    if not said:
        raise RunError(
            "where the checkout of google/automl is has not been said",
            fix=f"--automl-dir DIR, or {ENVIRONMENT}=DIR; "
            "git clone https://github.com/google/automl makes one.",
        )
    folder = Path(said).expanduser().absolute()
    for one in (folder, folder / _FOLDER):
        if (one / _PROGRAM).is_file() and (one / _HPARAMS).is_file():
            return one
    raise RunError(
        f"{said}: there is no {_FOLDER}/{_PROGRAM} in it",
        fix="Give the folder that `git clone https://github.com/google/automl` makes.",
    )


def read_known_hparams(checkout: Path) -> dict[str, Parts]:
    """The hyperparameters of a checkout: their names, and the names in each.

    Nothing of it is run: its module would bring TensorFlow in.

    Raises:
        RunError: the module has no `default_detection_configs`, or is no Python.
    """
    path = checkout / _HPARAMS
    try:
        module = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError) as error:
        raise RunError(
            f"{path}: no Python ({error})", fix="Check the checkout out again."
        ) from error
    known = dict(_assigned(module))
    if "num_classes" not in known:
        raise RunError(
            f"{path}: the hyperparameters are not where they are in google/automl",
            fix="Give another checkout: --automl-dir DIR",
        )
    return known


def _assigned(module: ast.Module) -> Iterator[tuple[str, Parts]]:
    """What `default_detection_configs` assigns to attributes, as in `h.nms_configs = {…}`."""
    for function in ast.walk(module):
        if isinstance(function, ast.FunctionDef) and function.name == "default_detection_configs":
            for node in ast.walk(function):
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
                    yield node.targets[0].attr, _parts(node.value)


def _parts(value: ast.expr) -> Parts:
    if isinstance(value, ast.Dict):
        return tuple(str(key.value) for key in value.keys if isinstance(key, ast.Constant)) or None
    if isinstance(value, ast.Call):  # dict(method='gaussian', …)
        return tuple(key.arg for key in value.keywords if key.arg) or None
    return None if isinstance(value, ast.Constant) and value.value is None else ()


def refuse_unknown(values: HParams, known: Mapping[str, Parts], checkout: Path, where: str) -> None:
    """Refuse names that a checkout does not know, which it may not recognise in silence.

    Args:
        values: hyperparameters.
        known: those of the checkout.
        checkout: its folder.
        where: they come from, for the message.

    Raises:
        ConfigError: there is such a name, or a single value is given for a group.
    """
    for name, value in values.items():
        if name not in known:
            _refuse(name, name, known, checkout, where)
        parts = known[name]
        if parts is None:
            continue
        if parts and not isinstance(value, dict):
            what = f"{where}: {name} is a group in {checkout / _HPARAMS}"
            raise ConfigError(what, fix=f"{name}.{parts[0]}={value}, or another of: {_list(parts)}")
        for part in value if isinstance(value, dict) else ():
            if part not in parts:
                _refuse(f"{name}.{part}", str(part), parts, checkout, where)


def _refuse(
    shown: str, name: str, known: Mapping[str, Parts] | tuple[str, ...], checkout: Path, where: str
) -> None:
    knows = f"It knows: {_list(known)}" if known else "It is a single value: NAME=VALUE."
    fix = did_you_mean(name, known) or knows
    raise ConfigError(f'{where}: {checkout / _HPARAMS} knows no "{shown}"', fix=fix)


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def trains_batchnorm_always(checkout: Path) -> bool:
    """Whether the checkout's model function overrules `is_training_bn` (det_model_fn.py)."""
    path = checkout / "det_model_fn.py"
    overruled = r"^\s*params\['is_training_bn'\]\s*=\s*\(?mode"
    return path.is_file() and bool(re.search(overruled, path.read_text("utf-8"), re.MULTILINE))


@functools.cache
def ask_surroundings(options: RunOptions) -> Surroundings:
    """What the interpreter has, asked of itself; nothing of it is imported.

    Raises:
        RunError: it cannot be asked.
    """
    program = interpreter(options)
    try:
        done = subprocess.run(
            [program, "-c", _ASK, *PACKAGES],
            capture_output=True, text=True, check=True, timeout=_ASK_SECONDS,
        )  # fmt: skip
        told = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, json.JSONDecodeError) as error:
        fix = "As in: --python ENV/bin/python"
        raise RunError(f"{program}: no Python that answers ({error})", fix=fix) from error
    return Surroundings(
        told["python"], next(iter(told["tensorflow"]), None), tuple(told["missing"])
    )


def refuse_surroundings(options: RunOptions) -> None:
    """Refuse an interpreter that cannot run the program.

    Raises:
        RunError: it cannot; the remedy makes an environment that can.
    """
    fault = ask_surroundings(options).fault
    if fault:
        raise RunError(
            f"{interpreter(options)} cannot run google/automl: {fault}",
            fix=f"{install_line()}, then --python ENV/bin/python",
        )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])
