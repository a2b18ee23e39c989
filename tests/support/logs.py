"""Reading the text of a log for tests of grammars."""

from __future__ import annotations

from odapi_runner.report.logs import find_grammars
from odapi_runner.report.rows import Row
from odapi_runner.report.scan import Findings, Scanner


def rows(text: str, findings: Findings | None = None) -> list[Row]:
    """The rows of a text, whatever format it is of."""
    data = text.encode()
    scanner = Scanner(find_grammars(data), findings)
    return [*scanner.feed(data), *scanner.close()]


def problems(text: str) -> list[tuple[int, str]]:
    """Line and reason of what cannot be used of a text."""
    findings = Findings()
    rows(text, findings)
    return [(problem.line, problem.why) for problem in findings.problems]
