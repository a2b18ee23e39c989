"""Starting a supervisor that does not come."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable

import pytest

from odapi_runner.errors import RunError
from odapi_runner.rundir import RunDir
from odapi_runner.runs import control
from odapi_runner.runs.control import start_supervisor
from odapi_runner.runs.lock import is_locked, take_lock

# Its own pid, and no word after it.
SILENT = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"


def test_a_supervisor_that_comes_too_late_is_ended(
    make_run: Callable[..., RunDir], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not train later, while its run counts as one that did not start."""
    monkeypatch.setattr(control, "_START_SECONDS", 1.0)
    run = make_run()

    what = f"{run.name}: the supervisor did not start within 1 s, and was ended"
    with pytest.raises(RunError, match=re.escape(what)):
        start_supervisor(run, take_lock(run), program=[sys.executable, "-c", SILENT])
    pid = int(run.log("supervise").read_text())
    assert not is_locked(run)
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, 0)
