"""Which GPUs there are, which of them a trainer may see, and whether TensorFlow can use them.

Asked of the driver's library (NVML) and of the installed packages: TensorFlow is not imported.
"""

from __future__ import annotations

import ctypes.util
import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from odapi_runner.errors import GpuError
from odapi_runner.runs.nvml import asking_driver
from odapi_runner.training import FLOAT32, TrainerOptions

VISIBLE = "CUDA_VISIBLE_DEVICES"
HIDDEN = {VISIBLE: "-1"}
_WORDS = ("visible", "auto", "all", "none")

# A wheel of TensorFlow that can use a GPU still needs the CUDA libraries: from these packages
# (`pip install "odapi[gpu]"`), or from the system.
_CUDA_PACKAGE = "nvidia-cudnn-cu12"
_CPU_ONLY_PACKAGES = ("tensorflow-cpu", "intel-tensorflow")


@dataclass(frozen=True, slots=True)
class Gpu:
    """One NVIDIA GPU of this machine."""

    index: int
    name: str
    memory_bytes: int
    fault: str = ""  # why it does not answer; nothing else of it is known then


def read_gpus() -> list[Gpu]:
    """The NVIDIA GPUs of this machine by the driver's count; none where there is no driver.

    Raises:
        GpuError: the driver does not answer.
    """
    with asking_driver() as count:
        return [_read_gpu(index) for index in range(count)]


def _read_gpu(index: int) -> Gpu:
    import pynvml

    try:
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        name, memory = pynvml.nvmlDeviceGetName(handle), pynvml.nvmlDeviceGetMemoryInfo(handle)
    except pynvml.NVMLError as error:  # of one GPU: it is lost, say; the others work on
        return Gpu(index, "", 0, fault=str(error))
    return Gpu(index, name, int(memory.total))


def gpu_numbers(device: str) -> list[int]:
    """The GPUs that a device names, as in `0` or `0,1`; none where it is a word.

    Raises:
        ValueError: it is none of these, or names a GPU twice.
    """
    if device in _WORDS:
        return []
    numbers = device.split(",")
    if not all(number.isdecimal() for number in numbers) or len(set(numbers)) < len(numbers):
        raise ValueError(
            f'"{device}" is neither numbers of GPUs as in 0,1 nor "auto", "all" or "none"'
        )
    return [int(number) for number in numbers]


def device_environment(device: str) -> dict[str, str]:
    """What a trainer's environment says for a device.

    A trainer takes all GPUs that it sees. They are numbered as the driver's tools do (nvidia-smi),
    not by speed as CUDA does by itself. With `visible` CUDA_VISIBLE_DEVICES stays what it is; what
    `auto` is gets known when the training starts (`claims`).

    Raises:
        GpuError: the driver does not answer, so what `all` is cannot be known.
        ValueError: it is none of these.
    """
    if device == "none":
        return dict(HIDDEN)
    numbers = _answering(read_gpus()) if device == "all" else gpu_numbers(device)
    if not numbers:
        return {}
    return {VISIBLE: ",".join(map(str, numbers)), "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


def count_devices(device: str) -> int:
    """How many devices a training will share its batches out to; 1 where that is the CPU."""
    return max(1, count_gpus(device))


def count_gpus(device: str) -> int:
    """How many GPUs a trainer will use, of those that it is told to; 0 where it is the CPU.

    That it is where the driver does not answer, too: TensorFlow finds none then.
    """
    try:
        here = [] if device == "none" else _answering(read_gpus())
    except GpuError:
        here = []
    if not here or not can_use_gpu():
        return 0
    if device == "auto":
        return 1
    if device == "visible" and (names := visible_names()):
        return len(names)
    wanted = wanted_numbers(device)
    # CUDA sees those in front of the first that is not there.
    return len(list(itertools.takewhile(here.__contains__, here if wanted is None else wanted)))


def wanted_numbers(device: str) -> list[int] | None:
    """The GPUs that a device means on this machine, by number; None: all that there are.

    With `visible` the user may have chosen some. Where he has by their names, nobody knows which
    those are.
    """
    visible = os.environ.get(VISIBLE)
    if device != "visible":
        return gpu_numbers(device) or None
    if visible is None or visible_names():
        return None
    chosen = (one.strip() for one in visible.split(","))
    return [int(one) for one in itertools.takewhile(str.isdecimal, chosen)]


def visible_names() -> list[str]:
    """What CUDA_VISIBLE_DEVICES leaves, where that has names (GPU-…, MIG-…) and no numbers."""
    chosen = [one.strip() for one in os.environ.get(VISIBLE, "").split(",")]
    return chosen if chosen[0][:1].isalpha() else []


def device_warnings(device: str, options: TrainerOptions | None = None) -> list[str]:
    """What stands between the GPU asked for and the training, and what it needs one for.

    Args:
        device: `visible`, `auto`, `all`, `none` or numbers of GPUs.
        options: of the training.

    Returns:
        A sentence each.
    """
    found = _gpu_warnings(device)
    if options is not None and not count_gpus(device):
        if options.precision != FLOAT32:
            found.append(f"--precision {options.precision} makes training on a CPU slower")
        if options.xla:
            found.append("--xla is for GPUs: on a CPU a step can take thirty times as long")
    return found


def _answering(gpus: Sequence[Gpu]) -> list[int]:
    return [gpu.index for gpu in gpus if not gpu.fault]


def _gpu_warnings(device: str) -> list[str]:
    if device == "none":
        return []
    try:
        gpus = read_gpus()
    except GpuError as error:
        then = "the run waits for it" if device == "auto" else "expect training on the CPU"
        return [f"{error.what}: {then}. {error.fix}"]
    if not gpus:
        return (
            []
            if device in {"visible", "auto"}
            else ["no NVIDIA GPU on this machine: training on the CPU"]
        )
    # CUDA sees those in front of the first that is not there.
    wanted = gpu_numbers(device)
    seen = list(itertools.takewhile(_answering(gpus).__contains__, wanted))
    if wanted != seen:
        instead = f"GPU {','.join(map(str, seen))}" if seen else "the CPU"
        return [f"{_why_unseen(wanted[len(seen)], gpus)}: training on {instead}"]
    if not can_use_gpu():
        name = gpus[seen[0] if seen else 0].name
        warning = (
            f"{name} is here, but this TensorFlow cannot use it: training on the CPU. To change "
            f'that: pip install "odapi[gpu]"'
        )
        return [warning]
    return []


def _why_unseen(number: int, gpus: Sequence[Gpu]) -> str:
    for gpu in gpus:
        if gpu.index == number:
            return f"GPU {number} does not answer ({gpu.fault})"
    there = ", ".join(f"{gpu.index} ({gpu.name or gpu.fault})" for gpu in gpus)
    return f"there is no GPU {number} on this machine, there is {there}"


def can_use_gpu() -> bool:
    """Whether the installed TensorFlow is built for GPUs and finds CUDA's libraries."""
    if any(_is_installed(package) for package in _CPU_ONLY_PACKAGES):
        return False
    return _is_installed(_CUDA_PACKAGE) or ctypes.util.find_library("cudnn") is not None


def _is_installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
