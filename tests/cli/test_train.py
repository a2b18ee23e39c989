"""`odapi train` without TensorFlow: what is refused, what is written, and --foreground.

The engine is tests/runs/fake_engine.py; tests/runs/test_engine_runs.py has the real one.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pynvml
import pytest
from click.testing import CliRunner, Result

from odapi_runner import backends, files
from odapi_runner.cli import main
from odapi_runner.formats.best import Best
from odapi_runner.formats.runlog import EventLog, read_events
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.rendered import write_rendered
from odapi_runner.proto.text import read_pipeline
from odapi_runner.rundir import RunDir
from odapi_runner.runs import gpu_load, gpus
from odapi_runner.runs.checkpoints import saved_checkpoints
from odapi_runner.runs.gpus import Gpu, read_gpus
from odapi_runner.runs.options import RunOptions
from odapi_runner.runs.plan import plan_training
from odapi_runner.workspace import Workspace
from support import nvml
from support.detectors import write_d0
from support.small_runs import ANCHORS, FAKE_ENGINE, SETTINGS

Invoke = Callable[..., Result]


def odapi_train(*words: str) -> Result:
    return CliRunner().invoke(main, ["train", *words], catch_exceptions=False)


def run_json(workspace: Workspace, name: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((workspace.train / name / "run.json").read_text("utf-8"))
    return value


def test_a_bare_train_takes_what_was_rendered_last(workspace: Workspace, rendered: Path) -> None:
    """The name stands in the first line; the config is copied as it is; it runs to its end."""
    result = odapi_train("--foreground", "--gpu", "0", "--checkpoint-every", "2", "--seed", "7")

    assert result.exit_code == 0, result.output
    first, *_, last = result.stdout.splitlines()
    assert first == "kitti-d0: training pipelines/kitti-d0/pipeline.config in train/kitti-d0"
    assert last == "kitti-d0: done, step 4 of 4, best mAP 0.0040 at 4"
    assert result.stderr == "Warning: no NVIDIA GPU on this machine: training on the CPU\n"
    run = RunDir(workspace.train / "kitti-d0")
    assert run.config.read_text("utf-8") == rendered.read_text("utf-8")
    assert (workspace.root / "odapi.toml").is_file()
    spec = run_json(workspace, "kitti-d0")
    assert spec["num_steps"] == 4
    assert spec["environment"]["CUDA_VISIBLE_DEVICES"] == "0"
    asked = RunOptions(checkpoint_every=2, seed=7)
    assert spec["options"] == dataclasses.asdict(asked)
    assert list(spec["digests"]["records"]) == [
        "data/kitti/train-*.record",
        "data/kitti/val-*.record",
    ]
    (trainer,) = [event for event in read_events(run) if event["kind"] == "trainer_started"]
    assert trainer["start"] == 1


def test_what_the_config_has_no_field_for_is_kept_and_said(
    workspace: Workspace, rendered: Path
) -> None:
    """run.json has the options as asked; what is slower without a GPU is a warning."""
    words = ["--accumulate", "4", "--precision", "mixed_bfloat16", "--recompute", "--xla"]
    result = odapi_train("--foreground", "--gpu", "none", *words)

    assert result.exit_code == 0, result.output
    options = run_json(workspace, "kitti-d0")["options"]
    assert {name: options[name] for name in ("accumulate", "precision", "recompute", "xla")} == {
        "accumulate": 4,
        "precision": "mixed_bfloat16",
        "recompute": True,
        "xla": True,
    }
    assert result.stderr.splitlines() == [
        "Warning: --precision mixed_bfloat16 makes training on a CPU slower",
        "Warning: --xla is for GPUs: on a CPU a step can take thirty times as long",
    ]
    assert rendered.read_text("utf-8") == RunDir(workspace.train / "kitti-d0").config.read_text(
        "utf-8"
    )


def test_options_out_of_range_are_wrong_usage(workspace: Workspace, rendered: Path) -> None:
    """Nothing is made for them."""
    for words in (["--accumulate", "0"], ["--precision", "float64"], ["--recompute=yes"]):
        assert odapi_train(*words).exit_code == 2
    assert not workspace.train.exists()


def test_an_option_that_an_engine_has_not_is_refused(
    workspace: Workspace, rendered: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sentence that names engine and option."""
    engine = dataclasses.replace(
        backends.ENGINES["builtin"], options=frozenset({"checkpoint_every", "keep", "seed"})
    )
    monkeypatch.setitem(backends.ENGINES, "builtin", engine)
    result = odapi_train("--recompute")

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: the engine builtin has no --recompute\n  Leave it out")


