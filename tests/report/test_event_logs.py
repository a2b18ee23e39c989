"""Event files as logs: of TF2, of TF1 and PyTorch, of one run and of a folder of runs."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import pytest

from odapi_runner.errors import DataError
from odapi_runner.formats.event_file import Event, read_scalars
from odapi_runner.formats.tfrecord import RecordWriter
from odapi_runner.report.compare import compare
from odapi_runner.report.exports.exported import build_exported
from odapi_runner.report.logs import read_logs
from odapi_runner.report.parse import parse
from odapi_runner.report.rows import EvalRow, TrainRow
from odapi_runner.report.scan import Findings
from odapi_runner.report.sources import read_sources
from odapi_runner.workspace import Workspace

MAP = "DetectionBoxes_Precision/mAP"
VERSION = b"\x1a\x0dbrain.Event:2"  # field 3 of Event, as every writer begins a file


def simple(tag: str, number: float) -> dict[str, object]:
    """A value as TF1 and PyTorch write it."""
    return {"tag": tag, "simple_value": [number]}


def tensor(tag: str, number: float) -> dict[str, object]:
    """A value as TF2 writes it."""
    return {"tag": tag, "tensor": {"dtype": 1, "float_val": [number]}}


def write_events(path: Path, events: list[tuple[int, list[dict[str, object]]]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with RecordWriter(path) as writer:
        writer.write(VERSION)
        for step, values in events:
            writer.write(Event(step=step, summary={"value": values}).SerializeToString())
    return path


def test_numbers_stand_in_a_tensor_or_beside_it(tmp_path: Path) -> None:
    """Zero is a number in each form; a double is one; a list is none."""
    double = {"tag": "d", "tensor": {"dtype": 2, "tensor_content": struct.pack("<d", 0.5)}}
    values = [
        simple("s", 0.25),
        simple("zero", 0.0),
        tensor("t", 0.125),
        double,
        {"tag": "image"},
        {"tag": "list", "tensor": {"dtype": 1, "float_val": [1.0, 2.0]}},
    ]
    path = write_events(tmp_path / "events.out.tfevents.1", [(5, values)])

    assert list(read_scalars(path)) == [
        (5, "s", 0.25),
        (5, "zero", 0.0),
        (5, "t", 0.125),
        (5, "d", 0.5),
    ]


def test_a_single_number_is_written_as_others_write_it(tmp_path: Path) -> None:
    """`simple_value` is one float, not a packed list: field 2, four bytes."""
    value = b"\x0a\x01s" + b"\x15" + struct.pack("<f", 0.75)
    payload = (
        b"\x10\x07" + b"\x2a" + bytes([len(value) + 2]) + b"\x0a" + bytes([len(value)]) + value
    )
    path = tmp_path / "events.out.tfevents.1"
    with RecordWriter(path) as writer:
        writer.write(VERSION)
        writer.write(payload)

    assert list(read_scalars(path)) == [(7, "s", 0.75)]


def test_a_file_is_a_log(tmp_path: Path) -> None:
    """A trainer's: the speed is told as steps a second."""
    values = [tensor("Loss/total_loss", 1.5), tensor("steps_per_sec", 4.0)]
    path = write_events(tmp_path / "events.out.tfevents.1.v2", [(100, values), (200, values[:1])])

    (run,) = read_logs(path)

    assert run.name == ""
    assert run.train == (
        TrainRow(100, 0.25, {"Loss/total_loss": 1.5}),
        TrainRow(200, None, {"Loss/total_loss": 1.5}),
    )


def test_the_settings_of_a_run_are_no_metrics(tmp_path: Path) -> None:
    """As hparams writes them: tags of its own at step 0, and an empty tensor that says nothing."""
    empty = {"tag": "_hparams_/session_start_info", "tensor": {"dtype": 1}}
    events = [(0, [empty]), (50, [simple(MAP, 0.5)])]
    write_events(tmp_path / "eval" / "events.out.tfevents.1", events)

    (log,) = read_logs(tmp_path)

    assert log.evaluations == (EvalRow(50, {MAP: 0.5}),)


def test_a_folder_is_a_run_with_its_trainer_and_its_evaluator(tmp_path: Path) -> None:
    """A file for each evaluation; after a resume a step is told by a second file."""
    write_events(tmp_path / "train/events.out.tfevents.1", [(100, [tensor("Loss/a", 1.0)])])
    write_events(tmp_path / "train/events.out.tfevents.2", [(100, [tensor("Loss/a", 0.5)])])
    write_events(tmp_path / "eval/val/events.out.tfevents.1", [(100, [tensor(MAP, 0.25)])])
    write_events(tmp_path / "eval/val/events.out.tfevents.2", [(200, [tensor(MAP, 0.5)])])

    (run,) = read_logs(tmp_path)

    assert run.train == (TrainRow(100, None, {"Loss/a": 0.5}, times=2),)
    assert run.evaluations == (EvalRow(100, {MAP: 0.25}), EvalRow(200, {MAP: 0.5}))


def test_a_folder_may_hold_several_runs(tmp_path: Path) -> None:
    """Each is named after its folder."""
    write_events(tmp_path / "one/eval/events.out.tfevents.1", [(100, [tensor(MAP, 0.25)])])
    write_events(tmp_path / "둘/eval/events.out.tfevents.1", [(100, [tensor(MAP, 0.5)])])

    table = parse([tmp_path])

    assert dict(zip(table["run"], table["mAP"], strict=True)) == {
        f"{tmp_path.name}:one": 0.25,
        f"{tmp_path.name}:둘": 0.5,
    }


