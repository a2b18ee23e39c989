"""The factor on the learning rate that a supervisor asks for."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from odapi_runner.engine.rate import RateFactor
from odapi_runner.engine.train import Options, train
from odapi_runner.formats.rate import read_rate, write_rate
from odapi_runner.formats.runlog import EventLog, read_events
from odapi_runner.rundir import RunDir
from support.event_files import losses_of
from support.workspaces import make_workspace, write_config


def changes(run: RunDir) -> list[tuple[int, float]]:
    events = (event for event in read_events(run) if event["kind"] == "rate_factor")
    return [(event["step"], event["factor"]) for event in events]


def test_a_factor_counts_from_the_step_at_which_it_is_seen(tmp_path: Path) -> None:
    """Each change is one event, and asked for once only."""
    run = RunDir(tmp_path)
    rate = RateFactor(run, EventLog(run, "train"), 0, 1.0)
    seen = []
    for step in range(5):
        if step == 2:
            write_rate(run, 0.5, "a plateau")
        rate.put(step, rate.wanted())
        seen.append(rate.at(step))

    assert seen == [1.0, 1.0, 0.5, 0.5, 0.5]
    assert changes(run) == [(2, 0.5)]


def test_who_resumes_earlier_changes_it_at_the_same_step(tmp_path: Path) -> None:
    """What was changed behind a checkpoint is changed again there, not before."""
    run = RunDir(tmp_path)
    events = EventLog(run, "train")
    write_rate(run, 0.5, "a plateau")
    RateFactor(run, events, 0, 1.0).put(7, 0.5)

    again = RateFactor(run, events, 4, 1.0)
    for step in range(4, 9):
        again.put(step, again.wanted())
    assert [again.at(step) for step in range(4, 9)] == [1.0, 1.0, 1.0, 0.5, 0.5]
    assert changes(run) == [(7, 0.5)]

    # Asked for once more, from a step before that: what was to come does not come.
    write_rate(run, 0.25, "a loss that was not finite")
    again.put(5, again.wanted())
    assert [again.at(step) for step in (4, 5, 8)] == [1.0, 0.25, 0.25]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"factor": "x"}', '{"factor": -1.0}', "null"])
def test_a_file_that_is_none_changes_nothing(tmp_path: Path, text: str) -> None:
    run = RunDir(tmp_path)
    run.rate.write_text(text)

    assert read_rate(run) == 1.0


def test_a_reduced_rate_survives_a_resume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checkpoint knows it, and elsewhere, without the run's events, it goes on as it went."""
    workspace = make_workspace(tmp_path, images=6)
    config = write_config(workspace, "num_steps=4")
    monkeypatch.chdir(workspace.root)
    options = Options(checkpoint_every=2, seed=3, log_every=1)
    plain, lowered, rest = (RunDir(tmp_path / name) for name in ("plain", "lowered", "rest"))
    lowered.root.mkdir()
    write_rate(lowered, 0.5, "a plateau")
    train(config, plain, options, num_steps=1)
    train(config, lowered, options)
    rest.root.mkdir()
    for path in lowered.root.glob("ckpt-2.*"):
        shutil.copy(path, rest.root)
    train(config, rest, options)

    full, half, resumed = losses_of(plain), losses_of(lowered), losses_of(rest)
    assert half[1]["learning_rate"] == pytest.approx(full[1]["learning_rate"] / 2)
    assert changes(lowered) == [(0, 0.5)]
    for step in (3, 4):
        assert resumed[step]["learning_rate"] == half[step]["learning_rate"]
        assert resumed[step]["Loss/total_loss"] == pytest.approx(
            half[step]["Loss/total_loss"], rel=1e-5
        )
