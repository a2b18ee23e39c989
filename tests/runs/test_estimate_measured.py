"""What `odapi estimate` says, against what trainings take, and against what a user has met."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from odapi_runner.formats.runlog import read_events
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.rendered import write_rendered
from odapi_runner.records.draw import draw_streets
from odapi_runner.records.kitti import convert_kitti
from odapi_runner.rundir import RunDir
from odapi_runner.runs.estimate import MIB, estimate
from odapi_runner.workspace import Workspace
from support.small_runs import SCRATCH

pytestmark = [pytest.mark.tf, pytest.mark.long]

MOBILENET = "kitti-ssd-mobilenet-v2-fpnlite"
GPU = 8 << 30

# The peak of a process that has only imported what a trainer imports, in KiB.
IMPORTED = """\
import re, odapi_runner.engine.train
print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
"""


@pytest.mark.parametrize(
    ("preset", "changes"),
    [
        (MOBILENET, ("image_size=320", "batch_size=8")),
        ("kitti-d0", ("image_size=256", "batch_size=8")),
    ],
)
def test_the_peak_of_a_training_is_foretold(
    tmp_path: Path, preset: str, changes: tuple[str, ...]
) -> None:
    """Within a fifth, above what the imports take; on a CPU, by three steps in a new process."""
    place = Workspace(tmp_path)
    place.mark()
    draw_streets(tmp_path / "raw", images=20, seed=1, size_hw=(375, 500))
    convert_kitti(tmp_path / "raw", place.data / "kitti", shards=1)
    config = write_rendered(preset, Changes((*changes, "num_steps=3"), SCRATCH), place)
    run = RunDir(place.train / "a")

    found = estimate(config, workspace=str(tmp_path))
    words = ["--config", config, "--run-dir", run.root, "--num-steps", "3"]
    train = [sys.executable, "-m", "odapi_runner.engine.train", *map(str, words)]
    subprocess.run(train, cwd=tmp_path, check=True)
    imported = subprocess.run([sys.executable, "-c", IMPORTED], stdout=subprocess.PIPE, check=True)

    (finished,) = (event for event in read_events(run) if event["kind"] == "finished")
    measured = finished["peak_mib"] - int(imported.stdout) / 1024
    assert found.on_cpu(found.asked) / MIB == pytest.approx(measured, rel=0.2)


@pytest.mark.parametrize(
    ("preset", "fits"),
    [
        ("kitti-d0", {4: True}),
        ("kitti-d2", {2: True}),
        ("kitti-d4", {1: False, 2: False}),
    ],
)
def test_what_a_gpu_of_8_gb_has_trained(tmp_path: Path, preset: str, fits: dict[int, bool]) -> None:
    """A user's RTX 3060 Ti: D0 with 4 images, D2 with 2, and not D4, at the sizes of the presets.

    He used google/automl, whose network these are. Nobody has measured odapi's on that GPU.
    """
    found = estimate(preset, workspace=str(tmp_path))

    assert {batch: found.fits(batch, GPU) for batch in fits} == fits
