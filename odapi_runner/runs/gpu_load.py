"""Which GPUs are free: what the driver's library (NVML) says of their memory, work and processes.

Everything but `read_loads` takes its answers as an argument.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from odapi_runner.errors import RunError
from odapi_runner.runs.gpus import can_use_gpu
from odapi_runner.runs.nvml import asking_driver

# A screen takes some memory of a GPU, and some of its time, and leaves enough for a training.
_MOST_USED = 0.15
_MOST_BUSY = 10


@dataclass(frozen=True, slots=True)
class GpuLoad:
    """A GPU at one moment, as the driver sees it: the work of all users."""

    index: int
    name: str
    memory_bytes: int
    used_bytes: int
    busy_percent: int | None  # None where the driver does not tell
    computing: tuple[int, ...] = ()  # the processes that compute and do not draw
    fault: str = ""  # why it does not answer; nothing else of it is known then

    @property
    def is_free(self) -> bool:
        return (
            not self.fault
            and not self.computing
            and self.used_bytes <= _MOST_USED * self.memory_bytes
            and (self.busy_percent or 0) <= _MOST_BUSY
        )

    def describe(self) -> str:
        """One line for people: `0 (RTX 3060 Ti): 6.9 of 8.0 GiB used, 97 % busy, by lee (812)`."""
        if self.fault:
            return f"{self.index} does not answer ({self.fault})"
        used = f"{self.used_bytes / 2**30:.1f} of {self.memory_bytes / 2**30:.1f} GiB used"
        busy = [] if self.busy_percent is None else [f"{self.busy_percent} % busy"]
        by = [f"by {', '.join(map(_describe_process, self.computing))}"] if self.computing else []
        return f"{self.index} ({self.name}): {', '.join([used, *busy, *by])}"


def read_loads() -> list[GpuLoad]:
    """The GPUs that a training could use; none where there is no driver or no TensorFlow for it.

    Raises:
        GpuError: the driver does not answer.
    """
    if not can_use_gpu():
        return []
    with asking_driver() as count:
        return [_read_load(index) for index in range(count)]


def _read_load(index: int) -> GpuLoad:
    import pynvml

    try:
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        name, memory = pynvml.nvmlDeviceGetName(handle), pynvml.nvmlDeviceGetMemoryInfo(handle)
    except pynvml.NVMLError as error:  # of one GPU: it is lost, say; the others work on
        return GpuLoad(index, "", 0, 0, None, fault=str(error))
    try:
        busy = int(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu)
    except pynvml.NVMLError:  # some GPUs do not count it
        busy = None
    try:
        computing = {one.pid for one in pynvml.nvmlDeviceGetComputeRunningProcesses(handle)}
        computing -= {one.pid for one in pynvml.nvmlDeviceGetGraphicsRunningProcesses(handle)}
    except pynvml.NVMLError:  # nor these: memory and work decide then
        computing = set()
    return GpuLoad(
        index=index,
        name=name,
        memory_bytes=int(memory.total),
        used_bytes=int(memory.used),
        busy_percent=busy,
        computing=tuple(sorted(computing)),
    )


def no_gpu_is_free(loads: Sequence[GpuLoad], claimed: Sequence[int] = ()) -> RunError:
    """The error of who asks for a free GPU where none is; `claimed` ones are free but promised."""
    told = [
        f"{load.index} ({load.name}): a run of yours has it"
        if load.index in claimed
        else load.describe()
        for load in loads
    ]
    return RunError(
        f"no GPU is free: {'; '.join(told)}",
        fix="Wait for one: odapi train … --queue   Or share one: --gpu N",
    )


def _describe_process(pid: int) -> str:
    import psutil

    try:
        return f"{psutil.Process(pid).username()} ({pid})"
    except psutil.Error:  # it has ended, or its user is none of this machine's
        return f"process {pid}"
