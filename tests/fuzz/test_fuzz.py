"""Random input for everything that reads: it is read or refused in a sentence, in time."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzz.harness import Target, replay_command, run_cases
from fuzz.targets import TARGETS


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_whatever_comes_is_read_or_refused(target: Target, tmp_path: Path) -> None:
    """Nothing but OdapiError, of one sentence; a failing input is saved with how to replay it."""
    failures = run_cases(target, tmp_path)

    told = "\n\n".join(f"{replay_command(each.case)}\n{each.trace}" for each in failures)
    assert not failures, told
