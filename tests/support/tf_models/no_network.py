"""`python no_network.py ROLE SETTINGS -- FLAG…`: the launcher around loops of no network.

What it adds to model_main_tf2 is real: signals, checkpoints in the end, the queue, what is told. No
TensorFlow; a step takes some milliseconds, and no evaluation is better than another.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path.append(str(Path(__file__).parents[2]))

from odapi_runner.backends.tf_models.launcher.evaluation import Evaluation
from odapi_runner.backends.tf_models.launcher.messages import Messages
from odapi_runner.backends.tf_models.launcher.training import Training
from odapi_runner.formats.checkpoint_index import read_index, read_tensor
from support.checkpoints import write_checkpoint

SECONDS = 0.01  # a step


class Reader:
    """What TensorFlow's reader says of a checkpoint."""

    def __init__(self, prefix: str) -> None:
        self._index = read_index(Path(prefix))

    def get_tensor(self, key: str) -> Any:
        return read_tensor(self._index, key)

    def get_variable_to_shape_map(self) -> dict[str, tuple[int, ...]]:
        return {key: one.shape for key, one in self._index.tensors.items()}


class Loop:
    """The order of calls of `train_loop`, from step 0 on."""

    def __init__(self, training: Any, flags: dict[str, str]) -> None:
        self.step = self._saves = 0
        self.checkpoint = SimpleNamespace(step=SimpleNamespace(numpy=lambda: self.step))
        self._training, self._folder = training, Path(flags["--model_dir"])
        self._steps = int(flags["--num_train_steps"])
        self._every = int(flags["--checkpoint_every_n"])

    def save(self) -> None:
        self._training.see_save(self._write)

    def _write(self) -> str:
        self._saves += 1
        prefix = self._folder / f"ckpt-{self._saves}"
        write_checkpoint(prefix, {"model/w": (2,)}, step=self.step)
        return str(prefix)

    def run(self, *, num_steps_per_iteration: int, **_: Any) -> None:
        self._training.take_manager(self)
        self.save()
        while self.step < self._steps:
            time.sleep(SECONDS * num_steps_per_iteration)
            self.step += num_steps_per_iteration
            self._training._see_scalar("steps_per_sec", 1 / SECONDS)
            self._training._see_scalar("Loss/total_loss", 0.5)
            if self.step % self._every == 0:
                self.save()


def main(words: Sequence[str]) -> None:
    role, text, _, *flags = words
    settings = json.loads(text)
    messages = Messages(settings["messages"])
    if role == "train":
        training: Any = Training(settings, messages)
        training._tf2 = SimpleNamespace(executing_eagerly=lambda: True)
        training._scalar = lambda *_, **__: None
        training._loop = Loop(training, dict(flag.split("=", 1) for flag in flags)).run
        training._train_loop()
    else:
        evaluation: Any = Evaluation(settings, messages)
        evaluation._tf = SimpleNamespace(train=SimpleNamespace(load_checkpoint=Reader))
        for _path in evaluation._checkpoints():
            evaluation._metrics = {"DetectionBoxes_Precision/mAP": 0.25}


if __name__ == "__main__":
    main(sys.argv[1:])
