"""The policies of a run, by what it has evaluated so far."""

from __future__ import annotations

from collections.abc import Callable

from odapi_runner.formats.rate import read_rate
from odapi_runner.formats.runlog import EventLog
from odapi_runner.rundir import RunDir
from odapi_runner.runs.deeds import read_deeds
from odapi_runner.runs.options import RunOptions
from odapi_runner.runs.policies.apply import Policies

MakeRun = Callable[..., RunDir]
OPTIONS = RunOptions(
    early_stop="mAP:patience=3", reduce_on_plateau="mAP:patience=1,factor=0.5,min-factor=0.01"
)


def test_a_training_that_is_ending_keeps_its_rate(make_run: MakeRun) -> None:
    """Evaluations that come after the early stop change no step; status says why, and since when.

    0.4 at step 10 is best; 20 and 30 are no better, which halves the rate twice, and 40 ends it.
    """
    run = make_run()
    supervisor, evaluator = EventLog(run, "supervise"), EventLog(run, "eval")
    policies = Policies(run, OPTIONS, supervisor)
    scores = {10: 0.4, 20: 0.3, 30: 0.3, 40: 0.3, 50: 0.3, 60: 0.3}
    factors = []
    for count in range(1, len(scores) + 1):
        lines = [f"{step},{score}\n" for step, score in list(scores.items())[:count]]
        run.metrics_csv.write_text("step,mAP\n" + "".join(lines))
        evaluator.write("evaluated", step=10 * count)
        policies.look(is_training=True)
        factors.append(read_rate(run))

    why = "mAP was best at step 10 (0.4000), and not better by more than 0 in 3 evaluations since"
    assert factors == [1, 0.5, 0.25, 0.25, 0.25, 0.25]
    assert [(deed.kind, deed.what) for deed in read_deeds(run)] == [
        ("rate", "0.5 times the schedule's: mAP got no better until step 20"),
        ("rate", "0.25 times the schedule's: mAP got no better until step 30"),
        ("ending", f"stopped early: {why}"),
    ]


def test_a_metric_that_is_not_there_is_told_once(make_run: MakeRun) -> None:
    """Of each one at the first evaluation without it; what is there counts all the same.

    Nobody decides by an evaluation that comes while no trainer runs, until one does again.
    """
    run = make_run()
    supervisor, evaluator = EventLog(run, "supervise"), EventLog(run, "eval")
    options = RunOptions(
        best="AP/사람", early_stop="AP/a: (b):patience=1", reduce_on_plateau="mAP:patience=1"
    )
    for started in range(2):  # a supervisor that takes over repeats nothing
        policies = Policies(run, options, supervisor)
        for step in (10 + 20 * started, 20 + 20 * started):
            run.metrics_csv.write_text("step,mAP,AP/사람\n10,0.4,\n20,0.3,0.1\n30,0.3,\n40,0.3,\n")
            evaluator.write("evaluated", step=step)
            policies.look(is_training=False)

    told = [deed.what for deed in read_deeds(run)]
    assert told == [
        'the evaluation of step 10 has no "AP/사람", which --best looks at',
        'the evaluation of step 10 has no "AP/a: (b)", which --early-stop looks at',
    ]
    assert (policies.ending, read_rate(run)) == (None, 1)
    policies.look(is_training=True)
    assert read_rate(run) < 1


def test_an_evaluation_that_was_rejected_lacks_nothing(make_run: MakeRun) -> None:
    """What a supervisor that takes over reads of it is not in the table any more."""
    run = make_run()
    supervisor, evaluator = EventLog(run, "supervise"), EventLog(run, "eval")
    for step in (80, 100):
        evaluator.write("evaluated", step=step)
    for rows, told in (("80,0.4\n", []), ("80,\n", ["step 80"])):
        run.metrics_csv.write_text(f"step,mAP\n{rows}")
        Policies(run, RunOptions(), supervisor).look(is_training=True)
        whats = [deed.what for deed in read_deeds(run)]
        assert whats == [
            f'the evaluation of {at} has no "mAP", which --best looks at' for at in told
        ]


def test_a_training_that_has_made_its_last_step_is_not_stopped(make_run: MakeRun) -> None:
    """Its process takes a while to end; one that goes on with more steps is judged again."""
    run = make_run()
    train, evaluator = EventLog(run, "train"), EventLog(run, "eval")
    policies = Policies(run, RunOptions(early_stop="mAP:patience=1"), EventLog(run, "supervise"))
    run.metrics_csv.write_text("step,mAP\n20,0.4\n40,0.3\n")
    endings = []
    for kind in ("started", "finished", "started"):
        train.write(kind, step=40)
        if kind == "finished":
            evaluator.write("evaluated", step=40)
        policies.look(is_training=True)
        endings.append(policies.ending is not None)

    assert endings == [False, False, True]
