"""`--cluster slurm` on the command line; the scheduler is tests/support/fake_slurm.py."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from odapi_runner.cli import main
from odapi_runner.rundir import RunDir
from odapi_runner.runs.spec import RunSpec
from odapi_runner.runs.status import read_status
from odapi_runner.workspace import Workspace
from support import fake_slurm


def odapi(*words: str) -> Result:
    return CliRunner().invoke(main, words, catch_exceptions=False)


@pytest.fixture
def full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a cluster on which every job waits."""
    state = fake_slurm.install(tmp_path / "slurm", monkeypatch)
    (state / "full").touch()
    return state


def test_a_job_is_submitted_and_taken_back(
    full: Path, workspace: Workspace, rendered: Path
) -> None:
    """What was asked for is in run.json and in the job's script; the number is told."""
    result = odapi("train", "--cluster", "slurm", "--slurm-gpus", "2", "--slurm-time", "2-00")

    assert result.exit_code == 0, result.output
    assert result.stdout == (
        "kitti-d0: will train pipelines/kitti-d0/pipeline.config in train/kitti-d0\n"
    )
    assert result.stderr.splitlines() == [
        "2 devices, 1 image each",
        "kitti-d0: job 1 of Slurm",
        "  odapi status kitti-d0",
        "  odapi logs kitti-d0 -f",
    ]
    options = RunSpec.load(RunDir(workspace.train / "kitti-d0")).options
    assert (options.cluster, options.slurm_gpus, options.slurm_time) == ("slurm", 2, "2-00")
    script = (full / "1.script").read_text("utf-8")
    assert "#SBATCH --gpus-per-node=2\n" in script
    assert "#SBATCH --time=2880\n" in script
    result = odapi("status", "kitti-d0")
    assert result.stderr == "kitti-d0: queued: job 1 waits in Slurm: Resources\n"
    result = odapi("resume", "kitti-d0")
    assert result.exit_code == 1
    assert "job 1 waits in Slurm: Resources\n  Wait for its end, or end it" in result.stderr
    assert odapi("stop", "kitti-d0").exit_code == 0
    assert odapi("wait", "kitti-d0").exit_code == 3


def test_it_goes_on_elsewhere(full: Path, workspace: Workspace, rendered: Path) -> None:
    """A job that was taken back goes on with less time; or without a cluster."""
    odapi("train", "--cluster", "slurm", "--gpu", "none", "--slurm-time", "9")
    odapi("stop", "kitti-d0")
    run = RunDir(workspace.train / "kitti-d0")

    assert odapi("resume", "kitti-d0", "--slurm-time", "5").exit_code == 0
    assert "#SBATCH --time=5\n" in (full / "2.script").read_text("utf-8")
    assert odapi("resume", "kitti-d0", "--foreground").exit_code == 2
    odapi("stop", "kitti-d0")
    result = odapi("resume", "kitti-d0", "--cluster", "none", "--foreground")
    assert result.exit_code == 0, result.output
    assert read_status(run).state == "done"


def test_a_sweep_is_a_job_a_run(full: Path, workspace: Workspace, rendered: Path) -> None:
    """Slurm has a queue of its own: they do not wait in this machine's."""
    words = ("kitti-d0", "-s", "learning_rate=0.01,0.02", "--cluster", "slurm", "--gpu", "none")
    result = odapi("sweep", *words)

    assert result.exit_code == 0, result.output
    assert "2 runs in Slurm" in result.stderr
    assert {path.name for path in full.glob("*.script")} == {"1.script", "2.script"}
    for name in ("kitti-d0-sweep.01", "kitti-d0-sweep.02"):
        assert read_status(RunDir(workspace.train / name)).state == "queued"
        odapi("stop", name)
    result = odapi("sweep", *words, "--after", "kitti-d0-sweep.01")
    assert result.exit_code == 1
    assert "--slurm-extra dependency=afterany:JOB" in result.stderr


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        (["--slurm-time", "soon"], 2, '"soon" is neither minutes nor'),
        (["--slurm-extra", "output=x"], 2, '"output" is set by odapi.'),
        (["--foreground"], 2, "A run of a cluster is no run in the foreground."),
        (["--queue"], 1, "the queue of this machine contradict each other"),
        (["--gpu", "1"], 1, "--gpu 1 means nothing in a job"),
        (["--batch", "auto"], 1, "which GPU it will be is not known"),
    ],
)
def test_what_is_refused(
    full: Path, workspace: Workspace, rendered: Path, words: list[str], code: int, what: str
) -> None:
    """Before a folder is made."""
    result = odapi("train", "--cluster", "slurm", *words)

    assert result.exit_code == code
    assert what in result.stderr
    assert not workspace.train.exists()


def test_without_slurm(
    workspace: Workspace, rendered: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two lines, and nothing is made."""
    monkeypatch.setenv("PATH", "/nowhere")
    result = odapi("train", "--cluster", "slurm")

    assert result.exit_code == 1
    assert "there is no Slurm on this machine: no sbatch, srun, squeue, scancel" in result.stderr
    assert not workspace.train.exists()
