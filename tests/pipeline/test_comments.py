"""Comments in a config that let findings pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from odapi_runner.backends.check import check
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.render import build_pipeline
from odapi_runner.proto.text import render_pipeline
from odapi_runner.workspace import Workspace

# Three findings: an error, a warning and a hint.
BENT = (
    "model.ssd.num_classes=-3",
    "train_config.gradient_clipping_by_norm=-1",
    "eval_config.max_evals=1",
)
ALL = ["no-classes", "gradient-clipping", "no-effect"]


@pytest.fixture(scope="module")
def text() -> str:
    """kitti-d0 from scratch, bent."""
    workspace = Workspace(Path(__file__).parent)
    message = build_pipeline("kitti-d0", Changes(BENT), workspace).message
    return render_pipeline(message)


def rules(text: str, tmp_path: Path) -> list[str]:
    """The rules that speak, but those on absent files."""
    path = tmp_path / "x.config"
    path.write_text(text, encoding="utf-8")
    found = check(path, Workspace(tmp_path), from_scratch=True)
    return [item.rule for item in found if item.rule not in ("label-map", "records")]


def test_without_a_comment_everything_is_found(text: str, tmp_path: Path) -> None:
    """An error, a warning and a hint."""
    assert rules(text, tmp_path) == ALL


@pytest.mark.parametrize(
    ("field", "written", "left"),
    [
        # Behind the field, above it, above it and other comments, behind the message around it.
        ("max_evals: 1", "max_evals: 1  # odapi: ignore=no-effect", ALL[:2]),
        ("  max_evals: 1", "  # odapi: ignore=no-effect\n  max_evals: 1", ALL[:2]),
        ("  max_evals: 1", "  #odapi:ignore=no-effect\n\n  # why\n  max_evals: 1", ALL[:2]),
        ("max_evals: 1", "max_evals: 1  # odapi:ignore = no-effect", ALL[:2]),
        ("max_evals: 1", "max_evals: 1  # odapi : ignore: no-effect", ALL[:2]),
        ("eval_config {", "eval_config {  # odapi: ignore=no-effect", ALL[:2]),
        ("train_config {", "# odapi: ignore=gradient-clipping\ntrain_config {", [ALL[0], ALL[2]]),
        # A comment of its own line speaks of the field below, one behind a field of that field.
        (
            "  max_evals: 1",
            "  # odapi: ignore=no-effect\n  num_visualizations: 3\n  max_evals: 1",
            [*ALL, "ignore-unused"],
        ),
        ("max_evals: 1", "max_evals: 1 # odapi: ignore=gradient-clipping", [*ALL, "ignore-unused"]),
        ("max_evals: 1", "max_evals: 1 # odapi: ignore=noeffect", [*ALL, "ignore-unknown"]),
        (
            "max_evals: 1",
            "max_evals: 1 # odapi: ignore=no-effect , no-classes",
            [*ALL[:2], "ignore-unused"],
        ),
        # What stands in a string is no comment.
        (
            "max_evals: 1",
            'max_evals: 1 eval_master: "# odapi: ignore=no-effect"',
            [*ALL, "no-effect"],
        ),
    ],
)
def test_a_comment_speaks_of_its_field(
    text: str, tmp_path: Path, field: str, written: str, left: list[str]
) -> None:
    """Of the one on its line or below, with what is in it; a comment without use is told."""
    assert field in text
    assert rules(text.replace(field, written, 1), tmp_path) == left


def test_on_top_it_speaks_of_the_file(text: str, tmp_path: Path) -> None:
    """Errors, too: it is the user's word."""
    top = "# A config.\n# odapi: ignore=no-classes,gradient-clipping\n# odapi: ignore=no-effect\n"

    assert rules(top + text, tmp_path) == []


@pytest.mark.parametrize("newline", ["\r\n", "\r"])
def test_whatever_ends_lines(text: str, tmp_path: Path, newline: str) -> None:
    """As Windows and old Macs write them."""
    commented = text.replace("max_evals: 1", "max_evals: 1  # odapi: ignore=no-effect")
    path = tmp_path / "x.config"
    path.write_bytes(commented.replace("\n", newline).encode())

    found = check(path, Workspace(tmp_path), from_scratch=True)

    lines = {item.rule: item.line for item in found}
    assert "no-effect" not in lines
    assert lines["no-classes"] == commented[: commented.index("num_classes")].count("\n") + 1
