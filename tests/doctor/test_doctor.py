"""`odapi doctor` on this machine."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from odapi_runner.backends.automl.checkout import ENVIRONMENT
from odapi_runner.backends.tf_models.checkout import VARIABLE
from odapi_runner.cli import main
from odapi_runner.doctor.engines import look_at_automl, look_at_tf_models, usable_engines
from odapi_runner.doctor.examine import look_at_other_python
from odapi_runner.doctor.facts import Examination, Fact
from odapi_runner.doctor.gpu import Driver
from odapi_runner.doctor.machine import (
    _limits,
    ask_tensorflow,
    look_at_disk,
    look_at_memory,
    look_at_packages,
    look_at_python,
    look_at_tensorflow,
)
from odapi_runner.doctor.trial import try_engine
from odapi_runner.runs.options import RunOptions
from support.automl import make_automl
from support.tf_models import FAILURES, write_checkout


@pytest.mark.parametrize(
    ("states", "well", "verdict"),
    [
        (["ok", "absent"], True, "odapi can train here."),
        (["ok", "warning", "absent"], True, "odapi can train here; look at: fact 1."),
        (["error", "warning", "error"], False, "odapi cannot train here: fact 0, fact 2."),
    ],
)
def test_the_verdict_is_one_line(states: list[str], well: bool, verdict: str) -> None:
    """Errors first; what is merely absent is nobody's problem."""
    facts = tuple(Fact(f"fact {n}", state, "what") for n, state in enumerate(states))  # type: ignore[arg-type]
    found = Examination(facts)

    assert (found.is_well, found.verdict) == (well, verdict)


def test_this_python_and_its_packages_are_well() -> None:
    """What the tests run with is what odapi wants."""
    facts = [look_at_python(), *look_at_packages(), look_at_memory()]

    assert {fact.name for fact in facts} >= {"Python", "protobuf", "numpy", "pillow", "memory"}
    assert [fact for fact in facts if fact.state == "error"] == []


def test_a_tensorflow_that_cannot_be_imported_says_why(tmp_path: Path) -> None:
    """The last line of its error; the examination goes on."""
    (tmp_path / "tensorflow.py").write_text("raise ImportError('libstdc++.so.6: too old')\n")
    answer = ask_tensorflow(sys.executable, os.environ | {"PYTHONPATH": str(tmp_path)})
    (fact,) = look_at_tensorflow(answer)

    assert answer.seen is None
    assert (fact.state, fact.what, fact.fix) == (
        "error",
        "cannot be imported: ImportError: libstdc++.so.6: too old",
        f"{sys.executable} -m pip install --force-reinstall tensorflow",
    )


def test_an_interpreter_that_does_not_answer_is_a_fact(tmp_path: Path) -> None:
    """Not there, no Python, or too slow: each with its own remedy, and the examination goes on."""
    absent = ask_tensorflow(str(tmp_path / "no-python"), os.environ)
    assert absent.fault == f"{tmp_path}/no-python: No such file or directory"
    assert absent.fix == "As in: --python ENV/bin/python"
    other = ask_tensorflow("/bin/true", os.environ)
    assert other.fault == "/bin/true is no Python that answers"
    (tmp_path / "tensorflow.py").write_text("import time; time.sleep(60)\n")
    told = os.environ | {"PYTHONPATH": str(tmp_path)}
    late = ask_tensorflow(sys.executable, told, seconds=0.5)
    assert late.fault == f"no answer of {sys.executable} in 0.5 s"
    (fact,) = look_at_tensorflow(late)
    assert fact.fix == "Try again: the disk that it lies on may be busy, or far away."


def write_python(path: Path, end: str) -> None:
    """An interpreter whose TensorFlow says something, whatever it is asked."""
    path.parent.mkdir(parents=True)
    path.write_text(f"#!{sys.executable}\nimport json, sys\n{end}\n", encoding="utf-8")
    path.chmod(0o755)


def test_another_interpreter_is_asked_where_there_is_a_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its path from the current folder on; what it cannot say is a fact, too."""
    monkeypatch.chdir(tmp_path)
    driver = Driver("535.104.05", (12, 2), ("Tesla T4",))
    said = {"tensorflow": "2.15.1", "keras": "2.15", "cuda": "12.2", "cudnn": "8",
            "gpus": [{"device_name": "Tesla T4"}]}  # fmt: skip
    write_python(tmp_path / "환경/bin/python", f"print(json.dumps({said!r}))")
    write_python(tmp_path / "broken/bin/python", "sys.exit('ImportError: no libcudart')")

    def look(python: str, driver: Driver | None = driver) -> list[tuple[str, str, str]]:
        found = look_at_other_python(RunOptions(python=python), driver, [])
        return [(fact.name, fact.state, fact.what) for fact in found]

    used = "TensorFlow 2.15.1 uses Tesla T4, driver 535.104.05"
    assert look("환경/bin/python") == [("GPU, --python", "ok", used)]
    fault = "its TensorFlow cannot be imported: ImportError: no libcudart"
    assert look("broken/bin/python") == [("GPU, --python", "warning", fault)]
    absent = "--python no/python: there is no such program"
    assert look("no/python") == look("no/python", None) == [("--python", "warning", absent)]
    assert look("환경/bin/python", None) == []


def test_a_container_has_less_memory_than_the_machine(tmp_path: Path) -> None:
    """The limits of both versions of cgroups; the word max is none."""
    (tmp_path / "memory.max").write_text("max\n")
    assert list(_limits(tmp_path)) == []
    (tmp_path / "memory.max").write_text("2147483648\n")
    assert list(_limits(tmp_path)) == [2147483648]


def test_the_disk_of_the_workspace(tmp_path: Path) -> None:
    """Where runs are written."""
    fact = look_at_disk(tmp_path)

    assert fact.name == "disk"
    assert fact.what.endswith(f"GB free below {tmp_path}")


def test_automl_is_absent_well_or_faulty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with how it was found, and a remedy where there is one."""
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    checkout, python = make_automl(tmp_path)

    (absent,) = look_at_automl(RunOptions())
    assert (absent.state, absent.what) == ("absent", "no checkout of google/automl was named")
    (well,) = look_at_automl(RunOptions(automl_dir=checkout, python=python))
    assert well.state == "ok"
    assert well.what.startswith(f"{checkout}/efficientdet (--automl-dir, 41 hyperparameters); ")
    assert well.what.endswith(", TensorFlow 2.15.1")
    (unfit,) = look_at_automl(RunOptions(automl_dir=checkout))
    assert (unfit.state, unfit.fix[:11]) == ("warning", "python3.11 ")
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path))
    (wrong,) = look_at_automl(RunOptions())
    assert wrong.what == f"{tmp_path}: there is no efficientdet/main.py in it"
    assert usable_engines((well, Fact("builtin", "error", ""))) == ["automl"]


