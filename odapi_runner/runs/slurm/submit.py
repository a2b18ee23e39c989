"""A run becomes a job: everything that submitit writes lies in RUN/slurm."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from collections.abc import Iterator, Sequence

from odapi_runner.errors import RunError
from odapi_runner.formats.runlog import EventLog
from odapi_runner.rundir import RunDir
from odapi_runner.runs.control import SUPERVISE
from odapi_runner.runs.slurm.job import SupervisedRun
from odapi_runner.runs.slurm.jobs import SUBMITTED
from odapi_runner.runs.slurm.request import build_request, refuse_absent, refuse_folder
from odapi_runner.runs.slurm.scheduler import forget
from odapi_runner.runs.spec import RunSpec

# A job is queued again at the end of its time as often as it has got somewhere in it (`job`).
_NO_LIMIT = 1_000_000
_LOG_LEVEL = "SUBMITIT_LOG_LEVEL"


def submit(run: RunDir, lock: int, *, program: Sequence[str] = (sys.executable, *SUPERVISE)) -> str:
    """Hand a run to Slurm.

    Args:
        run: the run.
        lock: its lock, which is given back: the job takes it.
        program: what is given the run's folder there.

    Returns:
        The job's number.

    Raises:
        RunError: this machine cannot submit jobs, or Slurm refuses this one.
    """
    os.close(lock)
    refuse_absent()
    refuse_folder(run.slurm)
    with _logging_left_alone():
        # An extra, which takes a tenth of a second.
        from submitit import SlurmExecutor
        from submitit.core.utils import FailedJobError, FailedSubmissionError

    spec, events = RunSpec.load(run), EventLog(run, "launch")
    executor = SlurmExecutor(run.slurm, max_num_timeout=_NO_LIMIT, python=_python())
    executor.update_parameters(**build_request(run.name, spec.device, spec.options))
    try:
        job = executor.submit(SupervisedRun(str(run.root), tuple(program)))
    except (FailedJobError, FailedSubmissionError) as error:
        said = str(error).strip().splitlines()
        what = f"Slurm refuses it: {said[0] if said else 'without a word'}"
        events.write("failed", what=what)
        raise RunError(
            f"{run.name}: {what}",
            fix=f"Change what it asks for, as in: odapi resume {run.typed} --slurm-partition NAME",
        ) from error
    forget()
    events.write(SUBMITTED, job=job.job_id, cluster=spec.options.cluster)
    return str(job.job_id)


@contextlib.contextmanager
def _logging_left_alone() -> Iterator[None]:
    """Keep submitit from setting up logging as it is imported: that closes everybody's handlers.

    In the job, which is its own program, it may (submitit/core/logger.py).
    """
    before = os.environ.get(_LOG_LEVEL)
    os.environ[_LOG_LEVEL] = "NOCONFIG"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_LOG_LEVEL]
        else:
            os.environ[_LOG_LEVEL] = before


def _python() -> str:
    """The interpreter of this odapi, to which the files of a workspace are no modules."""
    return f"{shlex.quote(sys.executable)} -P"
