"""Why a trainer has ended."""

from __future__ import annotations

from typing import Any

import pytest

from odapi_runner.runs.failures import (
    NAN,
    OOM,
    OTHER,
    PASSING,
    Failure,
    classify,
    count_oom_kills,
)

SILENT: dict[str, Any] = {"kind": "started"}


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
