"""A comparison as people see it."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from odapi_runner.cli import main
from odapi_runner.report.compare import compare
from odapi_runner.report.render import Cell
from odapi_runner.report.shown import shown_table, unshown_settings
from odapi_runner.workspace import Workspace
from support.compared import simulate, write_run


def test_what_is_empty_for_all_is_left_out(tmp_path: Path) -> None:
    """Of the nineteen columns of every table those stay that say something."""
    place = Workspace(tmp_path)
    write_run(place.train / "a", {10: 0.25})
    write_run(place.train / "b", {20: 0.5}, batch=8)

    columns, rows = shown_table(compare(workspace=place))

    assert columns == ["run", "step", "mAP", "loss_total", "batch_size"]
    assert rows == [["a", 10, 0.25, 1.0, 4], ["b", 20, 0.5, 2.0, 8]]


def test_what_only_runs_without_an_evaluation_differ_in_is_not_shown(tmp_path: Path) -> None:
    """It explains no result; programs get it, and it is told that there is more."""
    place = Workspace(tmp_path)
    write_run(place.train / "a", {10: 0.25})
    write_run(place.train / "b", {10: 0.5}, options={"seed": 2})
    write_run(place.train / "new", {}, batch=8)

    found = compare(workspace=place)
    of_all = shown_table(found)
    of_new = shown_table(compare(["new"], workspace=place))
    printed = CliRunner().invoke(main, ["compare", "-w", str(tmp_path)])

    assert of_all[0] == ["run", "step", "mAP", "loss_total", "seed"]
    assert of_all[1][2] == ["new", None, None, None, 1]
    assert unshown_settings(found) == ["batch_size"]
    assert "batch_size" in found.table.columns
    assert of_new == (["run"], [["new"]])
    assert printed.stderr.splitlines()[-1] == (
        "note: settings in which only runs without an evaluation differ are not shown: 1; "
        "--format csv has them"
    )


def test_a_difference_has_a_colour_where_it_means_something(tmp_path: Path) -> None:
    """Green is better, red is worse, none is noise; a lower loss is better."""
    place = Workspace(tmp_path)
    truth, few, many, alike = simulate(60, (1 / 3, 5 / 6, 0.4))
    for name, found, step in (("few", few, 20), ("many", many, 10), ("alike", alike, 30)):
        write_run(place.train / name, {step: 0.25 + step / 1000}, found=found, truth=truth)

    found = compare(["few", "many", "alike"], workspace=place, baseline="few")
    columns, (base, better, noise) = shown_table(found)

    assert columns == ["run", "step", "mAP", "loss_total", "verdict"]
    assert base == ["few", 20, 0.27, 2.0, None]
    assert (better[2].color, noise[2].color) == ("red", "")  # by the metrics that the runs tell
    assert better[2].text.startswith("0.2600 -0.0100 ± 0.")
    assert (better[3], noise[3]) == (Cell("1 -1", "green"), Cell("3 +1", "red"))
    assert (better[4], noise[4]) == ("better", "cannot be told apart")
