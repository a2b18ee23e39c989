"""Why a GPU is not used, by what driver and TensorFlow say: no GPU is needed for it."""

from __future__ import annotations

from pathlib import Path

import pynvml
import pytest

from odapi_runner.doctor.gpu import (
    BUILDS,
    Driver,
    Seen,
    installed_cuda,
    judge,
    matching_tensorflow,
    read_driver,
)
from support import nvml

T4 = Driver("535.104.05", (12, 2), ("Tesla T4",))
OLD = Driver("470.57.02", (11, 4), ("Tesla V100-SXM2-16GB",))
OURS = Seen("2.20.0", "12.5.1", "9", (), "")
CPU = Seen("2.20.0", None, None, (), "")
DLOPEN = (
    "W0000 gpu_device.cc:2342] Cannot dlopen some GPU libraries. Please make sure the missing "
    "libraries mentioned above are installed properly\nSkipping registering GPU devices...\n"
)
OLDER = (
    'pip install "tensorflow[and-cuda]==2.15.1" brings the libraries that fit; '
    "TensorFlow 2.14 would fit CUDA 11.8"
)
DRIVER = (
    "Install driver 525.60.13 or newer; what fits as it is: TensorFlow 2.11 (built for CUDA 11.2), "
    "by --python."
)
SAID = (
    "TensorFlow 2.20.0 is built for CUDA 12.5.1 and cuDNN 9: it says "
    '"Cannot dlopen some GPU libraries"'
)
PIP = 'pip install "odapi[gpu]" brings the libraries that fit'


@pytest.mark.parametrize(
    ("driver", "seen", "installed", "environment", "what", "fix"),
    [
        (
            T4, OURS, [], {"CUDA_VISIBLE_DEVICES": "-1"},
            "CUDA_VISIBLE_DEVICES=-1 hides it", "unset CUDA_VISIBLE_DEVICES",
        ),
        (
            T4, OURS, [], {"CUDA_VISIBLE_DEVICES": ""},
            "CUDA_VISIBLE_DEVICES= hides it", "unset CUDA_VISIBLE_DEVICES",
        ),
        (T4, CPU, ["12.2"], {}, "TensorFlow 2.20.0 is built for the CPU", PIP),
        # The third seed: a cloud machine's CUDA and the TensorFlow that the program wants.
        (
            T4, Seen("2.15.1", "12.2", "8", (), ""), ["11.8"], {"CUDA_VISIBLE_DEVICES": "0"},
            "TensorFlow 2.15.1 is built for CUDA 12.2, CUDA 11.8 is installed",
            OLDER,
        ),
        (
            OLD, OURS, ["12.5"], {},
            "TensorFlow 2.20.0 is built for CUDA 12.5.1, this driver runs CUDA up to 11.4",
            DRIVER,
        ),
        (T4, OURS, [], {}, "TensorFlow 2.20.0 is built for CUDA 12.5.1, none is here", PIP),
        (
            T4, Seen("2.20.0", "12.5.1", "9", (), DLOPEN), ["12.4"], {},
            SAID,
            PIP,
        ),
    ],
    ids=["hidden", "none-visible", "cpu-build", "cuda", "driver", "no-cuda", "libraries"],
)  # fmt: skip
def test_a_gpu_that_is_here_and_not_used(
    driver: Driver,
    seen: Seen,
    installed: list[str],
    environment: dict[str, str],
    what: str,
    fix: str,
) -> None:
    """The reason, and what would help."""
    fact = judge(driver, seen, installed, environment)

    assert fact.state == "warning"
    assert fact.what == f"{driver.gpus[0]}, driver {driver.version}, is not used: {what}"
    assert fact.fix == fix


def test_a_gpu_that_is_used() -> None:
    """By name, with its driver."""
    seen = Seen("2.20.0", "12.5.1", "9", ("Tesla T4",), "")

    assert judge(T4, seen, [], {}).what == "TensorFlow 2.20.0 uses Tesla T4, driver 535.104.05"
    assert judge(T4, seen, [], {}).state == "ok"


def test_a_driver_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no missing GPU: what the driver says is told."""
    nvml.pretend(monkeypatch)
    assert read_driver() == Driver("550.54", (12, 4), ("RTX 0", "RTX 1"))
    nvml.pretend(monkeypatch, nvmlInit=pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH)
    fact = judge(read_driver(), OURS, [], {})

    assert (fact.state, fact.what) == (
        "warning",
        "NVIDIA's driver does not answer (RM has detected an NVML/RM version mismatch)",
    )
    assert "restart the machine" in fact.fix


def test_no_gpu_is_no_fault() -> None:
    """Training goes on on the CPU, and nothing is to be done."""
    fact = judge(None, OURS, [], {})

    assert (fact.state, fact.fix) == ("absent", "")


@pytest.mark.parametrize(
    ("cuda", "release"),
    [((12, 9), "2.20"), ((12, 4), "2.17"), ((12, 2), "2.15"), ((11, 8), "2.14"), ((10, 1), None)],
)
def test_the_tensorflow_that_would_match(cuda: tuple[int, int], release: str | None) -> None:
    """The newest that is built with this CUDA or an older one of its number."""
    assert matching_tensorflow(cuda) == release


def test_the_table_is_of_falling_versions() -> None:
    """Newest first: the search takes the first that fits."""
    releases = [tuple(map(int, one.split("."))) for one in BUILDS]
    assert releases == sorted(releases, reverse=True)


def test_installed_versions_are_found_by_their_folders(tmp_path: Path) -> None:
    """The system's own; what pip has installed comes first."""
    for name in ("cuda-11.8", "cuda-12.4", "cuda", "cuda-samples"):
        (tmp_path / name).mkdir()

    assert installed_cuda(tmp_path)[-2:] == ["11.8", "12.4"]
