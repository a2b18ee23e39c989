"""The log of an estimator of TensorFlow's: of `model_main.py`, or of google/automl's `main.py`.

    INFO:tensorflow:loss = 24.267006, step = 72756 (32.747 sec)
    INFO:tensorflow:Saving dict for global step 72756: DetectionBoxes_Precision/mAP = 0.0018, …

The seconds are those since the line before. Several hooks may tell of one step, each in a line of
its own. Of an evaluation that was cut, as syslog cuts long lines, the step has to be the same at
both ends, and the last value whole as far as that shows. Before estimators there was `train.py`,
which TF-Slim had trained:

    INFO:tensorflow:global step 100: loss = 0.5213 (0.301 sec/step)

Source: tensorflow/python/training/basic_session_run_hooks.py (`LoggingTensorHook`),
tensorflow_estimator/python/estimator/estimator.py (`_write_dict_to_summary`),
tf_slim/learning.py (`train_step`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from odapi_runner.metrics import LOSS_TAGS
from odapi_runner.report.grammars.automl import tag_of
from odapi_runner.report.grammars.grammar import VALUE, Grammar, as_step
from odapi_runner.report.rows import EvalRow, Row, TrainRow, Unused

# What hooks tell beside a step: other programs have steps, too.
_LOSS = r"(?:[\w/]*loss|learning_rate|lr)"
_STEP = re.compile(
    rf"(?:^|[\s:\]|])((?:{_LOSS} = {VALUE}, )+)step = (\d{{1,18}})(?: \(({VALUE}) sec\)|\s*\n)"
)
_UNREAD = re.compile(rf"(?:^|[\s:\]|]){_LOSS} = [^,=]*, $")
_NAMED = re.compile(rf"([\w/]+) = ({VALUE}), ")
_SLIM = re.compile(rf"\bglobal step (\d{{1,18}}): loss = ({VALUE}) \(({VALUE}) sec/step\)")
_SAVED = re.compile(r"\bSaving dict for global step (?P<step>\d{1,18}): (?P<metrics>\S.*)\n")
# The same dict where somebody has copied it without the words before it.
_COPIED = re.compile(r"(?:^|\s)(?P<step>)(?P<metrics>\w+/mAP = \S.*)\n")
_METRIC = re.compile(rf"(?:^|, )([^\s=][^=]*?) = ({VALUE})(?=, |\s*$)")
# As a float is printed: "0", "0." and "2.5e-0" lack their ends.
_FLOAT = re.compile(r"[-+]?(?:\d+(?:\.\d+(?:e[-+]\d\d+)?|e[-+]\d\d+)|inf|nan)")
_UNREADABLE = "a value that cannot be read"
_STEP_NAME = "global_step"
_LAST_NAME = "loss"  # of the metrics of an estimator, which stand in the order of their letters
_TOTAL_LOSS = LOSS_TAGS["loss_total"]


@dataclass(slots=True)
class _Reader:
    """Joins what the hooks tell of one step; each evaluation is one line."""

    is_open = False
    row: TrainRow | None = None
    before: int | None = None  # the step of the row before
    told: dict[str, str] = field(default_factory=dict)  # the last evaluation, as it was written

    def read(self, line: str) -> Sequence[Row | Unused]:
        if ", step = " in line:
            return self._read_step(line)
        if "sec/step)" in line:
            return self._read_slim(line)
        return self._read_evaluation(line)

    def _read_step(self, line: str) -> Sequence[TrainRow | Unused]:
        found = _STEP.search(line)
        if found is None:
            return (Unused("a cut line of losses", line),) if "loss = " in line else ()
        unread = (Unused(_UNREADABLE, line),) if _UNREAD.search(line[: found.start(1)]) else ()
        step = int(found[2])
        values = _tagged(_NAMED.findall(found[1]))
        if self.row and self.row.step == step and not _contradict(self.row.values, values):
            self.row = replace(self.row, values=self.row.values | values)
            return unread
        told = self.close()
        passed = 0 if self.before is None else step - self.before
        seconds = float(found[3]) / passed if found[3] and passed > 0 else None
        self.row = TrainRow(step, seconds, values)
        return [*told, *unread]

    def _read_slim(self, line: str) -> Sequence[TrainRow | Unused]:
        found = _SLIM.search(line)
        if found is None:
            return (Unused("a cut line of a loss", line),) if "global step" in line else ()
        row = TrainRow(int(found[1]), float(found[3]), {_TOTAL_LOSS: float(found[2])})
        if repr(row) == repr(self.row):
            return ()  # the other handler's copy
        told = self.close()
        self.row = row
        return told

    def _read_evaluation(self, line: str) -> Sequence[Row | Unused]:
        found = _SAVED.search(line) or _COPIED.search(line)
        text = found["metrics"] if found else ""
        pairs = _METRIC.findall(text)
        if found and found["step"] and pairs and _is_cut(text, pairs):
            pairs.pop()
        metrics = _tagged(pairs)
        step = as_step(metrics.pop(_STEP_NAME, None))
        is_another = found is not None and found["step"] not in {"", str(step)}
        if not metrics or step is None or is_another:
            return (Unused("a cut line of metrics", line),) if "Saving dict" in line else ()
        named = dict(pairs)
        if named.items() <= self.told.items():
            return ()  # the other handler's copy, or what a cut has left of it
        self.told = named
        unread = (Unused(_UNREADABLE, line),) if text.count(" = ") > len(pairs) else ()
        return [*self.close(), EvalRow(step, metrics), *unread]

    def close(self) -> Sequence[TrainRow]:
        row, self.row = self.row, None
        if row is None:
            return ()
        self.before = row.step
        return (row,)


def _is_cut(text: str, pairs: Sequence[tuple[str, str]]) -> bool:
    """Whether the last value lacks its end, as far as that shows.

    A float that was cut to fewer digits looks whole where it stands last as it should.
    """
    name, value = pairs[-1]
    if name == _STEP_NAME or not text.rstrip().endswith(f"{name} = {value}"):
        return False
    total = dict(pairs).get(_TOTAL_LOSS, value)  # the same number, where an estimator has it
    is_begun = name == _LAST_NAME and total != value and total.startswith(value)
    return name < _LAST_NAME or is_begun or _FLOAT.fullmatch(value) is None


def _tagged(pairs: Sequence[tuple[str, str]]) -> dict[str, float]:
    """Values by tag; where `loss` stands beside the total loss, under that name."""
    values = {name: float(value) for name, value in pairs}
    return {
        name if name == "loss" and _TOTAL_LOSS in values else tag_of(name): value
        for name, value in values.items()
    }


def _contradict(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    """Whether both tell something differently: that is no other hook but the step told anew."""
    return any(tag in one and repr(one[tag]) != repr(other[tag]) for tag in other)


GRAMMAR = Grammar(
    "estimator",
    (", step = ", "Saving dict for global step", "global_step = ", "sec/step)"),
    _Reader,
)
