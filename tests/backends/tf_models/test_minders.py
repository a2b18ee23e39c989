"""What the minders make of what a program tells: one that tells what a test has written down.

No TensorFlow: the interpreter of these runs is a script that says its lines and ends.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from odapi_runner.backends.tf_models.evaluate import EvaluationMinder
from odapi_runner.backends.tf_models.evaluate import main as evaluate
from odapi_runner.backends.tf_models.train import TrainingMinder
from odapi_runner.errors import RunError
from odapi_runner.formats.best import read_best
from odapi_runner.formats.detections import read_detections, read_groundtruth, read_metrics
from odapi_runner.formats.runlog import read_events, read_progress
from odapi_runner.rundir import RunDir
from odapi_runner.runs.options import RunOptions
from odapi_runner.runs.spec import Digests, RunSpec
from odapi_runner.workspace import Workspace
from support.checkpoints import write_checkpoint
from support.tf_models import write_checkout
from support.workspaces import make_workspace, write_config

MAP = "DetectionBoxes_Precision/mAP"
PROGRAM = """\
#!{python}
import json, os, sys, pathlib
settings = json.loads(sys.argv[3])
pathlib.Path({asked!r}).write_text(json.dumps(sys.argv[1:]), encoding="utf-8")
for line in {lines!r}:
    os.write(settings["messages"], (json.dumps(line) + "\\n").encode())
{end}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = make_workspace(tmp_path_factory.mktemp("말하는"))
    write_config(workspace, "num_steps=20")
    write_checkout(workspace.root / "models")
    return workspace


@pytest.fixture
def make_run(place: Workspace, tmp_path: Path) -> Callable[..., RunDir]:
    """A run whose program tells these messages, and then ends in some way."""

    def make(*lines: dict[str, Any], end: str = "") -> RunDir:
        run = RunDir(place.train / tmp_path.name)
        run.root.mkdir(parents=True)
        run.pending.mkdir()
        run.config.write_bytes((place.root / "small.config").read_bytes())
        python = tmp_path / "python"
        asked = str(tmp_path / "asked.json")
        text = PROGRAM.format(python=sys.executable, lines=lines, end=end, asked=asked)
        python.write_text(text, encoding="utf-8")
        python.chmod(0o755)
        RunSpec(
            name=run.name,
            created="2026-01-02T03:04:05+09:00",
            command=(),
            engine="tf-models",
            device="none",
            environment={},
            num_steps=20,
            overrides=(),
            options=RunOptions(models_dir=str(place.root / "models"), python=str(python)),
            versions={},
            digests=Digests("c", {}, {}),
        ).dump(run)
        return run

    return make


def told(run: RunDir, role: str) -> list[tuple[str, int | None]]:
    return [(event["kind"], event.get("step")) for event in read_events(run, role)]


def test_a_training_is_told_as_one_of_odapi_is(make_run: Callable[..., RunDir]) -> None:
    """Events, heartbeat, and the checkpoint handed to the evaluator."""
    run = make_run(
        {"kind": "shims", "names": ["protos"]},
        {"kind": "compiling"},
        {"kind": "step", "step": 10},
        {"kind": "loss", "loss": 0.5},
        {"kind": "step", "step": 20},
        {"kind": "saving", "step": 20},
        {"kind": "saved", "path": "/elsewhere/ckpt-3", "step": 20},
        {"kind": "finished", "step": 20, "peak_mib": 7},
    )
    write_checkpoint(run.root / "ckpt-3", {"w": (2,)}, step=4)

    assert TrainingMinder(run).run_to_end() == 0

    assert told(run, "train") == [
        ("shims", None),
        ("started", 4),
        ("first_step", 10),
        ("checkpoint", 20),
        ("finished", 20),
    ]
    beat = read_progress(run, "train")
    assert beat is not None
    assert (beat["phase"], beat["step"], beat["images"], beat["loss"]) == ("done", 20, 40, 0.5)
    assert run.pending_checkpoints() == [3]


