"""The names of google/automl's variables, and the patterns that freeze some of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from odapi_runner.backends.automl.hparams import Training, build_hparams, refusals
from odapi_runner.backends.automl.variables import refused_patterns, trained_names
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.render import build_pipeline, without_fine_tuning
from odapi_runner.workspace import Workspace

FREEZE = "train_config.freeze_variables"


def config(*frozen: str, preset: str = "kitti-d0") -> Any:
    """A preset that freezes what is called like this."""
    place = Workspace(Path(__file__).parents[3])
    changes = Changes(tuple(f'{FREEZE}+="{pattern}"' for pattern in frozen))
    return without_fine_tuning(build_pipeline(preset, changes, place).message)


def test_the_names_are_those_of_the_program() -> None:
    """493, as many as checkpoints of its D0 have slots of momentum (commit 6a54c8741e)."""
    names = trained_names(build_hparams(config(), Training(1)))

    assert len(names) == len(set(names)) == 493
    assert names[0] == "efficientnet-b0/stem/conv2d/kernel"
    # Of each kind one, with what its number depends on: as they are called in such a checkpoint.
    assert set(names) >= {
        "efficientnet-b0/blocks_0/tpu_batch_normalization_1/beta",
        "efficientnet-b0/blocks_15/tpu_batch_normalization_2/beta",
        "efficientnet-b0/blocks_15/se/conv2d_1/bias",
        "resample_p6/conv2d/kernel",
        "fpn_cells/cell_0/fnode1/resample_0_2_6/conv2d/kernel",
        "fpn_cells/cell_0/fnode5/resample_0_2_10/bn/gamma",
        "fpn_cells/cell_2/fnode6/WSM_2",
        "fpn_cells/cell_2/fnode7/op_after_combine12/conv/depthwise_kernel",
        "class_net/class-2-bn-7/beta",
        "box_net/box-predict/pointwise_kernel",
    }
    assert not {
        "efficientnet-b0/blocks_0/tpu_batch_normalization_2/beta",  # it does not expand
        "efficientnet-b0/blocks_16/conv2d/kernel",
        "resample_p7/conv2d/kernel",  # it has as many channels as there are
        "fpn_cells/cell_1/fnode1/resample_0_2_6/conv2d/kernel",
        "fpn_cells/cell_2/fnode7/WSM_2",
    } & set(names)


@pytest.mark.parametrize("preset", ["kitti-d1", "kitti-d4"])
@pytest.mark.parametrize("pattern", ["efficientnet", "fpn_cells", "class_net|box_net", "bn-3/"])
def test_what_names_a_part_is_taken(preset: str, pattern: str) -> None:
    """Of a model of any size."""
    message = config(pattern, preset=preset)

    assert [*refusals(message), *refused_patterns(message)] == []


@pytest.mark.parametrize(
    ("frozen", "place", "what"),
    [
        (
            ("efficientnet", "FeatureExtractor"),
            f"{FREEZE}[1]",
            'google/automl has no variable that is called like "FeatureExtractor"',
        ),
        (  # It looks at kernel:0.
            ("kernel$",),
            f"{FREEZE}[0]",
            'google/automl has no variable that is called like "kernel$"',
        ),
        (
            ("*net",),
            f"{FREEZE}[0]",
            '"*net" is no regular expression (nothing to repeat at position 0)',
        ),
        (
            ("efficientnet", "fpn|resample", "_net"),
            FREEZE,
            "of google/automl's 493 variables none is left to train",
        ),
    ],
)
def test_a_pattern_without_effect_is_refused(
    frozen: tuple[str, ...], place: str, what: str
) -> None:
    """The program would say so in its log, and train everything."""
    found = list(refused_patterns(config(*frozen)))

    assert [(one.severity, one.place, one.what) for one in found] == [("error", place, what)]
    if "like" in what:
        assert found[0].fix == (
            "It is searched for in names such as efficientnet-b0/stem/conv2d/kernel:0, "
            "resample_p6/conv2d/kernel:0, fpn_cells/cell_0/fnode0/WSM:0, "
            "class_net/class-0/depthwise_kernel:0, box_net/box-0/depthwise_kernel:0."
        )
