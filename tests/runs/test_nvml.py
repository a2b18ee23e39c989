"""NVIDIA's driver: that there is none, that it does not answer, and that one GPU does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pynvml
import pytest

from odapi_runner.errors import GpuError
from odapi_runner.runs import gpu_load, gpus
from odapi_runner.runs import nvml as driver
from odapi_runner.runs.claims import claim
from odapi_runner.runs.gpu_load import read_loads
from odapi_runner.runs.gpus import count_gpus, device_environment, device_warnings, read_gpus
from support import nvml

READERS = (read_loads, read_gpus)


@pytest.fixture(autouse=True)
def _own_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ODAPI_STATE", str(tmp_path / "state"))
    for module in (gpus, gpu_load):
        monkeypatch.setattr(module, "can_use_gpu", lambda: True)


def plug_in(monkeypatch: pytest.MonkeyPatch, folder: Path, **devices: str) -> None:
    """Have the kernel tell of devices, each by its vendor and its class."""
    for name, text in devices.items():
        (folder / name).mkdir(parents=True)
        vendor, of_class = text.split()
        (folder / name / "vendor").write_text(f"{vendor}\n")
        (folder / name / "class").write_text(f"{of_class}\n")
    monkeypatch.setattr(driver, "_DEVICES", folder)


@pytest.mark.parametrize("read", READERS)
def test_without_nvidia_there_are_no_gpus(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, read: Callable[[], list[Any]]
) -> None:
    """No library; or the library alone, as images of containers have it."""
    nvml.pretend(monkeypatch, nvmlInit=pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)
    assert read() == []
    others = {"disk": "0x1af4 0x010000", "screen": "0x1002 0x030000", "sound": "0x10de 0x040300"}
    plug_in(monkeypatch, tmp_path / "pci", **others)
    nvml.pretend(monkeypatch, nvmlInit=pynvml.NVML_ERROR_DRIVER_NOT_LOADED)
    assert read() == []


@pytest.mark.parametrize("read", READERS)
def test_a_driver_that_is_not_up_yet(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, read: Callable[[], list[Any]]
) -> None:
    """A GPU is plugged in: cron's @reboot may come before its driver."""
    plug_in(monkeypatch, tmp_path / "pci", bridge="0x8086 0x060400", gpu="0x10de 0x030200")
    nvml.pretend(monkeypatch, nvmlInit=pynvml.NVML_ERROR_DRIVER_NOT_LOADED)

    with pytest.raises(GpuError) as raised:
        read()
    assert raised.value.what == "NVIDIA's driver does not answer (Driver Not Loaded)"


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("function", ["nvmlInit", "nvmlDeviceGetCount", "nvmlShutdown"])
def test_a_driver_that_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, function: str, read: Callable[[], list[Any]]
) -> None:
    """It is said, with what to do; these are not no GPUs."""
    nvml.pretend(monkeypatch, **{function: pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH})

    with pytest.raises(GpuError) as raised:
        read()
    assert raised.value.what == (
        "NVIDIA's driver does not answer (RM has detected an NVML/RM version mismatch)"
    )
    assert "after an update of the driver restart the machine" in raised.value.fix


@pytest.mark.parametrize("device", ["visible", "auto", "0", "all"])
def test_whoever_may_want_a_gpu_is_warned(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    """And who does not, is not."""
    nvml.pretend(monkeypatch, nvmlInit=pynvml.NVML_ERROR_UNKNOWN)

    (warning,) = device_warnings(device)
    assert warning.startswith("NVIDIA's driver does not answer (Unknown Error): ")
    assert ("the run waits for it" in warning) == (device == "auto")
    assert count_gpus(device) == 0
    assert device_warnings("none") == []


@pytest.mark.parametrize(
    "function",
    ["nvmlDeviceGetHandleByIndex", "nvmlDeviceGetName", "nvmlDeviceGetMemoryInfo"],
)
def test_one_gpu_that_is_lost_leaves_the_others(
    monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    """It is not free, what it is called is not known, and who names it is told."""
    nvml.pretend(monkeypatch, 3, **{function: (pynvml.NVML_ERROR_GPU_IS_LOST, 0)})
    loads = read_loads()

    assert [load.is_free for load in loads] == [False, True, True]
    assert loads[0].describe() == "0 does not answer (GPU is lost)"
    mine = claim("auto", loads)
    assert mine.names == ("1",)
    mine.close()
    assert device_environment("all")["CUDA_VISIBLE_DEVICES"] == "1,2"
    assert (count_gpus("all"), count_gpus("1,0,2"), count_gpus("1,2")) == (2, 1, 2)
    assert device_warnings("1,0") == ["GPU 0 does not answer (GPU is lost): training on GPU 1"]
    assert device_warnings("1") == []


def test_what_a_gpu_does_not_count_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its memory decides then."""
    unknown = pynvml.NVML_ERROR_NOT_SUPPORTED
    nvml.pretend(
        monkeypatch,
        1,
        nvmlDeviceGetUtilizationRates=unknown,
        nvmlDeviceGetComputeRunningProcesses=unknown,
    )

    (load,) = read_loads()
    assert (load.busy_percent, load.computing, load.is_free) == (None, (), True)
