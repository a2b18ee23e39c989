"""Hooks, saving and resuming of tf.estimator; a step is a pause.

Source: tensorflow_estimator/python/estimator/estimator.py, tensorflow/python/training/
basic_session_run_hooks.py (`CheckpointSaverHook`: before the first step, every so many from there
on, at the end).
"""

from __future__ import annotations

import errno
import json
import os
import sys
import time
from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from support.checkpoints import write_checkpoint

_STEP_SECONDS = float(os.environ["STAND_IN_STEP_SECONDS"])
_NAN_AT = int(os.environ.get("STAND_IN_NAN_AT", "-1"))
_CRASH_AT = int(os.environ.get("STAND_IN_CRASH_AT", "-1"))
_FULL_AT_END = "STAND_IN_FULL_AT_END" in os.environ
_KEPT = 5
if seconds := os.environ.get("STAND_IN_IMPORT_SECONDS"):
    print("importing TensorFlow", flush=True)
    time.sleep(float(seconds))
_losses: list[str] = ["a part", "the loss"]
_global_step = 0


class _Session:
    def run(self, tensor: str) -> int:
        assert tensor == "global step"
        return _global_step


class _Context:
    is_stopped = False

    def request_stop(self) -> None:
        self.is_stopped = True


class _Hook:
    def begin(self) -> None: ...
    def after_create_session(self, session: Any, coord: Any) -> None: ...
    def before_run(self, run_context: Any) -> Any: ...
    def after_run(self, run_context: Any, run_values: Any) -> None: ...


class _NanLossError(RuntimeError):
    pass


def latest_step(folder: str) -> int | None:
    """As `checkpoint` of a folder says."""
    state = Path(folder) / "checkpoint"
    if not state.exists():
        return None
    name = state.read_text(encoding="utf-8").split('"')[1]
    assert (Path(folder) / f"{name}.index").exists()
    return int(name.rpartition("-")[2])


def get_collection(name: str) -> list[str]:
    """The losses; the estimator's is the last one."""
    assert name == "losses"
    return _losses


class _Estimator:
    def __init__(self, flags: Namespace) -> None:
        self._flags = flags
        self.config = SimpleNamespace(train_distribute=flags.strategy)

    def train(self, input_fn: Any, hooks: Any = None, *, max_steps: int) -> _Estimator:
        del input_fn
        global _global_step  # noqa: PLW0603 - of the one graph
        _global_step = latest_step(self._flags.model_dir) or 0
        if _global_step >= max_steps:
            print("Skipping training since max_steps has already saved.", flush=True)
            return self
        for hook in hooks:
            hook.begin()
        self._save()
        saved = _global_step
        for hook in hooks:
            hook.after_create_session(_Session(), None)
        context = _Context()
        while _global_step < max_steps and not context.is_stopped:
            wanted = [hook.before_run(context) for hook in hooks]
            time.sleep(_STEP_SECONDS)
            _global_step += 1
            if _global_step == _CRASH_AT:
                os.abort()
            if _global_step == _NAN_AT:
                raise _NanLossError("NaN loss during training.")
            for hook, fetched in zip(hooks, wanted, strict=True):
                loss = 1 / _global_step if fetched == "the loss" else None
                hook.after_run(context, SimpleNamespace(results=loss))
            print(f"loss = {1 / _global_step}, step = {_global_step}", flush=True)
            if _global_step - saved >= self._flags.save_checkpoints_steps:
                self._save()
                saved = _global_step
        if _FULL_AT_END:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._save()
        return self

    def evaluate(self, input_fn: Any, steps: int, hooks: Any = None) -> dict[str, float]:
        import coco_metric  # of the checkout, whose folder is on the path by now

        del input_fn
        if said := os.environ.get("STAND_IN_EVALUATION_FAILS"):
            sys.exit(said)
        step = latest_step(self._flags.model_dir)
        assert step is not None
        told = json.loads(Path(self._flags.val_json_file).read_text(encoding="utf-8"))
        images = [image["id"] for image in told["images"]]
        assert len(images) == steps
        for _ in images:
            for hook in hooks:
                hook.after_run(_Context(), SimpleNamespace(results=None))
        metrics = coco_metric.EvaluationMetric(images, step).evaluate()
        return metrics | {"loss": 3.0, "cls_loss": 1.0, "box_loss": 0.02, "global_step": step}

    def _save(self) -> None:
        folder = Path(self._flags.model_dir)
        name = f"model.ckpt-{_global_step}"
        write_checkpoint(folder / name, {"w": (2,)}, step=_global_step, object_based=False)
        (folder / "checkpoint").write_text(f'model_checkpoint_path: "{name}"\n', encoding="utf-8")
        saved = sorted(
            (int(index.stem.rpartition("-")[2]) for index in folder.glob("model.ckpt-*.index")),
        )
        for old in saved[:-_KEPT]:
            for path in folder.glob(f"model.ckpt-{old}.*"):
                path.unlink()


estimator = SimpleNamespace(Estimator=_Estimator)
train = SimpleNamespace(
    SessionRunHook=_Hook,
    SessionRunArgs=lambda fetches: fetches,
    NanLossDuringTrainingError=_NanLossError,
    get_global_step=lambda: "global step",
)
GraphKeys = SimpleNamespace(LOSSES="losses")