def test_names_are_counted_and_chosen(workspace: Workspace, rendered: Path) -> None:
    """The same again is NAME-2; --run names it, in Korean if wanted; a taken name is refused."""
    assert odapi_train("--foreground", "--eval", "none").exit_code == 0
    again = odapi_train("kitti-d0", "--foreground", "--eval", "none")
    assert again.stdout.startswith("kitti-d0-2: ")
    named = odapi_train("kitti-d0", "--foreground", "--eval", "none", "--run", "신호등 첫째")
    assert named.stdout.startswith("신호등 첫째: ")

    taken = odapi_train("--run", "kitti-d0-2")
    assert taken.exit_code == 1
    assert taken.stderr.splitlines() == [
        "Error: kitti-d0-2: there is a run of this name already",
        "  Go on with it (odapi resume kitti-d0-2), or choose another --run NAME.",
    ]
    outside = odapi_train("--run", "../outside")
    assert outside.exit_code == 1
    assert outside.stderr.startswith("Error: '../outside': not a name for a run\n")
    assert not (workspace.root / "outside").exists()


def test_a_config_file_is_changed_on_the_way(workspace: Workspace, rendered: Path) -> None:
    """-s, --num-steps and --from-scratch go into the run's copy, and into run.json."""
    out = workspace.root / "내.config"
    published = write_rendered("kitti-d0", Changes(SETTINGS), workspace, out)
    words = ["--config", "내.config", "-s", "learning_rate=0.5", "--num-steps", "2"]
    result = odapi_train(*words, "--from-scratch", "--foreground")

    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("내: training 내.config in train/내\n")
    config = RunDir(workspace.train / "내").config.read_text("utf-8")
    assert config.splitlines()[0] == (
        "# From 내.config, changed by odapi 0.1.0: -s learning_rate=0.5 -s num_steps=2 "
        "--from-scratch"
    )
    assert "learning_rate_base: 0.5" in config
    assert "total_steps: 2" in config
    assert "fine_tune_checkpoint:" in published.read_text("utf-8")
    assert "fine_tune_checkpoint" not in config
    assert run_json(workspace, "내")["overrides"] == ["learning_rate=0.5", "num_steps=2"]


def test_the_parent_is_the_run_that_it_starts_from(workspace: Workspace, rendered: Path) -> None:
    """A checkpoint of another run as fine_tune_checkpoint."""
    assert odapi_train("--foreground", "--run", "first").exit_code == 0
    write_d0(workspace.train / "first" / "ckpt-1", classes=3)
    start = "fine_tune_checkpoint=train/first/ckpt-1"
    result = odapi_train(
        *("--config", str(rendered), "-s", start, "--foreground"),
        *("-s", "train_config.fine_tune_checkpoint_type=full"),
    )

    assert result.exit_code == 0, result.output
    assert run_json(workspace, "kitti-d0")["parent"] == "first"


@pytest.fixture
def first(workspace: Workspace, rendered: Path) -> RunDir:
    """A run that another one can start from: at step 2, at step 4, and the best at step 2."""
    assert odapi_train("--foreground", "--run", "첫째 @run").exit_code == 0
    run = RunDir(workspace.train / "첫째 @run")
    for number in (2, 3):
        write_d0(run.root / f"ckpt-{number}", classes=3, step=2 * number - 2)
    write_d0(run.best / "ckpt-2", classes=3, step=2)
    files.write_json(run.best / "metrics.json", dataclasses.asdict(Best(2, 2, "mAP", {"mAP": 0.5})))
    return run


