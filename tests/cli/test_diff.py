"""`odapi diff`, as typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from odapi_runner.cli import main

PATHS = ", ".join(f'"data/{number}.record"' for number in range(9))
ONE = f"""
train_config {{ batch_size: 4 data_augmentation_options {{ random_horizontal_flip {{}} }} }}
train_input_reader {{ tf_record_input_reader {{ input_path: [{PATHS}] }} }}
"""
OTHER = ONE.replace("batch_size: 4", "sync_replicas: true").replace("4.record", "four.record")


def odapi(*arguments: str | Path) -> Result:
    words = [str(argument) for argument in arguments]
    return CliRunner().invoke(main, words, catch_exceptions=False)


@pytest.fixture(autouse=True)
def _two_configs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a").mkdir()
    Path("a/my.config").write_text(ONE, "utf-8")
    Path("b.config").write_text(OTHER, "utf-8")


def test_a_row_a_field_for_people() -> None:
    """As the configs would say it: true, what is a default, of long lists what is not alike."""
    result = odapi("diff", "a/my.config", "b.config", "--format", "markdown")

    path = "train_input_reader.tf_record_input_reader.input_path"
    assert result.exit_code == 0
    assert result.stderr == ""
    assert result.stdout.splitlines() == [
        "| field | my.config | b.config |",
        "| --- | --- | --- |",
        "| train_config.batch_size | 4 | 32 (default) |",
        "| train_config.sync_replicas | false (default) | true |",
        f"| {path} | …, data/4.record, … | …, data/four.record, … |",
    ]


def test_every_value_for_programs() -> None:
    """Lists as lists in JSON, joined in CSV."""
    rows = json.loads(odapi("diff", "a/my.config", "b.config", "--format", "json").stdout)
    lines = odapi("diff", "a/my.config", "b.config", "--format", "csv").stdout.splitlines()

    assert rows[0] == {
        "field": "train_config.batch_size",
        "a": 4,
        "b": 32,
        "a_default": False,
        "b_default": True,
    }
    assert rows[2]["a"] == [f"data/{number}.record" for number in range(9)]
    assert lines[:2] == ["field,a,b,a_default,b_default", "train_config.batch_size,4,32,False,True"]
    assert "data/3.record; data/four.record; data/5.record" in lines[3]


def test_the_exit_code_tells_on_request_only() -> None:
    """0 is done, with a difference or without; with --exit-code 1 is a difference."""
    same = odapi("diff", "b.config", "b.config", "--exit-code")

    assert (same.exit_code, same.stdout, same.stderr) == (0, "", "no difference\n")
    assert odapi("diff", "b.config", "b.config", "--format", "json").stdout == "[]\n"
    assert odapi("diff", "a/my.config", "b.config").exit_code == 0
    assert odapi("diff", "a/my.config", "b.config", "--exit-code").exit_code == 1


def test_semantic_leaves_out_what_has_no_effect() -> None:
    """`sync_replicas` is read by TF1 only."""
    result = odapi("diff", "a/my.config", "b.config", "--semantic", "--format", "csv")

    fields = [line.split(",")[0] for line in result.stdout.splitlines()[1:]]
    assert fields == [
        "train_config.batch_size",
        "train_input_reader.tf_record_input_reader.input_path",
    ]


def test_a_name_says_what_it_was_taken_for() -> None:
    """A preset here; the table is that of the two configs."""
    result = odapi("diff", "efficientdet-d0", "efficientdet-d1", "--format", "csv")

    assert result.stderr.splitlines() == [
        "efficientdet-d0: the preset efficientdet-d0",
        "efficientdet-d1: the preset efficientdet-d1",
    ]
    assert "model.ssd.feature_extractor.bifpn.num_filters,64,88,False,False" in result.stdout


def test_a_published_config_has_no_difference_to_its_preset(reference: Path) -> None:
    """But for the paths of data and checkpoint."""
    sample = reference / "zoo_configs" / "ssd_efficientdet_d0_512x512_coco17_tpu-8.config"

    result = odapi("diff", sample, "efficientdet-d0", "--as-published", "--format", "csv")

    fields = [line.split(",")[0] for line in result.stdout.splitlines()[1:]]
    assert all(field.endswith(("_path", "fine_tune_checkpoint")) for field in fields)


def test_a_problem_is_two_lines_and_exit_1() -> None:
    """A mistyped name."""
    result = odapi("diff", "a/my.config", "b.confg")

    assert (result.exit_code, result.output) == (
        1,
        (
            'Error: "b.confg": neither a config nor the name of a run, a pipeline or a preset\n'
            '  Did you mean "b.config"?\n'
        ),
    )


@pytest.mark.parametrize(
    "arguments", [[], ["b.config"], ["b.config", "b.config", "x"], ["b.config", "b.config", "--x"]]
)
def test_wrong_usage_is_exit_2(arguments: list[str]) -> None:
    """One config too few, one too many, an unknown option."""
    assert odapi("diff", *arguments).exit_code == 2
