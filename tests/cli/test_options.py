"""-s, -d and --patch, as every command that changes a config has them."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from odapi_runner.cli import main
from odapi_runner.proto.text import parse_pipeline

PATCH = """\
2
  note
    아직
  set
    train config {
      data_augmentation_options { random_vertical_flip { probability: 0.25 } }
      optimizer { adam_optimizer ... }
    }
1
  set
    train_config { batch_size: 6 }
    }
"""


def render(*arguments: str) -> Result:
    command = ["render", "--preset", "kitti-d0", "--out", "-", *arguments]
    return CliRunner().invoke(main, command, catch_exceptions=False)


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("override", ["foo", "=4", "", "a[b=4"])
def test_what_has_not_the_form_of_an_override_is_wrong_usage(override: str) -> None:
    """Exit code 2, before anything is read."""
    result = render("-s", override)

    assert result.exit_code == 2
    assert f"Invalid value for '-s' / '--set': \"{override}\" is not PATH=VALUE" in result.stderr


@pytest.mark.parametrize(
    ("override", "what"),
    [
        ("batch_size=many", 'batch_size: takes a whole number, found "many"'),
        ("num_clases=3", 'num_clases: TrainEvalPipelineConfig has no field "num_clases"'),
        ("label_map=a\nb", "-s label_map: the value is not one line of text"),
    ],
)
def test_a_value_that_does_not_fit_is_exit_1(override: str, what: str) -> None:
    """It is the config that knows."""
    result = render("-s", override)

    assert (result.exit_code, result.stderr.splitlines()[0]) == (1, f"Error: {what}")


def test_config_text_of_several_lines_is_a_value() -> None:
    """The command in the config's head has it in one line, and renders the same again."""
    flip = "{\n  random_vertical_flip {\n    probability: 0.25\n  }\n}"

    result = render("-s", f"train_config.data_augmentation_options+={flip}")

    assert result.exit_code == 0
    head = result.stdout.splitlines()[1]
    assert head.endswith("+={ random_vertical_flip { probability: 0.25 } }'")
    message = parse_pipeline(result.stdout, "stdout")
    step = message.train_config.data_augmentation_options[-1]
    assert step.random_vertical_flip.probability == 0.25


def test_what_a_oneof_replaced_is_said_beside_the_result() -> None:
    """On stderr: stdout is the config."""
    result = render("-s", "train_config.optimizer.adam_optimizer.epsilon=1e-7")

    assert result.exit_code == 0
    assert result.stderr == "train_config.optimizer: adam_optimizer replaces momentum_optimizer\n"
    optimizer = parse_pipeline(result.stdout, "stdout").train_config.optimizer
    assert optimizer.WhichOneof("optimizer") == "adam_optimizer"


def test_a_patch_is_applied_and_its_repairs_are_said(tmp_path: Path) -> None:
    """The whole notebook, or one experiment of it."""
    (tmp_path / "실험.txt").write_text(PATCH, encoding="utf-8")

    whole = render("--patch", "실험.txt")
    first = render("--patch", "실험.txt:1", "-s", "batch_size=3")

    assert whole.exit_code == first.exit_code == 0
    assert whole.stderr.splitlines() == [
        "실험.txt: experiments 1, 2 are applied, in this order",
        "실험.txt:12:5: this } belongs to nothing and is left out",
        '실험.txt:5:5: "train config" is read as train_config',
        "실험.txt:7:19: adam_optimizer is left out: an ellipsis does not say what is in it",
    ]
    message = parse_pipeline(whole.stdout, "stdout")
    assert message.train_config.batch_size == 6
    assert message.train_config.data_augmentation_options[-1].HasField("random_vertical_flip")
    assert "--patch 실험.txt:1 -s batch_size=3" in first.stdout.splitlines()[1].replace("'", "")
    assert parse_pipeline(first.stdout, "stdout").train_config.batch_size == 3


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (None, "Error: notes.txt: no such file\n  Check the path.\n"),
        (
            "train_config {\n  num_stepz: 3\n}\n",
            (
                'Error: notes.txt:2:3: TrainConfig has no field "num_stepz"\n'
                '  Did you mean "num_steps"?\n'
            ),
        ),
    ],
)
def test_a_patch_that_does_not_fit_is_two_lines_and_exit_1(
    tmp_path: Path, text: str | None, error: str
) -> None:
    """With its place, and the nearest name."""
    if text is not None:
        (tmp_path / "notes.txt").write_text(text, encoding="utf-8")

    result = render("--patch", "notes.txt")

    assert (result.exit_code, result.stdout, result.stderr) == (1, "", error)
