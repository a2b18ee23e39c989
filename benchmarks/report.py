"""How large the page of a report is, how long it takes to write, and how soon Chromium shows it.

    python benchmarks/report.py --images 40 --times 5

makes a finished run on drawn street scenes of KITTI's size in a temporary folder, another on pure
noise, which JPEG can hardly make smaller, and prints a row for each: the time of the whole process
`odapi report`, the size of its page, and how long after the click Chromium has loaded it, and has
decoded all of its pictures, those far below included. The best of the times is told: others work
on the machine, too.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from odapi_runner.cli.tables import print_table
from odapi_runner.records.draw import draw_streets
from odapi_runner.records.kitti import convert_kitti
from odapi_runner.workspace import Workspace
from support.browser import Browser, browser
from support.whole_runs import write_run

SIZE_HW = (375, 1242)  # KITTI's
DRAWN = 1.5  # times as many images as are shown: some have no errors
DECODED = """
document.querySelectorAll('img').forEach(image => { image.loading = 'eager'; });
return Promise.all([...document.images].map(image => image.decode())).then(() => performance.now())
"""
LOADED = "return performance.getEntriesByType('navigation')[0].loadEventEnd"


def main() -> None:
    """Make the runs, time their reports and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=40)
    parser.add_argument("--times", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, browser(Path(folder) / "profile") as chromium:
        rows = []
        for kind in ("street scenes", "noise"):
            workspace = make_workspace(Path(folder) / kind, asked.images, noisy=kind == "noise")
            page = Path(folder) / f"{kind}.html"
            seconds = [write(workspace, page, asked.images) for _ in range(asked.times)]
            loaded, decoded = zip(*(show(chromium, page) for _ in range(asked.times)), strict=True)
            shown = page.read_text("utf-8").count("data:image/jpeg")
            size = page.stat().st_size / 1e6
            rows.append([kind, shown, min(seconds), size, min(loaded) / 1e3, min(decoded) / 1e3])
    rows.append(["promised", 40, None, 5.0, 1.0, None])
    columns = ["images of", "shown", "written s", "page MB", "loaded s", "all decoded s"]
    print_table(columns, rows, "markdown")


def make_workspace(root: Path, images: int, *, noisy: bool) -> Workspace:
    """A workspace with one finished run, on scenes or with noise in their place."""
    draw_streets(root / "raw", images=round(DRAWN * images), seed=1, size_hw=SIZE_HW)
    if noisy:
        rng = np.random.default_rng(0)
        for path in (root / "raw" / "training" / "image_2").iterdir():
            pixels = rng.integers(0, 256, (*SIZE_HW, 3), np.uint8)
            Image.fromarray(pixels).save(path, compress_level=1)
    convert_kitti(root / "raw", root / "data" / "kitti", shards=1)
    workspace = Workspace(root)
    workspace.mark()
    write_run(workspace, "run")
    return workspace


def write(workspace: Workspace, page: Path, images: int) -> float:
    """Seconds of `odapi report`, from the start of its process to its end."""
    program = [sys.executable, "-m", "odapi_runner", "report", "run", "--html", str(page)]
    options = ["--images", str(images), "--threshold", "0.3"]
    start = time.perf_counter()
    subprocess.run([*program, *options], cwd=workspace.root, check=True, capture_output=True)
    return time.perf_counter() - start


def show(chromium: Browser, page: Path) -> tuple[float, float]:
    """Milliseconds from the click until it is loaded, and until every picture is decoded."""
    chromium.open(page)
    return chromium.run(LOADED), chromium.run(DECODED)


if __name__ == "__main__":
    main()
