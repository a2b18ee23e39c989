"""`--notify PROGRAM`: somebody is told that a run has ended."""

from __future__ import annotations

import os
import shlex
import subprocess

from odapi_runner.formats.runlog import EventLog
from odapi_runner.rundir import RunDir

_SECONDS = 60


def notify(run: RunDir, program: str, state: str, what: str, events: EventLog) -> None:
    """Call a program, not through a shell; what it prints goes to the supervisor's log.

    Args:
        run: whose folder is the program's current one.
        program: its path, and words that come first; quotes as in a shell.
        state: how the run ended: the word behind its name.
        what: why, the last word.
        events: where it is told how that went.
    """
    try:
        argv = [*shlex.split(program), run.name, state, what]
        done = subprocess.run(argv, cwd=run.root, timeout=_SECONDS, check=False, env=os.environ)
        events.write("notified", program=program, code=done.returncode)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        events.write("notified", program=program, code=None, what=str(error))
