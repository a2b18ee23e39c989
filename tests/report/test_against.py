"""Differences from a baseline, and which of them mean something."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from odapi_runner.errors import OdapiError
from odapi_runner.metrics import METRICS
from odapi_runner.report.compare import compare
from odapi_runner.rundir import RunDir
from odapi_runner.workspace import Workspace
from support.compared import rows, simulate, write_run

T = TypeVar("T")
TESTS = [f"{metric}_{end}" for metric in ("mAP", "mAP_50") for end in ("low", "high", "p")]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def test_metrics_are_compared_with_the_baseline_s(workspace: Workspace) -> None:
    """A column for each, at the end and always the same; its own row has differences of 0."""
    write_run(workspace.train / "a", {10: 0.25}, data="d")
    write_run(workspace.train / "b", {10: 0.5, 20: 0.375}, batch=8, data="d")

    found = compare(workspace=workspace, baseline="a", noise=False)

    assert rows(found, "run", "mAP_delta", "loss_total_delta", "mAP_50_delta", "verdict") == [
        ["a", 0.0, 0.0, None, None],
        ["b", 0.25, 0.0, None, None],
    ]
    assert list(found.table.columns)[-len(METRICS) - 2 :] == [
        "batch_size",
        *(f"{metric}_delta" for metric in METRICS),
        "verdict",
    ]
    assert found.sentences == ()


def test_a_baseline_that_is_not_among_the_runs_comes_first(workspace: Workspace) -> None:
    """It may be a log, too; it counts at the same step as the others."""
    run = write_run(workspace.train / "b", {10: 0.5, 20: 0.375})
    log = workspace.root / "eval.log"
    tell = "Eval metrics at step {}\n\t+ DetectionBoxes_Precision/mAP: {:f}\n"
    log.write_text(tell.format(10, 0.125) + tell.format(20, 0.25), "utf-8")

    found = compare([run], workspace=workspace, baseline=log, at="last")
    each = compare([run], workspace=workspace, baseline=log, at=20, steps=True)

    assert rows(found, "run", "step", "mAP_delta") == [["eval.log", 20, 0], ["b", 20, 0.125]]
    assert rows(each, "run", "step", "mAP_delta") == [
        ["eval.log", 10, -0.125],
        ["eval.log", 20, 0],
        ["b", 10, 0.25],
        ["b", 20, 0.125],
    ]
    assert found.notes == ("eval.log at step 20: no detections are kept, so noise is not told",)


def test_a_baseline_that_a_condition_leaves_out_is_one_all_the_same(workspace: Workspace) -> None:
    """It has no row then."""
    write_run(workspace.train / "a", {10: 0.25})
    write_run(workspace.train / "b", {10: 0.5})

    found = compare(workspace=workspace, baseline="a", where=["mAP>0.3"], noise=False)

    assert rows(found, "run", "mAP_delta") == [["b", 0.25]]


def test_many_runs_are_no_baseline(workspace: Workspace) -> None:
    """One of them has to be chosen."""
    write_run(workspace.train / "a", {10: 0.25})
    write_run(workspace.train / "b", {10: 0.5})

    with pytest.raises(OdapiError) as error:
        compare(workspace=workspace, baseline=workspace.train)

    assert error.value.what.endswith("train: 2 runs, of which one only can be the baseline")
    assert error.value.fix == "Give one of them: a, b"


def test_a_clear_difference_is_told_from_one_by_chance(workspace: Workspace) -> None:
    """60 images of one box: 20, 50 and 24 in 60 are found on the mean, each at the full overlap.

    The verdict is that of mAP; the other columns hold where the difference lies, and its p.
    """
    truth, few, many, alike = simulate(60, (1 / 3, 5 / 6, 0.4))
    for name, found in (("few", few), ("many", many), ("alike", alike)):
        write_run(workspace.train / name, {10: 0.5}, found=found, truth=truth)

    compared = compare(["few", "many", "alike"], workspace=workspace, baseline="few")

    assert rows(compared, "verdict") == [[None], ["better"], ["cannot be told apart"]]
    own, better, same = rows(compared, *TESTS)
    assert own == [None] * 6
    assert 0 < better[0] < better[1]
    assert better[2] < 0.05
    assert same[0] < 0 < same[1]
    assert same[2] > 0.05
    assert better[3:] == pytest.approx(better[:3])  # every box that is found is found exactly
    assert compared.sentences[0].startswith("many at step 10 is better than few at step 10 by 0.")
    assert compared.sentences[0].endswith(" mAP on these 60 images")
    assert compared.sentences[1].startswith("few at step 10 and alike at step 10 cannot be told")
    assert compared.notes == ()


def test_worse_is_worse(workspace: Workspace) -> None:
    """The same runs the other way round."""
    truth, few, many = simulate(60, (1 / 3, 5 / 6))
    write_run(workspace.train / "few", {10: 0.5}, found=few, truth=truth)
    write_run(workspace.train / "many", {10: 0.5}, found=many, truth=truth)
    tracked: list[tuple[int, str]] = []

    def track(items: Sequence[T], title: str) -> Iterable[T]:
        tracked.append((len(items), title))
        return items

    compared = compare(["many", "few"], workspace=workspace, baseline="many", track=track)

    assert rows(compared, "verdict") == [[None], ["worse"]]
    assert tracked == [(2, "Noise")]


def test_runs_evaluated_on_other_data_are_not_comparable(workspace: Workspace) -> None:
    """By the digests in run.json: a column says which are on which, and no difference is told."""
    write_run(workspace.train / "a", {10: 0.25}, data="one")
    write_run(workspace.train / "b", {10: 0.5}, data="other")
    write_run(workspace.train / "c", {10: 0.75}, data="one")

    plain = compare(workspace=workspace)
    found = compare(workspace=workspace, baseline="a")

    (first,), (second,), (third,) = rows(plain, "eval_data")
    assert first == third != second
    assert plain.notes == (
        f"evaluated on different data, not comparable: a, c ({first}) / b ({second})",
    )
    assert rows(found, "mAP_delta", "verdict")[:2] == [[0, None], [None, "not comparable"]]
    assert found.sentences == (
        "b at step 10 and a at step 10 are not comparable: other evaluation data",
    )


def test_other_boxes_to_be_found_are_other_data(workspace: Workspace) -> None:
    """Where no digest is known, the groundtruth that the runs have kept says so."""
    truth, found = simulate(5, (0.5,))
    other = replace(truth, boxes_xywh_px=truth.boxes_xywh_px + 1)
    write_run(workspace.train / "a", {10: 0.25}, found=found, truth=truth)
    write_run(workspace.train / "b", {10: 0.5}, found=found, truth=other)

    assert rows(compare(workspace=workspace, baseline="a"), "mAP_delta", "verdict") == [
        [0, None],
        [None, "not comparable"],
    ]


def test_without_kept_boxes_there_is_a_difference_and_no_verdict(workspace: Workspace) -> None:
    """A note says of which file that is."""
    truth, found = simulate(5, (0.5,))
    write_run(workspace.train / "a", {10: 0.25}, found=found, truth=truth)
    folder = write_run(workspace.train / "b", {10: 0.5})

    compared = compare(workspace=workspace, baseline="a")

    assert rows(compared, "mAP_delta", "verdict") == [[0, None], [0.25, None]]
    assert compared.notes == (
        f"noise is not told: {RunDir(folder).groundtruth}: there is no such evaluation",
    )
