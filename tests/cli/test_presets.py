"""`odapi presets`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from odapi_runner.cli import main


def odapi(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_list_names_each_preset_and_what_it_is() -> None:
    """One row a preset."""
    result = odapi("presets", "--format", "csv")

    lines = result.output.splitlines()
    assert result.exit_code == 0
    assert lines[:2] == ["preset,about", 'efficientdet-d0,"EfficientDet-D0, 512 px, COCO"']
    assert len(lines) == 10


def test_one_preset_shows_its_values_and_where_they_come_from() -> None:
    """The template's values first, then what the preset sets of its own."""
    rows = json.loads(odapi("presets", "kitti-d0", "--format", "json").output)

    assert rows[0] == {
        "group": "network",
        "name": "backbone",
        "value": "efficientnet-b0",
        "from": "object_detection/configs/tf2/ssd_efficientdet_d0_512x512_coco17_tpu-8.config",
    }
    assert {"group": "-s data", "name": "train_records", "value": "data/kitti/train-*.record"} in [
        {key: row[key] for key in ("group", "name", "value")} for row in rows
    ]


def test_a_preset_of_the_workspace_is_listed(tmp_path: Path) -> None:
    """Beside the shipped ones."""
    path = tmp_path / "templates" / "presets" / "내것.toml"
    path.parent.mkdir(parents=True)
    path.write_text('about = "작은 것"\nextends = "kitti-d0"\n', encoding="utf-8")

    assert "내것,작은 것" in odapi("presets", "--format", "csv").output.splitlines()


def test_a_broken_preset_is_two_lines_and_exit_1(tmp_path: Path) -> None:
    """In the list as well: it is the user's file."""
    path = tmp_path / "templates" / "presets" / "mine.toml"
    path.parent.mkdir(parents=True)
    path.write_text('about = "a"\n', encoding="utf-8")

    result = odapi("presets")

    assert (result.exit_code, result.output) == (
        1,
        f'Error: {path}: needs either template or extends\n  As in template = "efficientdet"\n',
    )


def test_an_unknown_preset_and_wrong_usage() -> None:
    """Two lines and exit 1; exit 2."""
    result = odapi("presets", "kitti-d9")

    assert (result.exit_code, result.output) == (
        1,
        'Error: no preset "kitti-d9"\n  Did you mean "kitti-d0"?\n',
    )
    assert odapi("presets", "--format", "xml").exit_code == 2
