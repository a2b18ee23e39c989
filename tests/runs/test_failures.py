"""Why a trainer has ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from odapi_runner.runs.failures import (
    NAN,
    OOM,
    OTHER,
    PASSING,
    Failure,
    OomKills,
    classify,
    count_oom_kills,
)

SILENT: dict[str, Any] = {"kind": "started"}
NO_GPU = (
    "E0000 00:00:1 cuda_executor.cc:1] failed call to cuInit: CUDA_ERROR_UNKNOWN: unknown error\n"
)


def told(error: str) -> dict[str, Any]:
    return {"kind": "failed", "error": error, "what": "It failed", "fix": "Mend it."}


@pytest.mark.parametrize(
    ("code", "last", "log", "oom_kills", "kind"),
    [
        (1, told("OutOfMemoryError"), "", 0, OOM),
        (1, told("NotFiniteError"), "", 0, NAN),
        (1, told("ConfigError"), "MemoryError", 0, OTHER),
        (-9, SILENT, "", 1, OOM),
        (137, SILENT, "", 1, OOM),
        (-9, SILENT, "", 0, OTHER),
        (-9, SILENT, "an earlier RESOURCE_EXHAUSTED that was survived", 0, OTHER),
        (-6, SILENT, "terminate called after throwing an instance of 'std::bad_alloc'", 0, OOM),
        (1, SILENT, "tensorflow.python.framework.errors_impl.ResourceExhaustedError: {{", 0, OOM),
        (1, SILENT, "CUDA_ERROR_OUT_OF_MEMORY: out of memory", 0, OOM),
        (1, SILENT, "CUDNN_STATUS_ALLOC_FAILED", 0, OOM),
        (-6, SILENT, "CUDA_ERROR_LAUNCH_TIMEOUT: the launch timed out", 0, PASSING),
        (1, SILENT, "OSError: [Errno 116] Stale file handle", 0, PASSING),
        # TensorFlow calls a full disk a lack of resources, too: no smaller batch helps.
        (1, SILENT, "ResourceExhaustedError: /x/ckpt-2; No space left on device", 0, OTHER),
        # What TensorFlow says as it starts and goes on is no reason for what happens later.
        (-11, SILENT, NO_GPU, 0, OTHER),
        (1, SILENT, f"{NO_GPU}Traceback (most recent call last):\nKeyError: 3", 0, OTHER),
        (-9, SILENT, "CUDA_ERROR_LAUNCH_TIMEOUT: survived", 0, OTHER),
        (137, SILENT, "Stale file handle", 0, OTHER),
        (-11, SILENT, "CUDA_ERROR_LAUNCH_TIMEOUT: survived", 0, OTHER),
        (1, SILENT, "Connection timed out\n" + "Step 100 per-step time 0.1s\n" * 50, 0, OTHER),
        (134, SILENT, f"{NO_GPU}F0000 CUDA_ERROR_ECC_UNCORRECTABLE", 0, PASSING),
        (-11, SILENT, "", 0, OTHER),
        (1, SILENT, "Traceback (most recent call last):", 0, OTHER),
    ],
)
def test_kinds(code: int, last: dict[str, Any], log: str, oom_kills: int, kind: str) -> None:
    """Its own words first, then the kernel's, then those of its log."""
    assert classify(code, last, log, oom_kills=oom_kills, hint="odapi logs x").kind == kind


@pytest.mark.parametrize("code", [-9, 137])
def test_a_kill_that_the_kernel_does_not_count_is_somebodys(code: int) -> None:
    """Nothing is guessed about memory, and no remedy for a lack of it is taken."""
    failure = classify(code, SILENT, "", oom_kills=0, hint="odapi logs x")

    assert failure == Failure(
        OTHER,
        "the trainer was killed by SIGKILL (the kernel tells of no kill for want of memory): "
        "odapi logs x",
    )


def test_the_kernel_counts_what_it_kills() -> None:
    """Of this boot."""
    assert count_oom_kills() >= 0


def test_a_container_counts_its_own(tmp_path: Path) -> None:
    """The machine's count, which has everybody's, is taken where there is no other."""
    cgroup, vmstat = tmp_path / "cgroup", tmp_path / "vmstat"
    own = tmp_path / "fs" / "작업.slice" / "run.scope"
    own.mkdir(parents=True)
    vmstat.write_text("nr_free_pages 5\noom_kill 41\n")
    cgroup.write_text("0::/작업.slice/run.scope\n")

    def count() -> int:
        return count_oom_kills(cgroup=cgroup, cgroups=tmp_path / "fs", vmstat=vmstat)

    assert count() == 41
    (own / "memory.events").write_text("low 0\nhigh 0\nmax 9\noom 2\noom_kill 1\n")
    assert count() == 1
    cgroup.write_text("4:memory:/x\n1:cpu:/\n")
    assert count() == 41
    vmstat.unlink()
    assert count() == 0


def test_what_was_killed_hours_before_does_not_count() -> None:
    """Looked at four times a second; a kill counts for half a minute at least."""
    killed, now = 7, 1000.0
    kills = OomKills(lambda: killed, lambda: now)
    kills.look()

    def wait(seconds: float) -> None:
        nonlocal now
        for _ in range(int(4 * seconds)):
            now += 0.25
            kills.look()

    wait(45)
    killed += 1
    assert kills.recent() == 1
    wait(29)
    assert kills.recent() == 1
    wait(32)
    assert kills.recent() == 0
    killed += 1
    assert kills.recent() == 1
