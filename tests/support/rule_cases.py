"""A small workspace in which everything fits together, and what a case changes in it."""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from odapi_runner.backends.check import check
from odapi_runner.errors import ConfigError
from odapi_runner.pipeline.check import unreadable
from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.overrides import Changes, apply_changes
from odapi_runner.pipeline.render import build_pipeline
from odapi_runner.proto.text import render_pipeline
from odapi_runner.workspace import Workspace
from support.detectors import write_d0
from support.examples import annotated, write_records
from support.small_models import KEYPOINT_MAP, parse_model

# Steps and rates as small as the rest; a thousand steps are the first that TF2's Object Detection
# API saves, and a multiple of the hundred that it trains in one go.
SMALL = ("image_size=128", "batch_size=4", "num_steps=1000")
# Of an EfficientDet it takes images of 129 pixels and more.
LARGER = "image_size=256"

_CHECKPOINT = "train_config.fine_tune_checkpoint"
_STEPS = "train_config.data_augmentation_options"


@dataclass(frozen=True, slots=True)
class Bend:
    """How a config, its text, or the files that it names differ from the base."""

    sets: tuple[str, ...] = ()  # as -s
    deletes: tuple[str, ...] = ()  # as -d
    edit: Callable[[Any], None] | None = None  # changes the message in place, after those
    files: Callable[[Workspace], object] | None = None  # changes a copy of the workspace
    text: Callable[[str], str] | None = None  # changes the text of the config


def bend(
    *sets: str,
    deletes: tuple[str, ...] = (),
    edit: Callable[[Any], None] | None = None,
    files: Callable[[Workspace], object] | None = None,
    text: Callable[[str], str] | None = None,
) -> Bend:
    """A `Bend`, spelled briefly."""
    return Bend(sets, deletes, edit, files, text)


@dataclass(frozen=True, slots=True)
class Case:
    """What fails exactly one rule, and what hardly differs from it and passes all."""

    fails: Bend
    passes: Bend
    engine: str = "builtin"
    model: str = ""  # another one than EfficientDet-D0: of `small_models.MODELS`
    options: tuple[tuple[str, Any], ...] = ()  # of `check`: (("every_record", True),)


def make_base(root: Path) -> Workspace:
    """The base workspace: records, label maps and published checkpoint of `kitti-d0`."""
    workspace = Workspace(root)
    for split in ("train", "val"):
        names = ("Car", "Pedestrian", "Cyclist", "Car")
        examples = [annotated(f"{split}-{n}", names=[name]) for n, name in enumerate(names)]
        write_records(workspace.data / "kitti" / f"{split}-00000-of-00001.record", examples)
    write_d0(workspace.model_zoo / "efficientdet_d0_coco17_tpu-32" / "checkpoint" / "ckpt-0")
    (workspace.data / "kitti" / "keypoints.pbtxt").write_text(KEYPOINT_MAP, encoding="utf-8")
    workspace.mark()
    return workspace


def find(bent: Bend, case: Case, base: Workspace, scratch: Path) -> list[Finding]:
    """What a check finds of the base, bent; `scratch` is an empty folder."""
    workspace = base
    if bent.files:
        workspace = copy_workspace(base, scratch / "copy")
        bent.files(workspace)
    changes = Changes(bent.sets, bent.deletes)
    message = apply_changes(base_config(case.model, case.engine, base.root), changes).message
    if bent.edit:
        bent.edit(message)
    path = scratch / "bent.config"
    text = render_pipeline(message)
    path.write_text(bent.text(text) if bent.text else text, encoding="utf-8")
    # What names no checkpoint is meant to; a case on that says so.
    options = {"from_scratch": not message.train_config.fine_tune_checkpoint, **dict(case.options)}
    try:
        return check(path, workspace, engine=case.engine, **options)
    except ConfigError as error:
        return [unreadable(error, str(path))]


@functools.cache
def base_config(model: str, engine: str, root: Path) -> Any:
    """The config of kitti-d0, small; with another model it starts without a checkpoint."""
    size = (LARGER,) if engine == "tf-models" else ()
    message = build_pipeline("kitti-d0", Changes((*SMALL, *size)), Workspace(root)).message
    if model:
        message = apply_changes(message, Changes(deletes=(f"{_STEPS}[1]", _CHECKPOINT))).message
        message.model.CopyFrom(parse_model(model))
    return message


def copy_workspace(base: Workspace, to: Path) -> Workspace:
    """A copy to change; the large checkpoints in it are links, to be replaced and not edited."""
    shutil.copytree(base.root, to, ignore=shutil.ignore_patterns("model_zoo"))
    shutil.copytree(base.model_zoo, to / "model_zoo", copy_function=os.link)
    return Workspace(to)
