"""The records to train and evaluate on, and the evaluation."""

from __future__ import annotations

from odapi_runner.engine.fields import Reader
from odapi_runner.engine.spec.input import Evaluation, Input


def read_input(reader: Reader, *, shuffle: bool, score_classes: int = 0) -> Input:
    """A message `train_input_reader` or `eval_input_reader`.

    Args:
        reader: of the message.
        shuffle: whether records come in another order each epoch.
        score_classes: how many classes each box has a score of, if scores are to be read.
    """
    _, records = reader.member("input_reader", ("tf_record_input_reader",))
    reader.require("input_type", ("TF_EXAMPLE",))
    return Input(
        label_map=reader.value("label_map_path"),
        patterns=records.value("input_path"),
        weights=reader.value("sample_from_datasets_weights"),
        shuffle=shuffle,
        # 0 takes every record there, too.
        sample_1_of_n=max(1, reader.value("sample_1_of_n_examples")),
        max_boxes=reader.value("max_number_of_boxes"),
        score_classes=score_classes,
    )


def read_evaluation(evaluation: Reader) -> Evaluation:
    """The message `eval_config`."""
    known = ("coco_detection_metrics",)
    for name in evaluation.value("metrics_set"):
        if name not in known:
            evaluation.refuse("metrics_set", f"{name} is not supported", known)
    evaluation.require("all_metrics_per_category", (False,))
    return Evaluation(
        batch_size=evaluation.value("batch_size"),
        use_averages=evaluation.value("use_moving_averages"),
        per_category=evaluation.value("include_metrics_per_category"),
        num_visualizations=evaluation.value("num_visualizations"),
        min_score=evaluation.value("min_score_threshold"),
        max_boxes_drawn=evaluation.value("max_num_boxes_to_visualize"),
    )
