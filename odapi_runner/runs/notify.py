"""`--notify PROGRAM`: somebody is told that a run has ended.

By its supervisor, however that ends; of a run in a job by the job (`slurm.job`), which knows
whether it is queued again. The queue tells of runs that never started, and of a supervisor that was
killed and is not started again (`queue.serve`).
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from odapi_runner.errors import RunError
from odapi_runner.formats.runlog import EventLog
from odapi_runner.rundir import RunDir
from odapi_runner.runs.spec import RunSpec

NOTIFIED = "notified"
_SECONDS = 60


def settle_notify(typed: str) -> str:
    """The program as an absolute path, quoted as in a shell, and its own words behind it.

    Args:
        typed: a path as a whole, spaces included, or else words as in a shell, of which the first
            is the path. A path is one from the current folder on; a bare name may be in PATH, too.

    Raises:
        RunError: there is no such program, or it cannot be executed.
    """
    candidates = list(_read_words(typed))
    for program, *words in candidates:
        found = _find_program(program)
        if found is not None:
            return shlex.join([str(found), *words])
    for program, *_ in candidates:
        if Path(program).is_file():
            raise RunError(
                f"--notify: {program} is not executable", fix=f"chmod +x {shlex.quote(program)}"
            )
    raise RunError(
        f'--notify: there is no program "{typed}" in {Path.cwd()}, nor in PATH',
        fix="Give its path from the current folder on, and words of its own behind it, if any.",
    )


def notify(run: RunDir, program: str, state: str, what: str, events: EventLog) -> None:
    """Call a program, not through a shell; what it prints goes to the supervisor's log.

    Args:
        run: whose folder is the program's current one.
        program: its path, and words that come first; quotes as in a shell.
        state: how the run ended: the word behind its name.
        what: why, the last word.
        events: where it is told how that went, if the disk has room for it.
    """
    told: dict[str, int | str | None]
    try:
        argv = [*shlex.split(program), run.name, state, what]
        done = subprocess.run(argv, cwd=run.root, timeout=_SECONDS, check=False, env=os.environ)
        told = {"code": done.returncode}
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        told = {"code": None, "what": str(error)}
    with contextlib.suppress(OSError):
        events.write(NOTIFIED, program=program, **told)


def notify_asked(run: RunDir, state: str, what: str) -> None:
    """Call the program that `--notify` names, if any, where no supervisor is there to do it."""
    program = RunSpec.load(run).options.notify
    if program:
        notify(run, program, state, what, EventLog(run, "supervise"))


def _read_words(typed: str) -> Iterator[list[str]]:
    """The ways to understand it: as one path, and as words."""
    yield [typed]
    try:
        words = shlex.split(typed)
    except ValueError:  # a quote of a path, that has no end
        return
    if words:
        yield words


def _find_program(typed: str) -> Path | None:
    here = Path.cwd() / typed
    if here.is_file() and os.access(here, os.X_OK):
        return here
    found = shutil.which(typed) if "/" not in typed else None
    return Path.cwd() / found if found else None
