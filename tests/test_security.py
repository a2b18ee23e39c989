"""What a file, a name or an environment must not be able to do, and what others must not."""

from __future__ import annotations

import ast
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from odapi_runner.cli import main
from odapi_runner.errors import RunError
from odapi_runner.rundir import RunDir
from odapi_runner.runs.names import check_name, list_runs
from odapi_runner.runs.queue.entries import add, queue_file
from odapi_runner.workspace import Workspace
from support.small_runs import FAKE_ENGINE

PACKAGE = Path(__file__).parent.parent / "odapi_runner"
ODAPI = (sys.executable, "-m", "odapi_runner")
# What hands a text to a shell, or code to Python.
SHELLS = {
    "system", "popen", "getoutput", "getstatusoutput", "eval", "exec", "create_subprocess_shell",
}  # fmt: skip
OUTSIDE = ("../밖", "../../밖", "/tmp/밖", "a/../../밖", "..", ".", "a/b", "-rf", ".hidden", "a\\b")


def shell_calls(source: str) -> Iterator[int]:
    """The lines of calls that would go through a shell, or run a text as code."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        owner = getattr(getattr(node.func, "value", None), "id", "")
        is_shell = name in SHELLS and owner in {"", "os", "subprocess", "asyncio", "builtins"}
        for word in node.keywords:
            is_no = isinstance(word.value, ast.Constant) and not word.value.value
            is_shell |= word.arg == "shell" and not is_no
        if is_shell:
            yield node.lineno


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(PACKAGE).as_posix()
)
def test_nothing_goes_through_a_shell(path: Path) -> None:
    """Processes are started by lists of words, of which none is read by a shell."""
    assert list(shell_calls(path.read_text("utf-8"))) == []


def test_what_a_shell_call_is() -> None:
    """The test above sees each of these."""
    source = "os.system(x)\nrun(x, shell=True)\nrun(x, shell=False)\neval(x)\nmodel.eval(x)"
    assert list(shell_calls(source)) == [1, 2, 4]


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_name_stays_in_the_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """As the name of a run, of a pipeline and of a sweep: nothing is made anywhere else."""
    with pytest.raises(RunError, match="not a name for a run"):
        check_name(name)
    place = tmp_path / "a" / "b" / "작업"
    place.mkdir(parents=True)
    (place / "odapi.toml").touch()
    monkeypatch.chdir(place)
    for words in (
        ["train", "kitti-d0", "--from-scratch", f"--run={name}"],
        ["train", "--", name],
        ["sweep", "--from-scratch", "--", name],
        ["render", f"--preset={name}"],
        ["resume", "--", name],
    ):
        done = CliRunner().invoke(main, words, catch_exceptions=False)
        assert done.exit_code in {1, 2}, (words, done.output)
    made = {path.relative_to(place) for path in tmp_path.rglob("*") if path.is_file()}
    assert {str(path) for path in made} <= {
        "odapi.toml",
        "pipelines/.last",
        "pipelines/kitti-d0/pipeline.config",
    }
    assert not Path("/tmp/밖").exists()


@pytest.fixture
def finished(make_run_at: Path) -> RunDir:
    """A run that was trained under umask 0, with a secret in the environment."""
    run = RunDir(make_run_at)
    argv = [sys.executable, FAKE_ENGINE, "resume", run.root, "4", "2", "0", "--"]
    environment = os.environ | {"AWS_SECRET_ACCESS_KEY": "hunter2", "WANDB_API_KEY": "hunter2"}
    done = subprocess.run(argv, env=environment, umask=0, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    subprocess.run([*ODAPI, "wait", run.name], cwd=run.root.parent.parent, check=True)
    return run


@pytest.fixture
def make_run_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run made by odapi itself, in a process of umask 0."""
    monkeypatch.setenv("ODAPI_STATE", str(tmp_path / "state"))
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]);"
        "from runs.conftest import CONFIG, build_spec; from odapi_runner import files;"
        "from odapi_runner.runs.names import make_run_folder;"
        "from odapi_runner.workspace import Workspace;"
        "run = make_run_folder('밤', Workspace(Path(sys.argv[2]))); build_spec('밤').dump(run);"
        "files.write_atomic(run.config, CONFIG)"
    )
    argv = [sys.executable, "-c", code, str(Path(__file__).parent), str(tmp_path)]
    subprocess.run(argv, umask=0, check=True)
    (tmp_path / "odapi.toml").touch()
    return tmp_path / "train" / "밤"


def test_nobody_else_writes_in_a_run(finished: RunDir) -> None:
    """Not even where the umask would let them; the group is as the umask says."""
    made = [finished.root, *finished.root.rglob("*")]
    assert len(made) > 20
    open_to_all = [path for path in made if path.lstat().st_mode & stat.S_IWOTH]
    assert open_to_all == []
    assert finished.metrics_csv.stat().st_mode & stat.S_IWGRP


def test_no_file_tells_a_secret_of_the_environment(finished: RunDir, tmp_path: Path) -> None:
    """Neither of the run nor of the machine's queue; run.json has what odapi sets itself."""
    environment = os.environ | {"HF_TOKEN": "hunter2"}
    code = (
        "import sys; from pathlib import Path; from odapi_runner.rundir import RunDir;"
        "from odapi_runner.runs.queue.entries import add; add(RunDir(Path(sys.argv[1])))"
    )
    subprocess.run([sys.executable, "-c", code, finished.root], env=environment, check=True)
    asked = json.loads(finished.run_json.read_text("utf-8"))
    assert asked["environment"] == {"CUDA_VISIBLE_DEVICES": "-1"}
    assert queue_file().is_file()
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert b"hunter2" not in path.read_bytes(), path


def test_a_file_names_no_place_outside(finished: RunDir, tmp_path: Path) -> None:
    """A run is its folder, whatever its run.json says that it is called or comes from."""
    place = Workspace(tmp_path)
    asked = json.loads(finished.run_json.read_text("utf-8"))
    outside = {"name": "../../밖", "parent": "../../밖", "sweep": {"name": "../밖", "values": {}}}
    finished.run_json.write_text(json.dumps(asked | outside), "utf-8")

    assert [run.root for run in list_runs(place)] == [finished.root]
    for words in (["status", "--tree"], ["status", "--json"], ["compare"], ["resume", "밤"]):
        done = subprocess.run(
            [*ODAPI, *words], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert "Traceback" not in done.stderr, (words, done.stderr)
    assert not (tmp_path / "밖").exists()
    assert not (tmp_path.parent / "밖").exists()


def test_an_entry_of_the_queue_is_no_way_out(finished: RunDir, tmp_path: Path) -> None:
    """An entry of a folder that is no run is dropped: nothing is started or written there."""
    from odapi_runner.runs.queue.entries import Entry, read_queue
    from odapi_runner.runs.queue.outlook import look_at

    elsewhere = tmp_path / "밖"
    elsewhere.mkdir()
    add(finished)
    queue = json.loads(queue_file().read_text("utf-8"))
    queue["entries"][0]["run"] = str(elsewhere)
    queue_file().write_text(json.dumps(queue), "utf-8")

    (entry,) = read_queue().entries
    assert look_at(Entry(entry.root)).state == "over"
    assert list(elsewhere.iterdir()) == []
