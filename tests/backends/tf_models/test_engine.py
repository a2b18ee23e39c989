"""What the engine says before anything is started: its options, and what a checkout cannot do."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

import odapi_runner.backends.tf_models as package
from odapi_runner.backends import ENGINES, refuse_others
from odapi_runner.backends.check import check, check_run
from odapi_runner.backends.tf_models.engine import refuse_options, settle
from odapi_runner.backends.tf_models.program import steps_at_once, training_argv
from odapi_runner.errors import RunError
from odapi_runner.proto.text import parse_pipeline
from odapi_runner.rundir import RunDir
from odapi_runner.runs.options import RunOptions
from odapi_runner.runs.spec import Digests, RunSpec
from odapi_runner.workspace import Workspace
from support.tf_models import write_checkout, write_older

LAUNCHER = Path(package.__file__).parent / "launcher"
STARTED = LAUNCHER.with_name("__main__.py")


def config(num_steps: int) -> object:
    return parse_pipeline(f"train_config {{ num_steps: {num_steps} batch_size: 2 }}", "x")


@pytest.mark.parametrize(
    ("steps", "every", "expected"),
    [
        (1000, 100, 10),
        (25, 10, 5),  # gcd 5
        (30000, 1000, 10),
        (28, 1000, 4),  # gcd 4
        (863, 100, 1),  # after a stop at step 137 of 1000
        (0, 100, 10),  # nothing left
    ],
)
def test_iterations_end_at_the_last_step_and_at_each_checkpoint(
    steps: int, every: int, expected: int
) -> None:
    """The largest number up to 10 that divides both."""
    assert steps_at_once(steps, every) == expected


def test_places_are_kept_in_full(tmp_path: Path) -> None:
    """run.json is to name the checkout from wherever it is read."""
    made = write_checkout(tmp_path / "models")
    assert settle(RunOptions(models_dir=str(made))).models_dir == str(made / "research")


def test_what_no_model_main_tf2_can_do_is_refused(tmp_path: Path) -> None:
    """By the option's name."""
    for option, spelled in (({"seed": 3}, "--seed"), ({"xla": True}, "--xla")):
        with pytest.raises(RunError, match=f"the engine tf-models has no {spelled}"):
            refuse_others(RunOptions(**option), "tf-models")
    made = str(write_checkout(tmp_path / "models"))
    refuse_options(config(30), RunOptions(models_dir=made, on_oom="halve-batch", keep=3))


def test_an_older_loop_is_not_asked_for_what_it_has_not(tmp_path: Path) -> None:
    """Steps that are no whole hundreds, of all or a checkpoint, are refused with what it can do."""
    older = str(write_older(tmp_path / "models"))
    with pytest.raises(RunError) as caught:
        refuse_options(config(250), RunOptions(models_dir=older))
    assert "makes 100 steps at a time, and num_steps is 250" in caught.value.what
    assert caught.value.fix.startswith("Take 300, ")
    with pytest.raises(RunError, match="--checkpoint-every is 30"):
        refuse_options(config(300), RunOptions(models_dir=older, checkpoint_every=30))
    refuse_options(config(300), RunOptions(models_dir=older))


def test_the_loop_is_given_what_its_version_takes(tmp_path: Path) -> None:
    """Parameters that it has, and the flags of the program."""
    run = RunDir(tmp_path / "train" / "밤")
    run.root.mkdir(parents=True)

    def told(models_dir: str) -> tuple[dict[str, object], list[str]]:
        spec = RunSpec(
            name=run.name,
            created="2026-01-02T03:04:05+09:00",
            command=(),
            engine="tf-models",
            device="none",
            environment={},
            num_steps=300,
            overrides=(),
            options=RunOptions(models_dir=models_dir, keep=3, checkpoint_every=50),
            versions={},
            digests=Digests("c", {}, {}),
        )
        _, _, role, settings, _, *flags = training_argv(run, spec, 20, 7)
        assert role == "train"
        return json.loads(settings), flags

    settings, flags = told(str(write_checkout(tmp_path / "models")))
    assert settings == {
        "research": str(tmp_path / "models" / "research"),
        "messages": 7,
        "start": 20,
        "keep_every_hours": None,
        # 280 steps are left.
        "loop": {"checkpoint_max_to_keep": 3, "num_steps_per_iteration": 10},
    }
    assert flags == [
        f"--pipeline_config_path={run.root / 'pipeline.config'}",
        f"--model_dir={run.root}",
        "--num_train_steps=300",
        "--checkpoint_every_n=50",
    ]
    older, _ = told(str(write_older(tmp_path / "older")))
    assert older["loop"] == {"checkpoint_max_to_keep": 3}


@pytest.mark.parametrize(
    "source", [STARTED, *sorted(LAUNCHER.glob("*.py"))], ids=lambda path: path.name
)
def test_the_launcher_is_read_by_a_python_as_old_as_its_checkout(source: Path) -> None:
    """3.8: the oldest that a TensorFlow with `model_main_tf2` of 2021 is usually run by."""
    ast.parse(source.read_text(encoding="utf-8"), feature_version=(3, 8))


def test_a_run_is_not_warned_of_what_its_loop_is_given(tmp_path: Path) -> None:
    """`odapi check --engine tf-models` knows the bare program; `odapi train` gives it the rest."""
    place = Workspace(tmp_path)
    bare = {one.rule for one in check(config(30), place, engine="tf-models")}
    run = {one.rule for one in check_run(config(30), place, engine="tf-models")}

    assert bare - run == {"steps-hundred", "steps-unsaved"} == ENGINES["tf-models"].cured
    assert run <= bare
