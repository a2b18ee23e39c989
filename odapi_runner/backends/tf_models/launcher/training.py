"""What a training is given beside the flags of model_main_tf2, through its own functions.

    train_loop             checkpoint_max_to_keep, num_steps_per_iteration; a checkpoint at the end
    CheckpointManager      tells of each checkpoint; keeps one of every so many hours, too
    summary.scalar         called after each iteration: heartbeat, finite losses, the wish to stop
    summary.record_if      figures and images of every hundred steps, however long an iteration is

Source: object_detection/model_lib_v2.py, `train_loop`, of which nothing is replaced but names that
it looks up.
"""

from __future__ import annotations

import math
import resource
import signal
from typing import Any

from .messages import Messages

_RECORD_EVERY = 100  # steps, as the program's own iterations
_SIZE = "num_steps_per_iteration"
_ITERATION, _TOTAL = "steps_per_sec", "Loss/total_loss"  # in this order


class StopTraining(BaseException):
    """No `Exception`: the program catches those in places."""


class Training:
    """One training, from the first import to its last checkpoint."""

    def __init__(self, settings: dict[str, Any], messages: Messages) -> None:
        """Begin; `start` of the settings is the step of the checkpoint to go on from, or None."""
        self._settings, self._messages = settings, messages
        self._manager: Any = None  # the program's
        self._saved_step: int | None = settings["start"]
        self._is_asked = self._is_saving = False
        self._is_loss_inside = False  # of the steps, of which nothing is known outside

    def install(self) -> None:
        """Put it between the program and what it calls."""
        from object_detection import model_lib_v2

        self._tf2 = tf2 = model_lib_v2.tf.compat.v2
        self._loop, model_lib_v2.train_loop = model_lib_v2.train_loop, self._train_loop
        self._scalar, tf2.summary.scalar = tf2.summary.scalar, self._see_scalar
        self._record_if, tf2.summary.record_if = tf2.summary.record_if, self._record_sometimes
        tf2.train.CheckpointManager = self._managers(tf2.train.CheckpointManager)

    def _train_loop(self, *args: Any, **kwargs: Any) -> None:
        signal.signal(signal.SIGTERM, self._stop)
        ended = "finished"
        try:
            self._loop(*args, **{**kwargs, **self._settings["loop"]})
        except StopTraining:
            ended = "stopped"
        # The wish is heeded, and a second one changes nothing: the last checkpoint is left to do.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self._is_asked = False
        if self._manager is not None and self._saved_step != self._step():
            self._manager.save()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        self._messages.tell(ended, step=self._step(), peak_mib=peak)

    def _stop(self, *_: Any) -> None:
        """Heed SIGTERM after the iteration; at once where nothing would be lost by it."""
        self._is_asked = True
        if not self._is_saving and self._saved_step in (None, self._step()):
            raise StopTraining

    def _step(self) -> int:
        if self._manager is None:
            return self._settings["start"] or 0
        return int(self._manager.checkpoint.step.numpy())

    def _managers(self, kind: Any) -> Any:
        """The program's class of what saves, watched."""
        training, hours = self, self._settings["keep_every_hours"]

        class Manager(kind):
            def __init__(self, checkpoint: Any, *args: Any, **kwargs: Any) -> None:
                more = {**kwargs, "keep_checkpoint_every_n_hours": hours}
                super().__init__(checkpoint, *args, **more)
                training.take_manager(self)

            def save(self, *args: Any, **kwargs: Any) -> str:
                path: str = training.see_save(lambda: super(Manager, self).save(*args, **kwargs))
                return path

        return Manager

    def take_manager(self, manager: Any) -> None:
        """It is there; the program restores the newest checkpoint next."""
        self._manager = manager
        self._messages.tell("compiling")

    def see_save(self, save: Any) -> Any:
        """Tell before and after."""
        self._is_saving = True
        self._messages.tell("saving", step=self._step())
        path = save()
        self._saved_step, self._is_saving = self._step(), False
        self._messages.tell("saved", path=path, step=self._saved_step)
        self._heed_wish()  # of meanwhile
        return path

    def _see_scalar(self, name: str, data: Any, step: Any = None, **more: Any) -> Any:
        written = self._scalar(name, data, step=step, **more)
        if not self._tf2.executing_eagerly():  # up to 2021 some are written inside of the steps
            self._is_loss_inside |= name == _TOTAL
        elif name == _ITERATION:
            self._messages.tell("step", step=self._step())
            if self._is_loss_inside:
                self._heed_wish()
        elif name == _TOTAL:
            self._see_loss(float(data))
            self._heed_wish()  # not before: what is saved then is to have a loss that is a number
        return written

    def _heed_wish(self) -> None:
        if self._is_asked:
            raise StopTraining

    def _see_loss(self, loss: float) -> None:
        """A loss that is no number ends it before the next checkpoint is written."""
        if not math.isfinite(loss):
            self._messages.tell("not_finite", step=self._step(), saved=self._saved_step)
            raise SystemExit(1)
        self._messages.tell("loss", loss=loss)

    def _record_sometimes(self, _: Any) -> Any:
        return self._record_if(self._is_recorded)

    def _is_recorded(self) -> Any:
        """Of a step; where a checkpoint to begin with is loaded, none is made yet.

        Inside of an iteration every step is passed. Outside only its end is seen, which after a
        stop may never be a whole hundred: the first one from each hundred on is recorded.
        """
        if self._manager is None:
            return False
        beyond = self._manager.checkpoint.step % _RECORD_EVERY
        if not self._tf2.executing_eagerly():
            return beyond == 0
        return beyond < self._settings["loop"].get(_SIZE, _RECORD_EVERY)
