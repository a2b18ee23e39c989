"""Rules on labels: names and ids of the records against the label map."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from odapi_runner.formats.example import Annotated
from odapi_runner.pipeline.finding import Finding
from odapi_runner.workspace import Workspace
from support.examples import annotated
from support.more_records import adding, holding
from support.rule_cases import Bend, Case, bend

LABEL_MAP = "data/kitti/label_map.pbtxt"
UNKNOWN = f"boxes of classes that {LABEL_MAP} does not have are dropped: "
BOX = (0.25, 0.25, 0.75, 0.75)
NAMES = ("Car", "Pedestrian", "Cyclist")


def labelled(names: Sequence[str], ids: Sequence[int], **more: Any) -> Annotated:
    """An image with a box for each name, or for each id."""
    boxes = [BOX] * max(len(names), len(ids))
    ids_ = np.array(ids, np.int64)
    return annotated("labelled", boxes, names, class_ids=ids_, **more)


IGNORED = {"is_crowd": np.array([True]), "group_of": np.array([True])}
CASES = {
    "label-missing": Case(fails=adding(annotated("more", names=[])), passes=adding(annotated("x"))),
    "label-unknown": Case(
        fails=adding(labelled(["Van"], [])), passes=adding(labelled(["Van"], [], **IGNORED))
    ),
    "label-id-unknown": Case(
        fails=adding(labelled([], [1, 4])), passes=adding(labelled([], [1, 3]))
    ),
    "label-id-zero": Case(fails=adding(labelled([], [0, 1])), passes=adding(labelled([], [2, 1]))),
    "label-contradiction": Case(
        fails=adding(labelled(["Car"], [2])), passes=adding(labelled(["Car"], [1]))
    ),
    "class-unused": Case(
        fails=holding(*[labelled(NAMES[:2], [])] * 4), passes=holding(*[labelled(NAMES, [])] * 4)
    ),
}

Found = Callable[[Bend], list[Finding]]


@pytest.mark.parametrize(
    ("example", "what", "fix"),
    [
        (
            labelled(["car"], []),
            UNKNOWN + "car (1)",
            'Did you mean "Car"?',
        ),
        (
            labelled(["Van", "Tram", "Van"], []),
            UNKNOWN + "Tram (1), Van (2)",
            "Add them to the label map; it has Car, Pedestrian, Cyclist.",
        ),
        (
            labelled([], [4, 1, 4]),
            "no class of data/kitti/label_map.pbtxt has id 4 (2 boxes)",
            "Correct the label map, or image/object/class/label in the records.",
        ),
        (
            labelled([], [0]),
            "a class/label is 0, which is the background (1 boxes)",
            "Number the classes from 1, in the records and in the label map.",
        ),
        (
            labelled(["Car", "Cyclist", "Pedestrian"], [2, 3, 1]),
            f"class/label is not the id of {LABEL_MAP}: Car is 2 (1), Pedestrian is 1 (2)",
            "Give the label map that the records were written with, or write them again.",
        ),
        (
            annotated("more", [BOX] * 2, names=[]),
            "2 boxes without class/text and class/label (1 of 5 records looked at)",
            "Write image/object/class/text for every box.",
        ),
    ],
)
def test_what_is_said_of_labels(found: Found, example: Annotated, what: str, fix: str) -> None:
    """Names and numbers as the records have them, with how many, and what to do."""
    (finding,) = found(adding(example))

    assert (finding.what, finding.fix) == (what, fix)


def test_names_count_more_than_ids(found: Found) -> None:
    """As the decoder has it: a known name makes a strange id harmless, but it is worth a word."""
    (finding,) = found(adding(labelled(["Car"], [99])))

    assert (finding.rule, finding.severity) == ("label-contradiction", "warning")
    assert finding.what.endswith("Car is 99 (1)")


def test_a_class_is_known_by_its_display_name_too(found: Found) -> None:
    """The decoder looks into both tables."""

    def write(workspace: Workspace) -> None:
        (workspace.data / "kitti" / "label_map.pbtxt").write_text(
            "item { id: 1 name: '/m/0k4j' display_name: 'Car' }\n"
            "item { id: 2 name: 'Pedestrian' } item { id: 3 name: 'Cyclist' }",
            encoding="utf-8",
        )

    assert found(bend(files=write)) == []


def test_unused_classes_are_listed_where_all_records_were_looked_at(found: Found) -> None:
    """Of a sample nobody can say that."""
    (finding,) = found(holding(*[annotated("car")] * 4))
    assert finding.severity == "hint"
    assert finding.what == "no record has a box of Pedestrian, Cyclist"

    assert found(holding(*[annotated("car")] * 201)) == []  # 200 of them are looked at
