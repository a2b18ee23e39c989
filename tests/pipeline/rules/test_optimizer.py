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
    # 0.0025 is the published rate for a batch of 4.
    "base-rate": Case(fails=bend("learning_rate=0.01"), passes=bend("learning_rate=0.0099")),
    "averages-unused": Case(
        fails=bend(deletes=(f"{OPTIMIZER}.use_moving_average",)),
        passes=bend(AVERAGES, EVALUATED),
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
        ("base-rate", "a rate of 0.01 is 4 times the published one for a batch of 4"),
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


@pytest.mark.parametrize(("rate", "told"), [("0.0499", 0), ("0.05", 1)])
def test_without_a_checkpoint_a_high_rate_has_gone_well(
    base: Workspace, tmp_path: Path, rate: str, told: int
) -> None:
    """There is nothing to spoil: below 20 times the published 0.0025 nothing is said."""
    case = Case(bend(f"learning_rate={rate}"), Bend(), options=(("from_scratch", True),))

    found = find(case.fails, case, base, tmp_path)

    assert [one.rule for one in found] == ["base-rate"] * told


@pytest.mark.parametrize(("rate", "times"), [("0.08", "16"), ("0.04", "8")])
def test_the_published_rate_is_not_that_of_a_small_batch(
    base: Workspace, tmp_path: Path, rate: str, times: str
) -> None:
    """0.08 belongs to 128 images, and 8 images have a sixteenth of that."""
    case = Case(bend(f"learning_rate={rate}", "train_config.batch_size=8"), Bend())
    schedule = "learning_rate.cosine_decay_learning_rate.learning_rate_base"

    everything = find(case.fails, case, base, tmp_path)  # the four records are fewer than a batch
    (finding,) = [one for one in everything if one.rule == "base-rate"]

    assert finding.place == f"{OPTIMIZER}.momentum_optimizer.{schedule}"
    assert finding.what == (f"a rate of {rate} is {times} times the published one for a batch of 8")
    assert finding.fix == "-s learning_rate=0.005"
