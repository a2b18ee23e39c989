"""The rules on what google/automl's main.py can train."""

from __future__ import annotations

from odapi_runner.workspace import Workspace
from support.checkpoints import write_checkpoint
from support.rule_cases import Case, bend

START = ("train_config.fine_tune_checkpoint", "train_config.fine_tune_checkpoint_type")


def write_theirs(workspace: Workspace) -> None:
    """A checkpoint of TF1, as google/automl publishes them."""
    folder = workspace.model_zoo / "efficientdet_d0_coco17_tpu-32" / "checkpoint"
    for path in folder.glob("ckpt-0.*"):
        path.unlink()  # another name of a file of the base
    shapes = {"efficientnet-b0/stem/conv2d/kernel": (3, 3, 3, 32)}
    write_checkpoint(folder / "ckpt-0", shapes, object_based=False)


CASES = {
    "automl": Case(
        fails=bend("train_config.add_regularization_loss=false", deletes=START),
        passes=bend(deletes=START),
        engine="automl",
    ),
    "automl-checkpoint": Case(fails=bend(), passes=bend(files=write_theirs), engine="automl"),
}
