"""Which training has which device: a locked file each, in the user's folder of this machine.

A GPU counts as taken only once TensorFlow has started on it, which takes seconds; the claim counts
at once. It is a lock (flock) that belongs to an open file of the supervisor, so it is free again
when that process ends, however it ends. A claim binds those who ask for a device that is free:
`--gpu auto` and the queue. Who names a GPU shares it.

Other users' claims are not seen, only their work, once it shows: a lock that all users can take,
and none can put a trap in its place, would need an administrator's folder.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from odapi_runner.errors import GpuError, RunError
from odapi_runner.runs.gpu_load import GpuLoad, no_gpu_is_free
from odapi_runner.runs.gpus import device_environment, gpu_numbers, wanted_numbers
from odapi_runner.runs.machine import open_lock, state_folder

CPU = "cpu"
AUTO = "auto"


@dataclass(slots=True)
class Claim:
    """Devices by name, `cpu` or a number; theirs until `close`, or until the process ends."""

    names: tuple[str, ...]
    device: str  # as for `odapi train --gpu`: `auto` has become a number, or `none`
    descriptors: tuple[int, ...]

    def environment(self) -> dict[str, str]:
        return device_environment(self.device)

    def close(self) -> None:
        for descriptor in self.descriptors:
            os.close(descriptor)
        self.descriptors = ()


def claim(device: str, loads: Sequence[GpuLoad]) -> Claim:
    """Claim what a training uses: a GPU of its own for `auto`, else its devices, with others.

    Args:
        device: as for `odapi train --gpu`.
        loads: of the GPUs of this machine.

    Raises:
        RunError: none is free for `auto`.
    """
    if device != AUTO:
        names = device_names(device, loads)
        return Claim(names, device, _share(names))
    if not loads:
        return Claim((CPU,), "none", _share([CPU]))
    # That with the most memory left, of equal ones the first.
    free = [load for load in loads if load.is_free]
    for load in sorted(free, key=lambda load: load.used_bytes - load.memory_bytes):
        name = str(load.index)
        descriptor = _lock(name, shared=False)
        if descriptor is not None:
            return Claim((name,), name, (descriptor,))
    raise no_gpu_is_free(loads, [load.index for load in free])


def claim_now(device: str, read_loads: Callable[[], Sequence[GpuLoad]]) -> Claim:
    """The same by what the GPUs are doing now, as far as the driver answers.

    Where it does not, GPUs are claimed by the numbers that name them.

    Raises:
        GpuError: it does not, and `auto` needs to know.
        RunError: none is free for `auto`.
    """
    try:
        return claim(device, [] if device == "none" else read_loads())
    except GpuError:
        if device == AUTO:
            raise
        names = tuple(map(str, gpu_numbers(device)))
        return Claim(names, device, _share(names))


def refuse_busy(loads: Sequence[GpuLoad]) -> None:
    """See that one of the GPUs, if there are any, is free.

    Raises:
        RunError: none is.
    """
    if loads and not free_devices(loads) - {CPU}:
        raise no_gpu_is_free(loads, [load.index for load in loads if load.is_free])


def device_names(device: str, loads: Sequence[GpuLoad]) -> tuple[str, ...]:
    """The devices that a training on `device` will use, where it is not `auto`."""
    if device == "none" or not loads:
        return (CPU,)
    there = [load.index for load in loads]
    wanted = wanted_numbers(device)
    chosen = there if wanted is None else wanted
    return tuple(str(number) for number in chosen if number in there) or (CPU,)


def free_devices(loads: Sequence[GpuLoad]) -> set[str]:
    """The devices that no training of this user has claimed and nobody else uses."""
    names = [CPU, *(str(load.index) for load in loads if load.is_free)]
    return {name for name in names if _is_unclaimed(name)}


def _is_unclaimed(name: str) -> bool:
    descriptor = _lock(name, shared=False)
    if descriptor is None:
        return False
    os.close(descriptor)
    return True


def _share(names: Sequence[str]) -> tuple[int, ...]:
    """The locks of those devices that can be shared; a claim that cannot be made stops nobody."""
    opened = []
    for name in names:
        try:
            opened.append(_lock(name, shared=True))
        except RunError:  # no folder for it
            break
    return tuple(one for one in opened if one is not None)


def _lock(name: str, *, shared: bool) -> int | None:
    """The open, locked file of a device; None where another claim is in the way."""
    descriptor = open_lock(state_folder() / "devices" / f"{name}.lock")
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
