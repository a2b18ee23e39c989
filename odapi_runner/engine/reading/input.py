"""The records to train and evaluate on, and the evaluation."""

from __future__ import annotations

from odapi_runner.engine.fields import Reader
from odapi_runner.engine.spec.input import Evaluation, Input
from odapi_runner.metrics import VOC_METRICS_SET

_COCO = "coco_detection_metrics"


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
        max_boxes=reader.above_zero("max_number_of_boxes"),
        score_classes=score_classes,
    )


def read_evaluation(evaluation: Reader) -> Evaluation:
    """The message `eval_config`."""
    metrics = evaluation.value("metrics_set")
    for name in metrics:
        if name not in {_COCO, VOC_METRICS_SET}:
            reason = f"{name} is not supported: what an ssd finds is measured by {_COCO} here"
            evaluation.refuse("metrics_set", reason, (), f"-s eval_config.metrics_set=[{_COCO}]")
    evaluation.require(
        "skip_predictions_for_unlabeled_class",
        (False,),
        "the classes that an image was labelled for are not read",
    )
    if any(evaluation.messages("parameterized_metric")):
        evaluation.refuse(
            "parameterized_metric",
            "measures keypoints, and an ssd finds none",
            (),
            "Remove it: -d eval_config.parameterized_metric",
        )
    super_categories = evaluation.mapping("super_categories")
    return Evaluation(
        batch_size=evaluation.above_zero("batch_size"),
        voc=VOC_METRICS_SET in metrics,
        use_averages=evaluation.value("use_moving_averages"),
        per_category=evaluation.value("include_metrics_per_category"),
        all_per_category=evaluation.value("all_metrics_per_category"),
        super_categories=tuple(
            (name, tuple(classes.split(","))) for name, classes in super_categories.items()
        ),
        num_visualizations=evaluation.value("num_visualizations"),
        min_score=evaluation.value("min_score_threshold"),
        max_boxes_drawn=evaluation.value("max_num_boxes_to_visualize"),
    )
