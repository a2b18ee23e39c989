"""`odapi edit`, as typed."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from odapi_runner.cli import main

TEXT = """\
# mine
train_config {
  batch_size: 4  # 8 GB
  optimizer { adam_optimizer {} }
}
"""


def odapi(*arguments: str | Path, color: bool = False) -> Result:
    words = [str(argument) for argument in arguments]
    return CliRunner().invoke(main, words, catch_exceptions=False, color=color)


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = Path("my.config")
    path.write_text(TEXT, "utf-8")
    return path


def test_the_text_goes_to_stdout_and_notes_to_stderr(config: Path) -> None:
    """The file stays as it is."""
    result = odapi("edit", config, "-s", "train_config.optimizer.rms_prop_optimizer={}")

    assert result.exit_code == 0
    assert result.stdout == TEXT.replace("adam_optimizer {}", "rms_prop_optimizer { }")
    assert result.stderr == "train_config.optimizer: rms_prop_optimizer replaces adam_optimizer\n"
    assert config.read_text("utf-8") == TEXT


def test_without_a_change_the_bytes_are_those_of_the_file(config: Path) -> None:
    """In UTF-16 and with the line ends of Windows as well."""
    content = ("\ufeff" + TEXT.replace("\n", "\r\n")).encode("utf-16-le")
    config.write_bytes(content)

    assert odapi("edit", config).stdout_bytes == content


def test_in_place_says_what_changed_and_where_the_old_file_is(config: Path) -> None:
    """The path is the result."""
    result = odapi(
        "edit",
        config,
        "-s",
        "train_config.num_steps=9",
        "-d",
        "train_config.batch_size",
        "--in-place",
    )

    assert (result.exit_code, result.stdout) == (0, "my.config\n")
    assert result.stderr == (
        "train_config.batch_size: 4 -> 32 (default)\n"
        "train_config.num_steps: 0 (default) -> 9\n"
        "the file as it was: my.config.bak\n"
    )
    assert Path("my.config.bak").read_text("utf-8") == TEXT
    assert config.read_text("utf-8") == TEXT.replace("  batch_size: 4  # 8 GB\n", "").replace(
        "{} }\n", "{} }\n  num_steps: 9\n"
    )


def test_in_place_without_a_change_writes_nothing(config: Path, tmp_path: Path) -> None:
    """And says so."""
    result = odapi("edit", config, "-s", "train_config.batch_size=4", "--in-place")

    assert (result.exit_code, result.stdout) == (0, "my.config\n")
    assert result.stderr == "nothing to change\n"
    assert [path.name for path in tmp_path.iterdir()] == ["my.config"]


def test_diff_prints_the_lines_that_change(config: Path) -> None:
    """As `diff -u` does; in colours on a terminal."""
    plain = odapi("edit", config, "-s", "train_config.batch_size=8", "--diff")
    coloured = odapi("edit", config, "-s", "train_config.batch_size=8", "--diff", color=True)

    assert plain.stdout.splitlines() == [
        "--- my.config",
        "+++ my.config (changed)",
        "@@ -1,5 +1,5 @@",
        " # mine",
        " train_config {",
        "-  batch_size: 4  # 8 GB",
        "+  batch_size: 8  # 8 GB",
        "   optimizer { adam_optimizer {} }",
        " }",
    ]
    assert "\x1b[32m+  batch_size: 8  # 8 GB\x1b[0m\n" in coloured.stdout


def test_diff_of_a_long_text_prints_no_more(config: Path) -> None:
    """A line that is there hundreds of times, such as a brace, is no reason to repeat a part."""
    step = "  data_augmentation_options {\n    random_horizontal_flip {\n    }\n  }\n"
    config.write_text("train_config {\n" + 100 * step + "  batch_size: 4\n}\n", "utf-8")

    changes = ["-s", "train_config.batch_size=8", "-d", "train_config.data_augmentation_options[0]"]
    result = odapi("edit", config, *changes, "--diff")

    changed = [line for line in result.stdout.splitlines()[2:] if line[0] in "+-"]
    assert changed == [
        *(f"-{line}" for line in step.splitlines()),
        "-  batch_size: 4",
        "+  batch_size: 8",
    ]


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        (["other.config"], "Error: other.config: no such file\n  Check the path.\n"),
        (
            ["my.config", "-s", "train_config.batchsize=8"],
            (
                'Error: train_config.batchsize: TrainConfig has no field "batchsize"\n'
                "  Did you mean train_config.batch_size?\n"
            ),
        ),
    ],
)
def test_a_problem_is_two_lines_and_exit_1(arguments: list[str], output: str) -> None:
    """What is wrong, and what to do."""
    result = odapi("edit", *arguments)

    assert (result.exit_code, result.output) == (1, output)


@pytest.mark.parametrize("arguments", [[], ["my.config", "-s"], ["my.config", "--out", "x"]])
def test_wrong_usage_is_exit_2(arguments: list[str]) -> None:
    """No config, an option without its value, an unknown one."""
    assert odapi("edit", *arguments).exit_code == 2


def test_showing_and_writing_exclude_each_other(config: Path) -> None:
    """`--diff` promises to show only."""
    result = odapi("edit", config, "-s", "train_config.batch_size=8", "--diff", "--in-place")

    assert result.exit_code == 2
    assert config.read_text("utf-8") == TEXT
