"""Why a GPU that is here is not used: driver, CUDA, cuDNN and TensorFlow have to fit each other.

Source: https://www.tensorflow.org/install/source#gpu (what each TensorFlow is built with);
https://docs.nvidia.com/cuda/cuda-toolkit-release-notes (the driver that each CUDA needs).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from odapi_runner.doctor.facts import Fact
from odapi_runner.errors import GpuError
from odapi_runner.runs.gpus import VISIBLE
from odapi_runner.runs.nvml import asking_driver

NAME: Final = "GPU"

# Of each TensorFlow the CUDA and the cuDNN that it is built with, newest first.
BUILDS: Final[Mapping[str, tuple[str, str]]] = {
    "2.20": ("12.5", "9.3"),
    "2.19": ("12.5", "9.3"),
    "2.18": ("12.5", "9.3"),
    "2.17": ("12.3", "8.9"),
    "2.16": ("12.3", "8.9"),
    "2.15": ("12.2", "8.9"),
    "2.14": ("11.8", "8.7"),
    "2.13": ("11.8", "8.6"),
    "2.12": ("11.8", "8.6"),
    "2.11": ("11.2", "8.1"),
    "2.10": ("11.2", "8.1"),
    "2.9": ("11.2", "8.1"),
    "2.8": ("11.2", "8.1"),
}
# The oldest driver on Linux with which programs of any CUDA of that number run.
_DRIVERS: Final = {12: "525.60.13", 11: "450.80.02"}
_PACKAGES: Final = ("nvidia-cuda-runtime-cu12", "nvidia-cuda-runtime-cu11")
# What TensorFlow says on stderr where it finds a library missing, or cannot begin.
_REASONS: Final = re.compile(
    r"Could not load dynamic library '[^']+'|Cannot dlopen some GPU libraries"
    r"|failed call to cuInit[^\n]*|Could not find cuda drivers[^\n]*"
    r"|CUDA_ERROR_\w+[^\n]*|libcud\w+\.so[\w.]*: cannot open shared object file"
)


@dataclass(frozen=True, slots=True)
class Driver:
    """What the driver says; its own version, and the highest CUDA that it can run."""

    version: str
    cuda: tuple[int, int]
    gpus: tuple[str, ...]  # names


@dataclass(frozen=True, slots=True)
class Seen:
    """What a TensorFlow says of itself (`engine.devices`)."""

    tensorflow: str
    cuda: str | None  # that it is built with; None: for the CPU
    cudnn: str | None
    gpus: tuple[str, ...]
    said: str  # on stderr


def read_driver() -> Driver | GpuError | None:
    """What NVML says; None where there is no driver, or no GPU; the error where it says nothing."""
    import pynvml

    try:
        with asking_driver() as count:
            if not count:
                return None
            number = pynvml.nvmlSystemGetCudaDriverVersion()
            handles = map(pynvml.nvmlDeviceGetHandleByIndex, range(count))
            names = tuple(str(pynvml.nvmlDeviceGetName(handle)) for handle in handles)
            cuda = (number // 1000, number % 1000 // 10)
            return Driver(str(pynvml.nvmlSystemGetDriverVersion()), cuda, names)
    except GpuError as error:
        return error


def installed_cuda(root: Path = Path("/usr/local")) -> list[str]:
    """The versions of CUDA that are installed: by pip, and as folders of the system's."""
    found = []
    for package in _PACKAGES:
        try:
            found.append(".".join(version(package).split(".")[:2]))
        except PackageNotFoundError:
            continue
    folders = (path.name.removeprefix("cuda-") for path in sorted(root.glob("cuda-*")))
    return [*found, *(name for name in folders if re.fullmatch(r"\d+\.\d+", name))]


def judge(
    driver: Driver | GpuError | None,
    seen: Seen,
    installed: Sequence[str],
    environment: Mapping[str, str],
    *,
    name: str = NAME,
) -> Fact:
    """Whether the GPUs that are here are used, and if not, why and what would help.

    Args:
        driver: what it says.
        seen: what TensorFlow says.
        installed: the versions of CUDA on this machine.
        environment: of TensorFlow's process.
        name: of the fact.
    """
    if seen.gpus:
        found = f"TensorFlow {seen.tensorflow} uses {', '.join(seen.gpus)}"
        version = f", driver {driver.version}" if isinstance(driver, Driver) else ""
        return Fact(name, "ok", found + version)
    if isinstance(driver, GpuError):
        return Fact(name, "warning", driver.what, driver.fix)
    if driver is None:
        return Fact(name, "absent", "no NVIDIA GPU, or no driver for it: training on the CPU")
    here = f"{', '.join(driver.gpus)}, driver {driver.version}, is not used"
    what, fix = _reason(driver, seen, installed, environment)
    return Fact(name, "warning", f"{here}: {what}", fix)


def _reason(
    driver: Driver, seen: Seen, installed: Sequence[str], environment: Mapping[str, str]
) -> tuple[str, str]:
    visible = environment.get(VISIBLE)
    if visible is not None and not re.match(r"\d|GPU-|MIG-", visible.strip()):
        return f"{VISIBLE}={visible} hides it", f"unset {VISIBLE}"
    if seen.cuda is None:
        what = f"TensorFlow {seen.tensorflow} is built for the CPU"
        return what, _install(seen.tensorflow)
    major = int(seen.cuda.split(".")[0])
    wants = f"TensorFlow {seen.tensorflow} is built for CUDA {seen.cuda}"
    if driver.cuda[0] < major:
        able = f"{driver.cuda[0]}.{driver.cuda[1]}"
        needed = _DRIVERS.get(major, "one of its time")
        fix = f"Install driver {needed} or newer{_or_other(driver.cuda)}."
        return f"{wants}, this driver runs CUDA up to {able}", fix
    fitting = [one for one in installed if int(one.split(".")[0]) == major]
    if not fitting:
        others = f", CUDA {', '.join(installed)} is installed" if installed else ", none is here"
        return wants + others, f"{_install(seen.tensorflow)}{_matching(installed)}"
    found = _REASONS.search(seen.said)
    cudnn = f" and cuDNN {seen.cudnn}" if seen.cudnn else ""
    said = f': it says "{found[0].strip()}"' if found else ""
    return f"{wants}{cudnn}{said}", _install(seen.tensorflow)


def matching_tensorflow(cuda: tuple[int, int]) -> str | None:
    """The newest TensorFlow whose CUDA is of the same number, and no newer; None: there is none."""
    for release, (built, _) in BUILDS.items():
        number, minor = map(int, built.split("."))
        if number == cuda[0] and minor <= cuda[1]:
            return release
    return None


def _or_other(cuda: tuple[int, int]) -> str:
    release = matching_tensorflow(cuda)
    built = f" (built for CUDA {BUILDS[release][0]})" if release else ""
    return f"; what fits as it is: TensorFlow {release}{built}, by --python" if release else ""


def _matching(installed: Sequence[str]) -> str:
    for one in installed:
        number, minor = map(int, one.split("."))
        if release := matching_tensorflow((number, minor)):
            return f"; TensorFlow {release} would fit CUDA {one}"
    return ""


def _install(tensorflow: str) -> str:
    """What brings the libraries that fit."""
    ours = tensorflow.startswith(next(iter(BUILDS)))
    package = "odapi[gpu]" if ours else f"tensorflow[and-cuda]=={tensorflow}"
    return f'pip install "{package}" brings the libraries that fit'
