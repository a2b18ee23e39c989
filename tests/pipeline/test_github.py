"""Findings as workflow commands of GitHub."""

from __future__ import annotations

from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.github import render_github


def test_each_finding_is_a_command() -> None:
    """Level, file, line, title; then the message, in one line."""
    found = {
        "a.config": [
            Finding("num-classes", "error", "model.ssd.num_classes", "4 classes", "Set 3.", 5),
            Finding("base-rate", "warning", "train_config", "too high", "Lower it."),
        ],
        "b.config": [Finding("bfloat16", "hint", "train_config.use_bfloat16", "none", "-d …", 7)],
    }

    assert render_github(found) == (
        "::error file=a.config,line=5,title=odapi num-classes::"
        "model.ssd.num_classes: 4 classes%0ASet 3.\n"
        "::warning file=a.config,title=odapi base-rate::train_config: too high%0ALower it.\n"
        "::notice file=b.config,line=7,title=odapi bfloat16::"
        "train_config.use_bfloat16: none%0A-d …\n"
    )


def test_signs_that_mean_something_are_escaped() -> None:
    """In a property commas and colons as well, which end it."""
    found = {"C:/50%,a.config": [Finding("x", "error", "a,b", "100%", "-d x", 1)]}

    assert render_github(found) == (
        "::error file=C%3A/50%25%2Ca.config,line=1,title=odapi x::a,b: 100%25%0A-d x\n"
    )


def test_nothing_found_is_nothing() -> None:
    """No line at all."""
    assert render_github({"a.config": []}) == ""