def test_fewer_steps_than_asked_for_are_a_stop(make_run: Callable[..., RunDir]) -> None:
    """Whatever the program calls it: a run is done at its last step."""
    run = make_run({"kind": "compiling"}, {"kind": "finished", "step": 10, "peak_mib": 7})

    assert TrainingMinder(run).run_to_end() == 0
    assert told(run, "train")[-1] == ("stopped", 10)


@pytest.mark.parametrize(
    ("error", "known"),
    [("ResourceExhaustedError", "OutOfMemoryError"), ("ValueError", "ValueError")],
)
def test_an_exception_is_the_last_event(
    make_run: Callable[..., RunDir], error: str, known: str
) -> None:
    """By name and place; memory is known as such, so that --on-oom is heeded."""
    crashed = {"kind": "crashed", "error": error, "what": "so it is", "where": "losses.py:7"}
    run = make_run(crashed, end="sys.exit(1)")

    assert TrainingMinder(run).run_to_end() == 1
    (event,) = read_events(run, "train")
    assert (event["kind"], event["error"]) == ("failed", known)
    assert event["what"] == f"model_main_tf2 ended with {error} in losses.py:7: so it is"


def test_a_stop_before_the_program_heeds_it_is_one(make_run: Callable[..., RunDir]) -> None:
    """While it imports TensorFlow SIGTERM simply ends it: nothing is lost by that."""
    ask = "import signal, time; os.kill(os.getppid(), signal.SIGTERM); time.sleep(30)"
    run = make_run(end=ask)

    assert TrainingMinder(run).run_to_end() == 0
    assert told(run, "train") == [("stopped", 0)]


def test_a_crash_while_stopping_is_no_stop(make_run: Callable[..., RunDir]) -> None:
    """The disk may be full: what was to be saved is not there."""
    ask = (
        "import signal, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(5));"
        "os.kill(os.getppid(), signal.SIGTERM); time.sleep(30)"
    )
    run = make_run({"kind": "compiling"}, {"kind": "step", "step": 7}, end=ask)

    assert TrainingMinder(run).run_to_end() == 5
    assert told(run, "train")[-1] == ("first_step", 7)


def test_a_loss_that_is_no_number_is_known_as_such(make_run: Callable[..., RunDir]) -> None:
    """By the name that the builtin engine gives it, with the step that is left."""
    run = make_run({"kind": "not_finite", "step": 30, "saved": 20}, end="sys.exit(1)")

    assert TrainingMinder(run).run_to_end() == 1
    (event,) = read_events(run, "train")
    assert (event["kind"], event["error"]) == ("failed", "NotFiniteError")
    what = "the loss of step 30 is not finite; the newest checkpoint is of step 20"
    assert event["what"] == what


def test_a_signal_is_passed_on_as_an_exit_code(make_run: Callable[..., RunDir]) -> None:
    """The supervisor tells a kernel's kill by it."""
    run = make_run(end="os.kill(os.getpid(), 9)")

    assert TrainingMinder(run).run_to_end() == 137
    assert told(run, "train") == []


def evaluated(images: int, boxes: str) -> tuple[list[dict[str, Any]], str]:
    """The messages of an evaluation, and what writes its boxes before they are told."""
    lines = [
        {"kind": "evaluating", "number": 2, "step": 10},
        {"kind": "image", "step": 10, "images": images},
    ]
    last = {
        "kind": "evaluated", "number": 2, "step": 10, "metrics": {MAP: 0.25}, "images": images
    }  # fmt: skip
    end = (
        "import numpy as np\n"
        f"np.savez(open(settings['boxes'], 'wb'), {boxes})\n"
        f"os.write(settings['messages'], (json.dumps({last!r}) + '\\n').encode())"
    )
    return lines, end


BOXES = (
    "image=np.array([1, {first}]), boxes_yxyx_px=np.array([[1, 2, 4, 8], [0, 0, 5, 5.]]),"
    "scores=np.array([0.5, 0.75]), classes=np.array([1, 2])"
)


