"""The harness itself: what counts as a failure, and what is kept of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fuzz import harness
from fuzz.harness import REPOSITORY, Target, run_case, run_cases
from fuzz.mutate import mutate_bytes, mutate_text
from fuzz.targets import TARGETS
from odapi_runner.errors import ConfigError


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where failing inputs of this test go."""
    monkeypatch.setattr(harness, "SAVED", tmp_path / "saved")
    return tmp_path / "saved"


def refuse(what: str) -> None:
    raise ConfigError(what, fix="Correct it.")


def hang() -> None:
    while True:
        pass


def target(run: object) -> Target:
    return Target("some", lambda random: random.randbytes(4), run)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("run", "trace"),
    [
        (lambda data, folder: None, ""),
        (lambda data, folder: refuse("a.config: no"), ""),
        (lambda data, folder: refuse("no\n" * 1000), "a refusal of a screenful"),
        (lambda data, folder: {}["key"], "KeyError: 'key'"),
        (lambda data, folder: hang(), "after 0 s at"),
    ],
    ids=["read", "refused", "screenful", "exception", "hang"],
)
def test_only_a_refusal_in_time_is_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: object, trace: str
) -> None:
    """Another exception, a hang and a refusal that fills a screen are failures."""
    monkeypatch.setattr(harness, "LIMIT", 0.2)

    found = run_case(target(run), b"", tmp_path)

    assert trace in found
    assert bool(found) == bool(trace)


def test_a_failing_input_is_kept_with_its_command(saved: Path, tmp_path: Path) -> None:
    """The bytes, and beside them what to type and where it failed; a few, then it ends."""
    failures = run_cases(target(lambda data, folder: 1 / 0), tmp_path, seed=5, cases=100)

    assert [failure.case for failure in failures] == ["some-5-0", "some-5-1", "some-5-2"]
    assert len((saved / "some-5-0").read_bytes()) == 4
    text = (saved / "some-5-0.txt").read_text("utf-8")
    assert text.splitlines()[0] == (
        "PYTHONPATH=tests .venv/bin/python -m fuzz.replay .fuzz/some-5-0"
    )
    assert "ZeroDivisionError" in text


def test_the_same_seed_makes_the_same_inputs(tmp_path: Path) -> None:
    """Whatever other cases there are; another seed makes others."""
    inputs: dict[tuple[int, int], list[bytes]] = {}
    for seed, cases in ((1, 3), (1, 5), (2, 5)):
        made = inputs.setdefault((seed, cases), [])
        run_cases(target(lambda data, folder, made=made: made.append(data)), tmp_path, seed, cases)

    assert inputs[1, 3] == inputs[1, 5][:3]
    assert not set(inputs[1, 5]) & set(inputs[2, 5])


@pytest.mark.parametrize("each", TARGETS, ids=lambda each: each.name)
def test_inputs_are_a_function_of_the_case(each: Target) -> None:
    """No clock, no set order, no state: a number makes an input again."""
    from random import Random

    assert [each.make(Random(n)) for n in range(20)] == [each.make(Random(n)) for n in range(20)]


def test_mutations_change_something() -> None:
    """Nearly always: a word may be replaced by itself."""
    from random import Random

    random = Random(0)
    texts = [mutate_text(random, "model { ssd { num_classes: 3 } }\n") for _ in range(200)]
    data = [mutate_bytes(random, b"0123456789" * 4) for _ in range(200)]

    assert len(set(texts)) > 150
    assert len(set(data)) > 150


def test_a_saved_case_is_run_again(tmp_path: Path) -> None:
    """By the command that stands beside it: an exception comes as it is, a refusal too."""
    case = tmp_path / "label_map-0-1"
    case.write_bytes(b"item { id: 0 name: 'a' }")
    done = subprocess.run(
        [sys.executable, "-m", "fuzz.replay", str(case)],
        cwd=REPOSITORY,
        env={"PYTHONPATH": "tests"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert '"a" has id 0, and 0 is the background' in done.stderr
