"""`python -m odapi_runner.runs.lifeline PARENT_PID NICE PROGRAM ARGUMENT…`: tie, then become.

The program gets SIGTERM from the kernel when its parent dies, however the parent dies, and the
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


def tied(argv: Sequence[str], *, nice: int = 0) -> list[str]:
    """The command line that runs `argv` tied to this process, at `nice` more than its own."""
    return [sys.executable, "-P", "-m", __name__, str(os.getpid()), str(nice), *argv]


def main(arguments: Sequence[str]) -> None:
    """Tie this process to its parent and become the program."""
    parent, nice, *argv = arguments
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    libc.prctl(_PR_SET_PTRACER, int(parent), 0, 0, 0)  # refused where there is no Yama, nor a need
    if os.getppid() != int(parent):
        sys.exit(f"the parent {parent} ended before {argv[0]} was started")
    os.nice(int(nice))
    os.execvp(argv[0], argv)  # noqa: S606 - a shell is what is not wanted here


if __name__ == "__main__":
    main(sys.argv[1:])
