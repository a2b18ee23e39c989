"""What is typed for a job: its time, and further options of sbatch."""

from __future__ import annotations

import re
import shlex

_NAME = re.compile(r"[a-z][a-z0-9-]*")
# Set by odapi, or of a job of another kind than one supervised run.
_TAKEN = {
    **dict.fromkeys(["partition", "time"], "--slurm-{}"),
    **dict.fromkeys(["gpus", "gpus-per-node", "gpus-per-task"], "--slurm-gpus"),
    **dict.fromkeys(["job-name", "output", "error", "open-mode", "signal", "requeue"], ""),
    **dict.fromkeys(["nodes", "ntasks", "ntasks-per-node", "array", "wrap", "chdir", "export"], ""),
}  # fmt: skip


def parse_time(text: str) -> int:
    """Minutes of a time as sbatch has it: `90`, `12:00:00`, `2-00`, `1-12:30`, `1-12:30:00`.

    Raises:
        ValueError: it is none of these, or no time at all.

    Source: sbatch(1), --time. Seconds are rounded up.
    """
    days, dash, rest = text.rpartition("-")
    parts = rest.split(":")
    if not all(part.isdecimal() for part in [*parts, *([days] if dash else [])]) or len(parts) > 3:
        raise ValueError(f'"{text}" is neither minutes nor [DAYS-]HOURS:MINUTES:SECONDS')
    numbers = [int(part) for part in parts]
    if dash:  # days-hours[:minutes[:seconds]]
        hours, minutes, seconds = (*numbers, 0, 0)[:3]
    elif len(numbers) == 3:
        hours, minutes, seconds = numbers
    else:  # minutes[:seconds]
        hours, (minutes, seconds) = 0, (*numbers, 0)[:2]
    found = (int(days or 0) * 24 + hours) * 60 + minutes + (seconds + 59) // 60
    if not found:
        raise ValueError(f'"{text}" is no time')
    return found


def parse_extra(text: str) -> dict[str, str | bool]:
    """Options of sbatch between spaces: `account=vision mem=32G exclusive`, quotes as in a shell.

    Raises:
        ValueError: a word has not this form, or names what odapi sets.
    """
    found: dict[str, str | bool] = {}
    for word in shlex.split(text):
        name, equals, value = word.partition("=")
        if not _NAME.fullmatch(name) or not value.isprintable() or bool(equals) != bool(value):
            raise ValueError(f'"{word}" is neither NAME nor NAME=VALUE, as in mem=32G')
        if name in _TAKEN:
            instead = _TAKEN[name].format(name)
            raise ValueError(f'"{name}" is {f"given by {instead}" if instead else "set by odapi"}')
        found[name] = value or True
    return found
