"""The page of a report: one file, which needs nothing else; and how Chromium shows it."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from odapi_runner.errors import OdapiError
from odapi_runner.formats.event_file import event_files
from odapi_runner.records.draw import draw_streets
from odapi_runner.records.kitti import convert_kitti
from odapi_runner.report.run.document import Report, Section, Table, Thresholds
from odapi_runner.report.run.write import render_page, shown, write_page
from odapi_runner.runs.report import build_report
from odapi_runner.workspace import Workspace
from support.browser import Browser, browser, is_there
from support.whole_runs import write_run

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
PHONE, DESK = (390, 844), (1280, 900)
ODD = '<script>alert("x")</script> & 자전거'


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a run on images of half KITTI's size, forty of which are drawn."""
    root = tmp_path_factory.mktemp("page") / "작업 공간"
    draw_streets(root / "raw", images=80, seed=3, size_hw=(188, 621))
    convert_kitti(root / "raw", root / "data" / "kitti", shards=1)
    workspace = Workspace(root)
    run = write_run(workspace)
    assert event_files(run.train_events)
    path = root / "보고서.html"
    write_page(build_report(run, images=40, workspace=workspace), path)
    return path


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if not is_there():
        pytest.skip("Chromium and its driver are not installed")
    with browser(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


def test_it_is_one_file_that_loads_nothing(page: Path) -> None:
    """No address of another file anywhere, and a policy that forbids all of them."""
    text = page.read_text("utf-8")
    sources = re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?([^"')\s>]+)""", text)

    assert sources
    assert {source.split(",")[0] for source in sources if source[0] != "#"} == {
        "data:image/svg+xml;base64",
        "data:image/jpeg;base64",
    }
    assert "default-src 'none'" in text
    assert len(re.findall("data:image/jpeg", text)) == 40


def test_forty_images_fit_into_five_megabytes(page: Path) -> None:
    """With all charts; those of a report without images are most of the rest."""
    assert page.stat().st_size < 5e6


def test_names_cannot_write_into_the_page() -> None:
    """Whatever classes, runs and files are called: they stay text, in the script's data too."""
    table = Table(ODD, ("class", ODD), ((ODD, 0.5), ("b", None)))
    slider = Thresholds((0.1, 0.2), 0.1, (ODD,), (3,), (((1, 2, 3, 4), (0, 0, 0, 0)),))
    section = Section("thresholds", ODD, (ODD,), tables=(table,))

    text = render_page(Report(ODD, 1, "last", ((ODD, 1.0),), (section,), slider), NOW)

    assert "<script>alert" not in text
    assert text.count("&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt; &amp; 자전거") == 9
    data = re.search(r'id="thresholds-data">(.*?)</script>', text)
    assert data
    assert json.loads(data[1])["classes"] == [ODD]
    assert "2026-01-02 03:04" in text


def test_every_element_is_closed(page: Path) -> None:
    """What is opened is closed, in its order."""
    opened: list[str] = []

    class Checker(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag not in {"meta", "img", "input"}:
                opened.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert opened.pop() == tag

    Checker().feed(page.read_text("utf-8"))

    assert opened == []


def test_a_page_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """With the place, and nothing half-written."""
    (tmp_path / "a").write_text("", "utf-8")

    with pytest.raises(OdapiError) as error:
        write_page(Report("run", None, "", (), ()), tmp_path / "a" / "page.html")

    assert error.value.what.startswith(f"{tmp_path}/a/page.html: cannot be written (")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.process
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_nothing_is_wider_than_the_screen(
    chromium: Browser, page: Path, size: tuple[int, int]
) -> None:
    """On a phone one scrolls down, never aside; all pictures are shown; its console is silent."""
    chromium.resize(*size)
    chromium.open(page)

    assert chromium.run("return document.documentElement.scrollWidth") <= size[0]
    widths = chromium.run(
        "return [...document.images].map(i => [i.complete && i.naturalWidth, i.clientWidth])"
    )
    assert len(widths) > 50
    assert all(0 < shown <= size[0] for _, shown in widths)
    chromium.run("document.images[document.images.length - 1].scrollIntoView()")
    last = "return document.images[document.images.length - 1].decode().then(() => true)"
    assert chromium.run(last)
    assert chromium.log() == []


@pytest.mark.process
def test_no_request_leaves_the_page(chromium: Browser, page: Path) -> None:
    """The browser has loaded the file and nothing else; what tries to is refused."""
    chromium.open(page)
    script = "return performance.getEntriesByType('resource').map(e => e.name.slice(0, 5))"
    refused = "return fetch('http://127.0.0.1:9/').then(() => 'sent', e => e.name)"

    assert set(chromium.run(script)) <= {"data:"}
    assert chromium.run(refused) == "TypeError"
    assert any("Content Security Policy" in entry["message"] for entry in chromium.log())


@pytest.mark.process
def test_the_slider_moves_the_table(chromium: Browser, page: Path) -> None:
    """At any score: the shares are those of `odapi report --threshold`, to their digits."""
    chromium.open(page)
    data = json.loads(chromium.run("return document.getElementById('thresholds-data').textContent"))
    chromium.run(
        "const s = document.getElementById('threshold'); s.value = 49;"
        "s.dispatchEvent(new Event('input'))"
    )
    rows = chromium.run(
        "return [...document.querySelectorAll('#by-class tbody tr')]"
        ".map(r => [...r.cells].map(c => c.textContent))"
    )

    assert chromium.run("return document.getElementById('threshold-shown').textContent") == "0.50"
    assert data["values"][49] == 0.5
    for row, name, objects, counts in zip(
        rows, data["classes"], data["objects"], data["counts"], strict=True
    ):
        misclassified, correct, false, extra = counts[49]
        missed = objects - misclassified - correct
        shares = [shown(part / objects) for part in (misclassified, correct, missed)]
        assert row == [name, str(objects), *shares, str(false), str(extra)]
    caption = "return document.querySelector('#by-class').closest('figure').innerText"
    assert chromium.run(caption).startswith("At a score of 0.50")
    told = "return [...document.querySelectorAll('#thresholds > p')].map(p => p.textContent).join()"
    assert "From a score" not in chromium.run(told)  # it would stay behind


@pytest.mark.process
def test_small_numbers_stay_whole(chromium: Browser, tmp_path: Path) -> None:
    """On a phone, too: a rate is not broken behind its e-, a threshold is not rounded to 0."""
    columns = ("step", *(f"a long name {place}" for place in range(12)))
    table = Table("Rates", columns, (("a", *[8.355e-05] * 12),))
    slider = Thresholds((0.1, 0.2), 0.002, ("a",), (3,), (((1, 2, 3, 4), (0, 0, 0, 0)),))
    section = Section("thresholds", "Objects", (), tables=(table,))
    report = Report("run", 1, "last", (), (section,), slider)
    write_page(report, tmp_path / "small.html")
    chromium.resize(*PHONE)
    chromium.open(tmp_path / "small.html")
    lines = chromium.run(
        "return [...document.querySelectorAll('td.number')].map(cell => {"
        "const text = document.createRange(); text.selectNodeContents(cell);"
        "return new Set([...text.getClientRects()].map(line => line.top)).size})"
    )

    assert lines == [1] * 12
    shown_as = "return document.getElementById('threshold-shown').textContent"
    assert chromium.run(shown_as) == "0.002"


@pytest.mark.process
def test_it_opens_within_a_second(chromium: Browser, page: Path) -> None:
    """From the click to the end of loading, the best of three: others work on the machine, too."""
    times = []
    for _ in range(3):
        chromium.open(page)
        entry = "return performance.getEntriesByType('navigation')[0].loadEventEnd"
        times.append(chromium.run(entry))

    assert 0 < min(times) < 1000


@pytest.mark.process
def test_it_prints_on_paper(chromium: Browser, page: Path) -> None:
    """Several pages of A4, and the slider is on none of them."""
    chromium.open(page)
    pdf = chromium.print()
    chromium.devtools("Emulation.setEmulatedMedia", media="print")
    hidden = chromium.run("return getComputedStyle(document.getElementById('slider')).display")
    chromium.devtools("Emulation.setEmulatedMedia", media="")

    assert pdf.startswith(b"%PDF-")
    assert pdf.count(b"/Type /Page\n") > 3
    assert hidden == "none"


@pytest.mark.process
def test_it_is_not_blank(chromium: Browser, page: Path) -> None:
    """What is seen has dark text and colored lines on white."""
    chromium.resize(*DESK)
    chromium.open(page)
    with Image.open(io.BytesIO(chromium.screenshot())) as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)

    assert pixels.shape == (900, 1280, 3)
    assert (pixels.min(axis=2) > 250).mean() > 0.7
    assert (pixels.max(axis=2) < 60).sum() > 500
    assert (np.ptp(pixels, axis=2) > 60).sum() > 500
