"""Rules on the optimizer and on averages of the weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from odapi_runner.workspace import Workspace
from support.rule_cases import Bend, Case, bend, find, make_base

OPTIMIZER = "train_config.optimizer"
RATE = "learning_rate { constant_learning_rate { learning_rate: 0.001 } }"
AVERAGES = f"{OPTIMIZER}.use_moving_average=true"
EVALUATED = "eval_config.use_moving_averages=true"


def rms_prop(more: str) -> Bend:
    return bend(f"{OPTIMIZER}.rms_prop_optimizer={{ {RATE} {more} }}")


CASES = {
    "momentum": Case(
        fails=bend(f"{OPTIMIZER}.momentum_optimizer.momentum_optimizer_value=1"),
        passes=bend(f"{OPTIMIZER}.momentum_optimizer.momentum_optimizer_value=0.99"),
    ),
    "rmsprop-decay": Case(
        fails=rms_prop("epsilon: 0.001"), passes=rms_prop("epsilon: 0.001 decay: 0")
    ),
    "rmsprop-epsilon": Case(fails=rms_prop("decay: 0"), passes=rms_prop("decay: 0 epsilon: 1")),
    "gradient-clipping": Case(
        fails=bend("train_config.gradient_clipping_by_norm=-1"),
        passes=bend("train_config.gradient_clipping_by_norm=0"),
    ),
    # 0.0025 is the published rate for a batch of 4, 20 times that is 0.05.
    "base-rate": Case(fails=bend("learning_rate=0.08"), passes=bend("learning_rate=0.0499")),
    "averages-unused": Case(
        fails=bend(deletes=(f"{OPTIMIZER}.use_moving_average",)),
        passes=bend(AVERAGES, EVALUATED),
        engine="tf-models",  # builtin refuses both
    ),
    "averages-missing": Case(fails=bend(EVALUATED), passes=bend(AVERAGES, EVALUATED)),
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return make_base(tmp_path_factory.mktemp("base"))


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        ("rmsprop-decay", "decay 0.9 divides the rate by 1 + 0.9 * step"),
        ("base-rate", "a rate of 0.08 is 32 times the published one for a batch of 4"),
        (
            "averages-unused",
            (
                "training keeps averages of the weights, as it does unless this is false, and "
                "evaluation does not use them"
            ),
        ),
    ],
)
def test_what_is_said(base: Workspace, tmp_path: Path, rule: str, what: str) -> None:
    """What it comes to, with the numbers of the config."""
    case = CASES[rule]

    found = [one for one in find(case.fails, case, base, tmp_path) if one.rule == rule]

    assert [one.what for one in found] == [what]


def test_the_rate_of_adam_is_its_own(base: Workspace, tmp_path: Path) -> None:
    """It does not grow with the batch: 0.08 is too much, the published 0.001 is not."""
    adam = "adam_optimizer={ learning_rate { constant_learning_rate { learning_rate: 0.08 } } }"
    case = Case(bend(f"{OPTIMIZER}.{adam}", "train_config.batch_size=512"), Bend())

    whats = [one.what for one in find(case.fails, case, base, tmp_path) if one.rule == "base-rate"]

    assert whats == ["a rate of 0.08 is 80 times the published one for a batch of 512"]
