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
from odapi_runner.report.grammars.grammar import NAME, VALUE, Grammar
from odapi_runner.report.rows import EvalRow, Row, TrainRow, Unused

# What stands first in a pattern is searched for quickly, unless it is a condition. A loss stands
# at the end of its line: where that is cut, it lacks some of its three digits.
_STEP = re.compile(
    rf"Step (?<!\wStep )(\d{{1,18}}) per-step time ({VALUE})s"
    r"(?: loss=(-?(?:\d+\.\d{3}|nan|inf))(?=\s|$))?"
)
_PAIR = re.compile(
    rf"'(Loss/[^'\n]+|{LEARNING_RATE}|loss_scale)': (?:np\.float\d+\()?({VALUE})\)?([,}}])",
)
_LIKE_A_PAIR = re.compile(rf"'(?:Loss/[^'\n]+|{LEARNING_RATE}|loss_scale)': ")
_EVALUATED = re.compile(r"Eval metrics at step (\d{1,18})[ \t]*$", re.MULTILINE)
# The tab before the plus may have become spaces, or "#011" on the way through syslog. A name
# without a slash or an @ is none that the evaluators give.
_METRIC = re.compile(
    rf"\+ (?<=[ \t1]\+ )(?=\S*[/@]|{LEARNING_RATE}:)({NAME}): "
    r"(-?(?:\d+\.\d{6}|nan|inf))[ \t]*$",
    re.MULTILINE,
)
_LIKE_A_METRIC = re.compile(r"\+ (?<=[ \t1]\+ )(?:Detection|Loss/)")
_UNREADABLE = "a value that cannot be read"
# Bytes: how much of others may come in between, of what is written step by step or at once.
_PATIENCE = 8192
_PATIENCE_AT_ONCE = 2048


@dataclass(slots=True)
class _Training:
    """Step lines and the dicts below them."""

    first: re.Match[str] | None = None  # the step line of the row that is being read
    pairs: dict[str, str] = field(default_factory=dict)
    waited: int = 0  # bytes since something was read
    last: tuple[str, dict[str, str]] = ("", {})  # the row before, as it was written
    has_dicts: bool = False

    @property
    def is_open(self) -> bool:
        """Whether the dict of a step may follow."""
        return self.first is not None

    def read(self, passage: str) -> Sequence[TrainRow | Unused]:
        told: Sequence[TrainRow | Unused] = ()
        if "per-step time" in passage:
            told = self._read_step(passage)
        if self.first is None:
            return told
        self.waited += len(passage)
        found = _PAIR.findall(passage)
        if len(found) < passage.count("': "):
            told = [*told, *_unread_pairs(passage)]
        for tag, value, end in found:
            self.pairs[tag] = value
            self.waited = 0
            if end == "}":
                return [*told, *self.close()]
        return [*told, *self.close()] if self.waited > _PATIENCE else told

    def _read_step(self, passage: str) -> Sequence[TrainRow | Unused]:
        found = _STEP.search(passage)
        if found is None:
            # What follows may be of the step that was cut, unless this is a copy of its line.
            told = self.close() if self.pairs else ()
            return [*told, Unused("a step without its number or its time", _first_line(passage))]
        if self.first and found[0] == self.first[0]:
            return ()  # the other handler's copy
        told = self.close()
        self.first, self.waited = found, 0
        if found[3]:
            return [*told, *self.close()]
        is_unread = passage.startswith(" loss=", found.end())
        return [*told, Unused(_UNREADABLE, _first_line(passage))] if is_unread else told

    def close(self) -> Sequence[TrainRow | Unused]:
        """The row, unless it repeats the one before: another handler's copy of the same lines."""
        if self.first is None:
            return ()
        if self.has_dicts and not self.pairs and not self.first[3]:
            first, self.first = self.first, None
            return (Unused("a step without its losses", first[0]),)
        self.has_dicts = self.has_dicts or bool(self.pairs)
        first, pairs = self.first, self.pairs
        self.first, self.pairs = None, {}
        repeats, self.last = (first[0], pairs) == self.last, (first[0], pairs)
        if repeats:
            return ()
        values = {LOSS_TAGS["loss_total"]: float(first[3])} if first[3] else {}
        values.update((tag, float(value)) for tag, value in pairs.items())
        return (TrainRow(int(first[1]), float(first[2]), values),)


