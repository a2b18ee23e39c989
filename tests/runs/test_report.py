"""One run in full, as a call: what its report says, and what it does without."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from odapi_runner.errors import RunError
from odapi_runner.formats.detections import read_detections, write_detections, write_metrics
from odapi_runner.formats.event_file import event_files
from odapi_runner.formats.runlog import EventLog, Progress
from odapi_runner.metrics import COCO_METRICS
from odapi_runner.records.draw import draw_streets
from odapi_runner.records.kitti import convert_kitti
from odapi_runner.report.run.document import Report, Section, Table
from odapi_runner.rundir import RunDir
from odapi_runner.runs.process import identify
from odapi_runner.runs.report import build_report
from odapi_runner.workspace import Workspace
from support.whole_runs import COURSE, write_curves, write_run


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Twenty drawn images in a workspace with a space and Korean letters in its path."""
    root = tmp_path_factory.mktemp("report") / "작업 공간"
    draw_streets(root / "raw", images=20, seed=1, size_hw=(96, 128))
    convert_kitti(root / "raw", root / "data" / "kitti", shards=2)
    return Workspace(root)


@pytest.fixture(scope="module")
def run(workspace: Workspace) -> RunDir:
    return write_run(workspace)


@pytest.fixture(scope="module")
def whole(run: RunDir, workspace: Workspace) -> Report:
    return build_report(run.name, workspace=workspace)


def section(report: Report, key: str) -> Section:
    return next(section for section in report.sections if section.key == key)


def table(report: Report, key: str, place: int = 0) -> Table:
    return section(report, key).tables[place]


def test_it_looks_at_the_best_checkpoint(whole: Report, run: RunDir) -> None:
    """That with the best mAP, at which the detector here is made to be best."""
    found = read_detections(run.detections_at(400))

    assert (whole.run, whole.step, whole.chosen) == ("뜰-d0", 400, "best mAP")
    assert dict(whole.headline)["mAP"] == found.metrics[COCO_METRICS[0].tag]
    assert [part.key for part in whole.sections] == [
        "summary", "course", "classes", "precision", "errors", "thresholds", "confusion", "worst",
        "cost", "changes",
    ]  # fmt: skip


def test_it_says_in_words_how_it_went(whole: Report) -> None:
    """Where it was best, that it overfits since, what costs most, which threshold serves best."""
    state, best, trend, mean, last, errors, threshold = section(whole, "summary").sentences

    assert state == "The run is done: stopped early."
    assert best.startswith("mAP is best at step 400: ")
    assert "; at the last, step 800, it is 0." in best
    assert trend.startswith("Overfitting since step 400: the training loss fell from ")
    assert "the validation loss has risen from 1 to 1.5" in trend
    told = re.fullmatch(
        r"On these 20 images mAP is (0\.\d+); on others like them between (0\.\d+) and (0\.\d+) "
        r"\(95 %\)\.",
        mean,
    )
    assert told
    assert float(told[2]) < float(told[1]) < float(told[3])
    assert re.fullmatch(
        r"Step 800 and step 400 cannot be told apart on these 20 images: they differ by .* mAP\.",
        last,
    )
    mended = re.fullmatch(
        r"Most is lost by .*: mending it would raise AP_50 from (0\.\d+) to (0\.\d+)\.", errors
    )
    assert mended
    average = np.mean([row[1] for row in table(whole, "precision").rows])
    cost = max(row[3] for row in table(whole, "errors").rows)
    assert float(mended[1]) == pytest.approx(average, abs=6e-4)
    assert float(mended[2]) == pytest.approx(average + cost, abs=6e-4)
    assert threshold.startswith("A score threshold of 0.")


def test_the_course_has_its_curves_and_marks(whole: Report) -> None:
    """Losses of training and validation on one scale; the best step and the early stop."""
    course = section(whole, "course")

    assert course.sentences == ("best mAP: step 400", "stopped early: step 800")
    assert [chart.name for chart in course.charts] == [
        "losses", "loss-parts", "metrics", "learning-rate",
    ]  # fmt: skip
    curves = {curve.name: curve for curve in course.curves}
    assert curves["validation total"].steps == tuple(COURSE)
    assert curves["validation total"].values == tuple(loss for _, loss in COURSE.values())
    assert len(curves["training total"].steps) == 17


def test_tables_are_about_the_same_objects(whole: Report, workspace: Workspace) -> None:
    """By class, by threshold and by confusion the objects are as many, and every share adds up."""
    by_class = {row[0]: row for row in table(whole, "classes").rows}
    at_threshold = {row[0]: row for row in table(whole, "thresholds").rows}
    confusion = {row[0]: row[1:] for row in table(whole, "confusion").rows}

    assert set(by_class) == {"Car", "Pedestrian", "Cyclist"}
    for name, row in by_class.items():
        objects, misclassified, correct, missed, false, _ = at_threshold[name][1:]
        assert row[1] == objects == sum(confusion[name])
        assert misclassified + correct + missed == pytest.approx(1)
        place = list(confusion).index(name)
        assert confusion[name][place] == round(correct * objects)
        assert confusion[name][-1] == round(missed * objects)
        assert confusion["nothing"][place] == false


