"""Runs that several machines train.

The chief, worker 0 of TF_CONFIG, has the run: `odapi train … --workers N` and `odapi resume RUN`
are as ever there. On each of the others `odapi resume RUN` takes part in its training, in the
foreground, with the options of run.json. All see the workspace on a disk that they share.
"""

from __future__ import annotations

import os
from typing import NoReturn

from odapi_runner.backends import find_engine
from odapi_runner.errors import RunError
from odapi_runner.formats.cluster import read_cluster
from odapi_runner.rundir import RunDir
from odapi_runner.runs.child import trainer_environment
from odapi_runner.runs.gpus import count_devices
from odapi_runner.runs.options import RunOptions
from odapi_runner.runs.spec import RunSpec


def refuse_helpers(workers: int) -> None:
    """See that this machine may start a run of so many workers.

    Raises:
        ConfigError: TF_CONFIG does not name the workers.
        RunError: it is another one than the chief.
    """
    if workers > 1 and not (cluster := read_cluster(workers)).is_chief:
        raise RunError(
            f"this machine is worker {cluster.index} of {workers}: worker 0 starts the run",
            fix="Start it there, then take part in it here: odapi resume RUN",
        )


def count_replicas(device: str, options: RunOptions) -> int:
    """How many devices share a batch, of all workers; of a job on a cluster those it asks for."""
    if options.cluster is not None:
        return max(1, 0 if device == "none" else options.slurm_gpus)
    return count_devices(device) * options.workers


def is_helper(spec: RunSpec) -> bool:
    """Whether this machine takes part in a run that another one has.

    Raises:
        ConfigError: TF_CONFIG does not name the run's workers.
    """
    workers = spec.options.workers
    return workers > 1 and not read_cluster(workers).is_chief


def take_part(run: RunDir, spec: RunSpec) -> NoReturn:
    """Become a trainer of the run, until all of them end; signals reach it as they are."""
    backend = find_engine(spec.engine)
    argv = backend.trainer_argv(run, options=spec.options)
    environment = trainer_environment(backend, spec.options, spec.environment)
    os.chdir(run.root.parent.parent)
    os.execve(argv[0], argv, os.environ | environment)  # noqa: S606 - no shell
