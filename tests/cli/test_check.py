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


def test_configs_can_be_checked_where_the_data_is_not(tmp_path: Path) -> None:
    """As on a code host: record files and checkpoint are left out of account."""
    label_map = tmp_path / "label_map.pbtxt"
    label_map.write_text("item { id: 1 name: 'car' }", encoding="utf-8")
    settings = ["num_classes=1", "batch_size=8", "num_steps=1000", f"label_map={label_map}"]
    changes = [word for item in settings for word in ("-s", item)]
    odapi("render", "--preset", "efficientdet-d0", *changes, "--out", "my.config")

    assert odapi("check", "my.config").exit_code == 1
    result = odapi("check", "my.config", "--no-records", "--from-scratch")
    assert (result.exit_code, result.output) == (0, "my.config: ok\n")


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
        (
            None,
            (
                "x.config: error config: no such file, and no pipeline of that name\n"
                "  Render one: odapi render --help\n"
            ),
        ),
        (
            b"model { ssd { num_clases: 3 } }",
            (
                'x.config:1: error config: Ssd has no field "num_clases"\n'
                '  Did you mean "num_classes"?\n'
            ),
        ),
        (
            b"\xff",
            (
                "x.config: error config: not a text in UTF-8 (byte 0)\n"
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
    assert "absent.config: error config: no such file, and no pipeline" in both.output
    assert both.output.endswith("\n2 configs: 2 errors\n")


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("kitty-d0", 'Did you mean "kitti-d0"?'),
        ("zzz", "The pipelines: kitti-d0"),
        (
            "kitti-d1",
            "That is a preset; make a pipeline of it: odapi render --preset kitti-d1",
        ),
    ],
)
def test_what_could_have_been_meant_is_told(tmp_path: Path, name: str, fix: str) -> None:
    """The pipelines there are, and what makes one of a preset."""
    write_rendered("kitti-d0", Changes(), Workspace(tmp_path))

    result = odapi("check", name)

    assert result.exit_code == 1
    assert result.output.splitlines()[1:] == [
        f"{name}: error config: no such file, and no pipeline of that name",
        f"  {fix}",
    ]


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


def test_a_page_a_list_and_a_mistyped_id() -> None:
    """One rule in full, all of them in a table, and the nearest of what is mistyped."""
    page = odapi("check", "--explain", "num-classes")
    listed = odapi("check", "--explain", "list", "--format", "json")
    wrong = odapi("check", "--explain", "num-clases")

    assert page.output.startswith("num-classes: A class beyond `num_classes` would silently be")
    assert "# odapi: ignore=num-classes\n" in page.output
    rules = json.loads(listed.output)
    assert len(rules) > 100
    assert set(rules[0]) == {"rule", "severity", "engine", "looks for"}
    assert wrong.exit_code == 1
    assert wrong.output.startswith(
        'Error: there is no rule "num-clases"\n  Did you mean "num-classes"'
    )


def test_for_code_hosts(config: str) -> None:
    """SARIF and workflow commands, with the lines of the config."""
    (line, _) = lines_with(config, "input_path")
    sarif = odapi("check", config, "--from-scratch", "--format", "sarif")
    github = odapi("check", config, "--from-scratch", "--format", "github")

    (run,) = json.loads(sarif.output)["runs"]
    region = run["results"][0]["locations"][0]["physicalLocation"]["region"]
    assert (sarif.exit_code, region) == (1, {"startLine": line})
    assert github.output.startswith(f"::error file={config},line={line},title=odapi records::train")
    assert len(github.output.splitlines()) == 2


def test_the_engine_and_the_devices_count(config: str) -> None:
    """Rules of the Object Detection API alone, and of several devices."""
    path = Path(config)
    text = path.read_text("utf-8").replace("batch_size: 4", "batch_size: 3")
    path.write_text(text, encoding="utf-8")

    def rules(*options: str) -> list[str]:
        result = odapi("check", config, "--from-scratch", "--format", "json", *options)
        return [row["rule"] for row in json.loads(result.output)]

    assert rules() == ["records", "records"]
    assert rules("--engine", "builtin") == rules("--engine", "auto") == ["records", "records"]
    assert rules("--engine", "tf-models") == ["steps-hundred", "records", "records"]
    frozen = text.replace("train_config {", 'train_config {\n  freeze_variables: "Extractor"', 1)
    path.write_text(frozen, encoding="utf-8")
    assert rules("--engine", "automl") == ["records", "records", "automl"]
    path.write_text(text, encoding="utf-8")
    assert rules("--devices", "2") == ["batch-devices", "records", "records"]


def test_a_comment_lets_a_finding_pass(config: str) -> None:
    """In the config itself."""
    path = Path(config)
    path.write_text("# odapi: ignore=records\n" + path.read_text("utf-8"), encoding="utf-8")

    result = odapi("check", config, "--from-scratch")

    assert (result.exit_code, result.output) == (0, f"{config}: ok\n")


def test_a_pipeline_may_be_named(config: str) -> None:
    """As for diff and train; a file of that name comes first."""
    path = Path("pipelines/너구리/pipeline.config")
    path.parent.mkdir(parents=True)
    Path(config).rename(path)

    assert odapi("check", "너구리").output.startswith(f"{path}: ")
    Path("너구리").write_text("model {", encoding="utf-8")
    assert odapi("check", "너구리").output.startswith("너구리: 1 error\n너구리:1: error config: ")


@pytest.mark.parametrize(
    ("text", "what"),
    [("", "the file is empty"), (" \n", "the file is empty"), ("# x\n", "the file has no field")],
)
def test_an_empty_file_is_one_finding(text: str, what: str) -> None:
    """Not everything that a config needs, one after another."""
    Path("a.config").write_text(text, encoding="utf-8")

    assert odapi("check", "a.config").output == (
        f"a.config: 1 error\na.config: error config: {what}\n"
        "  Start from a preset: odapi render --help\n"
    )


def test_what_is_not_set_is_said_once() -> None:
    """By a rule with its remedy, not once more by the engine."""
    Path("a.config").write_text("train_config { batch_size: 8 }", encoding="utf-8")

    found = json.loads(odapi("check", "a.config", "--format", "json").output)

    places = [item["place"] for item in found]
    assert "model" in places
    assert "train_config.optimizer" in places
    assert not {"model.model", "train_config.optimizer.optimizer"} & set(places)
    assert places.count("eval_input_reader") == 1