@pytest.mark.parametrize(("which", "number", "step"), [("", 3, 4), ("@2", 2, 2), ("@best", 2, 2)])
def test_a_run_starts_from_another(
    workspace: Workspace, first: RunDir, which: str, number: int, step: int
) -> None:
    """Its config with all of its weights, which it keeps; what is asked beside counts.

    The other run goes on and may take them away: no warning, since they are kept.
    """
    EventLog(first, "supervise").write("started")
    words = ["--from", f"{first.name}{which}", "-s", "learning_rate=0.5", "--foreground"]
    result = odapi_train(*words)

    assert result.exit_code == 0, result.output
    assert "which has not ended" not in result.stderr
    child = RunDir(workspace.train / f"{first.name}-2")
    train = read_pipeline(child.config).train_config
    assert train.fine_tune_checkpoint == f"train/{child.name}/start/ckpt-{number}"
    shutil.rmtree(first.root)  # as rotation may
    assert [one.step for one in saved_checkpoints(child.start)] == [step]
    digest = hashlib.sha256(child.config.read_bytes()).hexdigest()
    assert run_json(workspace, child.name)["digests"]["config"] == digest
    assert train.fine_tune_checkpoint_type == "full"
    spec = run_json(workspace, child.name)
    assert (spec["parent"], spec["parent_step"]) == (first.name, step)
    assert spec["overrides"] == ["learning_rate=0.5"]
    assert f"--from {first.name}{which}" in child.config.read_text("utf-8").splitlines()[0]


def test_another_config_may_start_from_a_run(workspace: Workspace, first: RunDir) -> None:
    """With as much of its weights as is asked for: the heads of other classes do not fit."""
    words = ["kitti-d0", "--from", first.name, "-s", "num_classes=7", "--foreground"]
    refused = odapi_train(*words)
    assert refused.exit_code == 1
    assert '"full" restores the heads' in refused.stderr

    kind = "train_config.fine_tune_checkpoint_type=detection"
    ignored = ["-s", "num_classes=3", "-s", kind]
    made = odapi_train("kitti-d0", "--from", first.name, *ignored, "--foreground")
    assert made.exit_code == 0, made.output
    train = read_pipeline(RunDir(workspace.train / "kitti-d0").config).train_config
    assert train.fine_tune_checkpoint_type == "detection"
    assert run_json(workspace, "kitti-d0")["parent"] == first.name


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--from", "첫째"], "no such run"),
        (["--from", "첫째 @run@3"], "there is no checkpoint of step 3\n  Steps whose checkpoints"),
        (["--from", "첫째 @run@last"], '"last" is neither "best" nor a step'),
        (["--from", "첫째 @run@"], '"" is neither "best" nor a step'),
        (["--from", "첫째 @run", "--from-scratch"], "--from and --from-scratch contradict"),
        (["--from", "첫째 @run", "-s", "fine_tune_checkpoint=a/ckpt-1"], "contradict each other"),
    ],
)
def test_a_start_that_is_none(first: RunDir, words: list[str], what: str) -> None:
    """Two lines, and no run is made."""
    result = odapi_train(*words)

    assert result.exit_code == 1
    assert what in result.stderr
    assert [path.name for path in first.root.parent.iterdir()] == [first.name]


def test_a_start_that_is_cut_short(first: RunDir) -> None:
    """The refusal names an earlier one, and what mends the run, as they are typed."""
    data = first.root / "ckpt-3.data-00000-of-00001"
    os.truncate(data, data.stat().st_size - 1)
    result = odapi_train("--from", first.name)

    assert result.exit_code == 1
    assert "ckpt-3.data-00000-of-00001: cut short, " in result.stderr
    assert result.stderr.endswith(
        "\n  Take an earlier one: odapi train --from '첫째 @run@2'. "
        "Mend the run: odapi resume '첫째 @run' --num-steps N\n"
    )


