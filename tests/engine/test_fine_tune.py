"""The types of fine-tune checkpoints, of each single-shot family but EfficientDet's.

(Of that, see test_checkpoint.py.)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from odapi_runner.engine.checkpoint import Restored, restore_fine_tune, variable_keys
from odapi_runner.engine.read_config import build_spec
from odapi_runner.engine.ssd.network import SsdNetwork
from odapi_runner.errors import CheckpointError
from support.numerics import rebuilt_weight, write_checkpoint
from support.ssd_configs import ssd_config

HEADS, EXTRACTOR = "model/_box_predictor/", "model/_feature_extractor/"
BACKBONE = f"{EXTRACTOR}classification_backbone/"
# Variables of heads, extractor and backbone, by reference/numerics/NAME.json.
COUNTS = {
    "ssd_mobilenet_v1_fpn": (172, 161, 135),
    "ssd_mobilenet_v2": (24, 300, 260),
    "ssd_mobilenet_v2_fpnlite": (94, 290, 260),
    "ssd_resnet50_v1_fpn": (172, 291, 265),
}


class Case(NamedTuple):
    """A network, its weights by key, and two checkpoints of them."""

    name: str
    network: SsdNetwork
    values: dict[str, np.ndarray]
    detector: str
    classifier: str


@pytest.fixture(scope="module", params=COUNTS)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A network of three classes, its detector's checkpoint and its backbone's."""
    network = SsdNetwork(build_spec(ssd_config(request.param)).model)
    network.build_variables()
    values = {
        key: rebuilt_weight(key, variable.shape) for key, variable in keys_of(network).items()
    }
    folder = tmp_path_factory.mktemp("written")
    backbone = {
        f"feature_extractor/{key.removeprefix(BACKBONE)}": value
        for key, value in values.items()
        if key.startswith(BACKBONE)
    }
    detector = write_checkpoint(folder / "ckpt-0", values)
    classifier = write_checkpoint(folder / "classifier", backbone)
    return Case(request.param, network, values, detector, classifier)


def keys_of(network: SsdNetwork) -> dict[str, tf.Variable]:
    return variable_keys(tf.train.Checkpoint(model=network))


def restored_anew(case: Case, path: str, kind: str) -> Restored:
    """What is restored into variables that are 0.5 before; the others must stay so."""
    keys = keys_of(case.network)
    for variable in keys.values():
        variable.assign(tf.fill(variable.shape, 0.5))
    restored = restore_fine_tune(case.network, path, kind)
    left = set(restored.left_in_model)
    for key, variable in keys.items():
        expected = 0.5 if key in left else case.values[key]
        assert np.all(variable.numpy() == expected), key
    return restored


def test_full_restores_everything(case: Case) -> None:
    """Heads too; nothing is left."""
    restored = restored_anew(case, case.detector, "full")

    heads, extractor, _ = COUNTS[case.name]
    assert len(restored.restored) == heads + extractor == len(case.values)
    assert restored.left_in_model == restored.left_in_file == ()


def test_detection_restores_the_feature_extractor(case: Case) -> None:
    """The heads keep their initial values, and those of the file are left."""
    restored = restored_anew(case, case.detector, "detection")

    heads, extractor, _ = COUNTS[case.name]
    assert len(restored.restored) == extractor
    assert all(key.startswith(EXTRACTOR) for key in restored.restored)
    assert restored.left_in_model == restored.left_in_file
    assert len(restored.left_in_model) == heads
    assert all(key.startswith(HEADS) for key in restored.left_in_model)


def test_classification_restores_the_backbone(case: Case) -> None:
    """What the neck adds keeps its initial values."""
    restored = restored_anew(case, case.classifier, "classification")

    heads, extractor, backbone = COUNTS[case.name]
    assert len(restored.restored) == backbone
    assert len(restored.left_in_model) == heads + extractor - backbone
    assert restored.left_in_file == ()


def test_a_backbone_is_no_detector(case: Case) -> None:
    """Said before anything is loaded, with a name."""
    _, extractor, _ = COUNTS[case.name]

    with pytest.raises(CheckpointError) as error:
        restore_fine_tune(case.network, case.classifier, "detection")

    assert f"{extractor} of {extractor} variables are not in it: {EXTRACTOR}" in error.value.what
    assert error.value.fix == ("Choose another fine_tune_checkpoint_type, or another checkpoint.")
