"""Searching logs: whatever the blocks, line ends and prefixes, the rows are the same."""

from __future__ import annotations

import gzip
from pathlib import Path
from random import Random

import pytest

from odapi_runner.errors import DataError
from odapi_runner.report.blocks import open_log, read_blocks
from odapi_runner.report.logs import JSON_LINES, LOGS, parse_log, read_log, stream_log
from odapi_runner.report.printed_tables import PrintedTables
from odapi_runner.report.rows import EvalRow, Row, TrainRow
from odapi_runner.report.scan import ANCHORS, Findings, Scanner
from support.logs import problems, rows

LOG = """\
a line of somebody's with 5 numbers
INFO:tensorflow:Step 100 per-step time 0.531s
I1120 12:13:50.642122 139820411952000 model_lib_v2.py:705] Step 100 per-step time 0.531s
INFO:tensorflow:{'Loss/classification_loss': np.float32(0.5),
 'Loss/total_loss': np.float32(0.75)}
I1120 12:13:50.642122 139820411952000 model_lib_v2.py:708] {'Loss/classification_loss': 0.5,
 'Loss/total_loss': np.float32(0.75)}
 Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.135
INFO:tensorflow:Eval metrics at step 100
INFO:tensorflow:\t+ DetectionBoxes_Precision/mAP: 0.134822
INFO:tensorflow:\t+ Loss/total_loss: 1.043772
INFO:tensorflow:loss = 21.5, step = 200 (32.747 sec)
"""
ROWS = [
    TrainRow(100, 0.531, {"Loss/classification_loss": 0.5, "Loss/total_loss": 0.75}),
    EvalRow(100, {"DetectionBoxes_Precision/mAP": 0.134822, "Loss/total_loss": 1.043772}),
    TrainRow(200, None, {"Loss/total_loss": 21.5}),
]


def by_step(found: list[Row]) -> list[Row]:
    return sorted(found, key=lambda row: (row.step or 0, isinstance(row, EvalRow)))


def test_words_hold_what_is_searched_for() -> None:
    """A grammar whose lines no anchor finds would never see one."""
    for grammar in LOGS:
        assert grammar.words
        for word in grammar.words:
            assert any(anchor in word.encode() for anchor in ANCHORS), word
    assert not any(grammar.words for grammar in JSON_LINES)


@pytest.mark.parametrize("seed", range(20))
def test_it_does_not_matter_where_blocks_end(seed: int) -> None:
    """Between any two lines."""
    random = Random(seed)
    lines = [line.encode() for line in LOG.splitlines(keepends=True)]
    scanner = Scanner(LOGS)
    found: list[Row] = []
    while lines:
        count = random.randint(1, 4)
        block, lines = b"".join(lines[:count]), lines[count:]
        found += scanner.feed(block)

    assert by_step([*found, *scanner.close()]) == by_step(ROWS)


@pytest.mark.parametrize(
    "prefix",
    [
        "",
        "Nov 20 12:00:01 host odapi[77]: ",  # syslog
        "algo-1-abcde_1  | ",  # SageMaker
        "2026-11-20T12:00:01.123Z stdout F ",  # a container's
        "3: ",  # srun --label
        "[1,0]<stderr>:",  # mpirun --tag-output
    ],
)
def test_any_prefix_may_stand_before_every_line(prefix: str) -> None:
    """Those of the launchers and collectors that people use."""
    text = "".join(prefix + line for line in LOG.splitlines(keepends=True))

    assert by_step(rows(text)) == by_step(ROWS)


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_line_ends_make_no_difference(end: str) -> None:
    """Of Windows, and of bars that write over themselves."""
    assert by_step(rows(LOG.replace("\n", end))) == by_step(ROWS)


def test_a_problem_has_its_line() -> None:
    """The line of the file, also within what a grammar reads at once."""
    text = LOG.replace("1.043772", "1.04.3772").replace("step = 200", "step = ")

    assert problems(text * 2) == [
        (11, "a metric without its value"),
        (12, "a cut line of losses"),
        (23, "a metric without its value"),
        (24, "a cut line of losses"),
    ]
    assert problems(text.replace("\n", "\r\n"))[0][0] == 11


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("Step 1 per-step 0.5s\n", None),
        ("INFO:tensorflow:Step per-step time 0.5s\n", "a step without its number or its time"),
        ("Eval metrics at step INFO:tensorflow:x\n", "an evaluation without its step"),
        ("Eval metrics at step 7\nthe end\n", "the evaluation at step 7 has no metrics"),
    ],
)
def test_what_is_cut_is_said(line: str, why: str | None) -> None:
    """Nothing is said of lines that are nobody's."""
    assert rows(line) == []
    assert [reason for _, reason in problems(line)] == ([why] if why else [])


def test_the_lines_of_two_writers_may_run_into_each_other() -> None:
    """What is whole of them is read."""
    text = LOG.replace("time 0.531s\nI1120", "time 0.531sI1120", 1)

    assert by_step(rows(text)) == by_step(ROWS)


