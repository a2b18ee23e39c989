"""Which job a run has, from the events of who submitted it."""

from __future__ import annotations

import os
from dataclasses import dataclass

from odapi_runner.formats.runlog import read_events
from odapi_runner.rundir import RunDir
from odapi_runner.runs.slurm.scheduler import Word, look_up

SUBMITTED, WITHDRAWN = "submitted", "withdrawn"
_NUMBER = "SLURM_JOB_ID"


@dataclass(frozen=True, slots=True)
class Job:
    """A job of a run; it keeps its number when it is queued again."""

    number: str
    since: float  # when it was submitted, in seconds since the epoch
    owner: int  # a user
    withdrawn: bool  # it is to end, by `odapi stop`

    def look_up(self) -> Word:
        return look_up(self.number, self.owner)


def find_job(run: RunDir) -> Job | None:
    """The latest one of a run."""
    told = read_events(run, "launch")
    latest = next((event for event in reversed(told) if event["kind"] == SUBMITTED), None)
    if latest is None:
        return None
    number = latest["job"]
    ended = any(event["kind"] == WITHDRAWN and event["job"] == number for event in told)
    return Job(number, latest["time"], run.root.stat().st_uid, ended)


def own_job() -> str | None:
    """The number of the job that this process belongs to."""
    return os.environ.get(_NUMBER)
