"""Which GPU a trainer sees, and what is said when it cannot."""

from __future__ import annotations

import pytest

from odapi_runner.runs import gpus
from odapi_runner.runs.gpus import (
    Gpu,
    count_devices,
    device_environment,
    device_warnings,
    read_gpus,
)

RTX = Gpu(0, "RTX 3060 Ti", 8 << 30)
TITAN = Gpu(1, "TITAN Xp", 12 << 30)

UNUSABLE = (
    "RTX 3060 Ti is here, but this TensorFlow cannot use it: training on the CPU. To change that: "
    'pip install "odapi[gpu]"'
)


@pytest.mark.parametrize(
    ("device", "environment"),
    [
        ("visible", {}),
        ("auto", {}),
        ("none", {"CUDA_VISIBLE_DEVICES": "-1"}),
        ("1", {"CUDA_VISIBLE_DEVICES": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}),
        ("1,0", {"CUDA_VISIBLE_DEVICES": "1,0", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}),
        ("all", {"CUDA_VISIBLE_DEVICES": "0,1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}),
    ],
)
def test_a_device_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, device: str, environment: dict[str, str]
) -> None:
    """A number is the one that nvidia-smi shows."""
    monkeypatch.setattr(gpus, "read_gpus", lambda: [RTX, TITAN])

    assert device_environment(device) == environment


@pytest.mark.parametrize(
    ("device", "visible", "count"),
    [
        ("visible", None, 2),
        ("auto", "0,1", 1),
        ("visible", "1", 1),
        ("visible", "0,1", 2),
        ("visible", "-1", 1),
        ("visible", "GPU-5a3b,GPU-77c1", 2),
        ("all", "1", 2),
        ("none", None, 1),
        ("1", None, 1),
        ("0,1", None, 2),
        ("0,7", None, 1),
        ("7", None, 1),
    ],
)
def test_how_many_devices_share_a_batch(
    monkeypatch: pytest.MonkeyPatch, device: str, visible: str | None, count: int
) -> None:
    """Those that a trainer will see, of two; without any of them it is the CPU."""
    monkeypatch.setattr(gpus, "read_gpus", lambda: [RTX, TITAN])
    monkeypatch.setattr(gpus, "can_use_gpu", lambda: True)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)

    assert count_devices(device) == count


def test_gpus_that_tensorflow_cannot_use_share_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CPU trains, and takes whole batches."""
    monkeypatch.setattr(gpus, "read_gpus", lambda: [RTX, TITAN])
    monkeypatch.setattr(gpus, "can_use_gpu", lambda: False)

    assert count_devices("all") == 1


@pytest.mark.parametrize("device", ["", "-1", "0,", "0,0", "0, 1", "gpu0", "1.0"])
def test_what_is_no_device(device: str) -> None:
    """GPUs by their numbers, each once, or a word."""
    with pytest.raises(ValueError, match="neither numbers of GPUs as in 0,1"):
        device_environment(device)


@pytest.mark.parametrize(
    ("device", "found", "usable", "warnings"),
    [
        ("0", [], True, ["no NVIDIA GPU on this machine: training on the CPU"]),
        ("auto", [], True, []),
        ("none", [RTX], False, []),
        ("0", [RTX], True, []),
        (
            "3",
            [RTX],
            True,
            [
                "there is no GPU 3 on this machine, there is 0 (RTX 3060 Ti): training on the CPU",
            ],
        ),
        ("0,1", [], True, ["no NVIDIA GPU on this machine: training on the CPU"]),
        ("all", [], True, ["no NVIDIA GPU on this machine: training on the CPU"]),
        ("0,1", [RTX, TITAN], True, []),
        (
            "0,3",
            [RTX],
            True,
            [
                "there is no GPU 3 on this machine, there is 0 (RTX 3060 Ti): training on GPU 0",
            ],
        ),
        (
            "auto",
            [RTX],
            False,
            [UNUSABLE],
        ),
    ],
)
def test_what_stands_between_gpu_and_training(
    monkeypatch: pytest.MonkeyPatch,
    device: str,
    found: list[Gpu],
    usable: bool,
    warnings: list[str],
) -> None:
    """Nothing is said where nothing was asked for and nothing is there."""
    monkeypatch.setattr(gpus, "read_gpus", lambda: found)
    monkeypatch.setattr(gpus, "can_use_gpu", lambda: usable)

    assert device_warnings(device) == warnings


def test_asking_the_driver_is_no_error_where_there_is_none() -> None:
    """A machine without NVIDIA's library has no GPUs."""
    assert all(isinstance(gpu, Gpu) for gpu in read_gpus())