def test_the_warnings_of_a_config_are_told_with_its_first_run(
    workspace: Workspace, rendered: Path
) -> None:
    """A second one names the first; a change brings them back."""
    words = ["-s", ANCHORS.replace("=2", "=8"), "--foreground"]
    first, second = odapi_train(*words), odapi_train(*words)
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert "Warning: model.ssd.anchor_generator" in first.stderr
    assert "Warning: model.ssd.anchor_generator" not in second.stderr
    assert "a warning, as of kitti-d0: odapi check train/kitti-d0/pipeline.config" in (
        second.stderr.splitlines()
    )

    other = odapi_train(*words, "--num-steps", "6")
    assert "Warning: model.ssd.anchor_generator" in other.stderr


def test_nothing_rendered_yet(workspace: Workspace) -> None:
    """There is nothing that a bare train could mean."""
    result = odapi_train()

    assert result.exit_code == 1
    first, second = result.stderr.splitlines()
    assert first.startswith("Error: nothing has been rendered in ")
    assert "odapi train kitti-d0" in second


@pytest.mark.parametrize(
    ("words", "what", "fix"),
    [
        (["kity-d0"], 'neither a pipeline nor a preset "kity-d0"', "kitti-d0"),
        (["--preset", "kity-d0"], 'neither a pipeline nor a preset "kity-d0"', "kitti-d0"),
        (["--config", "none.config"], "none.config: no such file", "Check the path."),
        (["--config", "broken.config"], "broken.config:2:3: ", '"num_steps"'),
        (["--config", "data"], "data: is a folder", "Give the file inside it."),
        (["kitti-d0", "-s", "batch_sise=3"], "batch_sise", "batch_size"),
    ],
)
def test_what_cannot_be_trained_is_two_lines(
    workspace: Workspace, words: list[str], what: str, fix: str
) -> None:
    """A missing or broken config, a wrong name, a wrong setting; nothing is left behind."""
    (workspace.root / "broken.config").write_text(
        "train_config {\n  num_stepz: 3\n}\n", encoding="utf-8"
    )
    result = odapi_train(*words)

    assert result.exit_code == 1
    assert result.stdout == ""
    first, second = result.stderr.splitlines()
    assert first.startswith("Error: ")
    assert what in first
    assert fix in second
    assert not workspace.train.exists()


def test_what_a_refused_training_renders_lies_in_a_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In an empty folder: its data are missing, its pipeline is there to look at."""
    monkeypatch.chdir(tmp_path)
    result = odapi_train("kitti-d0", "--from-scratch")

    assert result.exit_code == 1
    there = sorted(path.name for path in tmp_path.iterdir())
    assert there == ["odapi.toml", "pipelines"]


def test_findings_refuse_the_training(workspace: Workspace, rendered: Path) -> None:
    """All errors are shown alike; no folder is made."""
    words = ["-s", "train_records=data/none-*.record", "-s", "num_classes=7"]
    result = odapi_train("--config", str(rendered), *words)

    assert result.exit_code == 1
    assert "data/none-*.record" in result.stderr
    assert "num_classes" in result.stderr
    told = result.stderr.splitlines()
    first, second = (number for number, line in enumerate(told) if line.startswith("Error: "))
    assert "errors: " not in result.stderr
    assert second > first
    assert told[second:] == [told[second], told[-1]]  # with its remedy
    assert not workspace.train.exists()


def test_what_a_comment_ignores_does_not_keep_from_training(
    workspace: Workspace, rendered: Path
) -> None:
    """It is the user's word, of errors too, and of a config that is changed on the way."""
    words = ["--foreground", "-s", "num_classes=7"]
    text = rendered.read_text("utf-8")
    assert odapi_train("--config", str(rendered), *words).exit_code == 1
    rendered.write_text(f"# odapi: ignore=num-classes\n{text}", encoding="utf-8")

    result = odapi_train("--config", str(rendered), *words)

    assert (result.exit_code, "Error" in result.stderr) == (0, False)


