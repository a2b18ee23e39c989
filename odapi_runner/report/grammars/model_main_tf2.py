"""The log of `model_main_tf2`, training or evaluation, and of odapi's own engine.

The trainer writes a step line, with the loss behind it (2020) or a dict below it (2021 on):

    Step 100 per-step time 0.531s
    {'Loss/classification_loss': np.float32(0.39762324),
     'Loss/total_loss': np.float32(0.9462246)}

The evaluator writes COCO's table (`coco_table`), and then every metric with six digits:

    Eval metrics at step 1000
        + DetectionBoxes_Precision/mAP: 0.134822

Each message may come twice, by two handlers with prefixes of their own ("INFO:tensorflow:",
"I1120 12:13:50.642122 …]"), of a dict only the first line has one, and other processes may write
in between, even a trainer and an evaluator in one file.
Source: object_detection/model_lib_v2.py, `train_loop` and `eager_eval_loop`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from odapi_runner.metrics import LEARNING_RATE, LOSS_TAGS
from odapi_runner.report.grammars.grammar import VALUE, Grammar
from odapi_runner.report.rows import EvalRow, Row, TrainRow, Unused

# A loss at the end of a line that has no end may lack some of its digits.
_STEP = re.compile(rf"\bStep (\d{{1,18}}) per-step time ({VALUE})s(?: loss=({VALUE})(?=\s))?")
_PAIR = re.compile(
    rf"""['"](Loss/[^'"]+|{LEARNING_RATE})['"]: (?:np\.float\d+\()?({VALUE})\)?(?=[,}}])"""
)
_EVALUATED = re.compile(r"\bEval metrics at step (\d{1,18})\b(?!\.)")
# The tab before the plus may have become spaces, or "#011" on the way through syslog. A name
# without a slash or an @ is none that the evaluators give.
_METRIC = re.compile(
    r"(?:\s|#011)\+ (\S*[/@].*|learning_rate): (-?(?:\d+\.\d{6}|nan|inf))(?![\w.])\s*$"
)
_LIKE_A_METRIC = re.compile(r"(?:\s|#011)\+ (?:Detection|Loss/)")
# How many lines of others may come in between.
_PATIENCE = 100


@dataclass(slots=True)
class _Training:
    """Step lines and the dicts below them."""

    first: re.Match[str] | None = None  # the step line of the row that is being read
    values: dict[str, float] = field(default_factory=dict)
    waited: int = 0  # lines since something was read
    last: str = ""

    @property
    def is_open(self) -> bool:
        """Whether the dict of a step may follow."""
        return self.first is not None

    def read(self, line: str) -> Sequence[TrainRow | Unused]:
        if "per-step time" in line:
            return self._read_step(line)
        if self.first is None:
            return ()
        if pairs := _PAIR.findall(line):
            self.values.update((tag, float(value)) for tag, value in pairs)
            self.waited = 0
            # Its last line, unless syslog has joined the lines of a dict.
            return self.close() if "}" in line else ()
        self.waited += 1
        return self.close() if self.waited > _PATIENCE else ()

    def _read_step(self, line: str) -> Sequence[TrainRow | Unused]:
        found = _STEP.search(line)
        if found is None:
            return (Unused("a step without its number or its time", line),)
        if self.first and found[0] == self.first[0]:
            return ()  # the other handler's copy
        told = self.close()
        self.first, self.waited = found, 0
        return [*told, *self.close()] if found[3] else told

    def close(self) -> Sequence[TrainRow]:
        """The row, unless it repeats the one before: another handler's copy of the same lines."""
        if self.first is None:
            return ()
        loss = {LOSS_TAGS["loss_total"]: float(self.first[3])} if self.first[3] else {}
        row = TrainRow(int(self.first[1]), float(self.first[2]), loss | self.values)
        self.first, self.values = None, {}
        text = repr(row)  # by text: a loss of nan is not equal to itself
        repeated, self.last = text == self.last, text
        return () if repeated else (row,)


@dataclass(slots=True)
class _Evaluation:
    """The metrics below "Eval metrics at step"."""

    step: int | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    waited: int = 0
    last: str = ""

    @property
    def is_open(self) -> bool:
        """Whether metrics may follow."""
        return self.step is not None

    def read(self, line: str) -> Sequence[EvalRow | Unused]:
        if "Eval metrics at step" in line:
            return self._read_step(line)
        if self.step is None:
            return ()
        if found := _METRIC.search(line):
            self.metrics[found[1]] = float(found[2])
            self.waited = 0
            return ()
        self.waited += 1
        told = self.close() if self.waited > _PATIENCE else ()
        if _LIKE_A_METRIC.search(line):
            return [*told, Unused("a metric without its value", line)]
        return told

    def _read_step(self, line: str) -> Sequence[EvalRow | Unused]:
        found = _EVALUATED.search(line)
        if found is None:
            return (Unused("an evaluation without its step", line),)
        if not self.metrics and int(found[1]) == self.step:
            return ()  # the other handler's copy
        told = self.close()
        self.step, self.waited = int(found[1]), 0
        return told

    def close(self) -> Sequence[EvalRow | Unused]:
        """The row, unless the evaluation was cut short or is told for the second time."""
        if self.step is None:
            return ()
        row = EvalRow(self.step, self.metrics)
        self.step, self.metrics = None, {}
        if not row.metrics:
            return (Unused(f"the evaluation at step {row.step} has no metrics", ""),)
        text = repr(row)
        repeated, self.last = text == self.last, text
        return () if repeated else (row,)


@dataclass(slots=True)
class _Reader:
    """Both: a trainer and an evaluator may write into one file."""

    training: _Training = field(default_factory=_Training)
    evaluation: _Evaluation = field(default_factory=_Evaluation)

    @property
    def is_open(self) -> bool:
        """Whether either is."""
        return self.training.is_open or self.evaluation.is_open

    def read(self, line: str) -> Sequence[Row | Unused]:
        training, evaluation = self.training.read(line), self.evaluation.read(line)
        return [*training, *evaluation] if training and evaluation else training or evaluation

    def close(self) -> Sequence[Row | Unused]:
        return [*self.training.close(), *self.evaluation.close()]


GRAMMAR = Grammar("model_main_tf2", ("per-step time", "Eval metrics at step"), _Reader)