def test_numbers_of_others_are_no_metrics() -> None:
    """A dict, a list with pluses, a step of something else, near the lines that are metrics."""
    others = (
        "{'retries': 3, 'loss': 4.5}\n"
        " 'timeout': 99.5,\n"
        "\t+ packages: 12.000000\n"
        "  + numpy/linalg 1.26\n"
        "step 7 of 9: loss 8.5\n"
        "epoch = 3, step = 12.5\n"
    )
    text = "".join(line + others for line in LOG.splitlines(keepends=True))

    assert by_step(rows(text)) == by_step(ROWS)


def test_a_dict_far_below_its_step_is_none() -> None:
    """A reader does not wait forever, and the speed of a step is told without its losses."""
    text = "Step 100 per-step time 0.5s\n" + "nothing\n" * 2000 + " 'Loss/total_loss': 0.75}\n"

    assert rows(text) == [TrainRow(100, 0.5, {})]


def test_tables_are_compared_with_what_is_told_before_and_after() -> None:
    """By their rounding, whichever side of a thousandth it falls to."""
    tables = PrintedTables()
    tag = "DetectionBoxes_Precision/mAP"
    tables.add(EvalRow(None, {tag: 0.135}))
    tables.tell({tag: 0.1345, "Loss/total_loss": 5.0})
    for value in (0.134, 0.9):
        tables.add(EvalRow(None, {tag: value}))

    assert tables.untold() == [EvalRow(None, {tag: 0.9})]
    assert tables.untold() == []


def test_a_log_of_tables_alone_is_followed() -> None:
    """A table is told when another begins, or nothing comes; one beside exact rows waits."""
    table = LOG.splitlines(keepends=True)[7].encode()
    scanner = Scanner(LOGS, follows=True)
    waiting = Scanner(LOGS, follows=True)

    assert scanner.feed(table) == []
    assert [row.step for row in scanner.feed(table.replace(b"135", b"250"))] == [None]
    assert [row.step for row in scanner.flush()] == [None]
    assert scanner.close() == []
    waiting.feed(LOG.encode())
    waiting.flush()
    assert waiting.feed(table.replace(b"135", b"250") * 2) == waiting.flush() == []
    assert len(waiting.close()) == 2


def test_a_packed_log_is_read_and_one_that_is_cut_to_there(tmp_path: Path) -> None:
    """By gzip, whatever its name; the rows that are whole count, and the rest is said."""
    path = tmp_path / "train.log"
    lines = [f"Step {step} per-step time 0.5s loss={step / 7:.3f}\n" for step in range(1, 5001)]
    packed = gzip.compress("".join(lines).encode())
    path.write_bytes(packed)
    whole = read_log(path).train
    path.write_bytes(packed[: len(packed) // 2])
    findings = Findings()
    half = read_log(path, findings).train

    assert len(whole) == 5000
    assert half == whole[: len(half)]
    assert 1000 < len(half) < 4000
    assert findings.problems[-1].at(path) == f"{path}:{len(half) + 1}: packed, and cut short"


def test_a_packed_log_that_is_cut_before_its_first_metric_says_so(tmp_path: Path) -> None:
    """And not that there is none in it, which nobody knows."""
    path = tmp_path / "cut.gz"
    packed = gzip.compress(b"".join(b"Hello %d\n" % (n * n) for n in range(5000)) + LOG.encode())
    path.write_bytes(packed[: len(packed) // 2])

    with pytest.raises(DataError) as caught:
        read_log(path)

    assert caught.value.what == f"{path}: packed, and cut short"


def test_a_step_that_is_cut_does_not_replace_a_whole_one() -> None:
    """A run that is resumed, and killed before the losses are printed; speeds alone are rows."""
    alone = "Step 100 per-step time 0.531s\n"

    assert rows(alone + "Step 200 per-step time 0.5s\n") == [
        TrainRow(100, 0.531, {}),
        TrainRow(200, 0.5, {}),
    ]
    assert by_step(rows(LOG + alone)) == by_step(ROWS)
    assert problems(LOG + alone) == [(13, "a step without its losses")]


def test_bytes_that_pack_nothing_are_refused(tmp_path: Path) -> None:
    """A file that begins like a packed one."""
    path = tmp_path / "x.gz"
    path.write_bytes(b"\x1f\x8b but no more than that")

    with pytest.raises(Exception, match="cannot be read"):
        read_log(path)


def test_a_line_may_be_longer_than_a_block(tmp_path: Path) -> None:
    """As a dump of a config; the lines around it are read."""
    path = tmp_path / "train.log"
    path.write_text("x" * 10_000_000 + "\n" + LOG, "utf-8")

    with open_log(path) as stream:
        blocks = list(read_blocks(stream, path))

    assert blocks[-1].endswith(LOG.encode())
    assert by_step([told.row for told in stream_log(path, Findings())]) == by_step(ROWS)


def test_a_log_may_begin_with_a_dict() -> None:
    """That Python printed: it is no JSON."""
    assert by_step(rows("{'batch_size': 8}\n" + LOG)) == by_step(ROWS)


def test_lines_without_line_ends_are_whole() -> None:
    """As a caller has them who has split a text."""
    parsed = parse_log(LOG.splitlines())

    assert [*parsed.train, *parsed.evaluations] == [ROWS[0], ROWS[2], ROWS[1]]
