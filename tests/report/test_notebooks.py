"""Notebooks of experiments as logs: the fifth seed, whole, and forms that others may have."""

from __future__ import annotations

from pathlib import Path

import pytest

from odapi_runner.metrics import COCO_METRICS, columns_of
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.render import render
from odapi_runner.report.logs import LOGS, read_logs
from odapi_runner.report.notebooks import read_experiments, render_patch
from odapi_runner.report.parse import parse, write_patches
from odapi_runner.report.rows import EvalRow, ParsedLog, Remarks
from odapi_runner.report.scan import Findings
from odapi_runner.workspace import Workspace

# After experiments 5 and 6 of a user's notebook: one rounded, one exact, in the order it has them.
NOTEBOOK = """\
>>>

==== .config ====
6
  =
    DetectionBoxes_Precision/mAP = 0.7153152
    DetectionBoxes_Precision/mAP (large) = 0.7141131
    DetectionBoxes_Precision/mAP (small) = -1.0
    DetectionBoxes_Precision/mAP@.50IOU = 0.93582755
    Loss/total_loss = 0.99279815
    global_step = 135813
    learning_rate = 0.0017147498
    loss = 0.99279815
  note
    mAP = 0.9 를 기대했다. threshold 0.5
  set
    train_config: {
      batch_size: 8
    }

5
  =
    Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.808
    Average Precision  (AP) @[ IoU=0.50      | area=   all | maxDets=100 ] = 1.000
    Average Precision  (AP) @[ IoU=0.50:0.95 | area= small | maxDets=100 ] = -1.000
  set
    train config {
      data_augmentation_options {
        random_horizontal_flip {
          probability: 0.2
        }
      }
    }
  remove
    data_augmentation_options { ssd_random_crop {} }

- order
  not sensitive
"""


def experiments(text: str) -> tuple[dict[int, tuple[EvalRow, Remarks]], list[str]]:
    """Row and remarks by number, and what could not be used."""
    findings = Findings()
    found = {number: (row, told) for number, row, told in read_experiments(text, LOGS, findings)}
    return found, [str(problem) for problem in findings.problems]


def config(preset: str, patch: Path | str | None, folder: Path) -> list[str]:
    """The lines of a rendered config, without those that say what it was made by."""
    text = render(preset, Changes(patches=() if patch is None else (patch,)), Workspace(folder))
    return [line for line in text.splitlines() if not line.startswith("#")]


def test_rounded_and_exact_results_have_the_same_columns() -> None:
    """TF's -1 is an empty cell; numbers in a note are none."""
    found, problems = experiments(NOTEBOOK)

    assert problems == []
    assert list(found) == [5, 6]
    assert found[5][0].step is None
    assert columns_of(found[5][0].metrics) == {"mAP": 0.808, "mAP_50": 1.0}
    assert found[6][0].step == 135813
    assert columns_of(found[6][0].metrics) == {
        "mAP": 0.7153152,
        "mAP_large": 0.7141131,
        "mAP_50": 0.93582755,
        "loss_total": 0.99279815,
        "learning_rate": 0.0017147498,
        "loss": 0.99279815,
    }


def test_changes_and_remarks_are_kept_as_written() -> None:
    """Without what all their lines are indented by; what stands in no section is a remark."""
    found, _ = experiments(NOTEBOOK)

    assert found[6][1] == Remarks(
        set="train_config: {\n  batch_size: 8\n}\n",
        remove="",
        note="mAP = 0.9 를 기대했다. threshold 0.5\n",
    )
    assert found[5][1].remove == "data_augmentation_options { ssd_random_crop {} }\n"
    assert found[5][1].note == "- order\n  not sensitive\n"


