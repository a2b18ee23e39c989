"""What --xla cannot compile is said, with the reason."""

from __future__ import annotations

import pytest

from odapi_runner.backends import ENGINES
from odapi_runner.errors import ConfigError
from odapi_runner.training import TrainerOptions
from support.ssd_configs import ssd_config

RESIZER = "model.ssd.image_resizer"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (
            [f"{RESIZER}={{ identity_resizer {{ }} }}", "train_config.batch_size=1"],
            "images of many sizes",
        ),
        (
            [
                "model.ssd.loss.classification_loss={ weighted_sigmoid { } }",
                "model.ssd.loss.hard_example_miner.num_hard_examples=10",
            ],
            "picks as many anchors",
        ),
    ],
)
def test_what_has_no_fixed_size_is_refused(changes: list[str], why: str) -> None:
    """Before anything is started, and only where it is asked for."""
    config = ssd_config("ssd_mobilenet_v2", *changes)
    engine = ENGINES["builtin"]

    engine.refuse_options(config, TrainerOptions())
    engine.refuse_options(ssd_config("ssd_mobilenet_v2"), TrainerOptions(xla=True))
    with pytest.raises(ConfigError, match=f"^--xla: .*{why}"):
        engine.refuse_options(config, TrainerOptions(xla=True))
