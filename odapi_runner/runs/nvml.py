"""NVIDIA's driver, asked by its library (NVML): whether there is one, and whether it answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from odapi_runner.errors import GpuError

_DEVICES = Path("/sys/bus/pci/devices")
_NVIDIA, _DISPLAY = "0x10de", "0x03"  # the vendor, and how the class of a GPU begins


@contextmanager
def asking_driver() -> Iterator[int]:
    """Ask NVML things in the meantime; gives how many GPUs it knows, 0 where there are none.

    Without its library, or without a driver where no NVIDIA GPU is plugged in, there are none.

    Raises:
        GpuError: there is a driver, or a GPU for one, and it does not answer.
    """
    import pynvml

    try:
        if not _begin():
            yield 0
            return
        try:
            yield int(pynvml.nvmlDeviceGetCount())
        finally:
            pynvml.nvmlShutdown()
    except pynvml.NVMLError as error:
        raise GpuError(
            f"NVIDIA's driver does not answer ({str(error).rstrip('.')})",
            fix="See what nvidia-smi says; after an update of the driver restart the machine. "
            "On the CPU: --gpu none",
        ) from error


def _begin() -> bool:
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        if error.value == pynvml.NVML_ERROR_LIBRARY_NOT_FOUND:
            return False
        # Early in a boot, say; many images of containers have the library and nothing else.
        if error.value == pynvml.NVML_ERROR_DRIVER_NOT_LOADED and not _is_plugged_in():
            return False
        raise
    return True


def _is_plugged_in() -> bool:
    """Whether there is an NVIDIA GPU, driver or not, as far as the kernel tells."""
    for device in _DEVICES.glob("*"):
        try:
            vendor, of_class = ((device / name).read_text() for name in ("vendor", "class"))
        except OSError:  # it was pulled out
            continue
        if vendor.strip() == _NVIDIA and of_class.startswith(_DISPLAY):
            return True
    return False
