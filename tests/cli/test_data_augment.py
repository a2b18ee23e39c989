"""`odapi data inspect --augment`."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from odapi_runner.cli import main
from support.examples import LABEL_MAP, annotated, write_records

STEPS = "train_config { data_augmentation_options { %s } }"
INPUT = 'train_input_reader { label_map_path: "data/label_map.pbtxt" tf_record_input_reader {} }'


@pytest.fixture(autouse=True)
def _records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six images of 40 x 80 pixels with a car each; the test runs in the folder above them."""
    monkeypatch.chdir(tmp_path)
    write_records(tmp_path / "data" / "train.record", [annotated(f"{n}") for n in range(6)])
    (tmp_path / "data" / "label_map.pbtxt").write_text(LABEL_MAP, encoding="utf-8")


def run(steps: str, *arguments: str) -> Result:
    Path("some.config").write_text(f"{INPUT} {STEPS % steps}", encoding="utf-8")
    words = ["data", "inspect", "data", "--augment", "some.config", *arguments]
    return CliRunner().invoke(main, words, catch_exceptions=False)


def test_sheets_are_written_and_their_paths_printed(tmp_path: Path) -> None:
    """Five of the six images: four on the first sheet, one on the second, four pictures a row."""
    result = run("random_horizontal_flip {}", "--images", "5", "--out", "sheets")

    paths = [tmp_path / "sheets" / f"sheet-0{number}.jpg" for number in (1, 2)]
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [str(path) for path in paths]
    assert result.stderr == ""
    sizes = []
    for path in paths:
        with Image.open(path) as sheet:
            sizes.append(sheet.size)
    # 320 and twice 8 pixels wide; 160, twice 8 and 16 for the caption high.
    assert sizes == [(4 * 336, 4 * 192), (4 * 336, 192)]


def test_a_step_that_is_refused_is_named_with_its_remedy() -> None:
    """Two lines, and exit code 1, without any of TensorFlow's."""
    result = run("random_horizontal_flip { probability: 2 }")

    assert result.exit_code == 1
    assert result.stdout == ""
    assert "some.config: train_config.data_augmentation_options[0].random_horizontal_flip." in (
        result.stderr
    )
    assert result.stderr.splitlines()[-1] == "  Use a number from 0 to 1."
    assert len(result.stderr.splitlines()) == 2


def test_decoding_and_drawing_exclude_each_other() -> None:
    """Wrong usage."""
    result = run("random_horizontal_flip {}", "--decode")

    assert result.exit_code == 2
    assert "--augment and --decode exclude each other." in result.stderr


def test_a_folder_that_cannot_be_made_is_two_lines() -> None:
    """Told before TensorFlow starts."""
    Path("taken").touch()
    result = run("random_horizontal_flip {}", "--out", "taken")

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: taken: cannot be made (File exists)\n")
