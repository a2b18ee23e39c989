"""Which GPU a trainer sees, and what is said when it cannot."""

from __future__ import annotations

import pytest

from odapi_runner.runs import gpus
from odapi_runner.runs.gpus import Gpu, device_environment, device_warnings, read_gpus

RTX = Gpu(0, "RTX 3060 Ti", 8 << 30)

UNUSABLE = (
    "RTX 3060 Ti is here, but this TensorFlow cannot use it: training on the CPU. To change that: "
    'pip install "odapi[gpu]"'
)


@pytest.mark.parametrize(
    ("device", "environment"),
    [
        ("auto", {}),
        ("none", {"CUDA_VISIBLE_DEVICES": "-1"}),
        ("1", {"CUDA_VISIBLE_DEVICES": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}),
    ],
)
def test_a_device_in_the_environment(device: str, environment: dict[str, str]) -> None:
    """A number is the one that nvidia-smi shows."""
    assert device_environment(device) == environment


@pytest.mark.parametrize("device", ["", "-1", "0,1", "gpu0", "1.0"])
def test_what_is_no_device(device: str) -> None:
    """One GPU by its number, or none."""
    with pytest.raises(ValueError, match="neither the number of one GPU"):
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
