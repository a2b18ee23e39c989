"""`odapi presets`."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from odapi_runner.cli import main
from support.zoo import ZOO


def odapi(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write_preset(folder: Path, name: str, text: str) -> Path:
    path = folder / "templates" / "presets" / f"{name}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_the_list_fits_a_terminal_of_eighty_columns() -> None:
    """One row a preset: its name and what it is."""
    lines = odapi("presets").stdout.splitlines()

    assert lines[0].split() == ["name", "about"]
    assert len(lines) == 2 + len(ZOO) + 11
    assert max(map(len, lines)) <= 80


def test_the_list_for_programs_names_the_published_samples() -> None:
    """As JSON: name, sample or null, and what it is."""
    rows = json.loads(odapi("presets", "--format", "json").output)

    assert {row["name"]: row["published"] for row in rows if row["published"]} == {
        name: sample.file for name, sample in ZOO.items()
    }
    assert rows[-1] == {
        "name": "weighted-multi-source",
        "published": None,
        "about": "SSD MobileNet V2 FPNLite, 14 sources",
    }


def test_one_preset_shows_its_values_and_what_it_changes() -> None:
    """By where they come from, and beside what was published."""
    output = odapi("presets", "kitti-d0").output

    assert output.startswith(
        "kitti-d0: EfficientDet-D0 512 px, KITTI, 8 GB\n"
        "  template   efficientdet.config.j2\n"
        "  extends    efficientdet-d0\n"
        "  based on   ssd_efficientdet_d0_512x512_coco17_tpu-8.config\n"
        "\n"
        "object_detection/configs/tf2/ssd_efficientdet_d0_512x512_coco17_tpu-8.config\n"
        "    backbone = efficientnet-b0\n"
    )
    assert "    batch_size = 4\n        published: 128\n" in output
    assert "it counts on TPUs only\n    use_bfloat16 = not set\n        published: true\n" in output
    assert output.count("batch_size = ") == 2  # that of training, that of evaluation


def test_one_preset_for_programs() -> None:
    """The full path of each field that differs; no published value where it is the same."""
    rows = list(csv.DictReader(odapi("presets", "kitti-d0", "--format", "csv").output.splitlines()))
    found = {row["name"]: row for row in rows}

    assert found["train_config.num_steps"]["value"] == "29925"
    assert found["train_config.num_steps"]["published"] == "300000"
    assert found["image_size"] == {
        "name": "image_size",
        "value": "512",
        "published": "",
        "from": "object_detection/configs/tf2/ssd_efficientdet_d0_512x512_coco17_tpu-8.config",
    }


def test_a_published_preset_says_as_what() -> None:
    """And what it extends."""
    lines = odapi("presets", "efficientdet-d7").output.splitlines()

    assert lines[2:4] == [
        "  extends    efficientdet-d0",
        "  published  ssd_efficientdet_d7_1536x1536_coco17_tpu-32.config",
    ]


def test_a_preset_of_the_workspace_is_listed(tmp_path: Path) -> None:
    """Beside the shipped ones."""
    write_preset(tmp_path, "내것", 'about = "작은 것"\nextends = "kitti-d0"\n')

    assert "내것,,작은 것" in odapi("presets", "--format", "csv").output.splitlines()


def test_a_broken_preset_is_two_lines_and_exit_1(tmp_path: Path) -> None:
    """It is the user's file."""
    path = write_preset(tmp_path, "mine", 'about = "a"\n')

    result = odapi("presets", "mine")

    assert (result.exit_code, result.output) == (
        1,
        f'Error: {path}: needs template or extends\n  As in extends = "efficientdet-d0"\n',
    )


def test_an_unknown_preset_and_wrong_usage() -> None:
    """Two lines and exit 1; exit 2."""
    result = odapi("presets", "efficientdet-d8")
    begun = odapi("presets", "ssd-mobilenet-v2-fpn")

    assert result.exit_code == 1
    first, second = result.output.splitlines()
    assert first == 'Error: no preset "efficientdet-d8"'
    assert second.startswith('  Did you mean "efficientdet-d')
    assert begun.output == (
        'Error: no preset "ssd-mobilenet-v2-fpn"\n'
        "  There are: ssd-mobilenet-v2-fpnlite-320, ssd-mobilenet-v2-fpnlite-640.\n"
    )
    assert odapi("presets", "--format", "xml").exit_code == 2


def test_a_workspace_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """A mistyped -w would list other presets than the user's own."""
    result = odapi("presets", "-w", "work")

    assert (result.exit_code, result.output) == (
        1,
        f"Error: {tmp_path / 'work'}: no such folder\n  Correct the folder of -w.\n",
    )


def test_a_broken_preset_takes_no_other_off_the_list(tmp_path: Path) -> None:
    """The rest is listed; the file is named, with the key that is wrong."""
    path = write_preset(tmp_path, "mine", 'about = "mine"\nextends = "efficientdet-d99"\n')
    result = odapi("presets")

    assert result.exit_code == 1
    assert "efficientdet-d7" in result.stdout
    assert result.stderr.splitlines()[0] == (
        f'Error: {path}: extends "efficientdet-d99", which is no preset'
    )


def test_a_template_named_with_its_ending_is_told(tmp_path: Path) -> None:
    """The key takes the bare name."""
    write_preset(tmp_path, "mine", 'about = "mine"\ntemplate = "efficientdet.config.j2"\n')
    result = odapi("render", "--preset", "mine")

    assert result.exit_code == 1
    assert 'Did you mean "efficientdet"?' in result.stderr
