"""A checkout of google/automl, and the interpreter that is to run it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from odapi_runner.backends.automl.checkout import (
    Surroundings,
    ask_surroundings,
    find_checkout,
    read_known_hparams,
    refuse_unknown,
    settle,
    trains_batchnorm_always,
)
from odapi_runner.errors import ConfigError, RunError
from odapi_runner.runs.options import RunOptions

HPARAMS = '''
import tensorflow as tf  # never imported for this


class Config:
    def update(self):
        self.other = 1


def default_detection_configs():
  """Returns a default detection configs."""
  h = Config()
  h.num_classes = 90  # 1+ actual classes
  h.learning_rate = 0.08
  h.nms_configs = {'method': 'gaussian', 'iou_thresh': None}
  h.older = dict(first=1)
  h.label_map = None  # a dict or a string
  return h
'''


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What of a checkout is read."""
    folder = tmp_path / "내 automl" / "efficientdet"
    folder.mkdir(parents=True)
    (folder / "main.py").touch()
    (folder / "hparams_config.py").write_text(HPARAMS, encoding="utf-8")
    return folder


def test_the_names_are_read_without_running_anything(checkout: Path) -> None:
    """Those that the function assigns, and those inside of groups; no other class's."""
    assert read_known_hparams(checkout) == {
        "num_classes": (),
        "learning_rate": (),
        "nms_configs": ("method", "iou_thresh"),
        "older": ("first",),
        "label_map": None,
    }


@pytest.mark.parametrize(
    ("values", "shown", "fix"),
    [
        ({"learning_rat": 1}, "learning_rat", 'Did you mean "learning_rate"?'),
        (
            {"nms_configs": {"iou_tresh": 0.5}},
            "nms_configs.iou_tresh",
            'Did you mean "iou_thresh"?',
        ),
        ({"xyz": 1}, "xyz", "It knows: label_map, learning_rate, nms_configs, num_classes, older"),
        ({"learning_rate": {"x": 1}}, "learning_rate.x", "It is a single value: NAME=VALUE."),
    ],
)
def test_a_name_that_it_does_not_know_is_refused(
    checkout: Path, values: dict[str, object], shown: str, fix: str
) -> None:
    """The third seed: names were silently not recognised."""
    with pytest.raises(ConfigError) as raised:
        refuse_unknown(values, read_known_hparams(checkout), checkout, "--hparams x.yaml")

    path = checkout / "hparams_config.py"
    assert raised.value.what == f'--hparams x.yaml: {path} knows no "{shown}"'
    assert raised.value.fix == fix


def test_groups_are_groups(checkout: Path) -> None:
    """A value for one is refused with its parts; what has none by default may be either."""
    known = read_known_hparams(checkout)
    with pytest.raises(ConfigError, match="--hparams: nms_configs is a group in") as raised:
        refuse_unknown({"nms_configs": 0.5}, known, checkout, "--hparams")
    assert raised.value.fix == "nms_configs.method=0.5, or another of: iou_thresh, method"
    for value in ({1: "car"}, "coco", None):
        refuse_unknown({"label_map": value}, known, checkout, "--hparams")


def test_another_program_is_no_checkout(checkout: Path) -> None:
    """A hparams_config.py without the function is told by its path."""
    (checkout / "hparams_config.py").write_text("x = 1\n", encoding="utf-8")

    with pytest.raises(RunError, match="the hyperparameters are not where they are"):
        read_known_hparams(checkout)


def test_the_folder_or_the_one_above_is_found(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By option or by variable, relative to the current folder."""
    monkeypatch.chdir(checkout.parent.parent)

    assert find_checkout("내 automl") == checkout
    assert find_checkout(str(checkout)) == checkout
    monkeypatch.setenv("ODAPI_AUTOML_DIR", "내 automl")
    assert settle(RunOptions(hparams="a.yaml")) == RunOptions(
        automl_dir=str(checkout), hparams=str(checkout.parent.parent / "a.yaml")
    )


def test_without_a_checkout_both_ways_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has none is told where it comes from."""
    monkeypatch.delenv("ODAPI_AUTOML_DIR", raising=False)
    with pytest.raises(RunError) as raised:
        find_checkout(None)

    assert raised.value.fix.startswith("--automl-dir DIR, or ODAPI_AUTOML_DIR=DIR; git clone ")


def test_batch_norm_is_overruled_by_some_checkouts(checkout: Path) -> None:
    """det_model_fn.py of 2025 sets it by the mode, whatever the hyperparameter says."""
    assert not trains_batchnorm_always(checkout)
    overruled = "  params['is_training_bn'] = (mode == tf.estimator.ModeKeys.TRAIN)\n"
    (checkout / "det_model_fn.py").write_text(overruled, encoding="utf-8")
    assert trains_batchnorm_always(checkout)


def test_our_own_interpreter_cannot_run_it() -> None:
    """TensorFlow 2.20 has no tf.estimator; the interpreter is asked, nothing is imported."""
    found = ask_surroundings(RunOptions())

    assert found.python == ".".join(map(str, sys.version_info[:3]))
    assert found.tensorflow
    assert found.tensorflow.startswith("2.20")
    assert found.fault is not None


@pytest.mark.parametrize(
    ("found", "fault"),
    [
        (Surroundings("3.11.1", "2.15.1", ()), None),
        (Surroundings("3.11.1", "2.9.0", ()), None),
        (
            Surroundings("3.11.1", "2.16.0", ()),
            "it has TensorFlow 2.16.0, which has no tf.estimator any more",
        ),
        (Surroundings("3.11.1", None, ("tensorflow", "yaml")), "it has no tensorflow, yaml"),
    ],
)
def test_which_interpreters_can(found: Surroundings, fault: str | None) -> None:
    """Below 2.16, with all that it imports."""
    assert found.fault == fault


def test_what_is_no_python_is_told(tmp_path: Path) -> None:
    """A program that answers something else is none."""
    with pytest.raises(RunError, match=r"^/bin/true: no Python that answers"):
        ask_surroundings(RunOptions(python="/bin/true"))
