"""The lines of TensorFlow 1's estimators: of model_main.py, of google/automl, of TF-Slim before.

The forms are those of basic_session_run_hooks.py and estimator.py (TensorFlow 1.15 and 2.15), the
numbers of the first cases a user's notebook's.
"""

from __future__ import annotations

import pytest

from odapi_runner.report.rows import EvalRow, TrainRow
from support.logs import problems, rows

MAP = "DetectionBoxes_Precision/mAP"
SAVED = (
    "Saving dict for global step 135813: DetectionBoxes_Precision/mAP = 0.7153152, "
    "DetectionBoxes_Precision/mAP (small) = -1.0, Loss/total_loss = 0.99279815, "
    "global_step = 135813, learning_rate = 0.0017147498, loss = 0.99279815\n"
)
EVALUATED = EvalRow(
    135813,
    {
        MAP: 0.7153152,
        "DetectionBoxes_Precision/mAP (small)": -1.0,
        "Loss/total_loss": 0.99279815,
        "learning_rate": 0.0017147498,
        "loss": 0.99279815,
    },
)


@pytest.mark.parametrize(
    "prefix",
    ["INFO:tensorflow:", "I1121 22:55:11.438755 140250833816448 estimator.py:2085] ", "algo-1 | "],
)
def test_an_evaluation_is_one_line(prefix: str) -> None:
    """Both handlers' lines are one row; the step is in it, whatever stands before."""
    other = f"I1121 22:55:11.4 1 estimator.py:2085] {SAVED}"

    assert rows(prefix + SAVED + other) == [EVALUATED]


def test_a_line_that_somebody_copied_lacks_its_first_words() -> None:
    """The metrics and `global_step` are enough."""
    assert rows(SAVED[SAVED.index("Detection") :]) == [EVALUATED]


def test_a_line_of_training_has_the_seconds_since_the_one_before() -> None:
    """So that the first one tells no speed."""
    text = """\
INFO:tensorflow:loss = 24.267006, step = 72700
INFO:tensorflow:global_step/sec: 3.05377
INFO:tensorflow:loss = 21.5, step = 72800 (32.747 sec)
"""
    assert rows(text) == [
        TrainRow(72700, None, {"Loss/total_loss": 24.267006}),
        TrainRow(72800, 0.32747, {"Loss/total_loss": 21.5}),
    ]


def test_what_several_hooks_tell_of_a_step_is_one_row() -> None:
    """As google/automl does, each line by two handlers; `box_loss` lacks its weight."""
    text = """\
INFO:tensorflow:loss = 3.173369, step = 0
I1121 22:54:47.683640 140279609232256 basic_session_run_hooks.py:265] loss = 3.173369, step = 0
INFO:tensorflow:box_loss = 0.017656008, cls_loss = 1.0869232, det_loss = 1.9697237, step = 0
I1121 22:54:47.6 1 basic_session_run_hooks.py:265] box_loss = 0.017656008, cls_loss = 1.0869232, \
det_loss = 1.9697237, step = 0
"""
    assert rows(text) == [
        TrainRow(
            0,
            None,
            {
                "Loss/total_loss": 3.173369,
                "box_loss": 0.017656008,
                "Loss/classification_loss": 1.0869232,
                "det_loss": 1.9697237,
            },
        )
    ]


def test_automl_has_names_of_its_own() -> None:
    """COCO's twelve, and each class behind AP_/; the last line of a log may lack its end."""
    text = (
        "Saving dict for global step 4: AP = 0.31, AP50 = 0.5, AP_/Person sitting = 0.25, "
        "APl = -1.0, ARmax100 = 0.75, box_loss = 0.0139, cls_loss = 1.125, global_step = 4, "
        "loss = 2.5\n"
    )
    assert rows(text) == [
        EvalRow(
            4,
            {
                MAP: 0.31,
                "DetectionBoxes_Precision/mAP@.50IOU": 0.5,
                "DetectionBoxes_PerformanceByCategory/mAP/Person sitting": 0.25,
                "DetectionBoxes_Precision/mAP (large)": -1.0,
                "DetectionBoxes_Recall/AR@100": 0.75,
                "box_loss": 0.0139,
                "Loss/classification_loss": 1.125,
                "Loss/total_loss": 2.5,
            },
        )
    ]


def test_a_table_before_it_is_not_told_twice() -> None:
    """COCO's, with three digits, between the lines of the estimator."""
    table = (
        " Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.715\n"
        " Average Precision  (AP) @[ IoU=0.50:0.95 | area= small | maxDets=100 ] = -1.000\n"
    )
    assert rows(table + SAVED) == [EVALUATED]


