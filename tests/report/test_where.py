"""Which rows are kept, and in which order."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from odapi_runner.errors import OdapiError
from odapi_runner.report.compare import compare
from odapi_runner.report.where import Condition, parse_condition
from odapi_runner.rundir import RunDir
from odapi_runner.workspace import Workspace
from support.compared import rows, write_run

CROP = "data_augmentation_options {{ random_crop_image {{ min_area: {} }} }}"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Three runs: batches of 4, 8 and 16, of which one has no evaluation."""
    place = Workspace(tmp_path)
    write_run(place.train / "a", {10: 0.5, 20: 0.25}, batch=4, more=CROP.format(0.1))
    write_run(place.train / "b", {10: 0.75}, batch=8, options={"precision": "float32"})
    write_run(place.train / "c", {}, batch=16)
    return place


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("batch_size>=8", Condition("batch_size", ">=", "8")),
        (" mAP < 0.5 ", Condition("mAP", "<", "0.5")),
        ("run != 'a b'", Condition("run", "!=", "a b")),
        ("mAP_small=", Condition("mAP_small", "=", "")),
        ("note==x=y", Condition("note", "==", "x=y")),
    ],
)
def test_a_condition_is_a_name_a_sign_and_a_value(text: str, condition: Condition) -> None:
    """Spaces and quotes around the value do not count."""
    assert parse_condition(text) == condition


@pytest.mark.parametrize("text", ["", "mAP", ">=8", "=8", "mAP~0.5"])
def test_what_is_no_condition_is_said(text: str, workspace: Workspace) -> None:
    """In a sentence with an example."""
    with pytest.raises(ValueError, match="is not NAME=VALUE, as in batch_size>=8"):
        parse_condition(text)
    with pytest.raises(OdapiError, match="is not NAME=VALUE"):
        compare(workspace=workspace, where=[text])


@pytest.mark.parametrize(
    ("cell", "condition", "holds"),
    [
        (8, "x>=8", True),
        (8, "x=8.0", True),
        ("8", "x=8.0", False),  # a text is what it says
        (0.5, "x>1e-1", True),
        (0.5, "x>z", False),
        ("b", "x>a", True),
        (True, "x=true", True),
        (False, "x!=true", True),
        (None, "x=", True),
        (None, "x!=3", True),
        (None, "x<3", False),
        (float("nan"), "x<3", False),
    ],
)
def test_when_a_condition_holds(cell: object, condition: str, holds: bool) -> None:
    """Numbers by size, texts by letters; nothing is said of an empty cell but that it is one."""
    assert parse_condition(condition).holds(cell) is holds


@pytest.mark.parametrize(
    ("where", "runs"),
    [
        (["batch_size>=8"], ["b", "c"]),
        (["train_config.batch_size>=8", "mAP>0.5"], ["b"]),
        (["mAP<=0.5"], ["a"]),
        (["mAP="], ["c"]),
        (["run=b"], ["b"]),
        (["keep=7"], ["a", "b", "c"]),  # an option in which they do not differ
        (["random_crop_image.min_area=0.1"], ["a"]),
        (["random_crop_image!="], ["a"]),
        (["precision=float32"], ["b"]),
        (["add_regularization_loss=true"], ["a", "b", "c"]),  # by default
        (["step>100"], []),
    ],
)
def test_columns_and_settings_can_be_asked_for(
    workspace: Workspace, where: list[str], runs: list[str]
) -> None:
    """Whether the runs differ in them or not; all conditions have to hold."""
    assert [name for (name,) in rows(compare(workspace=workspace, where=where), "run")] == runs


def test_only_what_differs_between_the_rows_that_are_left_has_a_column(
    workspace: Workspace,
) -> None:
    """b and c differ in their batch, and in an option that b alone has."""
    found = compare(workspace=workspace, where=["batch_size>=8"])

    assert list(found.table.columns)[-2:] == ["precision", "batch_size"]


def test_a_number_and_a_text_have_no_order(workspace: Workspace) -> None:
    """No row could meet it: the values that are there are told instead of an empty table."""
    with pytest.raises(OdapiError) as number:
        compare(workspace=workspace, where=["batch_size>=abc"])
    with pytest.raises(OdapiError) as text:
        compare(workspace=workspace, where=["run<3"])

    assert number.value.what == 'batch_size is a number in each of these rows: it is not >= "abc"'
    assert number.value.fix == "What is there: 4, 8, 16"
    assert text.value.what == "run is a text in each of these rows: it is not < a number"


def test_that_no_row_is_left_is_told(workspace: Workspace) -> None:
    """With what was asked; an empty table alone looks like runs without results."""
    found = compare(workspace=workspace, where=["batch_size>4", "run=zzz"])

    assert rows(found, "run") == []
    assert found.notes == ("no row is left: of 3 none has batch_size>4 and run=zzz",)


def test_a_message_is_set_and_has_no_value(workspace: Workspace) -> None:
    """What is asked of it instead is said."""
    with pytest.raises(OdapiError) as caught:
        compare(workspace=workspace, where=["random_crop_image=x"])

    what = "random_crop_image is a message in each of these rows: ask for random_crop_image=set"
    assert caught.value.what == what
    found = compare(workspace=workspace, where=["random_crop_image=set"])
    assert rows(found, "run") == [["a"]]


def test_the_sweep_and_its_patch_can_be_asked_for(workspace: Workspace) -> None:
    """As the columns that they are; a run of no sweep has empty ones."""
    run = RunDir(workspace.train / "b")
    asked = json.loads(run.run_json.read_text("utf-8"))
    sweep = {"name": "small-sweep", "values": {"patch": "crop"}}
    run.run_json.write_text(json.dumps(asked | {"sweep": sweep}), "utf-8")

    of_sweep = compare(workspace=workspace, where=["sweep=small-sweep", "patch=crop"])

    assert rows(of_sweep, "run") == [["b"]]
    assert rows(compare(workspace=workspace, sort=["sweep"]), "run") == [["b"], ["a"], ["c"]]
    assert rows(compare(workspace=workspace, where=["sweep="]), "run") == [["a"], ["c"]]


def test_an_unknown_name_is_said_with_the_one_that_was_meant(workspace: Workspace) -> None:
    """Whether in a condition or in an order."""
    with pytest.raises(OdapiError) as condition:
        compare(workspace=workspace, where=["batch_sise>8"])
    with pytest.raises(OdapiError) as order:
        compare(workspace=workspace, sort=["mAP_5"])

    what = '"batch_sise" is neither a column nor a setting of these runs'
    assert (condition.value.what, condition.value.fix) == (what, 'Did you mean "batch_size"?')
    assert '"mAP_50"' in order.value.fix


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        (["mAP"], ["b", "a", "c"]),  # the best first, the empty one last
        (["-mAP"], ["a", "b", "c"]),
        (["loss_total"], ["a", "b", "c"]),  # both 1.0: as they were
        (["-batch_size"], ["c", "b", "a"]),
        (["batch_size"], ["a", "b", "c"]),
        (["seed", "-run"], ["c", "b", "a"]),
    ],
)
def test_rows_are_put_in_order(workspace: Workspace, sort: list[str], expected: list[str]) -> None:
    """The best of a metric first, of all else the lowest; the next name where they are equal."""
    assert [name for (name,) in rows(compare(workspace=workspace, sort=sort), "run")] == expected
