"""`odapi data`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from odapi_runner.cli import main
from odapi_runner.records.draw import draw_streets


@pytest.fixture
def kitti(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ten street scenes; the test runs in the folder above them."""
    monkeypatch.chdir(tmp_path)
    draw_streets(tmp_path / "KITTI", images=10, seed=0, size_hw=(96, 128))
    return tmp_path / "KITTI"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["data", *arguments], catch_exceptions=False)


def test_convert_and_inspect(kitti: Path) -> None:
    """A dataset of five kinds of files, counts of both splits, and a marked workspace."""
    result = run("convert", "kitti", "KITTI", "--out", "data/kitti", "--format", "json")

    assert result.exit_code == 0
    assert result.stderr == "Wrote data/kitti\n"
    train, val = json.loads(result.stdout)
    assert (train["split"], train["images"], val["split"], val["images"]) == ("train", 8, "val", 2)
    names = sorted(path.name for path in (kitti.parent / "data" / "kitti").iterdir())
    assert names == [
        "annotations.jsonl",
        "dataset.json",
        "label_map.pbtxt",
        *(f"train-{shard:05d}-of-00004.record" for shard in range(4)),
        *(f"val-{shard:05d}-of-00002.record" for shard in range(2)),
    ]
    assert (kitti.parent / "odapi.toml").is_file()

    inspected = run("inspect", "data/kitti", "--format", "json")
    assert inspected.exit_code == 0
    rows = {row["name"]: row for row in json.loads(inspected.stdout)}
    assert rows["Car"]["boxes"] == train["Car"] + val["Car"]
    assert rows[None]["images"] == 10


def test_a_table_for_people(kitti: Path) -> None:
    """The whole output, as a reader sees it."""
    for number in range(10):
        label = kitti / "training" / "label_2" / f"{number:06d}.txt"
        label.write_text("Car 0 0 0 1 1 9 9 1 1 1 1 1 1 0\n", encoding="utf-8")

    result = run("convert", "kitti", "KITTI", "--out", "out", "--classes", "Car")

    assert result.exit_code == 0
    assert result.stdout.split("\n")[2:] == [
        " train        8               0     8                 0                0",
        " val          2               0     2                 0                0",
        "",
    ]


def test_bad_annotations(kitti: Path) -> None:
    """Exit 1 with the place; with --skip-bad exit 0, named and counted on stderr."""
    (kitti / "training" / "label_2" / "000003.txt").write_text("Car\n", encoding="utf-8")
    command = ("convert", "kitti", "KITTI", "--out", "out", "--format", "csv")

    refused = run(*command)
    assert refused.exit_code == 1
    assert refused.stderr == (
        "Error: KITTI/training/label_2/000003.txt:1: 15 values expected, 1 found\n"
        "  Nothing was written. Repair the annotations, or leave them out with --skip-bad.\n"
    )

    skipped = run(*command, "--skip-bad")
    assert skipped.exit_code == 0
    assert skipped.stderr == (
        "left out: KITTI/training/label_2/000003.txt:1: 15 values expected, 1 found\n"
        "left out: 1 bad annotations, see dataset.json\n"
        "Wrote out\n"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("convert kitti absent --out out", "absent: there is no training/image_2"),
        ("convert kitti KITTI --out KITTI", "KITTI: holds what odapi did not write: training"),
        ("convert kitti KITTI --out out --val-ids absent.txt", "absent.txt: No such file"),
        ("convert kitti KITTI --out out --classes Car,,Van", "these are no classes"),
        ("convert voc --images absent --annotations KITTI --out out", "absent: not a folder"),
        ("inspect absent.record", "absent.record: no file of that name"),
        ("inspect KITTI/training/label_2/000000.txt", "not a TFRecord file"),
    ],
)
def test_problems_are_two_lines(kitti: Path, arguments: str, words: str) -> None:
    """What, then what to do; exit code 1, nothing on stdout, nothing written."""
    result = run(*arguments.split())

    assert result.exit_code == 1
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 2
    assert result.stdout == ""
    assert not (kitti.parent / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("convert kitti KITTI", "Missing option '--out'"),
        ("convert kitti KITTI --out out --val-fraction 1", "is not in the range 0<=x<1"),
        ("convert kitti KITTI --out out --dontcare no", "is not one of"),
        (
            "convert kitti KITTI --out out --val-fraction 0.1 --val-ids f",
            "--val-fraction and --val-ids exclude each other",
        ),
        ("convert voc --images a --annotations b --out out --val-every 1", "is not in the range"),
        ("convert yolo KITTI", "No such command 'yolo'"),
        ("inspect", "Missing argument"),
        ("inspect --format yaml a", "is not one of"),
    ],
)
def test_wrong_usage(kitti: Path, arguments: str, words: str) -> None:
    """Exit code 2, and nothing written."""
    result = run(*arguments.split())

    assert result.exit_code == 2
    assert words in result.stderr
    assert not (kitti.parent / "out").exists()


def test_faulty_records_fail_after_the_table(kitti: Path) -> None:
    """The table on stdout, the first fault on stderr, exit code 1."""
    run("convert", "kitti", "KITTI", "--out", "data/kitti")
    names = ("data/kitti/val-00000-of-00002.record",) * 2

    result = run("inspect", *names, "--format", "csv")

    assert result.exit_code == 1
    assert "fault,source id twice,,1," in result.stdout
    assert (
        "another record has this image/source_id (source id twice: 1 of 2 records)\n"
        in result.stderr
    )


def test_faults_are_lines_below_the_table(kitti: Path) -> None:
    """Their sentences are no column, which would be a few signs wide."""
    run("convert", "kitti", "KITTI", "--out", "data/kitti")
    names = ("data/kitti/val-00000-of-00002.record",) * 2

    lines = run("inspect", *names).stdout.splitlines()

    assert lines[0].split() == [
        *("name", "id", "images", "boxes", "small", "medium", "large", "difficult", "ignored")
    ]
    assert lines[-2].split()[:2] == ["all", "2"]
    assert lines[-1].startswith("source id twice: 1 of 2 records: ")
    assert lines[-1].endswith(": another record has this image/source_id")


def test_images_cut_short_are_found_by_decoding(kitti: Path) -> None:
    """Their headers are whole; `convert --decode` finds them earlier."""
    path = kitti / "training" / "image_2" / "000003.png"
    path.write_bytes(path.read_bytes()[:-40])
    convert = ("convert", "kitti", "KITTI", "--out", "out")

    refused = run(*convert, "--decode")
    assert refused.exit_code == 1
    assert "000003.png: the image cannot be read (" in refused.stderr
    assert run(*convert).exit_code == 0
    assert run("inspect", "out").exit_code == 0

    inspected = run("inspect", "out", "--decode", "--format", "csv")
    assert inspected.exit_code == 1
    assert "fault,image undecodable,,1," in inspected.stdout
    assert "(image undecodable: 1 of 10 records)\n" in inspected.stderr


def test_help_has_an_example() -> None:
    """Every command of the group shows how it is typed."""
    for command in ((), ("convert",), ("convert", "kitti"), ("convert", "voc"), ("inspect",)):
        assert "Example:\n    odapi data" in run(*command, "--help").stdout
