"""What an Object Detection API of 2020 to 2022 needs on a TensorFlow of today.

Each shim says by which symptom its absence is known, as it was seen with real checkouts, and
whether it is needed here. It changes this process only, no file.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from . import categories, keras, protos, standins

# What is imported at the top of modules that a training of boxes needs, and not used by it.
_UNUSED = ("tensorflow_io", "lvis", "tensorflow_addons")
_NUMPY_ALIASES = (bool, int, float, complex, object, str)
# What was in control_flow_ops, and where it is from TensorFlow 2.14 on.
_CONTROL_FLOW = {
    "case": "control_flow_case",
    "cond": "cond",
    "while_loop": "while_loop",
    "Assert": "control_flow_assert",
}


class Shim(NamedTuple):
    """One of them."""

    name: str
    symptom: str  # what is seen without it
    is_needed: Callable[[], bool]
    apply: Callable[[], None]


def apply_needed() -> list[str]:
    """Apply what is needed here, in order; returns the names."""
    return [state["name"] for state in apply_and_tell() if state["needed"]]


def apply_and_tell() -> list[dict[str, Any]]:
    """All shims in order, and whether each is needed: a later one may be after an earlier one."""
    told = []
    for shim in SHIMS:
        is_needed = shim.is_needed()
        if is_needed:
            shim.apply()
        told.append({"name": shim.name, "symptom": shim.symptom, "needed": is_needed})
    return told


def put_on_path(research: str) -> None:
    """What people do by hand: PYTHONPATH=…/research:…/research/slim.

    The checkout's own `official` comes last: an installed one suits its TensorFlow.
    """
    folder = Path(research)
    sys.path[:0] = [str(path) for path in (folder, folder / "slim") if path.is_dir()]
    if (folder.parent / "official").is_dir():
        sys.path.append(str(folder.parent))


def is_control_flow_scattered() -> bool:
    """Whether TensorFlow's module lacks what tf_slim takes from it."""
    from tensorflow.python.ops import control_flow_ops

    return not all(hasattr(control_flow_ops, name) for name in _CONTROL_FLOW)


def gather_control_flow() -> None:
    """Put it back."""
    from tensorflow.python.ops import control_flow_ops

    for name, module in _CONTROL_FLOW.items():
        if not hasattr(control_flow_ops, name):
            moved = importlib.import_module(f"tensorflow.python.ops.{module}")
            setattr(control_flow_ops, name, getattr(moved, name))


def is_getsize_gone() -> bool:
    """Whether Pillow is 10 or newer."""
    from PIL import ImageFont

    return not hasattr(ImageFont.FreeTypeFont, "getsize")


def give_getsize() -> None:
    """Fonts tell the width and the height of a text, from its origin on, as up to Pillow 9."""
    from PIL import ImageFont

    def getsize(font: Any, text: str) -> tuple[int, int]:
        _, _, right, bottom = font.getbbox(text)
        return right, bottom

    for kind in (ImageFont.FreeTypeFont, ImageFont.ImageFont):
        if not hasattr(kind, "getsize"):
            vars_of: Any = kind
            vars_of.getsize = getsize


def are_numpy_aliases_gone() -> bool:
    """Whether numpy is 1.24 or newer; 2 has some of the names again, for its own types."""
    import numpy as np

    return not all(hasattr(np, kind.__name__) for kind in _NUMPY_ALIASES)


def give_numpy_aliases() -> None:
    """np.float is float again, and so on."""
    import numpy as np

    for kind in _NUMPY_ALIASES:
        if not hasattr(np, kind.__name__):
            setattr(np, kind.__name__, kind)


def absent_packages() -> list[str]:
    """What is imported for nothing, and is not installed, or not for this TensorFlow."""
    return [name for name in _UNUSED if not standins.can_be_imported(name)]


SHIMS = (
    Shim(
        "legacy-keras",
        "core/freezable_sync_batch_norm.py: module 'keras…layers' has no attribute 'experimental' "
        "(tf.keras is Keras 3)",
        keras.is_keras_3,
        keras.use_keras_2,
    ),
    Shim(
        "protos",
        "utils/label_map_util.py: cannot import name 'string_int_label_map_pb2', or: Descriptors "
        "cannot be created directly, or: incompatible Protobuf Gencode/Runtime versions",
        protos.needed,
        protos.install,
    ),
    Shim(
        "keras-applications",
        "models/keras_models/resnet_v1.py: No module named 'tensorflow.python.keras.applications'",
        keras.are_applications_gone,
        keras.move_applications,
    ),
    Shim(
        "keras-backend",
        "models/ssd_efficientnet_bifpn_feature_extractor.py: cannot import name 'backend' from "
        "'tensorflow.python.keras'",
        keras.is_backend_gone,
        keras.move_backend,
    ),
    Shim(
        "efficientnet",
        "models/ssd_efficientnet_bifpn_feature_extractor.py: No module named "
        "'official.vision.image_classification'",
        keras.has_efficientnet_moved,
        keras.move_efficientnet,
    ),
    Shim(
        "control-flow",
        "tf_slim/data/tfexample_decoder.py: control_flow_ops has no attribute 'case', or 'cond'",
        is_control_flow_scattered,
        gather_control_flow,
    ),
    Shim(
        "font-size",
        "utils/visualization_utils.py: 'FreeTypeFont' object has no attribute 'getsize'",
        is_getsize_gone,
        give_getsize,
    ),
    Shim(
        "numpy-aliases",
        "utils/metrics.py, of the Pascal metrics: module 'numpy' has no attribute 'float'",
        are_numpy_aliases_gone,
        give_numpy_aliases,
    ),
    Shim(
        "category-stats",
        "metrics/coco_tools.py, of metrics by class: Category stats do not exist",
        categories.are_category_stats_missing,
        categories.give_category_stats,
    ),
    Shim(
        "unused-packages",
        "No module named 'lvis', 'tensorflow_io' or 'tensorflow_addons', or whatever ends the "
        "import of one that suits another TensorFlow: imported, and not needed for boxes",
        lambda: bool(absent_packages()),
        lambda: standins.do_without(absent_packages()),
    ),
)
