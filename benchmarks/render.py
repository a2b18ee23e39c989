"""How long it takes to render every preset, in one process and from a bare start.

    nice python benchmarks/render.py --runs 5

starts processes that read all presets, fill their templates and render the texts of their configs,
as `odapi render` does; prints the shortest and the middle time of all presets after the imports, of
the imports, and of the slowest preset, once more for the first of a process, whose templates are
compiled then.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from typing import Any

from odapi_runner.cli.tables import print_table

PROMISED = 2.0  # seconds for all presets in one process

# What a process does: nothing of it is imported here, so that every process starts bare.
PROCESS = """
import json, sys, time
start = time.perf_counter()
from pathlib import Path
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.presets import preset_names
from odapi_runner.pipeline.render import render
from odapi_runner.workspace import Workspace
imported = time.perf_counter()
place = Workspace(Path("nowhere"))
seconds = {}
for name in preset_names(place):
    before = time.perf_counter()
    render(name, Changes(), place)
    seconds[name] = time.perf_counter() - before
json.dump({"imports": imported - start, "presets": seconds}, sys.stdout)
"""


def main() -> None:
    """Time the processes and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    found = [run_once() for _ in range(parser.parse_args().runs)]
    first, *others = found[0]["presets"]
    rows = [
        row("all presets", [sum(run["presets"].values()) for run in found], PROMISED),
        row("imports", [run["imports"] for run in found]),
        row(f"the first, {first}", [run["presets"][first] for run in found]),
        row(
            f"the slowest other, {slowest(found, others)}",
            [run["presets"][slowest(found, others)] for run in found],
        ),
    ]
    print(f"{len(found[0]['presets'])} presets")
    print_table(["what", "shortest s", "middle s", "promised s"], rows, "markdown")


def run_once() -> dict[str, Any]:
    """The figures of one process."""
    done = subprocess.run(
        [sys.executable, "-c", PROCESS], check=True, capture_output=True, encoding="utf-8"
    )
    return dict(json.loads(done.stdout))


def slowest(found: list[dict[str, Any]], names: list[str]) -> str:
    """The preset that takes longest, of some."""
    return max(names, key=lambda name: min(run["presets"][name] for run in found))


def row(what: str, seconds: list[float], promised: float | None = None) -> list[Any]:
    """One line of the table."""
    return [what, min(seconds), statistics.median(seconds), promised]


if __name__ == "__main__":
    main()