def test_what_the_engine_cannot_honour_is_refused(workspace: Workspace, rendered: Path) -> None:
    """Not trained with it left out silently."""
    result = odapi_train("--config", str(rendered), "-s", "eval_config.use_moving_averages=true")

    assert result.exit_code == 1
    assert "eval_config.use_moving_averages" in result.stderr
    assert not workspace.train.exists()


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["a", "--config", "b"], "Give one of NAME, --preset NAME and --config FILE."),
        (["a", "--preset", "b"], "Give one of NAME, --preset NAME and --config FILE."),
        (
            ["a", "--gpu", "0,0"],
            '"0,0" is neither numbers of GPUs as in 0,1 nor "auto", "all" or "none".',
        ),
        (
            ["a", "--gpu", "zero"],
            '"zero" is neither numbers of GPUs as in 0,1 nor "auto", "all" or "none".',
        ),
        (["a", "--keep", "0"], "Invalid value for '--keep'"),
        (["a", "--engine", "torch"], "Invalid value for '--engine'"),
        (["a", "b"], "Got unexpected extra argument (b)"),
    ],
)
def test_wrong_usage(workspace: Workspace, words: list[str], what: str) -> None:
    """Exit 2, before anything is read."""
    result = odapi_train(*words)

    assert result.exit_code == 2
    assert what in result.stderr


def test_a_metric_of_some_evaluations_is_looked_at(workspace: Workspace, rendered: Path) -> None:
    """What this config's have, by its data and its classes; another one is refused at once."""
    car, rule = "DetectionBoxes_PerformanceByCategory/mAP/Car", "KITTI_AP40/Car (easy):patience=2"
    made = odapi_train("--foreground", "--best", car, "--early-stop", rule)
    assert made.exit_code == 0, made.output
    kept = run_json(workspace, "kitti-d0")["options"]
    assert (kept["best"], kept["early_stop"]) == (car, rule)

    for words, what, fix in (
        (["--best", "KITTI_AP40/Tram (easy)"], "KITTI_AP40/Tram (easy)", "Did you mean "),
        (["--reduce-on-plateau", "VOC_2012"], "VOC_2012", "There are DetectionBoxes_P"),
        (["--early-stop", "AP/Car"], "AP/Car", f"There are {car}, KITTI_AP40/Car (easy), "),
        (
            ["--best", car, "-s", "eval_config.include_metrics_per_category=false"],
            car,
            "Have it measured: -s eval_config.include_metrics_per_category=true",
        ),
    ):
        refused = odapi_train(*words)
        assert refused.exit_code == 1
        first, second = refused.stderr.splitlines()
        assert first == f'Error: {words[0]}: no evaluation of this config has a "{what}"'
        assert second.strip().startswith(fix)
    assert [path.name for path in workspace.train.glob("*")] == ["kitti-d0"]


