"""A checkpoint that the engine saves, as `odapi check` sees it without TensorFlow."""

from __future__ import annotations

from pathlib import Path

import pytest
import tensorflow as tf

from odapi_runner.engine.checkpoint import VALUE, variable_keys
from odapi_runner.engine.read_config import build_spec
from odapi_runner.engine.trainer import Trainer
from odapi_runner.formats.checkpoint_index import check_shards, read_index, read_step
from odapi_runner.formats.object_graph import read_graph
from odapi_runner.pipeline.rules import checkpoint
from odapi_runner.pipeline.rules.subject import build_subject
from odapi_runner.training import TrainerOptions
from odapi_runner.workspace import Workspace
from support.configs import d0_config

SMALL = ("num_classes=3", "image_size=128", "batch_size=2")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Trainer]:
    """EfficientDet-D0 for 3 classes at step 0."""
    folder = tmp_path_factory.mktemp("saved")
    trainer = Trainer(build_spec(d0_config(*SMALL)), options=TrainerOptions(seed=1))
    return folder / f"ckpt-{trainer.save(folder, keep=7)}", trainer


def test_every_variable_is_found_in_the_graph(saved: tuple[Path, Trainer]) -> None:
    """By the paths that the engine itself names them by, with its shapes."""
    prefix, trainer = saved
    index = read_index(prefix)
    check_shards(index)
    graph = read_graph(index)
    model = graph.find("model")
    assert model is not None

    ours = variable_keys(tf.train.Checkpoint(model=trainer.detector))
    ours.pop("save_counter", None)
    found = graph.variables(model)
    assert {f"model/{path}" for path in found} == set(ours)
    assert {f"model/{path}": key for path, key in found.items()} == {
        path: path + VALUE for path in ours
    }
    assert {path: list(index.tensors[path + VALUE].shape) for path in ours} == {
        path: variable.shape.as_list() for path, variable in ours.items()
    }
    assert read_step(index) == 0


@pytest.mark.parametrize(
    ("overrides", "rules"),
    [
        ((), []),
        (("train_config.fine_tune_checkpoint_type=full",), []),
        (("num_classes=4",), []),
        (
            ("num_classes=4", "train_config.fine_tune_checkpoint_type=full"),
            ["checkpoint-classes"],
        ),
        (("model.ssd.feature_extractor.bifpn.num_filters=88",), ["checkpoint-neck"]),
        (("model.ssd.feature_extractor.bifpn.num_iterations=4",), ["checkpoint-neck"]),
        (
            ("model.ssd.feature_extractor.type=ssd_efficientnet-b1_bifpn_keras",),
            ["checkpoint-backbone"],
        ),
        (
            ("train_config.fine_tune_checkpoint_type=classification",),
            ["checkpoint-contents"],
        ),
    ],
    ids=str,
)
def test_the_rules_know_what_the_engine_saved(
    saved: tuple[Path, Trainer], overrides: tuple[str, ...], rules: list[str]
) -> None:
    """It fits the config that it was trained with, and another as far as it does."""
    prefix, _ = saved
    start = f"train_config.fine_tune_checkpoint={prefix}"
    config = d0_config(*SMALL, start, *overrides)
    subject = build_subject(config, Workspace(prefix.parent))

    found = [finding.rule for rule in checkpoint.RULES for finding in rule.find(subject)]

    # It was saved before the first step, and that is said each time.
    assert sorted(found) == sorted([*rules, "checkpoint-step"])
