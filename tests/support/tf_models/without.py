"""`python without.py RESEARCH`: what fails without each shim, as JSON; a process for each.

A line of a failure is the file and the message; a shim without which nothing fails has none.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

LAUNCHER = Path(__file__).parents[3] / "odapi_runner" / "backends" / "tf_models"
sys.path.insert(0, str(LAUNCHER))

from launcher import shims  # noqa: E402


def import_all() -> None:
    importlib.import_module("object_detection.model_lib_v2")


def decode() -> None:
    import io

    import tensorflow as tf
    from object_detection.data_decoders import tf_example_decoder
    from PIL import Image

    png = io.BytesIO()
    Image.new("RGB", (3, 2)).save(png, "PNG")
    assert tf_example_decoder.decode(tf.constant(png.getvalue())).shape == (2, 3, 3)


def draw() -> None:
    from object_detection.utils import visualization_utils

    width, height = visualization_utils.draw("odapi")
    assert width > height > 0


def measure() -> None:
    import numpy as np
    from object_detection.utils import metrics

    assert metrics.is_float(np.zeros(1))


def count() -> None:
    """Metrics by class, one of which has no groundtruth."""
    from object_detection.metrics import coco_tools

    box = {"image_id": 1, "category_id": 2, "bbox": [1.0, 2.0, 30.0, 40.0], "area": 1200.0}
    truth = coco_tools.COCOWrapper(
        {
            "images": [{"id": 1}],
            "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
            "annotations": [{"id": 1, "iscrowd": 0, **box}],
        }
    )
    evaluator = coco_tools.COCOEvalWrapper(truth, truth.LoadAnnotations([{"score": 0.5, **box}]))
    _, by_class = evaluator.ComputeMetrics(include_metrics_per_category=True)
    rounded = {name.rpartition("/")[2]: round(value, 9) for name, value in by_class.items()}
    assert rounded == {"cat": -1, "dog": 1}, by_class


def save() -> None:
    """An optimizer's variables have the names that every Object Detection API gives them."""
    import tempfile

    import tensorflow as tf
    from object_detection.builders import optimizer_builder

    variable = tf.Variable(1.0)
    optimizer, _ = optimizer_builder.build(0.1)
    optimizer.apply_gradients([(tf.constant(1.0), variable)])
    with tempfile.TemporaryDirectory() as folder:
        saved = tf.train.Checkpoint(optimizer=optimizer, model=variable).save(f"{folder}/ckpt")
        names = [name for name, _ in tf.train.list_variables(saved)]
    slots = [name for name in names if ".OPTIMIZER_SLOT/optimizer/momentum" in name]
    assert slots, f"no slots of momentum among {names}"


def failure(without: str) -> str | None:
    """The first failure of this process without a shim."""
    for shim in shims.SHIMS:
        if shim.name != without and shim.is_needed():
            shim.apply()
    for use in (import_all, decode, draw, measure, count, save):
        try:
            use()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, is to be told
            frames = traceback.extract_tb(error.__traceback__)
            own = [frame for frame in frames if "importlib" not in frame.filename]
            return f"{Path(own[-1].filename).name}: {type(error).__name__}: {error}"
    return None


def of_a_fork(ask: Callable[[], str | None]) -> str | None:
    """What a function says in a process of its own, with all that is imported here."""
    back, there = os.pipe()
    if (child := os.fork()) == 0:
        os.write(there, json.dumps(ask()).encode())
        os._exit(0)
    os.close(there)
    with os.fdopen(back, encoding="utf-8") as stream:
        text = stream.read()
    os.waitpid(child, 0)
    return json.loads(text)


def main() -> None:
    shims.put_on_path(sys.argv[1])
    first, *others = [shim.name for shim in shims.SHIMS]
    assert first == "legacy-keras", "only before TensorFlow is imported"
    told = {first: of_a_fork(lambda: failure(first))}
    shims.SHIMS[0].apply()
    for name in ("official.legacy.image_classification.efficientnet.efficientnet_model", "tf_slim"):
        importlib.import_module(name)  # once, for all forks

    told |= {name: of_a_fork(lambda name=name: failure(name)) for name in [*others, "none"]}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
