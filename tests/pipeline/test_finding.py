"""What a check has found, as it is shown."""

from __future__ import annotations

from odapi_runner.pipeline.finding import Finding


def test_a_finding_is_printable_whatever_it_quotes() -> None:
    """A path may hold a tab where a backslash began an escape, and be of any length."""
    finding = Finding("paths", "error", "a[\n]", "C:\train\ud800: absent", "-s a=" + "x" * 600)

    assert finding.place == "a[\\n]"
    assert finding.what == "C:\\train\\ud800: absent"
    assert len(finding.fix) == 500