@dataclass(slots=True)
class _Evaluation:
    """The metrics below "Eval metrics at step"."""

    step: int | None = None
    pairs: dict[str, str] = field(default_factory=dict)
    waited: int = 0
    last: tuple[int | None, dict[str, str]] = (None, {})

    @property
    def is_open(self) -> bool:
        """Whether metrics may follow."""
        return self.step is not None

    def read(self, passage: str) -> Sequence[EvalRow | Unused]:
        told: Sequence[EvalRow | Unused] = ()
        if "Eval metrics at step" in passage:
            told = self._read_step(passage)
        if self.step is None:
            return told
        found = _METRIC.findall(passage)
        self.pairs.update(found)
        self.waited = 0 if found else self.waited + len(passage)
        patience = _PATIENCE_AT_ONCE if self.pairs else _PATIENCE
        if len(found) < len(_LIKE_A_METRIC.findall(passage)):
            told = [*told, *_cut_metrics(passage)]
        return [*told, *self.close()] if self.waited > patience else told

    def _read_step(self, passage: str) -> Sequence[EvalRow | Unused]:
        found = _EVALUATED.search(passage)
        if found is None:
            told = self.close() if self.pairs else ()  # as above: the metrics are of another one
            return [*told, Unused("an evaluation without its step", _first_line(passage))]
        if not self.pairs and int(found[1]) == self.step:
            return ()  # the other handler's copy
        told = self.close()
        self.step, self.waited = int(found[1]), 0
        return told

    def close(self) -> Sequence[EvalRow | Unused]:
        """The row, unless the evaluation was cut short or is told for the second time."""
        if self.step is None:
            return ()
        step, pairs = self.step, self.pairs
        self.step, self.pairs = None, {}
        if not pairs:
            return (Unused(f"the evaluation at step {step} has no metrics", ""),)
        repeats, self.last = (step, pairs) == self.last, (step, pairs)
        return () if repeats else (EvalRow(step, {tag: float(v) for tag, v in pairs.items()}),)


@dataclass(slots=True)
class _Reader:
    """Both: a trainer and an evaluator may write into one file."""

    training: _Training = field(default_factory=_Training)
    evaluation: _Evaluation = field(default_factory=_Evaluation)

    @property
    def is_open(self) -> bool:
        """Whether either is."""
        return self.training.first is not None or self.evaluation.step is not None

    def read(self, passage: str) -> Sequence[Row | Unused]:
        training, evaluation = self.training.read(passage), self.evaluation.read(passage)
        return [*training, *evaluation] if training and evaluation else training or evaluation

    def close(self) -> Sequence[Row | Unused]:
        return [*self.training.close(), *self.evaluation.close()]


def _first_line(passage: str) -> str:
    return passage.partition("\n")[0]


def _unread_pairs(passage: str) -> list[Unused]:
    """What would be losses if a number stood behind their names."""
    places = [found.start() for found in _LIKE_A_PAIR.finditer(passage)]
    unread = [place for place in places if not _PAIR.match(passage, place)]
    return [Unused(_UNREADABLE, _first_line(passage[place:])) for place in unread]


def _cut_metrics(passage: str) -> list[Unused]:
    lines = passage.splitlines()
    like = [line for line in lines if _LIKE_A_METRIC.search(line) and not _METRIC.search(line)]
    return [Unused("a metric without its value", line) for line in like]


GRAMMAR = Grammar(
    "model_main_tf2", ("per-step time", "Eval metrics at step"), _Reader, reach=_PATIENCE
)
