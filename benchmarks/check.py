"""How soon configs are checked.

    python benchmarks/check.py --configs 1000

renders the presets in a temporary workspace, with a label map, and changes each a little until
there are so many configs; then times, as processes from start to end, the check of one of them
without its records, and that of all in one call. A third of them have a mistake.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from odapi_runner.cli.tables import print_table
from odapi_runner.pipeline.overrides import Changes, apply_changes
from odapi_runner.pipeline.presets import preset_names
from odapi_runner.pipeline.render import build_pipeline
from odapi_runner.proto.text import render_pipeline
from odapi_runner.workspace import Workspace

# What is promised, in seconds.
ONE, MANY = 0.5, 10.0

# Changes by turns: right, a wrong schedule, a wrong class count.
TURNS = ("train_config.batch_size=8", "train_config.num_steps=77", "num_classes=7")


def main() -> None:
    """Time both, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--configs", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        paths = write_configs(workspace, options.configs)
        rows = []
        for count, promised in ((1, ONE), (len(paths), MANY)):
            seconds = [time_check(paths[:count], workspace) for _ in range(options.runs)]
            rows.append([count, min(seconds), statistics.median(seconds), promised])
    print_table(["configs", "shortest s", "middle s", "promised s"], rows, "markdown")


def write_configs(workspace: Workspace, count: int) -> list[str]:
    """So many configs that are all different, and the files that they name."""
    names = preset_names(workspace)
    messages = [build_pipeline(name, Changes(), workspace).message for name in names]
    workspace.mark()
    for name, classes in (("coco", 90), ("kitti", 3)):
        path = workspace.data / name / "label_map.pbtxt"
        path.parent.mkdir(parents=True)
        items = (
            f"item {{ id: {number} name: 'class {number}' }}" for number in range(1, classes + 1)
        )
        path.write_text("\n".join(items), encoding="utf-8")
    paths = []
    for number in range(count):
        message = messages[number % len(messages)]
        changes = Changes((TURNS[number % len(TURNS)], f"eval_config.num_visualizations={number}"))
        path = workspace.root / f"{number}.config"
        path.write_text(render_pipeline(apply_changes(message, changes).message), encoding="utf-8")
        paths.append(path.name)
    return paths


def time_check(paths: list[str], workspace: Workspace) -> float:
    """Seconds of one process."""
    program = [str(Path(sys.executable).with_name("odapi")), "check", "--no-records", *paths]
    start = time.perf_counter()
    done = subprocess.run(
        program, cwd=workspace.root, check=False, capture_output=True, encoding="utf-8"
    )
    seconds = time.perf_counter() - start
    if done.stderr:
        raise SystemExit(done.stderr)
    return seconds


if __name__ == "__main__":
    main()
