"""NVIDIA's library where there is none: its functions, and what they fail with."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pynvml
import pytest

GIB = 1 << 30


def pretend(monkeypatch: pytest.MonkeyPatch, gpus: int = 2, **failing: Any) -> None:
    """Let NVML tell of idle GPUs of 8 GiB.

    Args:
        monkeypatch: of the test.
        gpus: how many.
        failing: by the name of a function the error that it ends with (`pynvml.NVML_ERROR_…`), or
            a pair: the error, and the only GPU of which it does.
    """

    def function(name: str, value: Any) -> None:
        def answer(*arguments: Any) -> Any:
            told = failing.get(name)
            error, *of = told if isinstance(told, tuple) else (told,)
            if error is not None and (not of or arguments[:1] == tuple(of)):
                raise pynvml.NVMLError(error)
            return value(*arguments) if callable(value) else value

        monkeypatch.setattr(pynvml, name, answer)

    function("nvmlInit", None)
    function("nvmlShutdown", None)
    function("nvmlSystemGetCudaDriverVersion", 12040)
    function("nvmlSystemGetDriverVersion", "550.54")
    function("nvmlDeviceGetCount", gpus)
    function("nvmlDeviceGetHandleByIndex", lambda index: index)
    function("nvmlDeviceGetName", lambda handle: f"RTX {handle}")
    function("nvmlDeviceGetMemoryInfo", SimpleNamespace(total=8 * GIB, used=GIB // 4))
    function("nvmlDeviceGetUtilizationRates", SimpleNamespace(gpu=0))
    function("nvmlDeviceGetComputeRunningProcesses", [])
    function("nvmlDeviceGetGraphicsRunningProcesses", [])
