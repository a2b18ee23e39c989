"""Logs of every format, whose numbers are known: a reader may tell each as what it is, and no more.

Lines of others come in between, with numbers that no log tells; lines are repeated, lost, moved,
and cut: where another writer goes on, or at the end of the line. What is cut to a part that looks
whole nobody can tell: numbers without a fixed count of digits are not cut where they stand last.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from odapi_runner.metrics import CATEGORY_TAG, COCO_METRICS, LEARNING_RATE, LOSS_TAGS
from odapi_runner.report.logs import read_logs
from odapi_runner.report.rows import EvalRow

_MAP, _MAP_50, _AR_100 = (COCO_METRICS[place].tag for place in (0, 1, 8))
_CLASSIFICATION, _TOTAL = LOSS_TAGS["loss_classification"], LOSS_TAGS["loss_total"]

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
    """Writes numbers, and keeps what they are: tag, step and value of each."""

    random: Random
    told: set[tuple[str, int, float]] = field(default_factory=set)
    step: int = 0

    def next_step(self) -> int:
        self.step += self.random.choice((100, 100, 100, 250))
        return self.step

    def value(self, tag: str, form: str) -> str:
        text = format(
            self.random.choice((-1.0, 0.0, *(self.random.random() for _ in "12345"))), form
        )
        self.told.add((tag, self.step, float(text)))
        return text


def make_log(random: Random) -> bytes:
    """A log with the numbers that it tells, as JSON."""
    numbers = _Numbers(random)
    name = random.choice(tuple(_FORMATS))
    lines = _FORMATS[name](numbers)
    changes = random.choices(_CHANGES, k=random.choice((0, 1, 3, 10, 30)))
    # First the ends of lines: behind a number that others have cut already nobody can tell it.
    for change in sorted(changes, key=lambda change: change is not _end):
        lines = change(random, lines)
    text = "".join(f"{line}\n" for line in lines)
    if random.random() < 0.2:
        text = text.replace("\n", "\r\n")
    # Where the step stands in another line, that line may be lost, or may be another one.
    has_steps = _KEEPS_STEPS.get(name, set(_CHANGES)).issuperset(changes)
    case = {"told": sorted(numbers.told), "has_steps": has_steps, "text": text}
    return json.dumps(case).encode()


def run_log(data: bytes, folder: Path) -> None:
    """Every number of every row is one that the log tells of that metric, and at that step."""
    made = json.loads(data)
    path = folder / "train.log"
    path.write_text(made["text"], encoding="utf-8")
    told = {(tag, step, value) for tag, step, value in made["told"]}
    anywhere = {(tag, value) for tag, _, value in told}
    steps = {step for _, step, _ in told}
    for run in read_logs(path):
        for row in (*run.train, *run.evaluations):
            if row.step is not None and row.step not in steps:
                raise AssertionError(f"no line tells the step of {row}")
            values = row.metrics if isinstance(row, EvalRow) else row.values
            is_placed = row.step is not None and made["has_steps"]
            for tag, value in values.items():
                if (tag, value) not in anywhere or (
                    is_placed and (tag, row.step, value) not in told
                ):
                    raise AssertionError(f"{tag} {value} of {row} stands in no line of it")


def sample_logs() -> tuple[str, ...]:
    """A log of each format, for other mutations."""
    made = (make(_Numbers(Random(0))) for make in _FORMATS.values())
    return tuple("".join(f"{line}\n" for line in lines) for lines in made)


def _model_main_2020(numbers: _Numbers) -> list[str]:
    lines = []
    for _ in range(5):
        line = (
            f"Step {numbers.next_step()} per-step time 0.813s loss={numbers.value(_TOTAL, '.3f')}"
        )
        lines += [f"INFO:tensorflow:{line}", f"I0912 11:40:27.9 1 model_lib_v2.py:652] {line}"]
    return lines


def _model_main_2021(numbers: _Numbers) -> list[str]:
    lines = []
    for number in range(4):
        step = numbers.next_step()
        form = "np.float32({})" if numbers.random.random() < 0.5 else "{}"
        tags = (_CLASSIFICATION, _TOTAL, LEARNING_RATE)
        loss, total, rate = (form.format(numbers.value(tag, ".8g")) for tag in tags)
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
        lines.append(f"INFO:tensorflow:{tab}+ {metric.tag}: {numbers.value(metric.tag, '.6f')}")
    return lines


def _table(numbers: _Numbers) -> list[str]:
    return [
        f" {metric.title:<18} (A{metric.title.split()[1][0]}) @[ IoU={metric.iou:<9} | "
        f"area={metric.area:>6} | maxDets={metric.max_detections:>3} ] = "
        f"{numbers.value(metric.tag, '0.3f')}"
        for metric in COCO_METRICS
    ]


def _estimator(numbers: _Numbers) -> list[str]:
    lines = []
    for _ in range(3):
        step = numbers.next_step()
        lines += [
            f"INFO:tensorflow:loss = {numbers.value(_TOTAL, '.8g')}, step = {step} (32.7 sec)"
        ]
        tags = [metric.tag for metric in COCO_METRICS[:4]]
        pairs = [f"{tag} = {numbers.value(tag, '.8g')}" for tag in tags]
        pairs += [f"global_step = {step}", f"loss = {numbers.value(_TOTAL, '.8g')}"]
        lines += [f"INFO:tensorflow:Saving dict for global step {step}: {', '.join(pairs)}"]
    return lines


def _automl(numbers: _Numbers) -> list[str]:
    lines = []
    for _ in range(3):
        step = numbers.next_step()
        told = {"box_loss": "box_loss", "cls_loss": _CLASSIFICATION, "det_loss": "det_loss"}
        losses = [f"{name} = {numbers.value(tag, '.8g')}" for name, tag in told.items()]
        line = f"{', '.join(losses)}, step = {step} (46.4 sec)"
        lines += [f"INFO:tensorflow:{line}", f"I1121 22:54:47.6 1 hooks.py:265] {line}"]
        told = {"AP": _MAP, "AP50": _MAP_50, "AP_/Person sitting": f"{CATEGORY_TAG}Person sitting"}
        told |= {"ARmax100": _AR_100, "cls_loss": _CLASSIFICATION}
        pairs = [f"{name} = {numbers.value(tag, '.8g')}" for name, tag in told.items()]
        lines += [
            (
                f"INFO:tensorflow:Saving dict for global step {step}: {', '.join(pairs)}, "
                f"global_step = {step}, loss = {numbers.value(_TOTAL, '.8g')}"
            )
        ]
    return lines


def _slim(numbers: _Numbers) -> list[str]:
    form = "INFO:tensorflow:global step {}: loss = {} (0.301 sec/step)"
    return [form.format(numbers.next_step(), numbers.value(_TOTAL, ".4f")) for _ in range(5)]


def _mmdetection(numbers: _Numbers) -> list[str]:
    lines = []
    for _ in range(4):
        step = numbers.next_step()
        lines += [f'{{"loss": {numbers.value(_TOTAL, ".5f")}, "time": 0.3, "step": {step}}}']
        lines += [
            f'{{"mode": "val", "epoch": {step}, "iter": 9, "bbox_mAP": {numbers.value(_MAP, "g")}}}'
        ]
        lines += [f'{{"coco/bbox_mAP_50": {numbers.value(_MAP_50, ".4f")}, "step": {step}}}']
    return lines


def _ultralytics(numbers: _Numbers) -> list[str]:
    names = "epoch,train/box_loss,metrics/mAP50(B),metrics/mAP50-95(B),lr/pg0"
    return [names, *_cells(numbers, ("train/box_loss", _MAP_50, _MAP, LEARNING_RATE), ".5g")]


def _odapi_csv(numbers: _Numbers) -> list[str]:
    return ["step,mAP,mAP_50,loss_total", *_cells(numbers, (_MAP, _MAP_50, _TOTAL), "")]


def _cells(numbers: _Numbers, tags: Sequence[str], form: str) -> list[str]:
    return [
        ",".join([f"{numbers.next_step()}", *(numbers.value(tag, form) for tag in tags)])
        for _ in range(4)
    ]


def _odapi_events(numbers: _Numbers) -> list[str]:
    lines = []
    for number in range(4):
        before = f'{{"time": 1{number}.5, "seq": {number}, "role": "eval", "kind": '
        step = numbers.next_step()
        pairs = f'"mAP": {numbers.value(_MAP, "")}, "mAP_50": {numbers.value(_MAP_50, "")}'
        lines += [f'{before}"waiting", "step": {step}, "mAP": 7.5}}']
        lines += [f'{before}"evaluated", "step": {step}, {pairs}, "seconds": 9.5}}']
    return lines


def _notebook(numbers: _Numbers) -> list[str]:
    lines: list[str] = []
    for number in range(3):
        lines += [f"{number}", "  ="]
        if number % 2:
            lines += [f"   {line}" for line in _table(numbers)]
        else:
            step = numbers.next_step()
            lines += [f"    {each.tag} = {numbers.value(each.tag, '.8g')}" for each in COCO_METRICS]
            lines += [f"    global_step = {step}"]
        lines += ["  note", "    123 mAP = 0.5", "  set", "    a { b: 5 }", ""]
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
    "odapi_csv": _odapi_csv,
    "odapi_events": _odapi_events,
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


def _end(random: Random, lines: Sequence[str]) -> list[str]:
    """A line ends before its end."""
    place = random.randint(1, max(1, len(lines) - 1))
    if place >= len(lines):
        return list(lines)
    line = lines[place]
    cut = line[: random.randint(0, len(line))]
    if _looks_whole(line, len(cut)):
        cut = cut.rstrip("0123456789.e+-")
    return [*lines[:place], cut, *lines[place + 1 :]]


def _looks_whole(line: str, place: int) -> bool:
    """Whether a line that is cut there ends with a part of a number which might be all of it."""
    if not (number := _NUMBER_AT_END.search(line, 0, place)):
        return False
    if line.endswith(", step = ", 0, number.start()):
        return True  # the first line of a training has no seconds behind its step
    is_last = not line[place:].strip("0123456789.e+-")
    return is_last and not _FIXED_DIGITS.search(line)


_NUMBER_AT_END = re.compile(r"[-+\d.e]+\Z")
_FIXED_DIGITS = re.compile(r"per-step time .* loss=|maxDets=.* \] = |\+ \w+/.*: ")
_CHANGES = (_interrupt, _interrupt, _interrupt, _lose, _repeat, _move, _cut, _end)
# By format: the changes after which a number is still told at its own step; of others all of them.
_KEEPS_STEPS: dict[str, set[Callable[[Random, Sequence[str]], list[str]]]] = {
    "model_main_2021": {_interrupt, _cut, _end},
    "notebook": {_interrupt},
}
