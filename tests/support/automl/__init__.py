"""A stand-in for a checkout of google/automl, and for an interpreter that has its TensorFlow.

What of the program odapi relies on, and nothing of what it computes: flags, hyperparameters,
`tf.estimator`'s hooks, names of checkpoints, COCO's twelve numbers. Where the real program is
(`$ODAPI_TEST_AUTOML_DIR`, `$ODAPI_TEST_AUTOML_PYTHON`), the long tests run it instead.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

HERE = Path(__file__).parent
PACKAGES = ("tensorflow_addons", "tensorflow_hub", "neural_structured_learning")


def make_automl(folder: Path, *, step_seconds: float = 0.0, **environment: str) -> tuple[str, str]:
    """A checkout and an interpreter; how `--automl-dir` and `--python` name them."""
    checkout = folder / "automl" / "efficientdet"
    checkout.mkdir(parents=True)
    for name in ("main.py", "hparams_config.py", "coco_metric.py"):
        shutil.copy(HERE / name, checkout / name)
    site = folder / "site-packages"
    shutil.copytree(HERE / "tensorflow", site / "tensorflow")
    (site / "tensorflow-2.15.1.dist-info").mkdir()
    metadata = "Metadata-Version: 2.1\nName: tensorflow\nVersion: 2.15.1\n"
    (site / "tensorflow-2.15.1.dist-info" / "METADATA").write_text(metadata, encoding="utf-8")
    for name in PACKAGES:
        (site / f"{name}.py").touch()
    python = folder / "python"
    path = f"{site}:{HERE.parent.parent}:{HERE.parent.parent.parent}"
    told = environment | {"PYTHONPATH": path, "STAND_IN_STEP_SECONDS": str(step_seconds)}
    python.write_text(
        f"#!{sys.executable}\n"
        "import os, sys\n"
        f"os.environ.update({told!r})\n"
        f"os.execv({sys.executable!r}, [{sys.executable!r}, *sys.argv[1:]])\n",
        encoding="utf-8",
    )
    python.chmod(0o755)
    return str(checkout.parent), str(python)