def test_the_threshold_can_be_chosen(run: RunDir, workspace: Workspace, whole: Report) -> None:
    """The table that is asked for is the one that the slider shows there."""
    strict = build_report(run, threshold=0.5, images=0, workspace=workspace)

    assert strict.thresholds is not None
    assert whole.thresholds is not None
    place = strict.thresholds.values.index(0.5)
    for number, (name, objects, misclassified, correct, _, *boxes) in enumerate(
        table(strict, "thresholds").rows
    ):
        assert whole.thresholds.classes[number] == name
        shares = (round(misclassified * objects), round(correct * objects), *boxes)
        assert whole.thresholds.counts[number][place] == shares
    assert strict.thresholds.shown == 0.5
    assert whole.thresholds.shown < 0.5
    assert section(strict, "worst").pictures == ()


def test_the_worst_images_are_drawn(whole: Report) -> None:
    """Those with the most errors first; each is a JPEG, enlarged for its labels."""
    worst = section(whole, "worst")
    errors = [sum(row[1:]) for row in table(whole, "worst").rows]

    assert len(worst.pictures) == len(errors) == 12
    assert errors == sorted(errors, reverse=True)
    assert all(picture.jpeg[:2] == b"\xff\xd8" for picture in worst.pictures)
    assert {picture.size for picture in worst.pictures} == {(480, 360)}


def test_speed_and_memory_are_what_the_events_say(whole: Report) -> None:
    """The median of 2 and 2.5 steps a second, 4 images a step, 2 seconds for 20 images."""
    assert table(whole, "cost").rows == (
        ("training", 2.25, "steps/s"),
        ("training", 9.0, "images/s"),
        ("from start to first step", 12.5, "s"),
        ("trainer's peak memory", 1648, "MiB"),
        ("waiting for input", 1.0, "% of the time"),
        ("an evaluation", 2.0, "s"),
        ("evaluation", 10.0, "images/s"),
    )


def test_a_step_of_several_batches_has_their_images(workspace: Workspace) -> None:
    """As many batches of 4 as `--accumulate` says."""
    run = write_run(workspace, "gathered")
    asked = json.loads(run.run_json.read_text("utf-8"))
    asked["options"]["accumulate"] = 2
    run.run_json.write_text(json.dumps(asked), "utf-8")

    rows = table(build_report(run, images=0, workspace=workspace), "cost").rows

    assert rows[:2] == (("training", 2.25, "steps/s"), ("training", 18.0, "images/s"))


def test_what_changed_since_the_parent_is_told(run: RunDir, workspace: Workspace) -> None:
    """By field, with the values of both; and what happened on the way."""
    write_run(workspace, "child", batch=8, parent=run.name, overrides=["batch_size=8"])

    child = build_report("child", images=0, workspace=workspace)

    changes = section(child, "changes")
    assert changes.sentences == (
        "It was started from 뜰-d0 at step 400.",
        "Set beside its config: batch_size=8.",
    )
    assert table(child, "changes").columns == ("field", "뜰-d0", "child")
    assert table(child, "changes").rows == (("train_config.batch_size", 4, 8),)
    assert [row[1:] for row in table(child, "changes", 1).rows] == [("ending", "stopped early")]


def test_figures_beside_cocos_have_a_table(workspace: Workspace, whole: Report) -> None:
    """Whatever an evaluation gave beyond the columns of all: KITTI's by difficulty, say."""
    run = write_run(workspace, "more", course={})
    found = read_detections(RunDir(workspace.train / whole.run).detections_at(400))
    by_class = {"DetectionBoxes_PerformanceByCategory/mAP/Car": 0.25}
    metrics = found.metrics | {"KITTI/Car moderate": 0.5, "Loss/RPNLoss/loss": 0.125} | by_class
    write_detections(run.detections_at(400), replace(found, metrics=metrics))

    others = table(build_report(run, images=0, workspace=workspace), "classes", 1)

    assert others.rows == (("KITTI/Car moderate", 0.5),)


def test_a_parent_that_is_gone_is_told(workspace: Workspace) -> None:
    """The report does without what it cannot compare."""
    write_run(workspace, "orphan", parent="gone")

    told = section(build_report("orphan", images=0, workspace=workspace), "changes").sentences

    assert told[0].startswith("It was started from gone at step 400; what differs is not known: ")


