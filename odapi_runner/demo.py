"""The whole path on images that it draws itself: from labels to a comparison table.

A street scene of 256 pixels shrunk to 128 holds figures of 6 to 75 pixels, and EfficientDet's
published anchors begin at 32: whether smaller anchors are worth it is the question that the two
variants put. A constant prediction, which learns nothing from the images, stands beside them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from odapi_runner.errors import RunError
from odapi_runner.formats.detections import read_groundtruth
from odapi_runner.formats.label_map import read_label_map
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.recipe import Recipe
from odapi_runner.pipeline.rendered import write_rendered
from odapi_runner.records.convert import Dataset
from odapi_runner.records.draw import draw_streets
from odapi_runner.records.kitti import convert_kitti
from odapi_runner.report.baseline import constant_prediction
from odapi_runner.report.compare import compare
from odapi_runner.report.table import write_csv
from odapi_runner.rundir import RunDir
from odapi_runner.runs.control import stop_run, wait_for
from odapi_runner.runs.launch import train
from odapi_runner.runs.options import RunOptions
from odapi_runner.runs.status import processes
from odapi_runner.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

PRESET = "kitti-d0"
IMAGES = 320
NUM_STEPS = 700

_CROP = "train_config.data_augmentation_options[1].random_scale_crop_and_pad_to_square"
_HEAD = "model.ssd.box_predictor.weight_shared_convolutional_box_predictor.conv_hyperparams"
_NECK = "model.ssd.feature_extractor.conv_hyperparams"
_ANCHORS = "model.ssd.anchor_generator.multiscale_anchor_generator.anchor_scale"

# What makes a training of minutes out of one of days: small images, a high rate from scratch,
# batch statistics that settle within the few steps, no far-reaching change of scale.
SETTINGS = (
    "image_size=128",
    "batch_size=8",
    f"num_steps={NUM_STEPS}",
    "learning_rate=0.08",
    f"{_HEAD}.batch_norm.decay=0.9",
    f"{_NECK}.batch_norm.decay=0.9",
    f"{_CROP}.scale_min=0.8",
    f"{_CROP}.scale_max=1.25",
)
VARIANTS = {"anchors-as-published": f"{_ANCHORS}=4", "anchors-half-as-large": f"{_ANCHORS}=2"}
CONSTANT = "constant prediction"


def run_demo(
    root: Path,
    *,
    out: Path,
    seed: int = 0,
    say: Callable[[str], None] = lambda _: None,
    on_poll: Callable[[RunDir], None] = lambda _: None,
) -> pd.DataFrame:
    """Draw, convert, render, train and evaluate twice, compare.

    Args:
        root: the workspace; an empty or a new folder.
        out: where the comparison is written, as CSV.
        seed: of the drawings, the initial weights and the order of the data.
        say: takes a line before each part; a command where one does the same.
        on_poll: called several times a second with the run that is going on.

    Returns:
        The comparison: a row for each variant at its last step, and one for the constant.

    Raises:
        RunError: a training failed; its log says why.
    """
    workspace = Workspace(root)
    workspace.mark()
    say(f"Drawing {IMAGES} street scenes in KITTI's format into {root / 'KITTI'}")
    draw_streets(root / "KITTI", images=IMAGES, seed=seed)
    say("odapi data convert kitti KITTI --out data/kitti")
    dataset = convert_kitti(root / "KITTI", workspace.data / "kitti", seed=seed)
    try:
        runs = [
            _train_variant(name, setting, workspace, seed, say, on_poll)
            for name, setting in VARIANTS.items()
        ]
    except KeyboardInterrupt:
        _stop_all(workspace)  # they would go on by themselves, in a folder about to be removed
        raise
    say(f"odapi compare train/* --at last --out {out}")
    table = _compare(runs, dataset, workspace)
    write_csv(out, table)
    return table


def _train_variant(
    name: str,
    setting: str,
    workspace: Workspace,
    seed: int,
    say: Callable[[str], None],
    on_poll: Callable[[RunDir], None],
) -> RunDir:
    changes = Changes((*SETTINGS, setting))
    config = workspace.pipeline_config(name)
    out = config.relative_to(workspace.root)
    say(Recipe(PRESET, changes).command("--out", str(out)))
    write_rendered(PRESET, changes, workspace, config)
    every = NUM_STEPS // 2
    say(
        f"odapi train --config {out} --from-scratch --gpu none --seed {seed} "
        f"--checkpoint-every {every}"
    )
    run = train(
        config=config,
        from_scratch=True,
        device="none",
        options=RunOptions(checkpoint_every=every, seed=seed),
        workspace=str(workspace.root),
    )
    status = wait_for(run, lambda: on_poll(run))
    if status.state != "done":
        raise RunError(f"{run.root}: the training {status.state}", fix=f"See {run.log('train')}")
    return run


def _stop_all(workspace: Workspace) -> None:
    for folder in sorted(workspace.train.iterdir()):
        run = RunDir(folder)
        if processes(run):
            stop_run(run)


def _compare(runs: list[RunDir], dataset: Dataset, workspace: Workspace) -> pd.DataFrame:
    records = sorted(dataset.folder.glob("train-*.record"))
    label_map = read_label_map(dataset.folder / "label_map.pbtxt")
    constant = constant_prediction(records, read_groundtruth(runs[0].groundtruth), label_map)
    roots = [run.root for run in runs]
    return compare(roots, at="last", workspace=workspace, others={CONSTANT: constant}).table
