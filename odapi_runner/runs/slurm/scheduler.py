"""What Slurm says of jobs, and what it is told about them: by its own programs, without a shell."""

from __future__ import annotations

import functools
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from odapi_runner.errors import RunError

# One question answers for all jobs of a user; schedulers do not like to be asked all the time.
_REMEMBERED_SECONDS = 3
_PATIENCE_SECONDS = 30
_RESTARTS = "SLURM_RESTART_COUNT"  # of a job that was queued again


@dataclass(frozen=True, slots=True)
class Word:
    """What the scheduler says of a job.

    Attributes:
        state: `active` from its start until all of it has ended; `unknown` where there is nobody
            to ask.
        why: it waits.
    """

    state: Literal["waiting", "active", "gone", "unknown"]
    why: str = ""


def look_up(job: str, owner: int) -> Word:
    """Ask for a job of a user (by number), or remember what was said a moment ago."""
    told = _jobs_of(owner, int(time.monotonic() / _REMEMBERED_SECONDS))
    return Word("unknown") if told is None else told.get(job, Word("gone"))


def cancel(job: str) -> None:
    """Have a job end at once, or never begin.

    Raises:
        RunError: Slurm refuses.
    """
    _tell(["scancel", job])


def ask_to_end(job: str) -> None:
    """SIGTERM to all that the job has started: nobody kills it for it.

    Raises:
        RunError: Slurm refuses.
    """
    _tell(["scancel", "--signal=TERM", job])


def is_being_preempted(job: str) -> bool:
    """Whether another job is to have its place, and it has still time to end by itself."""
    words = _words_of(job)
    return "JobState=RUNNING" in words and any(
        word.startswith("PreemptTime=") and word != "PreemptTime=None" for word in words
    )


def is_queued_again(job: str) -> bool:
    """Whether the job that this process belongs to is to begin anew when it has ended."""
    before = int(os.environ.get(_RESTARTS, "0"))
    counts = (
        word.removeprefix("Restarts=") for word in _words_of(job) if word.startswith("Restarts=")
    )
    return any(count.isdecimal() and int(count) > before for count in counts)


def _words_of(job: str) -> list[str]:
    done = _call(["scontrol", "show", "job", job])
    return done.stdout.split() if done else []


def queue_again(job: str) -> None:
    """Have a job begin anew when its turn comes.

    Raises:
        RunError: Slurm refuses.
    """
    _tell(["scontrol", "requeue", job])


def forget() -> None:
    """Ask anew: something was done since."""
    _jobs_of.cache_clear()


@functools.lru_cache(maxsize=16)
def _jobs_of(owner: int, moment: int) -> Mapping[str, Word] | None:  # noqa: ARG001 - of the cache
    """The jobs that wait or work; those that have ended are not among them."""
    done = _call(["squeue", f"--user={owner}", "--noheader", "--format=%A|%T|%r"])
    if done is None or done.returncode:
        return None
    lines = (line.split("|", 2) for line in done.stdout.splitlines())
    return {
        number: Word("waiting", why) if state == "PENDING" else Word("active")
        for number, state, why in lines
    }


def _tell(argv: Sequence[str]) -> None:
    done = _call(argv)
    forget()
    if done is None or done.returncode:
        what = done.stderr.strip() if done else "it is not there, or does not answer"
        raise RunError(f"{argv[0]}: {what}", fix=f"Try it yourself: {' '.join(argv)}")


def _call(argv: Sequence[str]) -> subprocess.CompletedProcess[str] | None:
    """None where the program is not there, or Slurm does not answer."""
    try:
        return subprocess.run(
            argv, capture_output=True, encoding="utf-8", timeout=_PATIENCE_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