def test_last_and_any_step_can_be_asked_for(run: RunDir, workspace: Workspace) -> None:
    """One that was not evaluated is refused with those that were."""
    last = build_report(run, at="last", images=0, workspace=workspace)
    second = build_report(run, at=200, images=0, workspace=workspace)

    assert (last.step, last.chosen) == (800, "last")
    assert (second.step, second.chosen) == (200, "as asked")
    with pytest.raises(RunError) as error:
        build_report(run, at=100, workspace=workspace)
    assert error.value.what == "뜰-d0: nothing was evaluated at step 100"
    assert error.value.fix == "There are 0, 200, 400, 600, 800."


def test_a_run_without_evaluations_has_a_report(workspace: Workspace) -> None:
    """Of what there is: the training's curves, and nothing made up."""
    write_run(workspace, "young", course={})

    young = build_report("young", workspace=workspace)

    assert (young.step, young.chosen, young.thresholds) == (None, "not evaluated yet", None)
    assert section(young, "detections").sentences == ("Nothing was evaluated yet.",)
    assert section(young, "summary").sentences == (
        "The run is done: stopped early.",
        "0 evaluations with a loss: too few to tell a trend.",
    )
    assert [chart.name for chart in section(young, "course").charts] == ["losses", "learning-rate"]


def test_metrics_of_another_program_are_reported_without_boxes(workspace: Workspace) -> None:
    """An adopted run has metrics alone: what needs boxes says why it is not there."""
    adopted = write_run(workspace, "adopted", course={})
    write_metrics(adopted.detections_at(100), 100, {COCO_METRICS[0].tag: 0.25})

    found = build_report("adopted", workspace=workspace)

    assert (found.step, dict(found.headline)["mAP"]) == (100, 0.25)
    (why,) = section(found, "detections").sentences
    assert "holds metrics alone" in why
    assert why.endswith("if it is still there: odapi eval adopted --step 100")


def test_images_that_are_gone_are_told(workspace: Workspace) -> None:
    """Records that were converted anew, or moved away: everything but the pictures is there."""
    write_run(workspace, "moved", records="gone-*.record")

    worst = section(build_report("moved", workspace=workspace), "worst")

    assert worst.pictures == ()
    assert worst.sentences[0].startswith("data/kitti/gone-*.record: no file of that name.")


def test_a_groundtruth_of_other_images_is_no_crash(workspace: Workspace) -> None:
    """What was evaluated on more images than groundtruth.npz has is not read as if it were."""
    run = write_run(workspace, "mixed")
    path = run.groundtruth
    with np.load(path) as stored:
        arrays = dict(stored)
    kept = arrays["image"] < 3
    for name in ("image", "boxes_xywh_px", "classes", "is_crowd", "area"):
        arrays[name] = arrays[name][kept]
    for name in ("source_ids", "sizes_hw"):
        arrays[name] = arrays[name][:3]
    np.savez(path, **arrays)

    (why,) = section(build_report(run, workspace=workspace), "detections").sentences

    assert why == (
        "step 400 was evaluated on other images than groundtruth.npz tells of. "
        "Evaluate it again: odapi eval mixed --step 400"
    )


def test_a_faulty_config_is_told_and_the_rest_is_there(workspace: Workspace) -> None:
    """It is named with its line; speed is in steps alone."""
    run = write_run(workspace, "faulty")
    run.config.write_text("train_config { batch_sise: 4 }", "utf-8")

    found = build_report(run, workspace=workspace)

    assert any("batch_sise" in sentence for sentence in section(found, "summary").sentences)
    assert table(found, "cost").rows[0] == ("training", 2.25, "steps/s")
    worst = section(found, "worst")
    assert worst.sentences == ("No picture: its config cannot be read.",)
    assert len(worst.tables) == 1


def test_how_the_run_ended_is_its_first_sentence(workspace: Workspace) -> None:
    """With how far it came, and why where that is known."""
    run = write_run(workspace, "killed", course={})
    events = EventLog(run, "supervise")
    events.write("started", process=identify(0).dump())
    events.write("failed", waiting=0, what="the trainer was killed by SIGKILL")
    Progress(run, "train").write("training", step=160, num_steps=800)

    told = section(build_report(run, workspace=workspace), "summary").sentences

    assert told[0] == ("The run has failed at step 160 of 800: the trainer was killed by SIGKILL.")


def test_early_stopping_is_marked_where_the_training_ended(workspace: Workspace) -> None:
    """Not at the checkpoint on which it was decided; and not where the training went on."""
    run = write_run(workspace, "passed", course={})
    trainer, supervisor = EventLog(run, "train"), EventLog(run, "supervise")
    supervisor.write("trainer_started", process=identify(0).dump())
    EventLog(run, "eval").write("evaluated", step=840)
    supervisor.write("ending", outcome="finished", what="stopped early")
    trainer.write("stopped", step=930)
    supervisor.write("ending", outcome="finished", what="stopped early")
    supervisor.write("trainer_started", process=identify(0).dump())
    trainer.write("finished", step=960)

    course = section(build_report(run, workspace=workspace), "course")

    assert course.sentences == ("stopped early: step 800", "stopped early: step 930")


