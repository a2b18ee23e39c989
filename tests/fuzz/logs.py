"""Logs of every format, whose numbers are known: what a reader tells must be among them.

Lines of others come in between, with numbers that no log tells; lines are repeated, lost, moved,
and cut where another writer goes on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from odapi_runner.metrics import COCO_METRICS
from odapi_runner.report.logs import read_logs
from odapi_runner.report.rows import EvalRow

# Above every number that a log tells. None begins with what could go on in a cut line.
_NOISE = (
    "I1120 12:00:00.{n} {n} pool.py:{n}] connection 'a' to 'b': {n} retries",
    " 'retries': {n},",
    "{{'attempt': {n}, 'loss': {n}.5}}",
    "\t+ packages: {n}.000000",
    "\t+ Loss is {n}",
    "Finished eval step {n}",
    "INFO:tensorflow:Found new checkpoint at train/한글/ckpt-{n}",
    "INFO:tensorflow:Saving 'checkpoint_path' summary for global step {n}: /m/model.ckpt-{n}",
    "INFO:tensorflow:global_step/sec: {n}.25",
    "loss {n}.5 at step {n}",
    "wait = {n}, step = {n}",
    "Performing evaluation on {n} images.",
    "mIoU= {n}.125 | area= all",
    "mAP {n} ~ {n}",
    '{{"mode": "info", "wait": {n}}}',
    '{{"step": {n}, "wait": {n}.5, "kind": "checkpoint"}}',
    "took {n} s, {n} images",
    "",
)


@dataclass(slots=True)
class _Numbers:
    """Writes numbers, and keeps what they are."""

    random: Random
    told: set[float] = field(default_factory=set)
    step: int = 0

    def next_step(self) -> int:
        self.step += self.random.choice((100, 100, 100, 250))
        self.told.add(float(self.step))
        return self.step

    def value(self, form: str) -> str:
        text = format(
            self.random.choice((-1.0, 0.0, *(self.random.random() for _ in "12345"))), form
        )
        self.told.add(float(text))
        return text


def make_log(random: Random) -> bytes:
    """A log with the numbers that it tells, as JSON."""
    numbers = _Numbers(random)
    lines = random.choice(tuple(_FORMATS.values()))(numbers)
    for _ in range(random.choice((0, 1, 3, 10, 30))):
        lines = random.choice(_CHANGES)(random, lines)
    text = "".join(f"{line}\n" for line in lines)
    if random.random() < 0.2:
        text = text.replace("\n", "\r\n")
    return json.dumps({"told": sorted(numbers.told), "text": text}).encode()


def run_log(data: bytes, folder: Path) -> None:
    """Every number of every row is one that the log tells."""
    made = json.loads(data)
    path = folder / "train.log"
    path.write_text(made["text"], encoding="utf-8")
    told = set(made["told"])
    for run in read_logs(path):
        for row in (*run.train, *run.evaluations):
            values = row.metrics if isinstance(row, EvalRow) else row.values
            for name, value in ({"step": row.step} | values).items():
                if value is not None and value not in told:
                    raise AssertionError(f"{name} {value} of {row} stands in no line of a metric")


def sample_logs() -> tuple[str, ...]:
    """A log of each format, for other mutations."""
    made = (make(_Numbers(Random(0))) for make in _FORMATS.values())
    return tuple("".join(f"{line}\n" for line in lines) for lines in made)


def _model_main_2020(numbers: _Numbers) -> list[str]:
    lines = []
    for _ in range(5):
        line = f"Step {numbers.next_step()} per-step time 0.813s loss={numbers.value('.3f')}"
        lines += [f"INFO:tensorflow:{line}", f"I0912 11:40:27.9 1 model_lib_v2.py:652] {line}"]
    return lines


def _model_main_2021(numbers: _Numbers) -> list[str]:
    lines = []
    for number in range(4):
        step = numbers.next_step()
        form = "np.float32({})" if numbers.random.random() < 0.5 else "{}"
        loss, total, rate = (form.format(numbers.value(".8g")) for _ in range(3))
        lines += [f"INFO:tensorflow:Step {step} per-step time 0.531s"]
        lines += [f"I1223 23:31:42.4 1 model_lib_v2.py:707] Step {step} per-step time 0.531s"]
        for prefix in ("INFO:tensorflow:", "I1223 23:31:42.4 1 model_lib_v2.py:708] "):
            lines += [f"{prefix}{{'Loss/classification_loss': {loss},"]
            lines += [f" 'Loss/total_loss': {total},", f" 'learning_rate': {rate}}}"]
        if number % 2:
            lines += _evaluation(numbers, step)
    return lines


def _evaluation(numbers: _Numbers, step: int) -> list[str]:
    lines = _table(numbers)
    for prefix in ("INFO:tensorflow:", "I1120 12:22:48.6 1 model_lib_v2.py:1010] "):
        lines.append(f"{prefix}Eval metrics at step {step}")
    tab = numbers.random.choice(("\t", "#011", "    "))
    for metric in COCO_METRICS:
        lines.append(f"INFO:tensorflow:{tab}+ {metric.tag}: {numbers.value('.6f')}")
    return lines


def _table(numbers: _Numbers) -> list[str]:
    return [
        f" {metric.title:<18} (A{metric.title.split()[1][0]}) @[ IoU={metric.iou:<9} | "
        f"area={metric.area:>6} | maxDets={metric.max_detections:>3} ] = {numbers.value('0.3f')}"
        for metric in COCO_METRICS
    ]


def _estimator(numbers: _Numbers) -> list[str]:
    lines = []
    for _ in range(3):
        step = numbers.next_step()
        lines += [f"INFO:tensorflow:loss = {numbers.value('.8g')}, step = {step} (32.747 sec)"]
        pairs = [f"{metric.tag} = {numbers.value('.8g')}" for metric in COCO_METRICS[:4]]
        pairs += [f"global_step = {step}", f"loss = {numbers.value('.8g')}"]
        lines += [f"INFO:tensorflow:Saving dict for global step {step}: {', '.join(pairs)}"]
    return lines


def _automl(numbers: _Numbers) -> list[str]:
    lines = []
    for _ in range(3):
        step = numbers.next_step()
        losses = [f"{name}_loss = {numbers.value('.8g')}" for name in ("box", "cls", "det")]
        line = f"{', '.join(losses)}, step = {step} (46.4 sec)"
        lines += [f"INFO:tensorflow:{line}", f"I1121 22:54:47.6 1 hooks.py:265] {line}"]
        names = ("AP", "AP50", "AP_/Person sitting", "ARmax100", "cls_loss")
        pairs = [f"{name} = {numbers.value('.8g')}" for name in names]
        lines += [
            (
                f"INFO:tensorflow:Saving dict for global step {step}: {', '.join(pairs)}, "
                f"global_step = {step}, loss = {numbers.value('.8g')}"
            )
        ]
    return lines


def _slim(numbers: _Numbers) -> list[str]:
    form = "INFO:tensorflow:global step {}: loss = {} (0.301 sec/step)"
    return [form.format(numbers.next_step(), numbers.value(".4f")) for _ in range(5)]


def _mmdetection(numbers: _Numbers) -> list[str]:
    lines = []
    for _ in range(4):
        step = numbers.next_step()
        lines += [f'{{"loss": {numbers.value(".5f")}, "time": 0.3, "step": {step}}}']
        lines += [
            f'{{"mode": "val", "epoch": {step}, "iter": 9, "bbox_mAP": {numbers.value("g")}}}'
        ]
        lines += [f'{{"coco/bbox_mAP_50": {numbers.value(".4f")}, "step": {step}}}']
    return lines


def _ultralytics(numbers: _Numbers) -> list[str]:
    lines = ["epoch,train/box_loss,metrics/mAP50(B),metrics/mAP50-95(B),lr/pg0"]
    for _ in range(4):
        cells = [f"{numbers.next_step()}", *(numbers.value(".5g") for _ in range(4))]
        lines += [",".join(cells)]
    return lines


def _notebook(numbers: _Numbers) -> list[str]:
    lines: list[str] = []
    for number in range(3):
        lines += [f"{number}", "  ="]
        if number % 2:
            lines += [f"   {line}" for line in _table(numbers)]
        else:
            step = numbers.next_step()
            lines += [f"    {each.tag} = {numbers.value('.8g')}" for each in COCO_METRICS]
            lines += [f"    global_step = {step}"]
        lines += ["  note", "    mAP = 0.5, 123", "  set", "    a { b: 5 }", ""]
    return lines


_FORMATS: dict[str, Callable[[_Numbers], list[str]]] = {
    "model_main_2020": _model_main_2020,
    "model_main_2021": _model_main_2021,
    "coco_table": _table,
    "estimator": _estimator,
    "automl": _automl,
    "slim": _slim,
    "mmdetection": _mmdetection,
    "ultralytics": _ultralytics,
    "notebook": _notebook,
}


def _noise(random: Random) -> str:
    return random.choice(_NOISE).format(n=random.randint(10**6, 10**7))


def _interrupt(random: Random, lines: Sequence[str]) -> list[str]:
    # Never as the first line: by that tables and notebooks are known.
    place = random.randint(min(1, len(lines)), len(lines))
    return [*lines[:place], _noise(random), *lines[place:]]


def _lose(random: Random, lines: Sequence[str]) -> list[str]:
    place = random.randint(1, max(1, len(lines) - 1))
    return [*lines[:place], *lines[place + 1 :]]


def _repeat(random: Random, lines: Sequence[str]) -> list[str]:
    start = random.randint(1, max(1, len(lines)))
    end = start + random.randint(1, 10)
    return [*lines[:end], *lines[start:]]


def _move(random: Random, lines: Sequence[str]) -> list[str]:
    place, to = random.randint(1, len(lines)), random.randint(1, len(lines))
    return [*lines[:place], *lines[place + 1 :], *lines[place : place + 1], *lines[to:]][
        : len(lines)
    ]


def _cut(random: Random, lines: Sequence[str]) -> list[str]:
    """A line ends where another writer goes on."""
    place = random.randint(1, max(1, len(lines) - 1))
    if place >= len(lines) or not (noise := _noise(random).lstrip(" \t")):
        return list(lines)
    cut = lines[place][: random.randint(0, len(lines[place]))]
    return [*lines[:place], cut + noise, *lines[place + 1 :]]


_CHANGES = (_interrupt, _interrupt, _interrupt, _lose, _repeat, _move, _cut)
