"""The seed at the end of a test run, so that what failed can be run again."""

from __future__ import annotations

import pytest

from fuzz.harness import CASES, SEED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what it takes to run the same cases again."""
    terminalreporter.write_line(
        f"fuzz: ODAPI_FUZZ_SEED={SEED} ODAPI_FUZZ_CASES={CASES}, failing inputs are in .fuzz/"
    )
