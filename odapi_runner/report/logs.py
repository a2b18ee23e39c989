"""Reading logs of trainings and evaluations, whatever wrote them."""

from __future__ import annotations

import itertools
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from odapi_runner import files
from odapi_runner.errors import DataError
from odapi_runner.pipeline.patching.notebook import is_notebook
from odapi_runner.report import notebooks
from odapi_runner.report.blocks import can_be_reopened, open_log, read_blocks
from odapi_runner.report.grammars import (
    coco_table,
    estimator,
    mmdetection,
    model_main_tf2,
    odapi,
    ultralytics,
)
from odapi_runner.report.grammars.grammar import Grammar
from odapi_runner.report.passes import Passes
from odapi_runner.report.rows import EvalRow, ParsedLog, Remarks, Row, TrainRow, keep_later
from odapi_runner.report.scan import Findings, Problem, Scanner

# A log may hold lines of all of them: a trainer's, an evaluator's, and the table between.
LOGS = (model_main_tf2.GRAMMAR, coco_table.GRAMMAR, estimator.GRAMMAR)
JSON_LINES = (mmdetection.GRAMMAR, odapi.EVENTS)

_HEAD = 65_536  # bytes looked at to tell what a file is
_LONGEST_NOTEBOOK = 1 << 24  # bytes
_FIX = (
    'Its lines should be like "Step 100 per-step time 0.5s" or "Eval metrics at step 100", or of '
    "another format: odapi parse --help"
)


@dataclass(frozen=True, slots=True)
class Told:
    """A row of a log, and the run that it is of."""

    run: str  # a number from 1, an experiment's number (N-2 the second), a folder of event files
    row: Row
    remarks: Remarks | None = None  # of a notebook


def read_log(path: Path, findings: Findings | None = None) -> ParsedLog:
    """The only run of a log.

    Raises:
        DataError: as `read_logs`, or there are several.
    """
    first, *others = read_logs(path, findings)
    if others:
        names = ", ".join(log.name for log in (first, *others))
        raise DataError(f"{path}: holds several runs: {names}", fix="Ask for all: odapi parse")
    return first


def read_logs(path: Path, findings: Findings | None = None) -> tuple[ParsedLog, ...]:
    """The runs of a log, a notebook, an event file, or a folder of event files.

    Args:
        path: `-` for standard input; packed by gzip or not.
        findings: gets the formats that were found and what could not be used.

    Raises:
        DataError: it cannot be read, is of no format that is known, or tells no metric.
    """
    return collect(stream_log(path, findings or Findings()))


def parse_log(lines: Iterable[str]) -> ParsedLog:
    """The rows of all kinds of logs that the lines hold, as those of one run."""
    scanner = Scanner(LOGS)
    text = "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)
    rows = [*scanner.feed(text.encode("utf-8", errors="replace")), *scanner.close()]
    return ParsedLog(
        train=tuple(row for row in rows if isinstance(row, TrainRow)),
        evaluations=tuple(row for row in rows if isinstance(row, EvalRow)),
    )


def stream_log(
    path: Path, findings: Findings, on_idle: Callable[[], bool] | None = None
) -> Iterator[Told]:
    """The rows of a log as they come, in constant memory unless it is no log of lines.

    A step that a resumed run tells again comes twice; the later row says so by its `times`.

    Args:
        path: as in `read_logs`.
        findings: complete once all rows have come.
        on_idle: as in `blocks.read_blocks`: follows a log of lines that grows.

    Raises:
        DataError: as `read_logs`, or what is no log of lines is to be followed.
    """
    if files.is_folder(path):
        _refuse_following(path, "a folder", on_idle)
        told = _stream_events(path, findings)
    else:
        told = _stream(path, findings, on_idle)
    is_empty = True
    for each in told:
        is_empty = False
        yield each
    if is_empty:
        why = f" ({findings.problems[0]})" if findings.problems else ""
        raise DataError(f"{path}: no metrics in this log{why}", fix=_FIX)


def collect(told: Iterable[Told]) -> tuple[ParsedLog, ...]:
    """The rows by run, in the order of the log; of the same step the later one counts."""
    runs: dict[str, tuple[list[TrainRow], list[EvalRow], Remarks | None]] = {}
    for each in told:
        train, evaluations, _ = runs.setdefault(each.run, ([], [], each.remarks))
        if isinstance(each.row, TrainRow):
            train.append(each.row)
        else:
            evaluations.append(each.row)
    return tuple(
        ParsedLog(
            train=tuple(keep_later(train)),
            evaluations=tuple(keep_later(evaluations)),
            name=run if len(runs) > 1 else "",
            remarks=remarks,
        )
        for run, (train, evaluations, remarks) in runs.items()
    )