def test_an_evaluation_is_kept_as_one_of_odapi_is(make_run: Callable[..., RunDir]) -> None:
    """Its boxes in the order of the records, best checkpoint, table; the queue is left."""
    lines, end = evaluated(2, BOXES.format(first=0))
    run = make_run(*lines, end=end)
    write_checkpoint(run.pending / "ckpt-2", {"w": (2,)}, step=10)

    assert EvaluationMinder(run, []).run_to_end() == 0

    found = read_detections(run.detections_at(10))
    assert len(read_groundtruth(run.groundtruth).source_ids) == 2
    np.testing.assert_array_equal(found.image, [0, 1])
    np.testing.assert_array_equal(found.boxes_xywh_px, [[0, 0, 5, 5], [2, 1, 6, 3]])
    np.testing.assert_array_equal(found.classes, [2, 1])
    assert found.metrics == {MAP: 0.25}
    best = read_best(run)
    assert best is not None
    assert (best.number, best.score) == (2, 0.25)
    assert run.metrics_csv.read_text("utf-8").splitlines()[1].startswith("10,0.25,")
    assert run.pending_checkpoints() == []
    assert told(run, "eval") == [("evaluating", 10), ("evaluated", 10)]


def test_boxes_of_unknown_images_are_left_out(make_run: Callable[..., RunDir]) -> None:
    """The metrics count all the same, as of any other program."""
    lines, end = evaluated(2, BOXES.format(first=-1))
    run = make_run(*lines, end=end)
    write_checkpoint(run.pending / "ckpt-2", {"w": (2,)}, step=10)

    assert EvaluationMinder(run, []).run_to_end() == 0
    assert read_metrics(run.detections_at(10)) == (10, {MAP: 0.25})


def test_half_an_evaluation_is_none(make_run: Callable[..., RunDir]) -> None:
    """The program publishes what it has when a step fails; its run does not."""
    lines, end = evaluated(1, BOXES.format(first=0))
    run = make_run(*lines, end=end)
    write_checkpoint(run.pending / "ckpt-2", {"w": (2,)}, step=10)

    with pytest.raises(RunError, match="has evaluated 1 of 2 images at step 10"):
        EvaluationMinder(run, []).run_to_end()

    assert told(run, "eval")[-1] == ("failed", None)
    assert run.evaluated_steps() == []
    assert run.pending_checkpoints() == [2]


def test_what_an_interruption_has_left_is_finished_first(make_run: Callable[..., RunDir]) -> None:
    """A result that is there is told once more, not made once more; weightless ones leave."""
    lines, end = evaluated(2, BOXES.format(first=0))
    run = make_run(*lines, end=end)
    write_checkpoint(run.pending / "ckpt-2", {"w": (2,)}, step=10)
    assert evaluate([str(run.root)]) == 0
    for path in run.events.iterdir():
        path.unlink()
    write_checkpoint(run.pending / "ckpt-2", {"w": (2,)}, step=10)
    again = RunDir(run.root)
    script = Path(RunSpec.load(again).options.python or "")
    nothing = PROGRAM.format(
        python=sys.executable,
        lines=[{"kind": "weightless", "number": 3}],
        end="",
        asked=str(script.with_name("asked.json")),
    )
    script.write_text(nothing, encoding="utf-8")
    write_checkpoint(run.pending / "ckpt-3", {"w": (2,)}, step=0)

    assert evaluate([str(run.root)]) == 0

    assert told(run, "eval") == [("evaluated", 10)]
    assert run.pending_checkpoints() == []


def test_chosen_checkpoints_are_those_of_the_run(
    make_run: Callable[..., RunDir], tmp_path: Path
) -> None:
    """`odapi eval RUN --step N`: by number, from its folder, beside any queue."""
    run = make_run()

    assert evaluate([str(run.root), "4", "7"]) == 0
    _, role, settings, *flags = json.loads((tmp_path / "asked.json").read_text("utf-8"))
    assert role == "eval"
    assert json.loads(settings)["checkpoints"] == [4, 7]
    assert f"--checkpoint_dir={run.root}" in flags
