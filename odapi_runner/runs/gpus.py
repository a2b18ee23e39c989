"""Which GPUs there are, which of them a trainer may see, and whether TensorFlow can use them.

Asked of the driver's library (NVML) and of the installed packages: TensorFlow is not imported.
"""

from __future__ import annotations

import ctypes.util
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from odapi_runner.training import FLOAT32, TrainerOptions

VISIBLE = "CUDA_VISIBLE_DEVICES"
HIDDEN = {VISIBLE: "-1"}

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


def read_gpus() -> list[Gpu]:
    """The NVIDIA GPUs of this machine by the driver's count; none where there is no driver."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return []
    try:
        return [_read_gpu(index) for index in range(pynvml.nvmlDeviceGetCount())]
    finally:
        pynvml.nvmlShutdown()


def _read_gpu(index: int) -> Gpu:
    import pynvml

    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    return Gpu(index, pynvml.nvmlDeviceGetName(handle), int(memory.total))


def device_environment(device: str) -> dict[str, str]:
    """What a trainer's environment says for `auto`, `none` or the number of a GPU.

    GPUs are numbered as the driver's tools do (nvidia-smi), not by speed as CUDA does by itself.

    Raises:
        ValueError: it is none of these.
    """
    if device == "auto":
        return {}
    if device == "none":
        return dict(HIDDEN)
    if not device.isdecimal():
        raise ValueError(f'"{device}" is neither the number of one GPU nor "none"')
    return {VISIBLE: device, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


def device_warnings(device: str, options: TrainerOptions | None = None) -> list[str]:
    """What stands between the GPU asked for and the training, and what it needs one for.

    Args:
        device: `auto`, `none` or the number of a GPU.
        options: of the training.

    Returns:
        A sentence each.
    """
    found = _gpu_warnings(device)
    if options is not None and (device == "none" or found or not read_gpus()):
        if options.precision != FLOAT32:
            found.append(f"--precision {options.precision} makes training on a CPU slower")
        if options.xla:
            found.append("--xla is for GPUs: on a CPU a step can take thirty times as long")
    return found


def _gpu_warnings(device: str) -> list[str]:
    if device == "none":
        return []
    gpus = read_gpus()
    if not gpus:
        return [] if device == "auto" else ["no NVIDIA GPU on this machine: training on the CPU"]
    if device != "auto" and int(device) >= len(gpus):
        there = ", ".join(f"{gpu.index} ({gpu.name})" for gpu in gpus)
        return [f"there is no GPU {device} on this machine, there is {there}: training on the CPU"]
    if not can_use_gpu():
        name = gpus[0 if device == "auto" else int(device)].name
        warning = (
            f"{name} is here, but this TensorFlow cannot use it: training on the CPU. To change "
            f'that: pip install "odapi[gpu]"'
        )
        return [warning]
    return []


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