def find_grammars(head: bytes) -> tuple[Grammar, ...]:
    """The grammars that a text which begins so may hold lines of."""
    first = next((line for line in head.splitlines() if line.strip()), b"")
    line = first.decode("utf-8", errors="replace").removeprefix("\ufeff")
    if line.lstrip().startswith('{"'):  # a dict that Python prints begins in another way
        return JSON_LINES
    if ultralytics.is_header(line):
        return (ultralytics.GRAMMAR,)
    if odapi.is_header(line):
        return (odapi.METRICS_CSV,)
    return LOGS


def _refuse_following(path: Path, kind: str, on_idle: Callable[[], bool] | None) -> None:
    if on_idle is not None:
        fix = "Read it as it is, without -f; logs of lines can be followed, as train.log."
        raise DataError(f"{path}: {kind} is not followed", fix=fix)


def _stream_events(path: Path, findings: Findings, content: Path | None = None) -> Iterator[Told]:
    # NumPy and protobuf come with it, which other logs need not wait for.
    from odapi_runner.report.event_logs import read_event_rows

    passes: dict[str, Passes] = {}
    for run, row in read_event_rows(path, findings, content):
        _, placed = passes.setdefault(run, Passes()).place(row)
        yield Told(run or ".", placed)


def _stream(path: Path, findings: Findings, on_idle: Callable[[], bool] | None) -> Iterator[Told]:
    with open_log(path) as stream:
        if on_idle is not None and can_be_reopened(stream, path):
            _refuse_bytes(path, stream.peek(1), on_idle)
        blocks = read_blocks(stream, path, on_idle)
        first = next((block for block in blocks if block), b"")
        head = first[:_HEAD]
        whole = itertools.chain([first], blocks)
        if b"\0" in head:
            _refuse_bytes(path, head, on_idle)
            copied = None if can_be_reopened(stream, path) else whole
            yield from _stream_event_file(path, copied, findings)
        elif is_notebook(head.decode("utf-8", errors="replace")):
            _refuse_following(path, "a notebook", on_idle)
            yield from _stream_notebook(path, whole, findings)
        else:
            scanner = Scanner(find_grammars(head), findings, follows=on_idle is not None)
            yield from _stream_lines(path, whole, scanner)


def _refuse_bytes(path: Path, head: bytes, on_idle: Callable[[], bool] | None) -> None:
    """Refuse what is neither a text nor an event file; and to follow that, which has no lines."""
    from odapi_runner.formats.event_file import is_event_file

    if b"\0" not in head:
        return
    if not is_event_file(head):
        raise DataError(f"{path}: not a text", fix="Give the log that training printed.")
    _refuse_following(path, "an event file", on_idle)


def _stream_event_file(
    path: Path, copied: Iterable[bytes] | None, findings: Findings
) -> Iterator[Told]:
    """Its rows; of one that is packed, or comes through a pipe, by way of a copy."""
    if copied is None:
        yield from _stream_events(path, findings)
        return
    with tempfile.NamedTemporaryFile() as copy:
        try:
            copy.writelines(copied)
        except DataError as error:  # packed, and cut: the rest is read
            findings.add(_problem(path, error))
        copy.flush()
        yield from _stream_events(path, findings, Path(copy.name))


def _problem(path: Path, error: DataError, line: int | None = None) -> Problem:
    return Problem(line, error.what.removeprefix(f"{path}: "))


def _stream_notebook(path: Path, blocks: Iterable[bytes], findings: Findings) -> Iterator[Told]:
    data = b""
    for block in blocks:
        data += block
        if len(data) > _LONGEST_NOTEBOOK:
            raise DataError(f"{path}: too long for a notebook", fix="Give the log of a training.")
    text = data.decode("utf-8", errors="replace")
    times = Counter[int]()
    for number, row, remarks in notebooks.read_experiments(text, LOGS, findings):
        times[number] += 1
        again = f"-{times[number]}" if times[number] > 1 else ""
        yield Told(f"{number}{again}", row, remarks)


def _stream_lines(path: Path, blocks: Iterable[bytes], scanner: Scanner) -> Iterator[Told]:
    passes = Passes()
    failure = None

    def place(rows: Iterable[Row]) -> Iterator[Told]:
        for row in rows:
            run, placed = passes.place(row)
            yield Told(str(run), placed)

    try:
        for block in blocks:
            yield from place(scanner.feed(block) if block else scanner.flush())
    except DataError as error:  # a packed log that was cut, a disk that fails
        failure = error
        scanner.findings.add(_problem(path, error, scanner.lines + 1))
    yield from place(scanner.close())
    if failure and not scanner.findings.formats:
        raise failure  # that says more than that there are no metrics