def test_the_object_detection_api_is_absent_or_faulty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody needs it who has not named one; who has is told what is wrong with it."""
    monkeypatch.delenv(VARIABLE, raising=False)
    (absent,) = look_at_tf_models(RunOptions())
    assert absent.state == "absent"
    assert "--models-dir models" in absent.fix
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    (wrong,) = look_at_tf_models(RunOptions())
    assert wrong.state == "warning"
    assert wrong.what.startswith(f"{tmp_path} (${VARIABLE}): there is no research/")
    (unfit,) = look_at_tf_models(RunOptions(python=str(tmp_path / "no-python")))
    assert unfit.what == f"--python {tmp_path}/no-python: there is no such program"


@pytest.mark.tf
def test_the_object_detection_api_is_well_with_each_shim_that_it_needs(tmp_path: Path) -> None:
    """How it was found, and a line for each, with the symptom that it cures."""
    models = write_checkout(tmp_path / "내 models")
    well, *shims = look_at_tf_models(RunOptions(models_dir=str(models)))

    assert (well.name, well.state) == ("tf-models", "ok")
    assert well.what == (
        f"{models}/research/object_detection (--models-dir); 9 of 10 shims are applied"
    )
    assert {(shim.name, shim.state) for shim in shims} == {("tf-models shim", "ok")}
    cured = [shim.what.partition(": cures ") for shim in shims]
    failing = {name for name, failure in FAILURES.items() if failure}
    assert {name for name, _, _ in cured} == failing
    assert all(symptom for _, _, symptom in cured)


def test_an_engine_is_tried(tmp_path: Path) -> None:
    """Three steps and an evaluation; nothing of them is left."""
    checkout, python = make_automl(tmp_path)
    fact = try_engine("automl", "none", RunOptions(automl_dir=checkout, python=python))

    assert (fact.name, fact.state) == ("automl, tried", "ok")
    assert fact.what.startswith("3 steps and an evaluation (mAP 0.030) in ")


@pytest.mark.parametrize(
    ("environment", "what", "last"),
    [
        (
            {"STAND_IN_CRASH_AT": "2"},
            "the training failed: the trainer ended with exit code 134",
            "loss = 1.0, step = 1",
        ),
        (
            {"STAND_IN_EVALUATION_FAILS": "no pycocotools"},
            "the evaluation failed: ",
            "no pycocotools",
        ),
    ],
)
def test_another_engine_that_fails_is_a_warning_with_its_last_words(
    tmp_path: Path, environment: dict[str, str], what: str, last: str
) -> None:
    """Its log is thrown away with the run, so they are told; odapi trains without it."""
    checkout, python = make_automl(tmp_path, **environment)
    fact = try_engine("automl", "none", RunOptions(automl_dir=checkout, python=python))

    assert fact.state == "warning"
    assert fact.what.startswith(what)
    assert fact.fix == f"Its last line: {last}"
    assert Examination((fact,)).verdict == "odapi can train here; look at: automl, tried."


@pytest.mark.tf
def test_the_command_as_text_and_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line a fact with its remedy below, the verdict last; the same for programs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    result = CliRunner().invoke(main, ["doctor", "--json"], catch_exceptions=False)
    told = json.loads(result.stdout)

    assert result.exit_code == 0
    assert told["well"] is True
    names = [fact["name"] for fact in told["facts"]]
    assert names[:3] == ["Python", "TensorFlow", "Keras"]
    assert {"GPU", "memory", "disk", "builtin", "automl"} <= set(names)
    states = {fact["name"]: fact["state"] for fact in told["facts"]}
    assert states["TensorFlow"] == states["Keras"] == states["builtin"] == "ok"


@pytest.mark.long
@pytest.mark.tf
def test_the_object_detection_api_is_tried(tmp_path: Path) -> None:
    """Three steps by its model_main_tf2, and an evaluation."""
    models = write_checkout(tmp_path / "models")
    fact = try_engine("tf-models", "none", RunOptions(models_dir=str(models)))

    assert (fact.name, fact.state) == ("tf-models, tried", "ok")
    assert fact.what.startswith("3 steps and an evaluation (mAP ")


@pytest.mark.long
@pytest.mark.tf
def test_the_builtin_engine_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`odapi doctor --try`, the text of it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    words = ["doctor", "--try", "--gpu", "none"]
    result = CliRunner().invoke(main, words, catch_exceptions=False)
    lines = result.stdout.splitlines()

    assert result.exit_code == 0
    (tried,) = [line for line in lines if "builtin, tried" in line]
    assert " 3 steps and an evaluation (mAP " in tried
    assert lines[-1].startswith("odapi can train here")
