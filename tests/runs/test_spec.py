"""run.json: written once, read back the same, and never with a secret."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from odapi_runner.errors import RunError
from odapi_runner.rundir import RunDir
from odapi_runner.runs.spec import RunSpec, digest_records, read_versions

MakeRun = Callable[..., RunDir]


def test_a_spec_survives_its_file(make_run: MakeRun) -> None:
    """dump and load are inverse, Korean names included."""
    run = make_run("신호등", num_steps=7, keep=3, evaluate=False)
    spec = RunSpec.load(run)

    assert (spec.name, spec.num_steps, spec.options.keep, spec.options.evaluate) == (
        "신호등",
        7,
        3,
        False,
    )
    spec.dump(run)
    assert RunSpec.load(run) == spec
    assert json.loads(run.run_json.read_text("utf-8"))["format"] == 1


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "Expecting property name"),
        ("[]", "list indices"),
        ("{}", "'format'"),
        ('{"format": 2}', '"format" is 2, this odapi reads 1'),
        ('{"format": 1, "command": [], "overrides": [], "options": {"speed": 1}}', "speed"),
        ('{"format": 1, "command": [], "overrides": [], "options": {"precision": 8}}', "precision"),
        ("\xff", "can't decode"),
    ],
)
def test_a_broken_file_is_named(make_run: MakeRun, text: str, why: str) -> None:
    """A run.json that is cut short, foreign or of a later odapi."""
    run = make_run()
    run.run_json.write_bytes(text.encode("latin-1"))

    with pytest.raises(RunError) as caught:
        RunSpec.load(run)

    assert str(run.run_json) in caught.value.what
    assert why in caught.value.what


def test_a_folder_without_it_is_no_run(tmp_path: Path) -> None:
    """The folder is named."""
    with pytest.raises(RunError, match="there is no run here"):
        RunSpec.load(RunDir(tmp_path))


def test_versions_are_those_of_what_decides() -> None:
    """odapi, Python and the packages that a result depends on."""
    versions = read_versions()

    assert {"odapi", "python", "tensorflow", "numpy"} <= set(versions)


def test_records_digest_differs_with_content(tmp_path: Path) -> None:
    """A changed head, tail, size, name or order gives another digest; the same files the same."""
    one, two = tmp_path / "a.record", tmp_path / "b.record"
    one.write_bytes(bytes(200_000))
    two.write_bytes(b"x")
    seen = [digest_records([one, two]), digest_records([two, one]), digest_records([one])]
    one.write_bytes(b"\1" + bytes(199_999))
    seen.append(digest_records([one]))
    one.write_bytes(bytes(199_999) + b"\1")
    seen.append(digest_records([one]))
    one.write_bytes(bytes(200_001))
    seen.append(digest_records([one]))

    assert len(set(seen)) == len(seen)
    one.write_bytes(bytes(200_000))
    assert digest_records([one]) == seen[2]
