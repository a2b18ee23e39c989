"""Rules on the evaluation."""

from __future__ import annotations

from typing import Any

from support.rule_cases import Case, bend

CONFIG = "eval_config"
READER = "eval_input_reader[0]"
METRICS = f"{CONFIG}.metrics_set"
KEYPOINTS = f"{CONFIG}.parameterized_metric+={{ coco_keypoint_metrics {{ class_label: 'NAME' }} }}"


def one_more_reader(message: Any) -> None:
    message.eval_input_reader.add().CopyFrom(message.eval_input_reader[0])


CASES = {
    "metrics": Case(
        fails=bend(f"{METRICS}=[coco_detection_metric]"),
        passes=bend(f"{METRICS}=[pascal_voc_detection_metrics]"),
    ),
    "metrics-keypoints": Case(
        fails=bend(f"{METRICS}=[coco_detection_metrics, coco_keypoint_metrics]"),
        passes=bend(KEYPOINTS.replace("NAME", "Pedestrian")),
    ),
    "metrics-keypoint-class": Case(
        fails=bend(KEYPOINTS.replace("NAME", "pedestrian")),
        passes=bend(KEYPOINTS.replace("NAME", "Pedestrian")),
    ),
    "metrics-masks": Case(
        fails=bend(f"{METRICS}=[coco_detection_metrics, coco_mask_metrics]"),
        passes=bend(f"{METRICS}=[coco_detection_metrics]"),
    ),
    "metrics-by-category": Case(
        fails=bend(deletes=(METRICS,)),
        passes=bend(f"{CONFIG}.include_metrics_per_category=false", deletes=(METRICS,)),
        engine="tf-models",
    ),
    "eval-readers": Case(fails=bend(edit=one_more_reader), passes=bend(), engine="tf-models"),
    "eval-batch-size": Case(
        fails=bend(f"{CONFIG}.batch_size=0"), passes=bend(f"{CONFIG}.batch_size=1")
    ),
    "eval-shuffle": Case(
        fails=bend(deletes=(f"{READER}.shuffle",)),
        passes=bend(f"{READER}.shuffle=false"),
        engine="tf-models",
    ),
    "eval-sample": Case(
        fails=bend(f"{READER}.sample_1_of_n_examples=2", f"{READER}.shuffle=true"),
        passes=bend(f"{READER}.sample_1_of_n_examples=2"),
        engine="tf-models",
        options=(("records", False),),  # few as they are, a rule on records would speak as well
    ),
    "eval-epochs": Case(
        fails=bend(f"{READER}.num_epochs=2"), passes=bend(f"{READER}.num_epochs=0")
    ),
}
