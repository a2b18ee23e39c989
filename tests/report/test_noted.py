"""Notebooks of experiments in a comparison."""

from __future__ import annotations

from pathlib import Path

import pytest

from odapi_runner.errors import OdapiError
from odapi_runner.metrics import COLUMNS
from odapi_runner.report.compare import compare
from odapi_runner.workspace import Workspace
from support.compared import rows, write_run

NOTEBOOK = """
3
  =
    mAP = 0.75
  set
    train_config { batch_size: 8 }
  remove
    data_augmentation_options { random_horizontal_flip { } }

2
  =
    DetectionBoxes_Precision/mAP = 0.5
    DetectionBoxes_Precision/mAP (small) = -1.0
    global_step = 200
  note
    batch_size 4
  set
    data_augmentation_options { random_horizontal_flip { probability: 0.25 } }

1
  =
    DetectionBoxes_Precision/mAP = 0.25
    global_step = 100
  set
    train_config { batch_size: 4 num_steps: 20 }
"""


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    path = tmp_path / "notes.txt"
    path.write_text(NOTEBOOK, "utf-8")
    return path


def test_what_experiments_set_and_remove_are_columns(notebook: Path) -> None:
    """Each goes on from the one before; what is the same for all has no column."""
    found = compare([notebook], workspace=Workspace(notebook.parent))

    assert list(found.table.columns)[len(COLUMNS) :] == ["batch_size", "probability"]
    assert rows(found, "run", "step", "mAP", "mAP_small", "batch_size", "probability") == [
        ["notes.txt:1", 100, 0.25, None, 4, None],
        ["notes.txt:2", 200, 0.5, None, 4, 0.25],
        ["notes.txt:3", None, 0.75, None, 8, None],
    ]


def test_experiments_stand_beside_runs(notebook: Path) -> None:
    """What a notebook does not say is unknown, not the default; conditions hold for both."""
    place = Workspace(notebook.parent)
    write_run(place.train / "a", {10: 0.1}, batch=16, more="add_regularization_loss: false")
    write_run(place.train / "b", {10: 0.2}, batch=16)

    found = compare([notebook, place.train], workspace=place, baseline="a", where=["mAP<0.6"])
    large = compare([notebook, place.train], workspace=place, where=["batch_size>=8"])

    assert rows(found, "run", "mAP_delta", "batch_size", "add_regularization_loss") == [
        ["notes.txt:1", pytest.approx(0.15), 4, None],
        ["notes.txt:2", pytest.approx(0.4), 4, None],
        ["a", 0, 16, False],
        ["b", pytest.approx(0.1), 16, True],
    ]
    assert [name for (name,) in rows(large, "run")] == ["notes.txt:3", "a", "b"]


def test_other_records_than_a_run_s_are_told(tmp_path: Path) -> None:
    """By their names, since a notebook has no digest; the same names are the same data."""
    reader = "eval_input_reader { tf_record_input_reader { input_path: '%s' } }"
    text = f"2\n  =\n    mAP = 0.5\n  set\n    {reader % 'other.record'}\n"
    text += f"1\n  =\n    mAP = 0.4\n  set\n    {reader % 'val.record'}\n"
    place = Workspace(tmp_path)
    (tmp_path / "notes.txt").write_text(text, "utf-8")
    write_run(place.train / "a", {10: 0.1}, data="d")
    sources = ["a", tmp_path / "notes.txt"]

    found = compare(sources, workspace=place, baseline="a", noise=False)
    same = compare(sources, workspace=place, where=["run!=notes.txt:2"])

    ((of_run,), (first,), (second,)) = rows(found, "eval_data")
    assert (first, second) == (of_run, "other.record")
    (note,) = found.notes
    assert note.startswith("evaluated on records of other names, perhaps not comparable: ")
    assert note.endswith(f": a, notes.txt:1 ({of_run}) / notes.txt:2 (other.record)")
    assert rows(compare(sources, workspace=place, where=["eval_data=other.record"]), "run") == [
        ["notes.txt:2"]
    ]
    assert "eval_data" not in same.table.columns
    assert same.notes == ()


def test_an_experiment_may_be_the_baseline(notebook: Path) -> None:
    """By the name of its row; the notebook itself is several."""
    place = Workspace(notebook.parent)

    found = compare([notebook], workspace=place, baseline="notes.txt:2", noise=False)
    with pytest.raises(OdapiError) as error:
        compare([notebook], workspace=place, baseline=notebook)

    assert rows(found, "mAP_delta") == [[-0.25], [0], [0.25]]
    assert error.value.what.endswith("notes.txt: 3 runs, of which one only can be the baseline")
    assert error.value.fix == "Give one of them: notes.txt:1, notes.txt:2, notes.txt:3"


def test_settings_that_nobody_understands_are_a_note(notebook: Path) -> None:
    """The experiment is compared all the same, with what was known before."""
    notebook.write_text(NOTEBOOK.replace("batch_size: 8", "batch_sise: 8"), "utf-8")

    found = compare([notebook], workspace=Workspace(notebook.parent))

    assert [mean for (mean,) in rows(found, "mAP")] == [0.25, 0.5, 0.75]
    assert "batch_size" not in found.table.columns
    (note,) = found.notes
    assert note.startswith("settings of experiment 3 are not compared: ")
    assert "batch_sise" in note


def test_the_fifth_seed_needs_no_notebook_any_more(reference: Path) -> None:
    """Seven experiments, in one table: what was set in them, and what it gave."""
    (seed,) = (reference.parent / "seeds").glob("004_*.txt")

    found = compare([seed], workspace=Workspace(Path.cwd()))

    assert rows(found, "mAP", "step", "batch_size", "gamma", "random_distort_color") == [
        [0.93719554, 34864, 8, None, None],
        [0.0018014528, 72756, 8, None, None],
        [0.800147, 130874, 8, None, None],
        [0.9847531, 34847, 8, None, "set"],
        [0.808, None, 8, 0.8, "set"],
        [0.7153152, 135813, 8, 0.8, "set"],
        [None, None, 32, 0.7, "set"],
    ]
    assert found.notes == ()