def test_the_figures_of_several_sessions_are_one(workspace: Workspace) -> None:
    """The peak of all of them, and the median of how long they waited."""
    run = write_run(workspace, "twice", course={})
    trainer = EventLog(run, "train")
    trainer.write("stopped", step=820, peak_mib=2000, input_wait=0.03)
    trainer.write("finished", step=840, peak_mib=1000, input_wait=0.02)

    rows = table(build_report(run, workspace=workspace), "cost").rows

    assert [row for row in rows if row[0] == "trainer's peak memory"] == [
        ("trainer's peak memory", 2000, "MiB")
    ]
    assert [row for row in rows if row[0] == "waiting for input"] == [
        ("waiting for input", 2.0, "% of the time")
    ]


def test_what_was_set_again_is_told_once(workspace: Workspace) -> None:
    """The last of each path holds; what was appended since then stays beside it."""
    overrides = ["a+=1", "num_steps=20", "batch_size=2", "a=2", "num_steps=160", "a+=3", "a+=4"]
    run = write_run(workspace, "often", course={}, overrides=overrides)

    told = section(build_report(run, workspace=workspace), "changes").sentences

    assert told[-1] == "Set beside its config: batch_size=2 a=2 num_steps=160 a+=3 a+=4."


def test_the_learning_rates_of_evaluations_are_drawn_where_they_are_more(
    workspace: Workspace,
) -> None:
    """A trainer that logs every hundred steps has one point of a short training."""
    run = write_run(workspace, "short", course={})
    (first, _) = event_files(run.train_events)
    first.unlink()
    write_curves(run, {"learning_rate": [(100, 0.5)]})
    for step in (0, 50, 100):
        write_metrics(run.detections_at(step), step, {"learning_rate": step / 100})

    curves = section(build_report(run, workspace=workspace), "course").curves

    (rate,) = [curve for curve in curves if curve.name == "learning_rate"]
    assert (rate.steps, rate.values) == ((0, 50, 100), (0.0, 0.5, 1.0))


def test_an_event_that_lacks_what_it_tells_is_left_out(workspace: Workspace) -> None:
    """A damaged line of an events file takes nothing else with it."""
    run = write_run(workspace, "damaged")
    with (run.events / "eval-1-1.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"time": 60, "seq": 90, "role": "eval", "kind": "evaluated", "stop": 900}\n')
        stream.write('{"time": 60, "seq": 91, "role": "eval", "kind": "evaluating", "step": "x"}\n')

    found = build_report(run, images=0, workspace=workspace)

    assert section(found, "course").sentences[-1] == "stopped early: step 800"
    assert ("an evaluation", 2.0, "s") in table(found, "cost").rows


def test_no_such_run(workspace: Workspace) -> None:
    """With a suggestion."""
    with pytest.raises(RunError) as error:
        build_report("뜰-d1", workspace=workspace)

    assert error.value.fix == 'Did you mean "뜰-d0"?'


def test_a_network_that_has_learned_nothing_has_a_report(workspace: Workspace) -> None:
    """Its boxes have scores of nearly nothing: there is no threshold to serve, and it is said."""
    run = write_run(workspace, "dull", course={0: (0.5, 3.0)})
    found = read_detections(run.detections_at(0))
    write_detections(run.detections_at(0), replace(found, scores=found.scores / 200))

    dull = build_report(run, workspace=workspace)

    told = "No box that is right has a score of 0.01 or more."
    assert section(dull, "summary").sentences[-1] == told
    assert dull.thresholds is not None
    assert dull.thresholds.shown == 0.5
    assert section(dull, "classes").sentences == ("3 classes, 71 objects.",)
    assert all(row[3] == 0 for row in table(dull, "thresholds").rows)
    assert [row[1:] for row in table(dull, "thresholds", 1).rows] == [(None, 0, 0)] * 3
    (chart,) = section(dull, "thresholds").charts
    assert chart.caption == "Car: never found; Pedestrian: never found; Cyclist: never found"


def test_all_of_it_is_plain_values(whole: Report) -> None:
    """Tables go to JSON and CSV as they are: no numpy in them."""
    for part in whole.sections:
        for one in part.tables:
            assert all(len(row) == len(one.columns) for row in one.rows)
            json.dumps(one.rows)
    assert whole.thresholds is not None
    json.dumps(whole.thresholds.counts)


def test_a_path_is_as_good_as_a_name(run: RunDir, workspace: Workspace) -> None:
    """As everywhere."""
    assert build_report(Path(run.root), images=0, workspace=workspace).run == run.name
