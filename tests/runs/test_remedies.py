"""What is done about a failed trainer, and what is said where nothing can be done."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from odapi_runner.formats.runlog import EventLog
from odapi_runner.rundir import RunDir
from odapi_runner.runs.deeds import read_deeds
from odapi_runner.runs.failures import NAN, OOM, OTHER, PASSING, Failure
from odapi_runner.runs.remedies import Remedies
from odapi_runner.runs.sessions import ASKED
from odapi_runner.runs.spec import RunSpec

MakeRun = Callable[..., RunDir]
NO_MEMORY = Failure(OOM, "the memory does not suffice")


def remedies(run: RunDir) -> Remedies:
    return Remedies(run, EventLog(run, "supervise"), lambda: None)


@pytest.mark.parametrize("answer", ["halve-batch", "accumulate"])
@pytest.mark.parametrize(
    ("batch", "devices", "why"),
    [
        (3, 1, "a batch of 3 cannot be halved"),
        (1, 1, "a batch of 1 cannot be halved"),
        (2, 2, "a batch of 2 cannot be halved and shared by 2 devices"),
        (6, 2, "a batch of 6 cannot be halved and shared by 2 devices"),
    ],
)
def test_a_batch_that_cannot_be_halved(
    make_run: MakeRun, answer: str, batch: int, devices: int, why: str
) -> None:
    """The run stays as it was, and says why; devices of a job are known without any."""
    run = make_run(on_oom=answer, cluster="slurm", slurm_gpus=devices)
    dataclasses.replace(RunSpec.load(run), device="visible").dump(run)
    run.config.write_text(run.config.read_text().replace("size: 8", f"size: {batch}"))

    assert remedies(run).apply(NO_MEMORY) is None
    assert run.revision() == 1
    assert [(one.kind, one.what) for one in read_deeds(run)] == [
        ("no_remedy", f"--on-oom {answer}: {why}")
    ]


def test_devices_share_half_a_batch(make_run: MakeRun) -> None:
    """Eight images of two devices are four, two each; and then two, one each."""
    run = make_run(on_oom="halve-batch", cluster="slurm", slurm_gpus=2)
    dataclasses.replace(RunSpec.load(run), device="visible").dump(run)
    one = remedies(run)

    assert [one.apply(NO_MEMORY) for _ in range(3)] == [0, 0, None]
    assert RunSpec.load(run).overrides == ("batch_size=4", "batch_size=2")


def test_nothing_finite_to_go_back_to(make_run: MakeRun) -> None:
    """A loss that is not finite before the first checkpoint."""
    run = make_run(on_nan="rollback")

    assert remedies(run).apply(Failure(NAN, "the loss is not finite")) is None
    (deed,) = read_deeds(run)
    assert deed.what == "--on-nan rollback: there is no checkpoint whose weights are finite"


def test_what_no_remedy_is_asked_for(make_run: MakeRun) -> None:
    """Nothing is said about it."""
    run = make_run()

    assert remedies(run).apply(NO_MEMORY) is None
    assert remedies(run).apply(Failure(OTHER, "the trainer ended")) is None
    assert not read_deeds(run)


def test_tries_are_those_of_a_run(make_run: MakeRun) -> None:
    """Another supervisor has what is left of them; a resume that a person asked for has all."""
    run = make_run(retries=2)
    passing = Failure(PASSING, "the network's disk was gone")

    assert [remedies(run).apply(passing) for _ in range(3)] == [10, 40, None]
    EventLog(run, "launch").write(ASKED)
    assert remedies(run).apply(passing) == 10


def test_what_passes_gets_time_to(make_run: MakeRun) -> None:
    """An outage of a minute does not use up all tries; what a revision mends needs no time."""
    one = remedies(make_run(retries=4, on_oom="halve-batch"))
    passing = Failure(PASSING, "the network's disk was gone")

    found = [one.apply(failure) for failure in (passing, passing, NO_MEMORY, passing, passing)]
    assert found == [10, 40, 0, 600, None]
    assert read_deeds(one.run)[0].what == "trying again in 10 s: the network's disk was gone"
