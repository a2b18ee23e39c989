"""The log lines of `model_main_tf2` in every form that has been seen.

The forms are those of object_detection/model_lib_v2.py over the years, as they arrive through
absl's two handlers, through syslog, and mixed with the output of others.
"""

from __future__ import annotations

import math

import pytest

from odapi_runner.report.rows import EvalRow, TrainRow
from support.logs import problems, rows

TABLE = """\
 Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.135
 Average Precision  (AP) @[ IoU=0.50      | area=   all | maxDets=100 ] = 0.426
 Average Precision  (AP) @[ IoU=0.75      | area=   all | maxDets=100 ] = 0.081
 Average Precision  (AP) @[ IoU=0.50:0.95 | area= small | maxDets=100 ] = -1.000
 Average Precision  (AP) @[ IoU=0.50:0.95 | area=medium | maxDets=100 ] = 0.014
 Average Precision  (AP) @[ IoU=0.50:0.95 | area= large | maxDets=100 ] = 0.143
 Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all | maxDets=  1 ] = 0.215
 Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all | maxDets= 10 ] = 0.396
 Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.578
 Average Recall     (AR) @[ IoU=0.50:0.95 | area= small | maxDets=100 ] = -1.000
 Average Recall     (AR) @[ IoU=0.50:0.95 | area=medium | maxDets=100 ] = 0.433
 Average Recall     (AR) @[ IoU=0.50:0.95 | area= large | maxDets=100 ] = 0.588
"""
EXACT = {
    "DetectionBoxes_Precision/mAP": 0.134822,
    "DetectionBoxes_Precision/mAP@.50IOU": 0.425615,
    "DetectionBoxes_Precision/mAP@.75IOU": 0.080763,
    "DetectionBoxes_Precision/mAP (small)": -1.0,
    "DetectionBoxes_Precision/mAP (medium)": 0.014117,
    "DetectionBoxes_Precision/mAP (large)": 0.143135,
    "DetectionBoxes_Recall/AR@1": 0.215217,
    "DetectionBoxes_Recall/AR@10": 0.395652,
    "DetectionBoxes_Recall/AR@100": 0.578261,
    "DetectionBoxes_Recall/AR@100 (small)": -1.0,
    "DetectionBoxes_Recall/AR@100 (medium)": 0.433333,
    "DetectionBoxes_Recall/AR@100 (large)": 0.588372,
    "Loss/total_loss": 1.043772,
}


def evaluation(step: int, metrics: dict[str, float], prefix: str = "INFO:tensorflow:") -> str:
    """The lines of one evaluation, each message once."""
    lines = [f"{prefix}Eval metrics at step {step}"]
    lines += [f"{prefix}\t+ {tag}: {value:f}" for tag, value in metrics.items()]
    return "\n".join(lines) + "\n"


def test_a_number_with_two_points_is_none() -> None:
    """Two writers whose lines ran into each other."""
    text = evaluation(100, EXACT).replace("1.043772", "1.04.3772")

    (row,) = rows(text)

    assert isinstance(row, EvalRow)
    assert "Loss/total_loss" not in row.metrics


def test_a_number_of_no_step_is_none() -> None:
    """More digits than any table holds."""
    number = "9" * 19

    assert rows(f"Step {number} per-step time 0.5s loss=1.0\n") == []
    assert rows(f"Eval metrics at step {number}\n\t+ Loss/total_loss: 1.000000\n") == []


def test_the_form_of_2020_has_the_loss_in_the_step_line() -> None:
    """Both handlers' lines are one row; `loss` is the total loss."""
    text = """\
INFO:tensorflow:Step 100 per-step time 0.813s loss=1.396
I0912 11:40:27.956218 139735407601536 model_lib_v2.py:652] Step 100 per-step time 0.813s loss=1.396
INFO:tensorflow:Step 200 per-step time 0.801s loss=nan
I0912 11:41:27.956218 139735407601536 model_lib_v2.py:652] Step 200 per-step time 0.801s loss=nan
"""
    first, second = rows(text)

    assert first == TrainRow(100, 0.813, {"Loss/total_loss": 1.396})
    assert isinstance(second, TrainRow)
    assert math.isnan(second.values["Loss/total_loss"])


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("0.53", 0.53),
        ("np.float32(0.53)", 0.53),
        ("1.5e-05", 1.5e-05),
        ("np.float32(1e+10)", 1e10),
        ("0.0", 0.0),
        ("inf", math.inf),
        ("-inf", -math.inf),
        ("np.float32(inf)", math.inf),
    ],
)
def test_the_form_of_2021_has_a_dict_below_the_step_line(written: str, value: float) -> None:
    """Values of numpy 1 and 2; only the first line of the dict has a prefix."""
    dict_lines = f"{{'Loss/localization_loss': {written},\n 'learning_rate': {written}}}\n"
    text = (
        "INFO:tensorflow:Step 100 per-step time 1.938s\n"
        "I1223 23:31:42.470360 140361518614400 model_lib_v2.py:707] Step 100 per-step time 1.938s\n"
        f"INFO:tensorflow:{dict_lines}"
        f"I1223 23:31:42.470360 140361518614400 model_lib_v2.py:708] {dict_lines}"
    )

    expected = {"Loss/localization_loss": value, "learning_rate": value}
    assert rows(text) == [TrainRow(100, 1.938, expected)]