@pytest.mark.parametrize(
    ("text", "row"),
    [
        (
            "Saving dict for global step 4: AP = oops, AP50 = 0.5, global_step = 4\n",
            EvalRow(4, {"DetectionBoxes_Precision/mAP@.50IOU": 0.5}),
        ),
        (
            "Saving dict for global step 4: AP50 = 0.5, global_step = 4, loss = 2.9952211XX\n",
            EvalRow(4, {"DetectionBoxes_Precision/mAP@.50IOU": 0.5}),
        ),
        (
            "INFO:tensorflow:loss = 2.5XX, learning_rate = 0.25, step = 4\n",
            TrainRow(4, None, {"learning_rate": 0.25}),
        ),
    ],
)
def test_a_value_that_cannot_be_read_is_said_and_the_others_are_read(
    text: str, row: EvalRow | TrainRow
) -> None:
    """The row comes once, though each line comes by two handlers."""
    assert rows(text * 2) == [row]
    assert set(problems(text)) == {(1, "a value that cannot be read")}


def test_an_evaluation_with_a_nan_and_its_table_are_one_row() -> None:
    """The rest of both is equal; what the table alone has is said."""
    table = "".join(
        f" Average Precision  (AP) @[ IoU={iou} | area=   all | maxDets=100 ] = {value}\n"
        for iou, value in (("0.50:0.95", "0.310"), ("0.50     ", "0.500"), ("0.75     ", "0.250"))
    )
    saved = "Saving dict for global step 4: AP = nan, AP50 = 0.5, AP75 = 0.25, global_step = 4\n"

    assert [row.step for row in rows(table + saved)] == [4]
    assert problems(table + saved) == [(4, "an evaluation lacks metrics of COCO's table")]


@pytest.mark.parametrize(
    ("end", "loss", "is_said"),
    [
        # Names ascend, and every estimator tells its loss: what stands last was cut before it.
        ("learning_rate = 0.01", None, True),
        ("loss = 0.", None, True),
        ("loss = 0", None, True),
        ("loss = 2.5e-0", None, True),
        ("loss = 2.5e-05", 2.5e-5, False),
        # Nobody can tell: it may have been 0.25.
        ("loss = 0.2", 0.2, False),
    ],
)
def test_the_last_value_of_a_line_may_be_cut(end: str, loss: float | None, is_said: bool) -> None:
    """As syslog cuts a long line; what may lack digits is not used, and that is said."""
    line = f"Saving dict for global step 4: AP = 0.5, global_step = 4, {end}\n"

    assert rows(line) == [EvalRow(4, {MAP: 0.5} | ({"Loss/total_loss": loss} if loss else {}))]
    assert problems(line) == ([(1, "a value that cannot be read")] if is_said else [])


def test_a_cut_copy_of_a_line_takes_nothing_away() -> None:
    """The second handler's words before it are longer, so that it ends earlier."""
    assert rows(SAVED + SAVED[:-6] + "\n") == [EVALUATED]
    assert rows(SAVED + SAVED[: SAVED.index(", learning_rate")] + "\n") == [EVALUATED]


def test_tf_slim_tells_the_seconds_of_a_step() -> None:
    """`train.py` of the first years, each line twice."""
    line = "INFO:tensorflow:global step 100: loss = 0.5213 (0.301 sec/step)\n"

    assert rows(line * 2) == [TrainRow(100, 0.301, {"Loss/total_loss": 0.5213})]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (SAVED.rstrip("\n"), "a cut line of metrics"),
        (SAVED.replace("global_step = 135813, ", ""), "a cut line of metrics"),
        ("Saving dict for global step 1: global_step = 1\n", "a cut line of metrics"),
        ("Saving dict for global step 12: AP = 0.5, global_step = 1\n", "a cut line of metrics"),
        ("INFO:tensorflow:loss = 2.5, step = 7", "a cut line of losses"),
        ("INFO:tensorflow:loss = 2.9952211XX, step = 7\n", "a cut line of losses"),
        ("loss = 0.5INFO:tensorflow:, step = 1\n", "a cut line of losses"),
        ("INFO:tensorflow:global step 100: loss = (0.301 sec/step)\n", "a cut line of a loss"),
    ],
)
def test_a_cut_line_is_not_used(text: str, why: str) -> None:
    """Its last number may lack digits."""
    assert rows(text) == []
    assert problems(text) == [(1, why)]


@pytest.mark.parametrize(
    "text",
    [
        "Saving 'checkpoint_path' summary for global step 4: /tmp/m/model.ckpt-4\n",
        "INFO:tensorflow:global_step/sec: 0.0861227\n",
        "warmup = 5, step = 3 of 7\n",
        "it took 0.3 sec/step)\n",
        "I expect mAP = 0.9 at global_step = 100\n",
    ],
)
def test_other_lines_are_nothing(text: str) -> None:
    """Neither a row nor a problem."""
    assert rows(text) == []
    assert problems(text) == []
