"""Why a trainer has ended: by its own words, by its log, and by the kernel's."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from odapi_runner.errors import DISK_FULL
from odapi_runner.runs.process import describe_exit

OOM, NAN, PASSING, OTHER = "out of memory", "not finite", "passing", "other"

_KILL_CODES = (-signal.SIGKILL, 128 + signal.SIGKILL)
# Of a trainer that gives up by itself: by an exception, or by what C++ and CUDA do.
_ABORT_CODES = (-signal.SIGABRT, 128 + signal.SIGABRT)
_VMSTAT = Path("/proc/vmstat")
_CGROUP = Path("/proc/self/cgroup")
_CGROUPS = Path("/sys/fs/cgroup")
_OOM_SECONDS = 30.0  # a large process, once killed, may take as long to end
_TAIL_BYTES = 1 << 16
_LAST_LINES = 40

# What CUDA, TensorFlow, XLA, C++ and Python say where memory does not suffice.
_OOM_WORDS: Final = re.compile(
    r"ResourceExhaustedError|RESOURCE_EXHAUSTED|OOM when allocating|CUDA_ERROR_OUT_OF_MEMORY"
    r"|CUBLAS_STATUS_ALLOC_FAILED|CUDNN_STATUS_ALLOC_FAILED|Out of memory while trying to allocate"
    r"|Check failed: nullptr != block->mem|std::bad_alloc|MemoryError|Cannot allocate memory"
    r"|failed to alloc"
)
# What another try may not meet, where a trainer that gave up said so last.
_PASSING_WORDS: Final = {
    r"CUDA_ERROR_LAUNCH_TIMEOUT": "a kernel took longer than the GPU's driver allows",
    r"CUDA_ERROR_ECC_UNCORRECTABLE": "the GPU's memory had an error",
    r"CUDA_ERROR_UNKNOWN|CUDA_ERROR_NOT_READY": "the GPU's driver failed",
    r"Stale file handle|ESTALE": "the network's disk was gone for a moment",
    r"Transport endpoint is not connected|Connection timed out": "the network's disk was gone",
}
# Said as TensorFlow starts, and goes on without a GPU.
_SURVIVED: Final = "failed call to cuInit"


@dataclass(frozen=True, slots=True)
class Failure:
    """How a trainer failed.

    Attributes:
        kind: one of `OOM`, `NAN`, `PASSING` (it may not happen again), `OTHER`.
        what: a sentence for people.
    """

    kind: str
    what: str


def classify(
    code: int,
    told: Mapping[str, Any],
    log: str,
    *,
    oom_kills: int,
    hint: str,
    disk_is_full: bool = False,
) -> Failure:
    """Find out why a trainer has ended without having finished or been stopped.

    Args:
        code: its exit code, as of subprocess.
        told: its last event.
        log: the end of what it printed.
        oom_kills: how many processes the kernel has killed for memory as it ended (`OomKills`).
        hint: where people may look.
        disk_is_full: whether its log may lack what it said for that.
    """
    if told["kind"] == "failed":
        kind = {"OutOfMemoryError": OOM, "NotFiniteError": NAN}.get(told.get("error", ""), OTHER)
        return Failure(kind, f"{told['what']}. {told['fix']}")
    if code not in _KILL_CODES and (found := re.search(DISK_FULL, log)):
        # Before memory: TensorFlow says "resource exhausted" of both.
        return Failure(OTHER, f'a file could not be written ("{found[0]}"): {hint}')
    if code in _KILL_CODES and oom_kills:
        return Failure(OOM, "the kernel killed the trainer: the memory of the machine was full")
    if code not in _KILL_CODES and (found := _OOM_WORDS.search(log)):
        return Failure(OOM, f'the trainer ran out of memory ("{found[0]}"): {hint}')
    if what := _passing(code, log):
        return Failure(PASSING, f"{what}: {hint}")
    why = "its disk is full; " if disk_is_full else ""
    how = describe_exit(code)
    if code in _KILL_CODES:  # somebody's: it says nothing about the memory that the trainer needs
        how = "was killed by SIGKILL (the kernel tells of no kill for want of memory)"
    return Failure(OTHER, f"the trainer {how}: {why}{hint}")


def _passing(code: int, log: str) -> str | None:
    """What has happened to a trainer that may not happen again; a crash or a kill is no such."""
    if not (0 < code < 128 or code in _ABORT_CODES):
        return None
    last = [line for line in log.splitlines() if _SURVIVED not in line][-_LAST_LINES:]
    said = "\n".join(last)
    return next((what for words, what in _PASSING_WORDS.items() if re.search(words, said)), None)


@dataclass(slots=True)
class OomKills:
    """How many processes the kernel has killed for memory in the last half or whole minute.

    It does not say which. What it has killed hours before a trainer was killed is not the trainer.
    """

    count: Callable[[], int]
    clock: Callable[[], float] = time.monotonic
    _looked: float = 0.0
    _counts: tuple[int, int] | None = None  # at the last look but one, and at the last

    def look(self) -> None:
        """Called again and again while a trainer runs."""
        now = self.clock()
        if self._counts is None or now - self._looked >= _OOM_SECONDS:
            latest = self.count()
            before = latest if self._counts is None else self._counts[1]
            self._looked, self._counts = now, (before, latest)

    def recent(self) -> int:
        """Those since the look before the last one."""
        return 0 if self._counts is None else self.count() - self._counts[0]


def count_oom_kills(
    *, cgroup: Path = _CGROUP, cgroups: Path = _CGROUPS, vmstat: Path = _VMSTAT
) -> int:
    """How many processes this kernel has killed for memory since it booted; 0 if it does not say.

    Of the processes of this one's cgroup, where that is of version 2 and counts memory (in a
    container the machine's other processes are others'); else of all of the machine.

    Args:
        cgroup: tells the cgroup of this process.
        cgroups: where they are mounted.
        vmstat: counts for the machine.

    Source: Linux, mm/oom_kill.c (`count_vm_event(OOM_KILL)`, of every memory cgroup as well, and
    `memcg_memory_event_mm(mm, MEMCG_OOM_KILL)`); Documentation/admin-guide/cgroup-v2.rst.
    """
    try:
        lines = cgroup.read_text(encoding="utf-8").splitlines()
        own = next(line.removeprefix("0::/") for line in lines if line.startswith("0::/"))
        return _oom_kills(cgroups / own / "memory.events")
    except (OSError, StopIteration):
        pass
    try:
        return _oom_kills(vmstat)
    except OSError:
        return 0


def _oom_kills(path: Path) -> int:
    lines = path.read_text(encoding="ascii").splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


def read_tail(log: Path, start: int) -> str:
    """The end of what was appended to a log since it had `start` bytes."""
    with log.open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(max(start, size - _TAIL_BYTES))
        return stream.read().decode("utf-8", errors="replace")
