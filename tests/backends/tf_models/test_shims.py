"""Each shim cures what really happens without it: see `support.tf_models.FAILURES`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from odapi_runner.backends.tf_models.shims import list_shims
from odapi_runner.errors import RunError
from support import tf_models
from support.tf_models import FAILURES, OLD_PROTOS, write_checkout

pytestmark = pytest.mark.tf

WITHOUT = Path(tf_models.__file__).parent / "without.py"


def failures(checkout: Path) -> dict[str, str | None]:
    done = subprocess.run(
        [sys.executable, str(WITHOUT), str(checkout / "research")],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    found: dict[str, str | None] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_each_shim_cures_what_was_seen_without_it(tmp_path: Path) -> None:
    """The failures of real checkouts come back without it, and none is left with all of them."""
    found = failures(write_checkout(tmp_path / "내 models"))

    shown = {name: what and what[: len(FAILURES[name] or "")] for name, what in found.items()}
    assert shown == FAILURES


@pytest.mark.long
def test_protos_of_an_old_protobuf_are_none(tmp_path: Path) -> None:
    """Compiled ones that today's protobuf refuses are passed over as absent ones are."""
    found = failures(write_checkout(tmp_path / "models", old_protos=True))

    assert OLD_PROTOS in (found["protos"] or "")
    assert found["none"] is None


def test_they_are_listed_with_what_is_needed(tmp_path: Path) -> None:
    """What a checkout needs on this TensorFlow, and by which symptom one knows it."""
    made = write_checkout(tmp_path / "models")
    listed = {one.name: one for one in list_shims(str(made))}

    assert list(listed) == [
        "legacy-keras",
        "protos",
        "keras-applications",
        "keras-backend",
        "efficientnet",
        "control-flow",
        "font-size",
        "numpy-aliases",
        "category-stats",
        "unused-packages",
    ]
    needed = {name for name, one in listed.items() if one.needed}
    assert needed == {name for name, what in FAILURES.items() if what}
    assert listed["font-size"].symptom.endswith("has no attribute 'getsize'")


def test_an_interpreter_without_tensorflow_is_told(tmp_path: Path) -> None:
    """Its last line, and what to look at."""
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\n{sys.executable} -I -S "$@"\n', encoding="utf-8")
    bare.chmod(0o755)
    with pytest.raises(RunError, match=r"it cannot run .*No module named") as caught:
        list_shims(str(write_checkout(tmp_path / "models")), str(bare))
    assert caught.value.fix.endswith("-c 'import tensorflow'")
