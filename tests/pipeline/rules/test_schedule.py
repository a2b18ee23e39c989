"""Rules on the optimizer's schedule, cosines included."""

from __future__ import annotations

from pathlib import Path

import pytest

from odapi_runner.workspace import Workspace
from support.rule_cases import Bend, Case, bend, find, make_base

RATE = "train_config.optimizer.momentum_optimizer.learning_rate"
COSINE = f"{RATE}.cosine_decay_learning_rate"
MANUAL = f"{RATE}.manual_step_learning_rate"
EXPONENTIAL = f"{RATE}.exponential_decay_learning_rate"


def manual(*steps: int) -> str:
    entries = " ".join(f"schedule {{ step: {step} learning_rate: 0.001 }}" for step in steps)
    return f"{MANUAL}={{ initial_learning_rate: 0.0025 {entries} }}"


def exponential(decay_steps: int, more: str = "") -> str:
    return f"{EXPONENTIAL}={{ initial_learning_rate: 0.0025 decay_steps: {decay_steps} {more} }}"


CASES = {
    "optimizer": Case(
        fails=bend(deletes=("train_config.optimizer.momentum_optimizer",)),
        passes=bend(f"{RATE}.constant_learning_rate={{}}"),
    ),
    "learning-rate": Case(
        fails=bend(f"{RATE}.constant_learning_rate={{ learning_rate: 0 }}"),
        passes=bend(f"{RATE}.constant_learning_rate={{ learning_rate: 0.001 }}"),
    ),
    "schedule-short": Case(
        fails=bend(f"{COSINE}.total_steps=999"), passes=bend(f"{COSINE}.total_steps=1000")
    ),
    "schedule-long": Case(
        fails=bend(deletes=(f"{COSINE}.total_steps",)), passes=bend(f"{COSINE}.total_steps=1000")
    ),
    "warmup-steps": Case(
        fails=bend(f"{COSINE}.warmup_steps=1000"), passes=bend(f"{COSINE}.warmup_steps=999")
    ),
    "warmup-rate": Case(
        fails=bend(f"{COSINE}.warmup_learning_rate=0.01"),
        # Without warm-up steps its rate has no effect.
        passes=bend(f"{COSINE}.warmup_learning_rate=0.01", f"{COSINE}.warmup_steps=0"),
    ),
    "manual-steps": Case(fails=bend(manual(600, 600)), passes=bend(manual(600, 800))),
    "manual-steps-late": Case(fails=bend(manual(600, 1000)), passes=bend(manual(600, 999))),
    "decay-steps": Case(fails=bend(exponential(1001)), passes=bend(exponential(300))),
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return make_base(tmp_path_factory.mktemp("base"))


@pytest.mark.parametrize(
    ("setting", "place", "what"),
    [
        (manual(), f"{MANUAL}.schedule", "no change of the rate is in it"),
        (
            manual(0, 5),
            f"{MANUAL}.schedule[0].step",
            "step 0 is not beyond 0, which stands before it",
        ),
        (
            manual(9, 5),
            f"{MANUAL}.schedule[1].step",
            "step 5 is not beyond 9, which stands before it",
        ),
        (
            manual(5, 1200),
            f"{MANUAL}.schedule[1].step",
            "the rate is to change at step 1200, but training ends after 1000",
        ),
        (
            exponential(0),
            f"{EXPONENTIAL}.decay_steps",
            "0 steps from decay to decay make no rate",
        ),
        (
            exponential(1001),
            f"{EXPONENTIAL}.decay_steps",
            "with decay_steps 1001 the rate never falls in 1000 steps",
        ),
        (
            # 0.95 to the power of a half is 0.975.
            exponential(2000, "staircase: false"),
            f"{EXPONENTIAL}.decay_steps",
            "with decay_steps 2000 the rate falls by 3% only in 1000 steps",
        ),
        (
            exponential(10, "decay_factor: 1.5"),
            f"{EXPONENTIAL}.decay_steps",
            "with decay_steps 10 the rate never falls in 1000 steps",
        ),
        (
            f"{RATE}.constant_learning_rate={{ learning_rate: nan }}",
            f"{RATE}.constant_learning_rate.learning_rate",
            "the rate is nan",
        ),
        (
            f"{COSINE}.total_steps=9999",
            f"{COSINE}.total_steps",
            "the schedule has 9999 steps, but training ends after 1000, at a rate of still 0.00244",
        ),
    ],
)
def test_what_is_said(base: Workspace, tmp_path: Path, setting: str, place: str, what: str) -> None:
    """The place, and one sentence."""
    case = Case(bend(setting), Bend())

    (finding,) = find(case.fails, case, base, tmp_path)[:1]

    assert (finding.place, finding.what) == (place, what)