@pytest.mark.parametrize(
    ("text", "line", "values"),
    [
        (
            (
                "INFO:tensorflow:Step 100 per-step time 0.531s\n"
                "INFO:tensorflow:{'Loss/classification_loss': np.float32(0.3x5),\n"
                " 'Loss/total_loss': np.float32(0.75)}\n"
            ),
            2,
            {"Loss/total_loss": 0.75},
        ),
        (
            (
                "Step 100 per-step time 0.531s\n"
                " {'Loss/total_loss': np.float32(0.75), 'learning_rate': 0.0.4,\n"
            ),
            2,
            {"Loss/total_loss": 0.75},
        ),
        ("INFO:tensorflow:Step 100 per-step time 0.531s loss=2.9952211XX\n", 1, {}),
    ],
)
def test_a_loss_that_cannot_be_read_is_said(text: str, line: int, values: dict[str, float]) -> None:
    """With its line; the others of the step are read."""
    assert rows(text) == [TrainRow(100, 0.531, values)]
    assert problems(text) == [(line, "a value that cannot be read")]


def test_the_scale_of_the_loss_ends_a_dict_of_odapi() -> None:
    """With float16: the next step has its own."""
    text = "".join(
        f"Step {step} per-step time 0.5s\n{{'Loss/total_loss': np.float32(1.5),\n"
        f" 'learning_rate': np.float32(0.25),\n 'loss_scale': np.float32({scale}.0)}}\n"
        for step, scale in ((100, 32768), (200, 16384))
    )
    values = {"Loss/total_loss": 1.5, "learning_rate": 0.25}

    assert rows(text) == [
        TrainRow(100, 0.5, values | {"loss_scale": 32768.0}),
        TrainRow(200, 0.5, values | {"loss_scale": 16384.0}),
    ]


def test_a_loss_of_nan_is_one_row_though_it_does_not_equal_itself() -> None:
    """The doubled dict of nan is not taken for two."""
    block = "Step 100 per-step time 1s\n{'Loss/total_loss': np.float32(nan)}\n"

    (row,) = rows(block + block)

    assert isinstance(row, TrainRow)
    assert math.isnan(row.values["Loss/total_loss"])


def test_a_dict_of_one_line_and_one_through_syslog() -> None:
    """`#012` stands for a line's end where syslog wrote the message on one line."""
    text = """\
Nov 20 host odapi: Step 100 per-step time 0.5s
Nov 20 host odapi: {'Loss/a': 0.25,#012 'Loss/b': np.float32(0.5)}
Step 200 per-step time 0.5s
{'Loss/a': 0.125}
"""
    assert rows(text) == [
        TrainRow(100, 0.5, {"Loss/a": 0.25, "Loss/b": 0.5}),
        TrainRow(200, 0.5, {"Loss/a": 0.125}),
    ]


def test_lines_of_others_in_between_are_left_out() -> None:
    """A warning inside the dict, and a dict that belongs to no step, do no harm."""
    text = """\
INFO:tensorflow:{'Loss/before': 9.0}
INFO:tensorflow:Step 100 per-step time 0.531s
INFO:tensorflow:{'Loss/classification_loss': 0.5,
W1120 12:13:50.642122 139820411952000 pool.py:1] connection 'a' to 'b': 3 retries
 'Loss/total_loss': 0.75}
I1120 12:15:12.477549 139820411952000 functional_saver.py:440] options 'x': 5
"""
    expected = {"Loss/classification_loss": 0.5, "Loss/total_loss": 0.75}
    assert rows(text) == [TrainRow(100, 0.531, expected)]


def test_a_step_comes_twice_after_a_resume() -> None:
    """Trained to 400, killed, resumed from 300: both rows of step 400 are told, in order."""
    text = """\
Step 400 per-step time 0.5s
{'Loss/total_loss': 1.0}
Step 400 per-step time 0.6s
{'Loss/total_loss': 0.5}
"""
    assert rows(text) == [
        TrainRow(400, 0.5, {"Loss/total_loss": 1.0}),
        TrainRow(400, 0.6, {"Loss/total_loss": 0.5}),
    ]


@pytest.mark.parametrize(
    "prefix",
    [
        "INFO:tensorflow:",
        "I1120 12:22:48.698428 140324385008512 model_lib_v2.py:1010] ",
        "2026-11-20T12:22:48 worker-0 INFO:tensorflow:",
        "",
    ],
)
def test_an_evaluation_has_its_exact_numbers_under_any_prefix(prefix: str) -> None:
    """The table before it, rounded to three digits, is not a second row."""
    assert rows(TABLE + evaluation(1000, EXACT, prefix)) == [EvalRow(1000, EXACT)]


