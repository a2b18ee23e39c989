"""Rules on the paths in a config."""

from __future__ import annotations

from pathlib import Path

import pytest

from odapi_runner.workspace import Workspace
from support.rule_cases import Bend, Case, bend, find, make_base

LABEL_MAP = "train_input_reader.label_map_path"


CASES = {
    "path-placeholder": Case(
        fails=bend("fine_tune_checkpoint=PATH_TO_BE_CONFIGURED/ckpt-0"),
        passes=bend(deletes=("train_config.fine_tune_checkpoint",)),
    ),
    "path-backslash": Case(
        fails=bend(f"{LABEL_MAP}=data\\kitti\\label_map.pbtxt"),
        passes=bend(f"{LABEL_MAP}=data/kitti/../kitti/label_map.pbtxt"),
    ),
    "path-elsewhere": Case(
        fails=bend(f"{LABEL_MAP}=/content/drive/MyDrive/label_map.pbtxt"),
        passes=bend(f"{LABEL_MAP}=./data/kitti/label_map.pbtxt"),
    ),
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return make_base(tmp_path_factory.mktemp("base"))


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("~/maps/a.pbtxt", "~/maps/a.pbtxt: nothing puts the home folder in the place of the ~"),
        ("D:/maps/a.pbtxt", "D:/maps/a.pbtxt is of another machine: there is no D: here"),
        ("/Users/kim/a.pbtxt", "/Users/kim/a.pbtxt is of another machine: there is no /Users here"),
    ],
)
def test_what_only_another_machine_has(
    base: Workspace, tmp_path: Path, path: str, what: str
) -> None:
    """A home folder, a drive, the root of a Mac: one finding, and not that there is no file."""
    case = Case(bend(f"{LABEL_MAP}={path}"), Bend())

    (finding,) = find(case.fails, case, base, tmp_path)

    assert (finding.rule, finding.place, finding.what) == ("path-elsewhere", LABEL_MAP, what)
    assert finding.fix.endswith("-s label_map=data/NAME/label_map.pbtxt")


def test_an_absolute_path_that_is_there_is_right(base: Workspace, tmp_path: Path) -> None:
    """It begins with a folder of this machine."""
    case = Case(bend(f"{LABEL_MAP}={base.data}/kitti/label_map.pbtxt"), Bend())

    assert find(case.fails, case, base, tmp_path) == []


def test_a_published_config_is_told_its_five_paths(base: Workspace, tmp_path: Path) -> None:
    """Each where it stands, and nothing follows from them."""
    here = "PATH_TO_BE_CONFIGURED"
    paths = ("fine_tune_checkpoint", "label_map", "train_records", "eval_records")
    case = Case(bend(*(f"{name}={here}/x" for name in paths)), Bend())

    findings = find(case.fails, case, base, tmp_path)

    assert [(finding.rule, finding.fix) for finding in findings] == [
        ("path-placeholder", "-s fine_tune_checkpoint=FOLDER/ckpt-0"),
        ("path-placeholder", "-s label_map=data/NAME/label_map.pbtxt"),
        ("path-placeholder", "-s label_map=data/NAME/label_map.pbtxt"),
        ("path-placeholder", "-s train_records=data/NAME/train-*"),
        ("path-placeholder", "-s eval_records=data/NAME/val-*"),
    ]


def test_many_files_of_another_machine_are_one_finding(base: Workspace, tmp_path: Path) -> None:
    """As in the seventh experiment of a user, who had fourteen."""
    files = ",".join(f"/content/drive/train_{number}.record" for number in range(14))
    case = Case(bend(f"train_records={files}"), Bend())

    (finding,) = find(case.fails, case, base, tmp_path)

    assert finding.what == (
        "/content/drive/train_0.record, like 13 more, is of another machine: there is no /content "
        "here"
    )


def test_a_backslash_before_korean_is_shown_as_it_is_written(
    base: Workspace, tmp_path: Path
) -> None:
    r"""google.protobuf reads `\너` as `\ub108`; the remedy is the folder's own name."""
    case = Case(bend(f"{LABEL_MAP}=data\\ub108구리\\a.pbtxt"), Bend())

    (finding,) = find(case.fails, case, base, tmp_path)

    assert finding.what == "data\\너구리\\a.pbtxt is written with backslashes"
    assert finding.fix == 'Write it as "data/너구리/a.pbtxt".'


def test_a_folder_of_another_machine_is_one_finding(base: Workspace, tmp_path: Path) -> None:
    """Whatever lies in it, with every setting to change; and no file of it is said to be absent."""
    drive = "/content/drive/MyDrive"
    sets = (
        f"fine_tune_checkpoint={drive}/ckpt-0",
        f"label_map={drive}/map.pbtxt",
        f"train_records={drive}/a.record,{drive}/b.record",
        f"eval_records={drive}/c.record",
    )
    case = Case(bend(*sets), Bend())

    (finding,) = find(case.fails, case, base, tmp_path)

    assert (finding.rule, finding.place) == ("path-elsewhere", "train_config.fine_tune_checkpoint")
    assert finding.what == (
        "/content/drive/MyDrive/ckpt-0, like 5 more, is of another machine: there is no /content "
        "here"
    )
    assert finding.fix == (
        "Put the files into the workspace, and name from there: "
        "-s fine_tune_checkpoint=FOLDER/ckpt-0 -s label_map=data/NAME/label_map.pbtxt "
        "-s train_records=data/NAME/train-* -s eval_records=data/NAME/val-*"
    )
