"""What a job asks Slurm for, and what cannot be a job."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import Any

from odapi_runner.errors import ConfigError, RunError
from odapi_runner.runs.options import JOB_OPTIONS, RunOptions
from odapi_runner.runs.slurm.words import parse_extra, parse_time
from odapi_runner.settings import spelled

# Asked for that long before the end of its time, a trainer has enough to end its step and to save.
_MOST_SECONDS_TO_END = 300


def build_request(name: str, device: str, options: RunOptions) -> dict[str, Any]:
    """The parameters of submitit's executor.

    Args:
        name: of the job.
        device: `visible` or `none`.
        options: of the run.
    """
    minutes = parse_time(options.slurm_time)
    gpus = count_gpus(device, options)
    return {
        "job_name": name,
        "time": minutes,
        "partition": options.slurm_partition,
        "gpus_per_node": gpus or None,
        "signal_delay_s": min(_MOST_SECONDS_TO_END, minutes * 60 // 4),
        "stderr_to_stdout": True,
        # A preempted job is to be queued again, whatever the cluster's default is.
        "additional_parameters": {"requeue": True, **parse_extra(options.slurm_extra or "")},
    }


def count_gpus(device: str, options: RunOptions) -> int:
    """How many GPUs the job gets."""
    return 0 if device == "none" else options.slurm_gpus


def refuse_unfit(options: RunOptions, device: str, *, queue: bool = False) -> None:
    """Refuse what cannot be a job, and options of a job where none is asked for.

    Raises:
        ConfigError: options contradict each other.
        RunError: this machine cannot submit jobs.
    """
    if options.cluster is None:
        given = [name for name in options.changed() if name in JOB_OPTIONS]
        if given:
            raise ConfigError(
                f"{spelled(given[0])} is for jobs of a cluster", fix="Add --cluster slurm."
            )
        return
    if queue:
        refuse_queue(options.cluster)
    if device not in {"visible", "none"}:
        raise ConfigError(
            f"--gpu {device} means nothing in a job: Slurm chooses the GPUs",
            fix="Leave that to it, --gpu visible, and say how many: --slurm-gpus N; or --gpu none.",
        )
    if options.workers > 1:
        raise ConfigError(
            "--workers and --cluster contradict each other: a job has one machine",
            fix="Give the job several GPUs: --slurm-gpus N",
        )
    refuse_absent()


def refuse_queue(cluster: str | None) -> None:
    """Refuse the queue of this machine to a run of a cluster.

    Raises:
        ConfigError: it is one.
    """
    if cluster is not None:
        raise ConfigError(
            "--cluster and the queue of this machine contradict each other",
            fix="Slurm has a queue of its own; after another job: "
            "--slurm-extra dependency=afterany:JOB",
        )


def refuse_absent() -> None:
    """See that jobs can be submitted from here.

    Raises:
        RunError: submitit or Slurm is missing.
    """
    if importlib.util.find_spec("submitit") is None:
        raise RunError(
            "--cluster slurm needs submitit, which is not installed",
            fix='pip install "odapi[slurm]"',
        )
    absent = [name for name in ("sbatch", "srun", "squeue", "scancel") if not shutil.which(name)]
    if absent:
        raise RunError(
            f"there is no Slurm on this machine: no {', '.join(absent)}",
            fix="Start it on a machine that submits jobs, or without --cluster.",
        )


def refuse_folder(folder: Path) -> None:
    """Refuse a folder that a job's script cannot name: `%` means something to Slurm there.

    Raises:
        RunError: it is one.
    """
    if "%" in str(folder) or "\\" in str(folder) or not str(folder).isprintable():
        raise RunError(
            f"{folder}: Slurm cannot write into a folder of such a name",
            fix="Take a name without % and \\, for the run and for the folders above it.",
        )
