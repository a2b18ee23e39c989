"""All rules, in the order in which they speak.

Of a field with an error in it only the first rule that finds one speaks: causes stand before what
follows from them.
"""

from __future__ import annotations

from odapi_runner.pipeline.rules import (
    anchors,
    augmentation,
    augmentation_values,
    checkpoint,
    classes,
    comments,
    config,
    cosine,
    evaluation,
    faster_rcnn,
    feeding,
    hyperparameters,
    keypoints,
    labels,
    model,
    optimizer,
    paths,
    pyramid,
    reading,
    records,
    schedule,
    steps,
    unread,
)
from odapi_runner.pipeline.rules import annotations as annotation_rules
from odapi_runner.pipeline.rules.rule import Rule

RULES: tuple[Rule, ...] = (
    *config.RULES,
    *paths.RULES,
    *classes.RULES,
    *model.RULES,
    *hyperparameters.RULES,
    *faster_rcnn.RULES,
    *keypoints.RULES,
    *pyramid.RULES,
    *anchors.RULES,
    *steps.RULES,
    *schedule.RULES,
    *cosine.RULES,
    *optimizer.RULES,
    *augmentation.RULES,
    *augmentation_values.RULES,
    *reading.RULES,
    *records.RULES,
    *labels.RULES,
    *feeding.RULES,
    *annotation_rules.RULES,
    *evaluation.RULES,
    *checkpoint.RULES,
    *unread.RULES,
    *comments.RULES,
)
