"""`odapi render`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from odapi_runner.cli import main


def odapi(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_preset_goes_into_its_folder_and_the_path_to_stdout(tmp_path: Path) -> None:
    """The workspace is marked, so that later commands find it from below."""
    result = odapi("render", "--preset", "kitti-d0", "-s", "batch_size=2")

    assert (result.exit_code, result.output) == (0, "pipelines/kitti-d0/pipeline.config\n")
    assert "batch_size: 2\n" in (tmp_path / result.output.strip()).read_text("utf-8")
    assert (tmp_path / "odapi.toml").is_file()


def test_out_is_a_file_or_stdout(tmp_path: Path) -> None:
    """`-` prints the text that a file would hold, and writes nothing."""
    printed = odapi("render", "--preset", "efficientdet-d1", "--out", "-")
    assert list(tmp_path.iterdir()) == []
    written = odapi("render", "--preset", "efficientdet-d1", "--out", "내/d1.config")

    assert (written.exit_code, written.output) == (0, "내/d1.config\n")
    assert (tmp_path / "내" / "d1.config").read_text("utf-8") == printed.stdout


def test_the_workspace_may_lie_elsewhere(tmp_path: Path) -> None:
    """`-w` says where pipelines/ is."""
    result = odapi("render", "--preset", "kitti-d0", "-w", "작업")

    assert result.stdout == "작업/pipelines/kitti-d0/pipeline.config\n"
    assert (tmp_path / "작업" / "pipelines" / ".last").read_text("utf-8") == "kitti-d0\n"


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        (
            ["--preset", "mask-rcnn"],
            ('Error: no preset "mask-rcnn"\n  There are: mask-rcnn-inception-resnet-v2-1024.\n'),
        ),
        (
            ["--preset", "kitti-d0", "-s", "train_config.batchsize=3"],
            (
                'Error: train_config.batchsize: TrainConfig has no field "batchsize"\n'
                "  Did you mean train_config.batch_size?\n"
            ),
        ),
        (
            ["--preset", "kitti-d0", "-d", "graph_rewriter"],
            "Error: graph_rewriter: not set, there is nothing to delete\n  Leave out this -d.\n",
        ),
        (
            ["--preset", "kitti-d0", "--out", "file/x.config"],
            (
                "Error: file/x.config: cannot be written (File exists)\n"
                "  Choose another place with --out.\n"
            ),
        ),
    ],
)
def test_a_problem_is_two_lines_and_exit_1(arguments: list[str], output: str) -> None:
    """What is wrong, and what to do."""
    Path("file").write_text("", encoding="utf-8")

    result = odapi("render", *arguments)

    assert (result.exit_code, result.output) == (1, output)


@pytest.mark.parametrize(
    "arguments",
    [[], ["--preset"], ["--preset", "kitti-d0", "--quiet"], ["--preset", "kitti-d0", "--out", "."]],
)
def test_wrong_usage_is_exit_2(arguments: list[str]) -> None:
    """A missing preset, a missing value, an unknown option, a folder for a file."""
    assert odapi("render", *arguments).exit_code == 2


def test_as_published_and_absolute(tmp_path: Path) -> None:
    """The sample with paths of the workspace, from the root on."""
    result = odapi(
        "render", "--preset", "efficientdet-d0", "--as-published", "--absolute", "--out", "-"
    )

    assert result.exit_code == 0
    assert "  use_bfloat16: true\n" in result.stdout
    assert f'label_map_path: "{tmp_path}/data/coco/label_map.pbtxt"' in result.stdout
    assert result.stdout.splitlines()[1] == (
        "# odapi render --preset efficientdet-d0 --as-published --absolute"
    )


def test_an_edited_file_is_replaced_with_force_only(tmp_path: Path) -> None:
    """Two lines that name the ways on; then the edit is kept beside it."""
    odapi("render", "--preset", "kitti-d0")
    path = Path("pipelines/kitti-d0/pipeline.config")
    path.write_text(path.read_text("utf-8") + "# mine\n", encoding="utf-8")

    refused = odapi("render", "--preset", "kitti-d0")
    forced = odapi("render", "--preset", "kitti-d0", "--force")

    assert refused.exit_code == 1
    assert refused.output == (
        f"Error: {tmp_path / path}: was not rendered, or was edited since; rendering would lose "
        f"that\n  Change the file itself: odapi edit --in-place {path} -s …   Or render elsewhere "
        "with --out, or replace it with --force.\n"
    )
    assert (forced.exit_code, forced.stdout) == (0, f"{path}\n")
    assert forced.stderr == f"the file as it was: {path}.bak\n"
    assert "# mine" not in path.read_text("utf-8")
    assert path.with_name("pipeline.config.bak").read_text("utf-8").endswith("# mine\n")


def test_printing_makes_no_workspace(tmp_path: Path) -> None:
    """A folder that is not there is a mistake where nothing is written."""
    result = odapi("render", "--preset", "kitti-d0", "--out", "-", "-w", "work")

    assert (result.exit_code, result.output) == (
        1,
        f"Error: {tmp_path / 'work'}: no such folder\n  Correct the folder of -w.\n",
    )


def test_rendering_imports_neither_tensorflow_nor_numpy(tmp_path: Path) -> None:
    """That is what keeps it below half a second."""
    code = (
        "import json, sys; from odapi_runner.cli import main; "
        "main(['render', '--preset', 'kitti-d0'], standalone_mode=False); "
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )

    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )

    loaded = set(json.loads(out.stdout.splitlines()[-1]))
    assert "jinja2" in loaded
    assert not loaded & {"tensorflow", "tf_keras", "numpy", "pandas", "PIL"}


def test_a_workspace_that_is_made_is_told(tmp_path: Path) -> None:
    """A mistyped -w makes one where nobody looks for it."""
    result = odapi("render", "--preset", "kitti-d0", "-w", "new")

    assert (result.exit_code, result.stderr) == (0, f"A new workspace: {tmp_path / 'new'}\n")
    assert odapi("render", "--preset", "kitti-d0", "-w", "new", "--force").stderr == ""