@pytest.mark.parametrize("tab", ["\t", "#011", "    "])
def test_the_tab_may_have_become_something_else(tab: str) -> None:
    """Syslog writes `#011`, terminals copy spaces."""
    text = f"INFO:tensorflow:Eval metrics at step 7\nINFO:tensorflow:{tab}+ Loss/a: 0.500000\n"

    assert rows(text) == [EvalRow(7, {"Loss/a": 0.5})]


def test_doubled_lines_of_an_evaluation_are_one_row() -> None:
    """Each message by both handlers, line by line."""
    one = evaluation(1000, EXACT).splitlines(keepends=True)
    other = evaluation(1000, EXACT, "I1120 12:22:48.7 1403 model_lib_v2.py:1010] ")
    pairs = zip(one, other.splitlines(keepends=True), strict=True)

    assert rows("".join(line for pair in pairs for line in pair)) == [EvalRow(1000, EXACT)]


def test_each_evaluation_is_a_row_and_one_cut_short_is_none() -> None:
    """Two whole evaluations; the third ended before its first metric."""
    later = EXACT | {"DetectionBoxes_Precision/mAP": 0.2}
    text = evaluation(1000, EXACT) + evaluation(2000, later) + "Eval metrics at step 3000\n"

    assert rows(text) == [EvalRow(1000, EXACT), EvalRow(2000, later)]


def test_names_of_classes_may_hold_anything() -> None:
    """Spaces, colons and Korean in a class name belong to the tag."""
    tag = "DetectionBoxes_PerformanceByCategory/mAP/사람: 앉은 + 1"

    assert rows(evaluation(5, {tag: 0.5})) == [EvalRow(5, {tag: 0.5})]


@pytest.mark.parametrize("kept", [1, 6])
def test_an_evaluation_that_is_cut_and_its_table_are_one_row(kept: int) -> None:
    """What the table alone has is said, and a table of another evaluation is a row."""
    part = dict(list(EXACT.items())[:kept])
    other = TABLE.replace("0.135", "0.139").replace("0.081", "0.089")
    text = TABLE + evaluation(1000, part)

    assert rows(text) == [EvalRow(1000, part)]
    assert problems(text) == [(12 + 1 + kept, "an evaluation lacks metrics of COCO's table")]
    assert [row.step for row in rows(other + text)] == [1000, None]


def test_a_table_alone_gives_a_row_without_a_step() -> None:
    """stdout alone holds the table only: three digits, no step."""
    (row,) = rows(TABLE)

    assert row == EvalRow(
        None,
        {tag: round(value, 3) for tag, value in EXACT.items() if tag.startswith("Detection")},
    )


def test_tables_at_the_end_of_the_log_belong_to_the_evaluations_before_them() -> None:
    """stdout is written late beside stderr: of three tables the one told nowhere else remains."""
    later = EXACT | {"DetectionBoxes_Precision/mAP": 0.2}
    text = evaluation(1000, EXACT) + evaluation(2000, later)
    tables = TABLE + TABLE.replace("= 0.135", "= 0.200") + TABLE.replace("= 0.135", "= 0.300")

    found = rows(text + tables)

    assert [row.step for row in found] == [1000, 2000, None]
    assert isinstance(found[2], EvalRow)
    assert found[2].metrics["DetectionBoxes_Precision/mAP"] == 0.3


def test_training_and_evaluation_may_write_into_one_file() -> None:
    """Lines of the trainer in the middle of an evaluation's end neither."""
    head, *metrics = evaluation(100, {"Loss/a": 0.5, "Loss/b": 0.25}).splitlines(keepends=True)
    text = (
        "Step 200 per-step time 0.5s\n"
        + head
        + metrics[0]
        + "{'Loss/total_loss': 1.0,\n"
        + metrics[1]
        + " 'learning_rate': 0.5}\n"
    )

    assert sorted(rows(text), key=lambda row: row.step or 0) == [
        EvalRow(100, {"Loss/a": 0.5, "Loss/b": 0.25}),
        TrainRow(200, 0.5, {"Loss/total_loss": 1.0, "learning_rate": 0.5}),
    ]


def test_what_stands_below_a_cut_line_of_a_step_is_of_no_step_before() -> None:
    """Of an evaluation nobody knows the step of, as of losses, nothing is told."""
    metric = "\t+ DetectionBoxes_Precision/mAP: {:f}\n"
    cut = f"Eval metrics at step 1\n{metric.format(0.25)}Eval metrics at step \n"
    trained = "Step {} per-step time 0.5s\n{{'Loss/total_loss': {},\n"

    assert rows(cut + metric.format(0.5)) == [EvalRow(1, {"DetectionBoxes_Precision/mAP": 0.25})]
    assert rows(trained.format(1, 0.25) + trained.format("", 0.5)) == [
        TrainRow(1, 0.5, {"Loss/total_loss": 0.25})
    ]
    # The other handler's line was whole.
    assert rows(f"Eval metrics at step 1\nEval metrics at step \n{metric.format(0.5)}") == [
        EvalRow(1, {"DetectionBoxes_Precision/mAP": 0.5})
    ]
