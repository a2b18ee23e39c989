"""A report as one HTML file that needs nothing else, and its charts as files."""

from __future__ import annotations

import base64
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from odapi_runner import __version__, files
from odapi_runner.errors import OdapiError
from odapi_runner.report.run import charts
from odapi_runner.report.run.document import Chart, Picture, Report
from odapi_runner.report.run.worst import LEGEND

_KINDS: tuple[Literal["png"], Literal["svg"]] = ("png", "svg")
_PAGE = Path(__file__).parent / "page"


def write_page(report: Report, path: Path) -> None:
    """Write the page, atomically: charts and images are inside, nothing is loaded from elsewhere.

    Raises:
        OdapiError: it cannot be written there.
    """
    try:
        files.write_atomic(path, render_page(report, datetime.now().astimezone()))
    except OSError as error:
        what = f"{path}: cannot be written ({error.strerror})"
        raise OdapiError(what, fix="Give another path with --html.") from error


def write_charts(report: Report, folder: Path) -> list[Path]:
    """Write each chart as NAME.png and NAME.svg; gives their paths.

    Raises:
        OdapiError: they cannot be written there.
    """
    written = []
    try:
        for chart in report.charts:
            figure = chart.draw()
            for kind in _KINDS:
                written.append(folder / f"{chart.name}.{kind}")
                files.write_atomic(written[-1], charts.save(figure, kind))
    except OSError as error:
        what = f"{folder}: charts cannot be written ({error.strerror})"
        raise OdapiError(what, fix="Give another folder with --charts.") from error
    return written


def render_page(report: Report, when: datetime) -> str:
    """The page as text."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_PAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shown"] = shown
    page = environment.get_template("page.html")
    return page.render(
        report=report,
        version=__version__,
        when=f"{when:%Y-%m-%d %H:%M}",
        legend=LEGEND,
        thresholds=asdict(report.thresholds) if report.thresholds else None,
        svg=_svg,
        jpeg=_jpeg,
    )


def shown(cell: Any) -> str:
    """A cell as people read it: four digits of a number, nothing of None."""
    if cell is None:
        return ""
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)


def _svg(chart: Chart) -> str:
    return base64.b64encode(charts.save(chart.draw(), "svg")).decode()


def _jpeg(picture: Picture) -> str:
    return base64.b64encode(picture.jpeg).decode()
