"""Charts as files: what is written in them, and that any name can be."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from odapi_runner.report.run import charts
from odapi_runner.report.run.analysis import Analysis, analyse
from odapi_runner.report.run.document import Chart, Curve, Report, Section
from odapi_runner.report.run.write import write_charts
from support.scenes import detections, groundtruth, random_scenes

ODD = ("자전거", "$x^2$", "_hidden", "<b>&amp;", "a" * 80)


def texts(figure: Figure) -> list[str]:
    """Every text in the SVG of a chart."""
    root = ET.fromstring(charts.save(figure, "svg"))
    return ["".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text")]


def odd_analysis() -> Analysis:
    """Five classes with names that are no plain words, each with one object that is found."""
    boxes = [(0, number, (10.0 * number, 10.0, 30.0, 30.0)) for number in range(1, 6)]
    found = [(image, number, box, number / 10) for image, number, box in boxes]
    return analyse(groundtruth(boxes, names=ODD), detections(found))


@pytest.mark.parametrize(
    "draw",
    [
        lambda analysis: charts.draw_precision(analysis.precision),
        lambda analysis: charts.draw_confusion(analysis.objects, 0.05),
        lambda analysis: charts.draw_thresholds(analysis.objects),
        lambda _: charts.draw_bars(ODD, [("AP", [0.1, None, 0.3, 0.4, 0.5])], x="AP"),
        lambda _: charts.draw_curves([Curve(name, (1, 2), (1.0, 2.0)) for name in ODD], y="y"),
    ],
    ids=["precision", "confusion", "thresholds", "bars", "curves"],
)
def test_every_name_is_written_as_it_is(draw: Callable[[Analysis], Figure]) -> None:
    """Korean, what looks like a formula, a leading underscore, signs of HTML; a long one short."""
    told = " ".join(texts(draw(odd_analysis())))

    assert all(name in told for name in (*ODD[:4], f"{'a' * 27}…"))
    assert "a" * 28 not in told


def test_a_chart_is_the_same_file_each_time() -> None:
    """No date, no random name in it: a figure of a paper changes when its numbers do."""
    curve = Curve("x", (1, 2), (1.0, 2.0))
    one, other = (charts.save(charts.draw_curves([curve], y="x"), "svg") for _ in range(2))

    assert one == other


def test_marks_and_scales() -> None:
    """Marks have their words in the legend; a logarithmic axis has plain numbers."""
    curve = Curve("loss", (0, 100, 200), (30.0, 3.0, 0.3))
    told = texts(charts.draw_curves([curve], y="loss", marks=[(100, "best")], logarithmic=True))

    assert {"loss", "step", "best", "0.5", "1", "2", "5", "10", "20"} <= set(told)
    assert not any("$" in text for text in told)


def test_many_classes_are_grey_but_those_with_the_most_objects() -> None:
    """Eighty classes: seven in the legend, and the mean."""
    truth, found = random_scenes(0, images=100, classes=80)
    told = texts(charts.draw_precision(analyse(truth, found).precision))

    assert sum(text.startswith("class ") for text in told) == 7
    assert any(text.startswith("mean ") for text in told)


def test_a_matrix_of_eighty_classes_has_no_numbers_in_it() -> None:
    """They could not be read; the colors are there, and every name."""
    truth, found = random_scenes(0, images=100, classes=80)
    figure = charts.draw_confusion(analyse(truth, found).objects, 0.3)
    told = texts(figure)

    assert told.count("class 80") == 2
    assert not any(text.isdecimal() for text in told)
    assert figure.get_size_inches()[1] == 14


def test_each_chart_is_two_files(tmp_path: Path) -> None:
    """PNG for slides, 240 dots an inch; SVG for papers."""
    curve = Curve("x", (1, 2), (1.0, 2.0))
    chart = Chart("one", "One", "x", lambda: charts.draw_curves([curve], y="x"))
    report = Report("run", 1, "last", (), (Section("a", "A", charts=(chart,)),))

    paths = write_charts(report, tmp_path / "그림")

    assert [path.name for path in paths] == ["one.png", "one.svg"]
    assert sorted(path.name for path in (tmp_path / "그림").iterdir()) == ["one.png", "one.svg"]
    with Image.open(io.BytesIO(paths[0].read_bytes())) as image:
        assert image.size == (1056, 720)
        assert np.asarray(image.convert("L")).std() > 10
    assert paths[1].read_bytes().lstrip().startswith(b"<?xml")
