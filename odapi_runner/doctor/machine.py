"""Python, the packages that a training depends on, memory and disk."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any, Final

from odapi_runner.doctor.facts import Fact
from odapi_runner.doctor.gpu import Seen

_DEVICES: Final = Path(__file__).parents[1] / "engine" / "devices.py"
_SECONDS = 180
_OLDEST: Final = (3, 11)
_NEWEST: Final = (3, 12)
_GB: Final = 10**9
# Of a training with small images: TensorFlow, the network, some batches; a run with checkpoints.
_LEAST_MEMORY: Final = 4 * _GB
_LEAST_DISK: Final = 5 * _GB
_AS_IN: Final = "As in: --python ENV/bin/python"
_SHOWN: Final = ("protobuf", "numpy", "pillow")


@dataclass(frozen=True, slots=True)
class Answer:
    """What an interpreter's TensorFlow says; `fault` and `fix` where it says nothing."""

    seen: Seen | None
    keras: str = ""
    fault: str = ""
    fix: str = ""


def ask_tensorflow(
    python: str, environment: Mapping[str, str], *, seconds: float = _SECONDS
) -> Answer:
    """Import TensorFlow in a process of an interpreter's own, and ask it.

    Args:
        python: its path, or a name in PATH; it is started in another folder.
        environment: of the process.
        seconds: how long that may take.
    """
    try:
        done = subprocess.run(
            # Not as a file: the folder that it lies in has a keras.py, too.
            [python, "-c", _DEVICES.read_text(encoding="utf-8")],
            cwd="/",
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=seconds,
            check=False,
            env=dict(environment),
        )
    except OSError as error:
        fault = f"{python}: {error.strerror or error}"
        return Answer(None, fault=fault, fix=_AS_IN)
    except subprocess.TimeoutExpired:
        fault = f"no answer of {python} in {seconds:g} s"
        fix = "Try again: the disk that it lies on may be busy, or far away."
        return Answer(None, fault=fault, fix=fix)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        fault = said[-1] if said else f"{python} ended with exit code {done.returncode}"
        return Answer(
            None, fault=fault, fix=f"{python} -m pip install --force-reinstall tensorflow"
        )
    if (told := _parse_answer(done.stdout)) is None:
        return Answer(None, fault=f"{python} is no Python that answers", fix=_AS_IN)
    names = tuple(str(gpu.get("device_name", "a GPU")) for gpu in told["gpus"])
    seen = Seen(told["tensorflow"], told["cuda"], told["cudnn"], names, done.stderr)
    return Answer(seen, told["keras"])


def _parse_answer(stdout: str) -> dict[str, Any] | None:
    """What `engine.devices` says last; None where another program has said something."""
    try:
        told = json.loads(stdout.splitlines()[-1])
    except (IndexError, json.JSONDecodeError):
        return None
    return told if isinstance(told, dict) and "tensorflow" in told else None


def look_at_python() -> Fact:
    """The interpreter of odapi itself."""
    what = f"{platform.python_version()} ({sys.executable})"
    if _OLDEST <= sys.version_info[:2] <= _NEWEST:
        return Fact("Python", "ok", what)
    wanted = " or ".join(".".join(map(str, one)) for one in (_OLDEST, _NEWEST))
    fix = f"python{_NEWEST[0]}.{_NEWEST[1]} -m venv ENV, then install odapi there"
    return Fact("Python", "error", f"{what}; odapi is for {wanted}", fix)


def look_at_tensorflow(answer: Answer) -> Iterator[Fact]:
    """Whether it can be imported, and by which Keras it trains."""
    if answer.seen is None:
        yield Fact("TensorFlow", "error", f"cannot be imported: {answer.fault}", answer.fix)
        return
    built = f"built for CUDA {answer.seen.cuda}" if answer.seen.cuda else "built for the CPU"
    yield Fact("TensorFlow", "ok", f"{answer.seen.tensorflow}, {built}")
    try:
        keras = version("tf-keras")
    except PackageNotFoundError:
        what = "the Keras 2 that checkpoints are made of (tf-keras) is not installed"
        yield Fact("Keras", "error", what, 'pip install "tf-keras==2.20.*"')
        return
    same = f"; what tf.keras is elsewhere: {answer.keras}" if answer.keras != keras else ""
    yield Fact("Keras", "ok", f"Keras 2 by tf_keras {keras}{same}")


def look_at_packages() -> Iterator[Fact]:
    """Those that make trouble, and every one that is missing or of another version than wanted."""
    wrong = list(_unmet())
    for name in _SHOWN:
        try:
            yield Fact(name, "ok", version(name))
        except PackageNotFoundError:
            yield Fact(name, "error", "not installed", f"pip install {name}")
    for requirement, found in wrong:
        what = f"{found or 'none'} is installed, odapi wants {requirement}"
        yield Fact("packages", "error", what, f'pip install "{requirement}"')


def _unmet() -> Iterator[tuple[str, str | None]]:
    """Each requirement of odapi's that is not met, and what is installed instead."""
    from packaging.requirements import Requirement

    try:
        wanted = [Requirement(text) for text in requires("odapi") or ()]
    except PackageNotFoundError:  # run from its folder
        return
    for one in wanted:
        if one.marker is not None and not one.marker.evaluate({"extra": ""}):
            continue
        try:
            found = version(one.name)
        except PackageNotFoundError:
            yield str(one), None
            continue
        if not one.specifier.contains(found, prereleases=True):
            yield str(one), found


def look_at_memory() -> Fact:
    """What is free of the machine's memory, or of what this process may use."""
    import psutil

    memory = psutil.virtual_memory()
    most = min([int(memory.total), *_limits()])
    free = min(int(memory.available), most)
    cores = len(os.sched_getaffinity(0))
    what = f"{free / _GB:.1f} of {most / _GB:.1f} GB free, {cores} cores"
    if free >= _LEAST_MEMORY:
        return Fact("memory", "ok", what)
    fix = "End what else takes memory; odapi estimate CONFIG tells how much a training needs."
    return Fact("memory", "warning", what, fix)


def _limits(root: Path = Path("/sys/fs/cgroup")) -> Iterator[int]:
    """The memory that a container may use, in bytes; none where there is no limit."""
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        path = root / name
        text = path.read_text(encoding="ascii").strip() if path.is_file() else ""
        if text.isdecimal():
            yield int(text)


def look_at_disk(folder: Path) -> Fact:
    """What is free where runs are written."""
    usage = shutil.disk_usage(folder)
    what = f"{usage.free / _GB:.0f} GB free below {folder}"
    if not os.access(folder, os.W_OK):
        return Fact("disk", "error", f"{folder} cannot be written", "Name another: -w DIR")
    if usage.free >= _LEAST_DISK:
        return Fact("disk", "ok", what)
    return Fact("disk", "warning", what, "Remove checkpoints of old runs, or give another -w DIR.")
