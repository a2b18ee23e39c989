"""From a pipeline.config to google/automl's hyperparameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from odapi_runner.backends.automl.hparams import Training, build_hparams, model_name, refusals
from odapi_runner.backends.automl.program import hparams_for
from odapi_runner.backends.automl.yaml_text import merged, parse_hparams, render_hparams
from odapi_runner.errors import ConfigError
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.render import build_pipeline, without_fine_tuning
from odapi_runner.runs.options import RunOptions
from odapi_runner.workspace import Workspace
from support.automl import make_automl

_RATE = "train_config.optimizer.momentum_optimizer.learning_rate"
COSINE = f"{_RATE}.cosine_decay_learning_rate"


def config(*overrides: str, preset: str = "kitti-d0") -> Any:
    """A preset, changed."""
    place = Workspace(Path(__file__).parents[3])
    return without_fine_tuning(build_pipeline(preset, Changes(overrides), place).message)


@pytest.mark.parametrize("preset", ["kitti-d0", "kitti-d1", "kitti-d2", "kitti-d4"])
def test_a_preset_is_carried_over_whole(preset: str) -> None:
    """Nothing of a KITTI EfficientDet is refused, and its network is that of the same name."""
    message = config(preset=preset)

    assert list(refusals(message)) == []
    assert model_name(message) == f"efficientdet-{preset.removeprefix('kitti-')}"


def test_the_values_of_kitti_d0() -> None:
    """Classes plus one, rates of 64 images, lengths in epochs: figures of the preset by hand.

    Batches of 4: 0.0025 * 64 / 4 = 0.04, 3.125e-05 * 16 = 0.0005. Of 5,985 images 29,925 steps are
    20 epochs, and the 249 steps of the warm-up 0.1664.
    """
    values = build_hparams(config(), Training(examples=5985))

    assert values["num_classes"] == 4
    assert values["image_size"] == 512
    assert values["learning_rate"] == pytest.approx(0.04)
    assert values["lr_warmup_init"] == pytest.approx(0.0005)
    assert values["num_epochs"] == pytest.approx(20, abs=1e-4)
    assert values["lr_warmup_epoch"] == pytest.approx(0.1665, abs=1e-4)
    assert values["moving_average_decay"] == 0
    assert values["var_freeze_expr"] is None
    assert values["nms_configs"]["method"] == "hard"
    assert (values["input_rand_hflip"], values["jitter_min"], values["jitter_max"]) == (
        True, 0.1, 2.0,
    )  # fmt: skip


@pytest.mark.parametrize("examples", [1, 7, 15, 16, 1000, 5985, 7481])
@pytest.mark.parametrize(("steps", "batch"), [(1, 1), (8, 2), (29925, 4), (300_000, 3)])
def test_the_steps_are_exact(examples: int, steps: int, batch: int) -> None:
    """The program computes steps from epochs and rounds down (main.py, det_model_fn.py)."""
    message = config(f"batch_size={batch}", f"num_steps={steps}")
    values = build_hparams(message, Training(examples=examples))

    assert int(values["num_epochs"] * examples) // batch == steps
    warmup = message.train_config.optimizer.momentum_optimizer.learning_rate
    wanted = warmup.cosine_decay_learning_rate.warmup_steps
    assert int(values["lr_warmup_epoch"] * (examples / batch)) == wanted


def test_options_and_frozen_layers() -> None:
    """What freezes and saves memory here does so there, in its words."""
    message = config('train_config.freeze_variables+="efficientnet"')
    values = build_hparams(message, Training(9, precision_is_mixed=True, recompute=True))

    assert values["var_freeze_expr"] == ".*(efficientnet)"
    assert values["mixed_precision"] is True
    assert values["grad_checkpoint"] is True


@pytest.mark.parametrize(
    ("override", "place", "what"),
    [
        (
            "model.ssd.feature_extractor.conv_hyperparams.batch_norm.decay=0.9",
            "model.ssd.feature_extractor.conv_hyperparams.batch_norm.decay",
            "google/automl's main.py has 0.99 built in",
        ),
        (
            "train_config.data_augmentation_options+={ random_adjust_brightness {} }",
            "train_config.data_augmentation_options[2]",
            "google/automl has no random_adjust_brightness",
        ),
        (
            f"{COSINE}.hold_base_rate_steps=5",
            f"{COSINE}.hold_base_rate_steps",
            "google/automl's main.py has nothing like it",
        ),
        (
            "model.ssd.box_predictor.weight_shared_convolutional_box_predictor.depth=32",
            "model.ssd.box_predictor.weight_shared_convolutional_box_predictor.depth",
            "it is 32, and google/automl has one number for it and for 64",
        ),
        (
            "train_config.num_steps=7",
            f"{COSINE}.total_steps",
            "it is 29925, google/automl's cosine ends with the training, 7",
        ),
    ],
)
def test_what_it_cannot_honour_is_refused(override: str, place: str, what: str) -> None:
    """By its path, before anything starts."""
    found = list(refusals(config(override)))

    assert [(one.severity, one.place, one.what) for one in found] == [("error", place, what)]


def test_another_model_is_refused_as_a_whole() -> None:
    """One finding, not one for each of its fields."""
    found = list(refusals(config(preset="ssd-mobilenet-v2-fpnlite-320")))

    assert [one.place for one in found] == ["model.ssd.feature_extractor.type"]


def test_yaml_of_every_kind_of_value() -> None:
    """YAML 1.1 takes 1e-05 for a word, by which a rate would become a text in silence."""
    values = {
        "rate": 1e-05, "tiny": 2.5e-09, "big": 1e22, "whole": 4, "flag": False, "none": None,
        "list": [1.0, 2, "a: b"], "label_map": {1: "자동차", 2: 'a "quoted" # one'},
        "nms_configs": {"method": "hard", "score_thresh": 1e-08},
    }  # fmt: skip

    assert yaml.safe_load(render_hparams(values)) == values


def test_hparams_as_they_are_typed() -> None:
    """As `Config.parse_from_str` reads them: numbers, words, lists by *, groups by dots."""
    told = parse_hparams("a=1,b.c=2.5,b.d=x,e=1*2,f=true,g=None")

    assert told == {"a": 1, "b": {"c": 2.5, "d": "x"}, "e": [1, 2], "f": True, "g": None}
    assert merged({"b": {"c": 0, "z": 1}, "k": 2}, told)["b"] == {"c": 2.5, "z": 1, "d": "x"}
    with pytest.raises(ValueError, match=r'^"a" is no NAME=VALUE$'):
        parse_hparams("a")


@pytest.mark.parametrize(
    ("told", "name", "fix"),
    [
        ("num_classes=3", "num_classes", "-s num_classes=N"),
        ("num_epochs=300", "num_epochs", "--num-steps N"),
        ("alpha=0.5,mixed_precision=true", "mixed_precision", "--precision mixed_float16"),
        ("grad_checkpoint=true", "grad_checkpoint", "--recompute"),
        ("is_training_bn=false", "is_training_bn", "-s model.ssd.freeze_batchnorm=true"),
        ("var_freeze_expr=efficientnet", "var_freeze_expr", "-s 'train_config.freeze_variables+="),
        ("max_instances_per_image=7", "max_instances_per_image", "-s train_input_reader."),
        ("regenerate_source_id=true", "regenerate_source_id", "Leave it out: "),
    ],
)
def test_what_odapi_decides_is_said_to_it(tmp_path: Path, told: str, name: str, fix: str) -> None:
    """By the option that does; the checkout would take another value without a word."""
    checkout, _ = make_automl(tmp_path)
    options = RunOptions(automl_dir=f"{checkout}/efficientdet", hparams=told)
    with pytest.raises(ConfigError) as raised:
        hparams_for(config(), options, examples=8)

    assert raised.value.what == f"--hparams {told}: {name} is for odapi to say"
    assert raised.value.fix.startswith(fix)


def test_what_says_the_same_is_taken(tmp_path: Path) -> None:
    """As a file that google/automl's own tutorials begin with: 3 classes and the background."""
    checkout, _ = make_automl(tmp_path)
    path = tmp_path / "kitti.yaml"
    path.write_text("num_classes: 4\nlearning_rate: 0.02\nlabel_map: {1: 자동차}\n", "utf-8")
    options = RunOptions(automl_dir=f"{checkout}/efficientdet", hparams=str(path))

    values = hparams_for(config(), options, examples=8)

    assert (values["num_classes"], values["learning_rate"]) == (4, 0.02)
    assert values["label_map"] == {1: "자동차"}
