"""A comparison as people see it."""

from __future__ import annotations

from pathlib import Path

from odapi_runner.report.compare import compare
from odapi_runner.report.render import Cell
from odapi_runner.report.shown import shown_table
from odapi_runner.workspace import Workspace
from support.compared import simulate, write_run


def test_what_is_empty_for_all_is_left_out(tmp_path: Path) -> None:
    """Of the nineteen columns of every table those stay that say something."""
    place = Workspace(tmp_path)
    write_run(place.train / "a", {10: 0.25})
    write_run(place.train / "b", {}, batch=8)

    columns, rows = shown_table(compare(workspace=place))

    assert columns == ["run", "step", "mAP", "loss_total", "batch_size"]
    assert rows == [["a", 10, 0.25, 1.0, 4], ["b", None, None, None, 8]]


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
