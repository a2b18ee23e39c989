"""The table that COCO's evaluation prints: three digits, and no step.

    Evaluate annotation type *bbox*
     Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.135

Programs that print it mostly tell the same metrics with all their digits besides, and with their
step: `scan` leaves out a table that another row tells.
Source: pycocotools/cocoeval.py, `evaluate` and `summarize`; the same lines come from
faster-coco-eval and from Detectron2.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from odapi_runner.metrics import COCO_METRICS
from odapi_runner.report.grammars.grammar import Grammar
from odapi_runner.report.rows import EvalRow, Unused

# All three digits: a line may be cut short.
_LINE = re.compile(
    r"Average (?:Precision|Recall)\s+\(A([PR])\) @\[ IoU=(\S+)\s*\| area=\s*(\w+) \| "
    r"maxDets=\s*(\d+) \] =\s{1,2}(-?[01]\.\d{3})(?!\d)"
)
_KIND = re.compile(r"Evaluate annotation type \*(\w+)\*")
_TAGS = {
    (metric.title.split()[1][0], metric.iou, metric.area, metric.max_detections): metric.tag
    for metric in COCO_METRICS
}


def parse_line(line: str) -> tuple[str, float] | None:
    """Tag and value of a line of the table of boxes; None of any other."""
    found = _LINE.search(line)
    tag = found and _TAGS.get((found[1], found[2], found[3], int(found[4])))
    return (tag, float(found[5])) if found and tag else None


@dataclass(slots=True)
class _Reader:
    """Gathers the lines of a table; of boxes and masks one after the other it makes one row."""

    is_open = False  # every line of its says what it is
    masks: bool = False
    metrics: dict[str, float] = field(default_factory=dict)

    def read(self, line: str) -> Sequence[EvalRow | Unused]:
        if kind := _KIND.search(line):
            self.masks = kind[1] == "segm"
            return ()
        found = parse_line(line)
        if found is None:
            # A table of key points has lines that COCO's twelve have no place for.
            return () if _LINE.search(line) else (Unused("a cut line of COCO's table", line),)
        tag, value = found
        is_first = tag == COCO_METRICS[0].tag and not self.masks
        told = self.close() if is_first else ()
        self.metrics[tag.replace("Boxes", "Masks") if self.masks else tag] = value
        return told

    def close(self) -> Sequence[EvalRow]:
        metrics, self.metrics, self.masks = self.metrics, {}, False
        return (EvalRow(None, metrics),) if metrics else ()


GRAMMAR = Grammar("coco_table", ("IoU=", "annotation type"), _Reader)
