"""Finding the user's Object Detection API, and knowing its version without running it."""

from __future__ import annotations

import platform
import stat
import sys
from pathlib import Path

import pytest

from odapi_runner.backends import ENGINES
from odapi_runner.backends.tf_models.checkout import (
    VARIABLE,
    Checkout,
    find_checkout,
    refuse_incomplete,
)
from odapi_runner.errors import RunError
from odapi_runner.runs.options import RunOptions
from support.tf_models import write_checkout, write_older


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(VARIABLE, raising=False)
    return write_checkout(tmp_path / "내 models")


def python_with(path: Path, *words: str) -> str:
    """An interpreter of one's own making: this one, called in some way."""
    path.write_text(f'#!/bin/sh\n{" ".join(words)} "$@"\n', encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def python_with_tensorflow(folder: Path, version: str) -> str:
    """An interpreter with a TensorFlow, and what every checkout needs, by name."""
    installed = folder / "installed"
    for name in ("tensorflow", "tf_slim", "pycocotools", "PIL", "matplotlib"):
        (installed / name).mkdir(parents=True)
        (installed / name / "__init__.py").touch()
    metadata = installed / f"tensorflow-{version}.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text(f"Name: tensorflow\nVersion: {version}\n", encoding="utf-8")
    return python_with(folder / "python", f"PYTHONPATH={installed}", sys.executable, "-S")


def test_a_commit_and_a_tensorflow_are_told_of_a_checkout(checkout: Path, tmp_path: Path) -> None:
    """Those that run.json is to keep: of the interpreter that trains, and of no project around."""
    python = python_with_tensorflow(tmp_path, "2.9.3")
    (checkout / ".git").mkdir()
    (checkout / ".git" / "HEAD").write_text("714bb5fcf1" + 30 * "0" + "\n", encoding="utf-8")
    told = ENGINES["tf-models"].versions(RunOptions(models_dir=str(checkout), python=python))
    assert told == {
        "tensorflow/models": "714bb5fcf1" + 30 * "0",
        "tensorflow": "2.9.3",
        "python of the engine": platform.python_version(),
    }

    installed = write_checkout(checkout / "lib" / "site-packages")
    told = ENGINES["tf-models"].versions(RunOptions(models_dir=str(installed), python=python))
    assert "tensorflow/models" not in told


def test_it_is_found_by_the_clone_by_research_and_by_the_package(checkout: Path) -> None:
    """Each of the folders that people name."""
    research = checkout / "research"
    for typed in (checkout, research, research / "object_detection"):
        assert find_checkout(str(typed)) == Checkout(research, "--models-dir")


def test_the_option_comes_before_the_variable_and_that_before_an_import(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three places, in this order."""
    other = write_checkout(tmp_path / "other")
    importable = f"PYTHONPATH={other}/research {sys.executable}"
    python = python_with(tmp_path / "python", importable)

    assert find_checkout(None, python) == Checkout(other / "research", python)
    monkeypatch.setenv(VARIABLE, str(checkout))
    assert find_checkout(None, python).found_by == f"${VARIABLE}"
    assert find_checkout(str(other), python).found_by == "--models-dir"


@pytest.mark.parametrize(
    ("make", "what"),
    [
        ((), "there is no research/object_detection in it"),
        (
            ("research/object_detection",),
            (
                "there is no model_main_tf2.py in its object_detection: older than July 2020, or "
                "TensorFlow 1"
            ),
        ),
    ],
)
def test_a_folder_that_is_none_is_refused(tmp_path: Path, make: tuple[str], what: str) -> None:
    """With what it lacks, and where one gets a whole one."""
    for folder in make:
        (tmp_path / folder).mkdir(parents=True)
    with pytest.raises(RunError) as caught:
        find_checkout(str(tmp_path))
    assert caught.value.what == f"{tmp_path} (--models-dir): {what}"
    assert caught.value.fix.startswith("A whole one: git clone")


def test_nothing_named_and_nothing_importable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The three ways to name one are said."""
    monkeypatch.delenv(VARIABLE, raising=False)
    bare = python_with(tmp_path / "python", sys.executable, "-I", "-S")
    with pytest.raises(RunError, match="object_detection cannot be imported") as caught:
        find_checkout(None, bare)
    assert "--models-dir models, or $ODAPI_MODELS_DIR" in caught.value.fix


def test_an_interpreter_without_its_packages_is_refused(checkout: Path, tmp_path: Path) -> None:
    """By the names of what is absent, with the command that installs it there."""
    found = find_checkout(str(checkout))
    bare = python_with(tmp_path / "python", sys.executable, "-I", "-S")
    with pytest.raises(RunError) as caught:
        refuse_incomplete(found, bare)
    absent = "tensorflow, tf_slim, pycocotools, PIL, matplotlib, official"
    assert caught.value.what.startswith(f"{bare}: {absent} cannot be imported")
    packages = "tensorflow tf-slim pycocotools Pillow matplotlib tf-models-official"
    assert caught.value.fix.startswith(f"{bare} -m pip install {packages}, or")
    refuse_incomplete(found, None)  # this one has them


@pytest.mark.parametrize(
    ("version", "absent", "packages"),
    [
        ("2.15.1", "official", "tf-models-official"),
        # Its Keras is Keras 3, from 2.16 on.
        ("2.20.0", "official, tf_keras", "tf-models-official tf-keras"),
    ],
)
def test_packages_that_go_with_a_tensorflow_are_missed_before_the_start(
    checkout: Path, tmp_path: Path, version: str, absent: str, packages: str
) -> None:
    """Keras 2 by the TensorFlow that is there, which stays; `official` may be the checkout's."""
    python = python_with_tensorflow(tmp_path, version)
    with pytest.raises(RunError) as caught:
        refuse_incomplete(find_checkout(str(checkout)), python)
    assert caught.value.what.startswith(f"{python}: {absent} cannot be imported")
    line = f"{python} -m pip install tensorflow=={version} {packages}, or"
    assert caught.value.fix.startswith(line)

    (checkout / "official").mkdir()
    if version == "2.15.1":
        refuse_incomplete(find_checkout(str(checkout)), python)


def test_a_program_that_is_no_python_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence, no traceback."""
    monkeypatch.delenv(VARIABLE, raising=False)
    other = python_with(tmp_path / "python", "echo", "hello")
    with pytest.raises(RunError, match="not a Python that works"):
        find_checkout(None, other)


def test_the_parameters_of_its_loop_are_read(checkout: Path) -> None:
    """Those that the version has; what cannot be read is said."""
    source = checkout / "research" / "object_detection" / "model_lib_v2.py"
    found = Checkout(checkout / "research", "")
    assert (found.has_exact_steps, found.has_keep) == (True, True)

    older = Checkout(write_older(checkout.parent / "older") / "research", "")
    assert (older.has_exact_steps, older.has_keep) == (False, True)

    torn = Checkout(write_checkout(checkout.parent / "torn") / "research", "")
    (torn.package / source.name).write_text("def train_loop(", encoding="utf-8")
    with pytest.raises(RunError, match=r"model_lib_v2\.py: cannot be read"):
        _ = torn.has_keep
