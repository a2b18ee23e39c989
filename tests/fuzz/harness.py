"""Cases by number: seeded, limited in time, saved where they fail.

A case is a function of (seed, target, number), and a failing one is saved as its bytes, so that it
stays what it was when the mutations change.
"""

from __future__ import annotations

import os
import shlex
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import FrameType

from odapi_runner.errors import OdapiError

REPOSITORY = Path(__file__).parent.parent.parent
SAVED = REPOSITORY / ".fuzz"
CASES = int(os.environ.get("ODAPI_FUZZ_CASES", "300"))
SEED = int(os.environ.get("ODAPI_FUZZ_SEED", "0"))
# Seconds: a hundred times what a case takes, since the machine may be busy.
LIMIT = 10.0
# A refusal is a sentence, not a screenful.
LONGEST = 3000
_MOST_FAILURES = 3


@dataclass(frozen=True, slots=True)
class Target:
    """Something that reads what others wrote."""

    name: str
    make: Callable[[Random], bytes]
    run: Callable[[bytes, Path], object]  # given an input, and a folder for files


@dataclass(frozen=True, slots=True)
class Failure:
    """A case that ended in another way than OdapiError, or not in time."""

    case: str
    trace: str


class _TimeUp(BaseException):
    """Not an Exception: nothing that is tested may catch it."""


def run_cases(target: Target, folder: Path, seed: int = SEED, cases: int = CASES) -> list[Failure]:
    """Run the cases of a target, up to a few failures, which are saved."""
    failures: list[Failure] = []
    for number in range(cases):
        case = f"{target.name}-{seed}-{number}"
        data = target.make(Random(case))
        if trace := run_case(target, data, folder):
            failures.append(Failure(case, trace))
            _save(case, data, trace)
            if len(failures) == _MOST_FAILURES:
                break
    return failures


def run_case(target: Target, data: bytes, folder: Path) -> str:
    """The traceback of one input; empty where it was read or refused."""
    start = time.monotonic()
    try:
        with _time_limit():
            target.run(data, folder)
    except OdapiError as error:
        if len(error.message) > LONGEST:
            return f"a refusal of a screenful: {error.message}"
    except _TimeUp as error:
        return f"after {time.monotonic() - start:.0f} s at\n{_trace(error)}"
    except Exception as error:  # noqa: BLE001 - this is what is looked for
        return _trace(error)
    return ""


def replay_command(case: str) -> str:
    """What to type to run a saved case again."""
    return f"PYTHONPATH=tests .venv/bin/python -m fuzz.replay {shlex.quote(f'.fuzz/{case}')}"


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def _save(case: str, data: bytes, trace: str) -> None:
    SAVED.mkdir(exist_ok=True)
    (SAVED / case).write_bytes(data)
    (SAVED / f"{case}.txt").write_text(f"{replay_command(case)}\n\n{trace}", encoding="utf-8")


@contextmanager
def _time_limit() -> Iterator[None]:
    def ring(_number: int, _frame: FrameType | None) -> None:
        raise _TimeUp

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, LIMIT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
