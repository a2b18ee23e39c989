"""`rate.json` of a run: by what the rate of the schedule is to be multiplied from now on."""

from __future__ import annotations

import json
import math

from odapi_runner import files
from odapi_runner.rundir import RunDir

FORMAT = 1


def write_rate(run: RunDir, factor: float, why: str) -> None:
    """Ask the trainer for a factor, with the reason."""
    files.write_json(run.rate, {"format": FORMAT, "factor": factor, "why": why})


def is_readable_rate(run: RunDir) -> bool:
    """Whether the file is whole, or there is none."""
    try:
        return isinstance(files.read_json(run.rate), dict)
    except FileNotFoundError:
        return True
    except (OSError, json.JSONDecodeError, UnicodeDecodeError):
        return False


def read_rate(run: RunDir) -> float:
    """The factor; 1 where nobody has asked for another, or the file is none."""
    try:
        factor = files.read_json(run.rate)["factor"]
    except (OSError, json.JSONDecodeError, UnicodeDecodeError, TypeError, KeyError):
        return 1.0
    return factor if isinstance(factor, float) and factor > 0 and math.isfinite(factor) else 1.0
