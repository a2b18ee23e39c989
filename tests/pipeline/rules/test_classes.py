"""Rules on classes and label maps."""

from __future__ import annotations

from pathlib import Path

import pytest

from odapi_runner.workspace import Workspace
from support.rule_cases import Bend, Case, bend, find, make_base

MAP = "data/kitti/label_map.pbtxt"


def with_map(text: str, name: str = MAP) -> Bend:
    """Another label map in the place of the base's, or one more."""
    return bend(files=lambda place: (place.root / name).write_text(text, encoding="utf-8"))


def items(*names: str, ids: tuple[int, ...] = (1, 2, 3, 4)) -> str:
    return " ".join(
        f'item {{ id: {id_} name: "{name}" }}' for id_, name in zip(ids, names, strict=False)
    )


THREE = ("Car", "Pedestrian", "Cyclist")
SWAPPED = ("Car", "Cyclist", "Pedestrian")
EVAL_MAP = "eval_input_reader[0].label_map_path=eval.pbtxt"

CASES = {
    "model": Case(
        fails=bend(deletes=("model.ssd", "train_config.fine_tune_checkpoint")),
        passes=bend(),
    ),
    "no-classes": Case(
        fails=bend("model.ssd.num_classes=-3"), passes=bend("model.ssd.num_classes=3")
    ),
    "label-map": Case(
        fails=bend("label_map=data/kitti/label.pbtxt"), passes=bend(f"label_map={MAP}")
    ),
    "label-map-gaps": Case(
        fails=bend("num_classes=4", files=with_map(items(*THREE, ids=(1, 2, 4))).files),
        passes=with_map(items(*THREE)),
    ),
    "label-maps-differ": Case(
        fails=bend(EVAL_MAP, files=with_map(items(*SWAPPED), "eval.pbtxt").files),
        passes=bend(EVAL_MAP, files=with_map(items(*THREE), "eval.pbtxt").files),
    ),
    "num-classes": Case(fails=bend("num_classes=90"), passes=bend("num_classes=3")),
}


def test_an_absent_label_map_is_told_the_nearest_one(tmp_path: Path) -> None:
    """Beside it, or that of a data set of the workspace."""
    base = make_base(tmp_path / "base")
    for number, written in enumerate((MAP.replace("map", "mpa"), "data/kiti/label_map.pbtxt")):
        case = Case(bend(f"label_map={written}"), Bend())
        (tmp_path / str(number)).mkdir()

        (finding,) = find(case.fails, case, base, tmp_path / str(number))

        assert finding.what == f"{written}: no such file"
        assert finding.fix == f"-s label_map={MAP}"


def test_a_negative_number_of_classes_is_one_error(tmp_path: Path) -> None:
    """Neither the label map nor the engine has anything to add."""
    base: Workspace = make_base(tmp_path / "base")
    case = CASES["no-classes"]

    findings = find(case.fails, case, base, tmp_path)

    assert [(one.rule, one.what) for one in findings] == [
        ("no-classes", "a model of -3 classes finds nothing")
    ]


@pytest.mark.parametrize("written", ["", "data/cats/classes.pbtxt"])
def test_a_label_map_of_other_data_is_not_offered(
    base: Workspace, tmp_path: Path, written: str
) -> None:
    """One beside the reader's own records is, and else the words say where one belongs."""

    def add_another(place: Workspace) -> None:
        (place.data / "apples").mkdir()
        (place.data / "apples" / "label_map.pbtxt").write_text(items(*THREE), encoding="utf-8")

    def lose_it(place: Workspace) -> None:
        add_another(place)
        for path in (place.data / "kitti").glob("*.pbtxt"):
            path.unlink()

    fixes = []
    for number, change in enumerate((add_another, lose_it)):
        case = Case(bend(f"train_input_reader.label_map_path={written}", files=change), Bend())
        (tmp_path / str(number)).mkdir()
        found = find(case.fails, case, base, tmp_path / str(number))
        fixes.append(next(one.fix for one in found if one.rule == "label-map"))

    beside, far = fixes
    assert beside == f"-s label_map={MAP}"
    assert far.endswith("-s label_map=data/NAME/label_map.pbtxt")
