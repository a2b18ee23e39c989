"""Kill a real training again and again: `python -m torture --kills 200`, with tests/ on the path.

The smallest real config: SSD MobileNet V2 FPNLite, a quarter as wide, at 64 pixels. Interrupted,
it goes on where its log ends; a seed and a number give the same kill. At the end stands a table.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from odapi_runner.cli.tables import print_table
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.rendered import write_rendered
from odapi_runner.records.draw import draw_streets
from odapi_runner.records.kitti import convert_kitti
from odapi_runner.rundir import RunDir
from odapi_runner.runs.status import processes
from odapi_runner.workspace import Workspace
from torture.harness import VICTIMS, Result, Torture
from torture.truths import find_faults

ODAPI = (sys.executable, "-m", "odapi_runner")
NAME = "kitti-ssd-mobilenet-v2-fpnlite"
CHANGES = Changes(
    (
        "image_size=64",
        "model.ssd.feature_extractor.depth_multiplier=0.25",
        "model.ssd.anchor_generator.multiscale_anchor_generator.anchor_scale=2",
        "batch_size=1",
        "learning_rate=0.001",
        "num_steps=1000000",
    ),
    ("train_config.fine_tune_checkpoint", "train_config.fine_tune_checkpoint_type"),
)
PROMISED = 15.0  # seconds from a kill to the next step


def main() -> None:
    """Make the kills that are missing, then print what came of all."""
    parser = argparse.ArgumentParser(prog="torture", description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=Path(".torture"), help="Of the workspace.")
    parser.add_argument("--log", type=Path, default=Path("tests/torture/log.jsonl"))
    asked = parser.parse_args()
    workspace = make_workspace(asked.folder.resolve())
    torture = build_torture(workspace, asked.seed)
    if not torture.run.root.exists():
        asked.log.unlink(missing_ok=True)  # of another run
        odapi(workspace, "train", NAME, "--gpu", "none", "--checkpoint-every", "10")
        odapi(workspace, "stop", NAME)
    results = torture.go_on(asked.kills, asked.log)
    print_results(results)
    left = find_faults(torture.run)
    for fault in left:
        print(f"at the end: {fault}", file=sys.stderr)
    sys.exit(1 if left or any(result.faults for result in results) else 0)


def make_workspace(root: Path) -> Workspace:
    """Ten drawn images and a config; what is there stays."""
    workspace = Workspace(root)
    if not workspace.pipeline_config(NAME).exists():
        workspace.mark()
        draw_streets(root / "raw", images=10, seed=1, size_hw=(96, 128))
        convert_kitti(root / "raw", workspace.data / "kitti", shards=1)
        write_rendered(NAME, CHANGES, workspace)
    return workspace


def build_torture(workspace: Workspace, seed: int) -> Torture:
    """By the commands that people use."""
    run = RunDir(workspace.train / NAME)

    def stop() -> None:
        if processes(run):
            # It may end by itself meanwhile: then there is nothing to stop.
            odapi(workspace, "stop", NAME, forgiven=lambda: not processes(run))

    return Torture(
        run, lambda: odapi(workspace, "resume", NAME), stop, seed, start_seconds=12, step_seconds=6
    )


def odapi(workspace: Workspace, *words: str, forgiven: Callable[[], bool] = lambda: False) -> None:
    """One command; where it fails and is not forgiven, so does this."""
    done = subprocess.run(
        [*ODAPI, *words], cwd=workspace.root, capture_output=True, text=True, check=False
    )
    if done.returncode and not forgiven():
        sys.exit(f"odapi {' '.join(words)}: {done.stdout}{done.stderr}")


def print_results(results: Sequence[Result]) -> None:
    """A row a victim, those there were beside it included."""
    rows: list[list[object]] = []
    for victim in (*VICTIMS, "each"):
        of = [one for one in results if victim in {one.victim, "each"}]
        seconds = sorted(one.seconds for one in of if one.seconds is not None)
        if seconds:
            middle, late = statistics.median(seconds), sum(one > PROMISED for one in seconds)
            faults = sum(bool(one.faults) for one in of)
            rows.append([victim, len(of), middle, seconds[-1], late, faults])
    columns = ["killed", "kills", "middle s to a step", "longest s", f"> {PROMISED:g} s", "faults"]
    print_table(columns, rows, "markdown")


if __name__ == "__main__":
    main()
