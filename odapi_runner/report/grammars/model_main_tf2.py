"""The log of `model_main_tf2`, training or evaluation, and of odapi's own engine.

The trainer writes a step line, with the loss behind it (2020) or a dict below it (2021 on):

    Step 100 per-step time 0.531s
    {'Loss/classification_loss': np.float32(0.39762324),
     'Loss/total_loss': np.float32(0.9462246)}

The evaluator writes COCO's table, rounded, and then every metric with six digits:

     Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.135
    Eval metrics at step 1000
        + DetectionBoxes_Precision/mAP: 0.134822

Each message may come twice, by two handlers with prefixes of their own ("INFO:tensorflow:",
"I1120 12:13:50.642122 …]"), of a dict only the first line has one, and other processes may write
in between, even a trainer and an evaluator in one file. The table goes to stdout, the rest to
stderr: one may be missing or far from the other.
Source: object_detection/model_lib_v2.py, `train_loop` and `eager_eval_loop`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from odapi_runner.metrics import COCO_METRICS
from odapi_runner.report.rows import EvalRow, Row, TrainRow

_VALUE = r"[-+]?(?:\d+(?:\.\d*)?(?:e[-+]?\d+)?|nan|inf)"
_STEP = re.compile(rf"\bStep (\d{{1,18}}) per-step time ({_VALUE})s(?: loss=({_VALUE}))?")
_PAIR = re.compile(rf"""['"]([^'"]+)['"]: (?:np\.float\d+\()?({_VALUE})\)?(?=[,}}]|\s*$)""")
_EVALUATED = re.compile(r"\bEval metrics at step (\d{1,18})\b")
# The tab before the plus may have become spaces, or "#011" on the way through syslog.
_METRIC = re.compile(rf"(?:\s|#011)\+ (\S.*): ({_VALUE})\s*$")
_SUMMARY = re.compile(
    r"Average (?:Precision|Recall)\s+\(A([PR])\) @\[ IoU=(\S+)\s*\| area=\s*(\w+) \| "
    rf"maxDets=\s*(\d+) \] = ({_VALUE})"
)
_TAG_OF_SUMMARY = {
    (metric.title.split()[1][0], metric.iou, metric.area, metric.max_detections): metric.tag
    for metric in COCO_METRICS
}
_ROUNDED = 0.0005 + 1e-6  # how far three digits, and then six, may lie from the value


def parse(lines: Iterable[str]) -> Iterator[Row]:
    """Yield each row once it is complete; printed tables that no row tells exactly come last."""
    training, evaluation, tables = _Training(), _Evaluation(), _Tables()
    for line in lines:
        yield from training.read(line)
        yield from evaluation.read(line)
        tables.read(line)
    yield from training.close()
    yield from evaluation.close()
    yield from tables.untold(evaluation.told)


@dataclass(slots=True)
class _Training:
    """Step lines and the dicts below them."""

    first: re.Match[str] | None = None  # the step line of the row that is being read
    values: dict[str, float] = field(default_factory=dict)
    in_dict: bool = False
    last: str = ""

    def read(self, line: str) -> Iterator[TrainRow]:
        if found := _STEP.search(line):
            if self.first is None or self.values or found[0] != self.first[0]:
                yield from self.close()
                self.first = found
        elif self.first and (self.in_dict or "{" in line):
            self.in_dict = "}" not in line
            self.values.update((tag, float(value)) for tag, value in _PAIR.findall(line))

    def close(self) -> Iterator[TrainRow]:
        """The row, unless it repeats the one before: another handler's copy of the same lines."""
        if self.first:
            loss = {"Loss/total_loss": float(self.first[3])} if self.first[3] else {}
            row = TrainRow(int(self.first[1]), float(self.first[2]), loss | self.values)
            if repr(row) != self.last:  # by text: a loss of nan is not equal to itself
                yield row
            self.last = repr(row)
        self.first, self.values, self.in_dict = None, {}, False


@dataclass(slots=True)
class _Evaluation:
    """The metrics below "Eval metrics at step"."""

    step: int | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    told: list[EvalRow] = field(default_factory=list)

    def read(self, line: str) -> Iterator[EvalRow]:
        if found := _EVALUATED.search(line):
            if self.metrics or int(found[1]) != self.step:
                yield from self.close()
                self.step = int(found[1])
        elif self.step is not None and (found := _METRIC.search(line)):
            self.metrics[found[1]] = float(found[2])

    def close(self) -> Iterator[EvalRow]:
        """The row, unless the evaluation was cut short or is told for the second time."""
        row = EvalRow(self.step, self.metrics)
        if self.metrics and (not self.told or repr(row) != repr(self.told[-1])):
            self.told.append(row)
            yield row
        self.step, self.metrics = None, {}


@dataclass(slots=True)
class _Tables:
    """COCO's printed tables: three digits and no step, so only what is told nowhere else."""

    tables: list[dict[str, float]] = field(default_factory=list)

    def read(self, line: str) -> None:
        found = _SUMMARY.search(line)
        tag = found and _TAG_OF_SUMMARY.get((found[1], found[2], found[3], int(found[4])))
        if found and tag:
            if tag == COCO_METRICS[0].tag or not self.tables:
                self.tables.append({})
            self.tables[-1][tag] = float(found[5])

    def untold(self, told: list[EvalRow]) -> Iterator[EvalRow]:
        for table in self.tables:
            if not any(_is_rounding(table, row.metrics) for row in told):
                yield EvalRow(None, table)


def _is_rounding(table: dict[str, float], metrics: dict[str, float]) -> bool:
    return all(abs(metrics.get(tag, -2) - value) <= _ROUNDED for tag, value in table.items())
