"""One run, one set of processes: whoever works on a run holds the lock of its folder.

The lock (flock) belongs to the open file, not to a process. `train` and `resume` take it and
hand the open file to the supervisor, and that one to trainer and evaluator, so that there is no
moment between them, and the lock is free again when the last of them has ended, however it ended.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from odapi_runner.errors import RunError
from odapi_runner.rundir import RunDir

_LOCKS = Path("/proc/locks")


def is_locked(run: RunDir) -> bool:
    """Whether a process of this machine has the lock of a run."""
    return is_held(run.lock)


def is_held(lock: Path) -> bool:
    """Whether a process of this machine has a lock; taking it to see would be in others' way."""
    try:
        inode = lock.stat().st_ino
        held = _LOCKS.read_text(encoding="ascii").splitlines()
    except OSError:  # no lock yet, or no such list
        return False
    # "5: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF"; an arrow marks one that waits for it.
    return any(f":{inode} " in line and "->" not in line for line in held)


def take_lock(run: RunDir) -> int:
    """The open, locked file; closing it, or the end of every process that has it, frees the run.

    Raises:
        RunError: processes of the run are alive.
    """
    descriptor = os.open(run.lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise RunError(
            f"{run.name}: processes of this run are alive",
            fix=f"See `odapi status {run.typed}`; end them with `odapi stop {run.typed}`.",
        ) from error
    return descriptor
