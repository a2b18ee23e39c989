"""Which GPU is free, and who has it; what NVML answers is written down here."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from odapi_runner.errors import GpuError, RunError
from odapi_runner.runs.claims import claim, claim_now, device_names, free_devices, refuse_busy
from odapi_runner.runs.gpu_load import GpuLoad, read_loads

GIB = 1 << 30
IDLE = GpuLoad(0, "RTX 3060 Ti", 8 * GIB, 300 << 20, 0)
SCREEN = GpuLoad(1, "TITAN Xp", 12 * GIB, GIB, 6)


@pytest.fixture(autouse=True)
def _own_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ODAPI_STATE", str(tmp_path / "상태"))


@pytest.mark.parametrize(
    ("change", "free"),
    [
        ({}, True),
        ({"used_bytes": 2 * GIB}, False),  # somebody's memory, in a container perhaps
        ({"busy_percent": 60}, False),
        ({"busy_percent": None}, True),  # the driver does not tell
        ({"computing": (1,)}, False),  # somebody who is still loading his data
        ({"fault": "GPU is lost"}, False),
    ],
)
def test_when_a_gpu_is_free(change: dict[str, object], free: bool) -> None:
    """Little memory, little work, and nobody who computes."""
    assert dataclasses.replace(IDLE, **change).is_free == free


def test_two_who_want_a_free_gpu_get_one_each() -> None:
    """The one with the most memory first, then the other; then it is said who has them."""
    first, second = claim("auto", [IDLE, SCREEN]), claim("auto", [IDLE, SCREEN])

    assert (first.names, second.names) == (("1",), ("0",))
    assert first.environment()["CUDA_VISIBLE_DEVICES"] == "1"
    with pytest.raises(RunError) as raised:
        claim("auto", [IDLE, SCREEN])
    assert raised.value.what == (
        "no GPU is free: 0 (RTX 3060 Ti): a run of yours has it; "
        "1 (TITAN Xp): a run of yours has it"
    )
    first.close()
    third = claim("auto", [IDLE, SCREEN])
    assert third.names == ("1",)
    for one in (second, third):
        one.close()


def test_a_gpu_that_is_named_is_shared_and_not_free() -> None:
    """Who names one may join others there; who wants a free one does not get it."""
    first, second = claim("0", [IDLE, SCREEN]), claim("0,1", [IDLE, SCREEN])

    assert free_devices([IDLE, SCREEN]) == {"cpu"}
    assert (first.names, second.names) == (("0",), ("0", "1"))
    second.close()
    assert free_devices([IDLE, SCREEN]) == {"cpu", "1"}
    first.close()


@pytest.mark.parametrize(
    ("device", "visible", "names"),
    [
        ("visible", None, ("0", "1")),
        ("visible", "1", ("1",)),
        ("visible", "-1", ("cpu",)),
        ("visible", "GPU-5a3b", ("0", "1")),  # nobody knows which that is
        ("all", "1", ("0", "1")),
        ("0,7", None, ("0",)),
        ("none", None, ("cpu",)),
    ],
)
def test_what_a_training_takes(
    monkeypatch: pytest.MonkeyPatch, device: str, visible: str | None, names: tuple[str, ...]
) -> None:
    """Of all GPUs those that the user has left to it."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)

    assert device_names(device, [IDLE, SCREEN]) == names


def test_other_peoples_work_is_respected() -> None:
    """What they do is said, with their names."""
    busy = GpuLoad(0, "RTX 3060 Ti", 8 * GIB, 7 * GIB, 97, (os.getpid(),))

    with pytest.raises(RunError) as raised:
        refuse_busy([busy])
    assert raised.value.what.startswith(
        "no GPU is free: 0 (RTX 3060 Ti): 7.0 of 8.0 GiB used, 97 % busy, by "
    )
    assert raised.value.what.endswith(f" ({os.getpid()})")


def test_without_gpus_it_is_the_cpu() -> None:
    """Two who ask by hand share it; it is not free for the queue then."""
    first, second = claim("auto", []), claim("visible", [])

    assert (first.names, first.device) == (("cpu",), "none")
    assert free_devices([]) == set()
    first.close()
    second.close()
    assert free_devices([]) == {"cpu"}


def test_a_folder_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It keeps nobody from training on a device that he names; the remedy is said to others."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("ODAPI_STATE", str(tmp_path / "file" / "state"))

    assert claim("0", [IDLE]).descriptors == ()
    with pytest.raises(RunError, match="export ODAPI_STATE=DIR"):
        claim("auto", [IDLE])


def test_a_driver_that_does_not_answer() -> None:
    """GPUs are claimed by their numbers, the CPU as ever; nobody trains there who did not ask."""

    def fail() -> list[GpuLoad]:
        raise GpuError("no answer", fix="")

    with pytest.raises(GpuError):
        claim_now("auto", fail)
    claims = [claim_now(device, fail) for device in ("0,1", "none", "visible")]
    assert [one.names for one in claims] == [("0", "1"), ("cpu",), ()]
    assert free_devices([IDLE, SCREEN]) == set()
    for one in claims:
        one.close()


def test_asking_the_driver_is_no_error_where_there_is_none() -> None:
    """A machine without NVIDIA's library has no GPUs."""
    assert all(isinstance(load, GpuLoad) for load in read_loads())