@pytest.mark.parametrize(
    ("results", "metrics", "step"),
    [
        ("    mAP = 0.5\n    mAP_50: 0.75\n    step = 7\n", {"mAP": 0.5, "mAP_50": 0.75}, 7),
        (
            (
                "    INFO:tensorflow:Eval metrics at step 20\n"
                "    INFO:tensorflow:\t+ DetectionBoxes_Precision/mAP: 0.250000\n"
            ),
            {"mAP": 0.25},
            20,
        ),
        (
            (
                "    Saving dict for global step 9: DetectionBoxes_Precision/mAP = 0.5, "
                "global_step = 9, loss = 1.5\n"
            ),
            {"mAP": 0.5, "loss_total": 1.5},
            9,
        ),
        ("", {}, None),
        ("    mAP = 0.5\n    global_step = nan\n", {"mAP": 0.5}, None),
        ("    mAP = 0.5\n    global_step = 18446744073709551616\n", {"mAP": 0.5}, None),
    ],
)
def test_results_may_be_copied_from_any_log(
    results: str, metrics: dict[str, float], step: int | None
) -> None:
    """Short names, lines of an evaluator, a line of an estimator; or nothing yet."""
    found, problems = experiments(f"1\n  =\n{results}  set\n    a: 1\n")

    assert problems == []
    assert columns_of(found[1][0].metrics) == metrics
    assert found[1][0].step == step


def test_results_that_are_none_are_said() -> None:
    """As a word, or a number without a name."""
    _, problems = experiments("7\n  =\n    pending\n")

    assert problems == ["1: experiment 7 has results that are no metrics: pending"]


def test_a_patch_that_is_written_changes_what_the_notebook_does(tmp_path: Path) -> None:
    """A file an experiment; rendering takes it as it takes the notebook's own."""
    notes = tmp_path / "내 실험.txt"
    notes.write_text(NOTEBOOK, "utf-8")

    five, six = write_patches([notes], tmp_path / "patches")

    assert (five.name, six.name) == ("내 실험-5.txt", "내 실험-6.txt")
    for patch, number in ((five, 5), (six, 6)):
        rendered = config("efficientdet-d0", patch, tmp_path)
        assert rendered == config("efficientdet-d0", f"{notes}:{number}", tmp_path)
        assert rendered != config("efficientdet-d0", None, tmp_path)


def test_each_experiment_is_a_row(tmp_path: Path) -> None:
    """NOTES:N, as `odapi render --patch` calls it."""
    notes = tmp_path / "notes.txt"
    notes.write_text(NOTEBOOK, "utf-8")

    table = parse([notes])

    assert table["run"].tolist() == ["notes.txt:5", "notes.txt:6"]
    assert table["mAP"].tolist() == [0.808, 0.7153152]
    assert table["remove"].tolist()[0] == "data_augmentation_options { ssd_random_crop {} }\n"


@pytest.fixture(scope="module")
def fifth_seed(reference: Path) -> Path:
    (path,) = (reference.parent / "seeds").glob("004_*.txt")
    return path


def test_the_fifth_seed_parses_whole(fifth_seed: Path) -> None:
    """Seven experiments; those with results have twelve metrics, six of them losses and a step."""
    findings = Findings()
    runs = read_logs(fifth_seed, findings)

    assert findings.unused == 0
    assert [run.name for run in runs] == ["1", "2", "3", "4", "5", "6", "7"]
    by_number = {int(run.name): run for run in runs}
    steps = {number: run.evaluations[0].step for number, run in by_number.items()}
    assert steps == {1: 34864, 2: 72756, 3: 130874, 4: 34847, 5: None, 6: 135813, 7: None}
    twelve = {metric.tag for metric in COCO_METRICS}
    for number in range(1, 7):
        assert twelve <= by_number[number].evaluations[0].metrics.keys()
    five, six = (columns_of(by_number[number].evaluations[0].metrics) for number in (5, 6))
    assert five.keys() <= six.keys()
    assert (five["mAP"], six["mAP"]) == (0.808, 0.7153152)
    assert by_number[7].evaluations == (EvalRow(None, {}),)


def test_the_changes_of_the_fifth_seed_are_patches(fifth_seed: Path, tmp_path: Path) -> None:
    """Each gives what the notebook's own experiment gives; all seven change something."""
    runs: dict[str, ParsedLog] = {run.name: run for run in read_logs(fifth_seed)}

    for name, run in runs.items():
        assert run.remarks is not None
        patch = tmp_path / f"{name}.txt"
        patch.write_text(render_patch(run.remarks), "utf-8")
        rendered = config("ssd-mobilenet-v2-fpnlite-320", patch, tmp_path)
        of_seed = f"{fifth_seed}:{name}"
        assert rendered == config("ssd-mobilenet-v2-fpnlite-320", of_seed, tmp_path)
        assert rendered != config("ssd-mobilenet-v2-fpnlite-320", None, tmp_path)
    assert "98.7 까지 올라갔었는데" in (runs["4"].remarks or Remarks("", "", "")).note
