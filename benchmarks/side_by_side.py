"""The same config through the user's own model_main_tf2 and through the builtin engine, in turn.

    python benchmarks/side_by_side.py --models-dir ~/models
    python benchmarks/side_by_side.py --models-dir ~/models --model d0 --steps 200 --gpu 0
    python benchmarks/side_by_side.py --models-dir ~/models --config my.config --workspace DIR

draws images, converts them and renders the config of a model (or takes one of your own, with its
data, from a workspace). Each round trains with either engine, which take turns to begin, without an
evaluator beside it; then one process evaluates the two checkpoints that are kept, of half the steps
and of all, and the second counts: the first pays for what is built once. (Of step 0 model_main_tf2
has no weights, and no evaluation.) Prints the machine, the commit, and median, minimum and maximum
of every figure; ratios are builtin to tf-models, of one round. From scratch no two trainings begin
alike: mAP says something after as many steps as a training takes, or with a fine_tune_checkpoint.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from measuring import (
    add_image_options,
    draw_records,
    print_heading,
    show,
    show_ratios,
    write_config,
)

from odapi_runner.formats.detections import read_groundtruth
from odapi_runner.formats.runlog import read_events
from odapi_runner.rundir import RunDir
from odapi_runner.workspace import Workspace

MODELS = {
    "mobilenet": ("kitti-ssd-mobilenet-v2-fpnlite", ("image_size=320", "batch_size=8")),
    "d0": ("kitti-d0", ("image_size=512", "batch_size=4")),
}
THEIRS, OURS = "tf-models", "builtin"


def odapi(place: Workspace, *words: str) -> None:
    """Run a command in the workspace; what it says is shown where it fails."""
    command = [sys.executable, "-m", "odapi_runner", *words]
    done = subprocess.run(command, cwd=place.root, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(words)}\n{done.stdout}{done.stderr}")


def run_once(
    place: Workspace, engine: str, config: Path, steps: int, words: Sequence[str]
) -> dict[str, float]:
    """Train and evaluate with one engine; the figures."""
    name = f"{engine}-{len(list(place.train.glob('*')))}"
    run = RunDir(place.train / name)
    start = ("--engine", engine, "--config", str(config), "--run", name, *words)
    saves = ("--num-steps", str(steps), "--checkpoint-every", str(steps // 2), "--keep", "2")
    odapi(place, "train", *start, *saves, "--eval", "none", "--foreground")
    odapi(place, "eval", name, "--step", "all")
    return figures(run)


def figures(run: RunDir) -> dict[str, float]:
    """What is printed of one run, from its events."""
    events = read_events(run)
    told = {event["kind"]: event for event in events if event["role"] == "train"}
    first, last = told["first_step"], told["finished"]
    step = (last["time"] - first["time"]) / (last["step"] - first["step"])
    _, begun = [event for event in events if event["kind"] == "evaluating"]
    _, done = [event for event in events if event["kind"] == "evaluated"]
    images = len(read_groundtruth(run.groundtruth).source_ids)
    return {
        "s from the start to the first step": first["seconds"] - first["step"] * step,
        "s a step": step,
        "images evaluated a s": images / (done["time"] - begun["time"]),
        "peak MiB of the trainer": last["peak_mib"],
        "mAP": done["mAP"] or 0.0,
    }


def prepare(root: Path, asked: argparse.Namespace) -> Path:
    """Drawn images and the config of a model; its path."""
    place = Workspace(root)
    place.mark()
    draw_records(root, asked.images, asked.size, png=asked.png)
    preset, own = MODELS[asked.model]
    return write_config(root, preset, [*own, *asked.changes])


def measure(place: Workspace, config: Path, asked: argparse.Namespace) -> None:
    """Both engines in turn, and the ratios of each round."""
    device = ["--gpu", asked.gpu]
    words = {THEIRS: [*device, "--models-dir", str(asked.models_dir.resolve())], OURS: device}
    found: dict[str, list[dict[str, float]]] = {engine: [] for engine in words}
    for number in range(asked.rounds):
        for engine in list(words)[:: -1 if number % 2 else 1]:
            found[engine].append(run_once(place, engine, config, asked.steps, words[engine]))
    for name in found[OURS][0]:
        of, to = ([one[name] for one in found[engine]] for engine in (OURS, THEIRS))
        show(f"{THEIRS}: {name}", to)
        show(f"{OURS}: {name}", of)
        if all(to):
            show_ratios(of, to)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models-dir", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=60, help="an even number")
    parser.add_argument("--gpu", default="none")
    parser.add_argument("--model", choices=MODELS, default="mobilenet")
    parser.add_argument("--config", type=Path, help="of your own, in --workspace")
    parser.add_argument("--workspace", type=Path, default=Path())
    parser.add_argument("-s", dest="changes", action="append", default=[], metavar="PATH=VALUE")
    add_image_options(parser, images=60)
    asked = parser.parse_args()
    if asked.steps < 2 or asked.steps % 2:
        parser.error("--steps is no even number")

    print_heading(f"{asked.steps} steps of {asked.config or asked.model}")
    if asked.config:
        measure(Workspace(asked.workspace.resolve()), asked.config.resolve(), asked)
        return
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        measure(Workspace(root), prepare(root, asked), asked)


if __name__ == "__main__":
    main()
