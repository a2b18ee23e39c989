"""`python -m odapi_runner.runs.lifeline PARENT NICE SIGNAL PROGRAM ARGUMENT…`: tie, then become.

The program gets a signal from the kernel when its parent dies, however the parent dies, and the
parent may look into it (`hang`). It keeps the pid. Done in a process of its own since code between
fork and exec of the parent (`preexec_fn`) may deadlock, and so that any engine's program can be
tied unchanged.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_PR_SET_PTRACER = 0x59616D61  # of Yama, by which Ubuntu lets only parents look into a process


def tied(argv: Sequence[str], *, nice: int = 0, by: int = signal.SIGTERM) -> list[str]:
    """The command line that runs `argv` tied to this process, at `nice` more than its own.

    Args:
        argv: the program and its arguments.
        nice: what is added to the niceness of this process.
        by: the signal that it gets when this process dies.
    """
    words = (os.getpid(), nice, int(by))
    return [sys.executable, "-P", "-m", __name__, *map(str, words), *argv]


def main(arguments: Sequence[str]) -> None:
    """Tie this process to its parent and become the program."""
    parent, nice, number, *argv = arguments
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    libc.prctl(_PR_SET_PTRACER, int(parent), 0, 0, 0)  # refused where there is no Yama, nor a need
    if os.getppid() != int(parent):
        sys.exit(f"the parent {parent} ended before {argv[0]} was started")
    os.nice(int(nice))
    os.execvp(argv[0], argv)  # noqa: S606 - a shell is what is not wanted here


if __name__ == "__main__":
    main(sys.argv[1:])
