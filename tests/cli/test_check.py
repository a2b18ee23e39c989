"""`odapi check`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from odapi_runner.cli import main
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.rendered import write_rendered
from odapi_runner.workspace import Workspace
from support.examples import annotated, write_records


def odapi(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def config(tmp_path: Path) -> str:
    """A config whose label map is there and whose records are not."""
    label_map = tmp_path / "data" / "kitti" / "label_map.pbtxt"
    label_map.parent.mkdir(parents=True)
    label_map.write_text(
        "item { id: 1 name: 'Car' } item { id: 2 name: '사람' } item { id: 3 name: 'Cyclist' }",
        encoding="utf-8",
    )
    write_rendered("kitti-d0", Changes(), Workspace(tmp_path), tmp_path / "설정.config")
    return "설정.config"


def lines_with(config: str, name: str) -> list[int]:
    """The numbers of the lines on which a field stands."""
    lines = Path(config).read_text("utf-8").splitlines()
    return [number for number, line in enumerate(lines, 1) if line.strip().startswith(f"{name}:")]


def test_findings_are_two_lines_each_and_exit_1(config: str) -> None:
    """How many there are, then rule, place, what and remedy of each."""
    result = odapi("check", config, "--from-scratch")

    assert result.exit_code == 1
    where = "no file of that name\n  Looked for it in"
    convert = "Convert the data (odapi data convert --help), or -s"
    paths = "tf_record_input_reader.input_path"
    train, evaluation = lines_with(config, "input_path")
    assert result.output == (
        "설정.config: 2 errors\n"
        f"설정.config:{train}: error records: train_input_reader.{paths}: "
        f"data/kitti/train-*.record: {where} {Path.cwd()}. {convert} train_records=FILES\n"
        f"설정.config:{evaluation}: error records: eval_input_reader[0].{paths}: "
        f"data/kitti/val-*.record: {where} {Path.cwd()}. {convert} eval_records=FILES\n"
    )


def test_a_warning_is_no_failure(config: str) -> None:
    """Exit 0, and the finding is shown all the same."""
    path = Path(config)
    for name in ("train-0", "val-0"):
        boxes, names = [(0.25, 0.25, 0.75, 0.5)] * 3, ["Car", "Pedestrian", "Cyclist"]
        examples = [annotated(f"{name}-{number}", boxes, names) for number in range(4)]
        write_records(Path(f"data/kitti/{name}.record"), examples)
    text = path.read_text("utf-8").replace("total_steps: 29925", "total_steps: 50000")
    path.write_text(text, encoding="utf-8")

    (total_steps,) = lines_with(config, "total_steps")
    result = odapi("check", config, "--from-scratch", "--all")

    assert result.exit_code == 0
    assert result.output.startswith(
        f"설정.config: 1 warning\n설정.config:{total_steps}: warning schedule-long: train_"
    )

    path.write_text(text.replace("total_steps: 50000", "total_steps: 29925"), encoding="utf-8")
    fine = odapi("check", config, "--from-scratch")
    assert (fine.exit_code, fine.output) == (0, "설정.config: ok\n")


def test_findings_as_json(config: str) -> None:
    """One object a finding, its config beside it."""
    result = odapi("check", config, "--format", "json")

    rows = json.loads(result.output)
    assert result.exit_code == 1
    assert [row["rule"] for row in rows] == ["records", "records", "checkpoint"]
    assert set(rows[0]) == {"config", "rule", "severity", "place", "what", "fix", "line"}
    assert (rows[0]["config"], rows[0]["line"]) == (config, lines_with(config, "input_path")[0])


@pytest.mark.parametrize(
    ("content", "output"),
    [
        (None, "x.config: error config: x.config: no such file\n  Check the path.\n"),
        (
            b"model { ssd { num_clases: 3 } }",
            (
                'x.config:1: error config: x.config: Ssd has no field "num_clases"\n'
                '  Did you mean "num_classes"?\n'
            ),
        ),
        (
            b"\xff",
            (
                "x.config: error config: x.config: not a text in UTF-8 (byte 0)\n"
                "  Save it as UTF-8; a checkpoint, a record or a picture is not a config.\n"
            ),
        ),
    ],
)
def test_a_file_that_is_no_config_is_an_error_of_its_own(
    content: bytes | None, output: str
) -> None:
    """Absent, mistyped, not a text: found like anything else, and the next config is checked."""
    if content is not None:
        Path("x.config").write_bytes(content)

    result = odapi("check", "x.config")
    both = odapi("check", "x.config", "absent.config")

    assert (result.exit_code, result.output) == (1, f"x.config: 1 error\n{output}")
    assert both.output.endswith("  Check the path.\n2 configs: 2 errors\n")


@pytest.mark.parametrize("arguments", [[], ["x.config", "--everything"], ["x", "--format", "xml"]])
def test_wrong_usage_is_exit_2(arguments: list[str]) -> None:
    """No config, an unknown option, an unknown format."""
    assert odapi("check", *arguments).exit_code == 2


def test_checking_imports_neither_tensorflow_nor_jinja(config: str) -> None:
    """That is what keeps it within a second."""
    code = (
        "import json, sys; from odapi_runner.cli import main; "
        f"main(['check', '{config}'], standalone_mode=False); "
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )

    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    loaded = set(json.loads(out.stdout.splitlines()[-1]))
    assert "google" in loaded
    assert not loaded & {"tensorflow", "tf_keras", "pandas", "PIL", "jinja2", "rich"}