def test_several_gpus_share_the_batch(
    workspace: Workspace, rendered: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What each gets is said; a batch that cannot be shared is refused before anything starts."""
    monkeypatch.setattr(gpus, "read_gpus", lambda: [Gpu(0, "A", 1), Gpu(1, "B", 1), Gpu(2, "C", 1)])
    monkeypatch.setattr(gpus, "can_use_gpu", lambda: True)

    refused = odapi_train("--gpu", "all")
    assert refused.exit_code == 1
    assert refused.stderr.splitlines()[-2:] == [
        "Error: train_config.batch_size: a batch of 2 images cannot be shared equally by 3 devices",
        "  -s batch_size=3",
    ]
    assert not workspace.train.exists()
    made = odapi_train("--gpu", "0,2", "--foreground")
    assert made.exit_code == 0, made.output
    assert made.stderr == "2 devices, 1 image each\n"
    spec = run_json(workspace, "kitti-d0")
    assert (spec["device"], spec["environment"]["CUDA_VISIBLE_DEVICES"]) == ("0,2", "0,2")


def test_a_driver_that_does_not_answer(
    workspace: Workspace, rendered: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who wants a free GPU is refused; who named none is told that it may become the CPU."""
    monkeypatch.setattr(gpus, "read_gpus", read_gpus)
    monkeypatch.setattr(gpu_load, "can_use_gpu", lambda: True)
    nvml.pretend(monkeypatch, nvmlInit=pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH)
    what = "NVIDIA's driver does not answer (RM has detected an NVML/RM version mismatch)"

    for device in ("auto", "all"):
        refused = odapi_train("--gpu", device)
        assert refused.exit_code == 1
        what_, fix = refused.stderr.splitlines()[-2:]
        assert what_ == f"Error: {what}"
        assert fix.endswith("On the CPU: --gpu none")
    assert not list(workspace.train.glob("*"))
    made = odapi_train("--foreground")
    assert made.exit_code == 0, made.output
    assert f"Warning: {what}: expect training on the CPU. See what nvidia-smi" in made.stderr


def test_the_chief_starts_a_run_and_the_others_take_part(
    workspace: Workspace, rendered: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TF_CONFIG says who is who; the others become trainers of the run, with its options."""
    hosts = '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": %d}}'
    assert "TF_CONFIG does not say which ones" in odapi_train("--workers", "2").stderr
    monkeypatch.setenv("TF_CONFIG", hosts % 1)
    assert odapi_train("--workers", "2").stderr.splitlines() == [
        "Error: this machine is worker 1 of 2: worker 0 starts the run",
        "  Start it there, then take part in it here: odapi resume RUN",
    ]
    assert not workspace.train.exists()

    monkeypatch.setenv("TF_CONFIG", hosts % 0)
    made = odapi_train("--workers", "2", "--foreground")
    assert made.exit_code == 0, made.output
    assert made.stderr == "2 devices of 2 workers, 1 image each\n"
    assert run_json(workspace, "kitti-d0")["options"]["workers"] == 2

    became: list[Any] = []

    def become(*words: Any) -> None:
        became.append(words)
        raise SystemExit

    monkeypatch.setenv("TF_CONFIG", hosts % 1)
    monkeypatch.setattr(os, "execve", become)
    assert CliRunner().invoke(main, ["resume", "kitti-d0"]).exit_code == 0
    ((program, words, environment),) = became
    assert (program, words[1:3]) == (sys.executable, [str(FAKE_ENGINE), "train"])
    assert environment["TF_CONFIG"] == hosts % 1


def test_settings_change_the_copy_of_a_pipeline_that_is_there(workspace: Workspace) -> None:
    """The rendered file stays as it is; the run trains it with what was asked on top."""
    path = write_rendered("kitti-d0", Changes(), workspace)
    before = path.read_text("utf-8")

    plan = plan_training("kitti-d0", num_steps=20, workspace=str(workspace.root))

    assert plan.message.train_config.num_steps == 20
    assert "-s num_steps=20" in plan.text.splitlines()[0]
    assert path.read_text("utf-8") == before


def test_a_program_to_notify_is_found_at_the_start(
    workspace: Workspace, rendered: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the folder where it was typed, spaces included; status tells how the call went."""
    folder = workspace.root / "내 programs"
    folder.mkdir()
    program = folder / "tell me.sh"
    program.write_text('#!/bin/sh\nprintf "%s|" "$@" > told\nexit 2\n')
    monkeypatch.chdir(folder)
    words = ("--foreground", "--gpu", "none", "-w", str(workspace.root), "--notify")

    refused = odapi_train(*words, "./nothere.sh")
    assert (refused.exit_code, workspace.train.exists()) == (1, False)
    assert "--notify: there is no program" in refused.stderr
    refused = odapi_train(*words, "./tell me.sh")
    assert (refused.exit_code, workspace.train.exists()) == (1, False)
    assert "./tell me.sh is not executable\n  chmod +x './tell me.sh'" in refused.stderr

    program.chmod(0o700)
    assert odapi_train(*words, "./tell me.sh").exit_code == 0
    run = RunDir(workspace.train / "kitti-d0")
    assert (run.root / "told").read_text() == "kitti-d0|finished||"
    typed = ["status", "kitti-d0", "-w", str(workspace.root)]
    shown = CliRunner().invoke(main, typed, catch_exceptions=False).stdout
    assert shown.endswith(f"notified: '{folder / 'tell me.sh'}': ended with exit code 2\n")