def test_runs_below_a_folder_train_stay_apart(tmp_path: Path) -> None:
    """As in a workspace: only the folder that TensorFlow writes to is no run."""
    write_events(tmp_path / "train/a/train/events.out.tfevents.1", [(5, [tensor("Loss/a", 1.0)])])
    write_events(tmp_path / "train/a/eval/val/events.out.tfevents.2", [(5, [tensor(MAP, 0.25)])])
    write_events(tmp_path / "train/eval-b/train/events.out.tfevents.3", [(5, [tensor("a", 1.0)])])
    write_events(tmp_path / "train/c/events.out.tfevents.4", [(5, [tensor(MAP, 0.5)])])

    logs = {log.name: log for log in read_logs(tmp_path)}

    assert sorted(logs) == ["train/a", "train/c", "train/eval-b"]
    assert logs["train/a"].evaluations == (EvalRow(5, {MAP: 0.25}),)
    assert logs["train/a"].train == (TrainRow(5, None, {"Loss/a": 1.0}),)


@pytest.mark.parametrize(
    ("values", "metrics"),
    [
        # automl's evaluator, Ultralytics, MMDetection
        ([simple("AP", 0.5), simple("AP50", 0.75)], {MAP: 0.5, f"{MAP}@.50IOU": 0.75}),
        ([simple("metrics/mAP50-95(B)", 0.5), simple("lr/pg0", 0.25)],
         {MAP: 0.5, "learning_rate": 0.25}),
        ([simple("coco/bbox_mAP", 0.5)], {MAP: 0.5}),
    ],
)  # fmt: skip
def test_metrics_of_others_have_our_names(
    tmp_path: Path, values: list[dict[str, object]], metrics: dict[str, float]
) -> None:
    """As in their logs."""
    write_events(tmp_path / "events.out.tfevents.1", [(3, values)])

    (run,) = read_logs(tmp_path)

    assert run.evaluations == (EvalRow(3, metrics),)


def test_a_file_that_is_cut_is_read_to_there_and_said(tmp_path: Path) -> None:
    """As that of a trainer that was killed."""
    path = write_events(
        tmp_path / "events.out.tfevents.1", [(step, [tensor("a", 1.0)]) for step in (1, 2)]
    )
    path.write_bytes(path.read_bytes()[:-3])
    findings = Findings()

    (run,) = read_logs(path, findings)

    assert [row.step for row in run.train] == [1]
    assert "ends within a record" in str(findings.problems[0])


def test_where_a_file_of_a_folder_is_cut_is_said_with_its_name(tmp_path: Path) -> None:
    """It has no lines; one of which nothing can be read says so, too."""
    path = write_events(tmp_path / "train/events.out.tfevents.1", [(1, [tensor("a", 1.0)])])
    path.write_bytes(path.read_bytes()[:-3])

    with pytest.raises(DataError) as caught:
        read_logs(tmp_path)

    assert caught.value.what == (
        f"{tmp_path}: no metrics in this log (train/events.out.tfevents.1: "
        "the file ends within a record (byte 43))"  # behind 12 + 15 + 4 of the version, and 12
    )


@pytest.mark.parametrize("cut", [0, 3])
def test_a_packed_file_is_read(tmp_path: Path, cut: int) -> None:
    """As one that is not; what is cut of it is said with its own name."""
    events = [(step, [tensor("Loss/total_loss", 1.0)]) for step in (1, 2)]
    path = write_events(tmp_path / "eval" / "events.out.tfevents.1", events)
    packed = path.with_suffix(".gz")
    packed.write_bytes(gzip.compress(path.read_bytes()[: -cut or None]))
    findings = Findings()

    (run,) = read_logs(packed, findings)

    assert [row.step for row in run.evaluations] == ([1] if cut else [1, 2])
    told = [problem.at(packed) for problem in findings.problems]
    assert [why.startswith(f"{packed}: the file ends within") for why in told] == [True] * bool(cut)


def test_a_folder_without_any_says_so(tmp_path: Path) -> None:
    """It is no log."""
    with pytest.raises(DataError, match="a folder without event files"):
        read_logs(tmp_path)


def test_logs_beside_event_files_are_told(tmp_path: Path) -> None:
    """The folder is one run, which its event files tell; a checkpoint is no log."""
    folder = tmp_path / "model"
    write_events(folder / "eval/events.out.tfevents.1", [(5, [simple(MAP, 0.5)])])
    (folder / "train.log").write_text("Step 5 per-step time 1s loss=1.000\n", "utf-8")
    (folder / "ckpt-1.index").write_bytes(b"")

    found = compare([folder], workspace=Workspace(tmp_path))

    assert found.table["step"].tolist() == [5]
    assert found.notes == (f"{folder}: its event files only are read, not train.log",)


def test_of_a_folder_the_numbers_are_exported(tmp_path: Path) -> None:
    """And no files: it is none."""
    folder = tmp_path / "model"
    write_events(folder / "eval/events.out.tfevents.1", [(5, [simple(MAP, 0.5)])])
    (source,), _ = read_sources([folder], Workspace(tmp_path))

    found = build_exported(source, "model")

    assert (found.numbers, found.files) == ({5: {"mAP": 0.5}}, ())
