"""Starting a run where its options say: on this machine, or on a cluster."""

from __future__ import annotations

from odapi_runner.rundir import RunDir
from odapi_runner.runs.control import start_supervisor
from odapi_runner.runs.slurm.submit import submit
from odapi_runner.runs.spec import RunSpec


def start(run: RunDir, lock: int) -> str:
    """Start a run in the background; its lock goes over to its processes.

    Returns:
        A sentence about where it is, empty where it is here.

    Raises:
        RunError: it ended at once, or the cluster refuses it.
    """
    if RunSpec.load(run).options.cluster is None:
        start_supervisor(run, lock)
        return ""
    return f"job {submit(run, lock)} of Slurm"
