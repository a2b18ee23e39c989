"""Rules on what only a Faster R-CNN has."""

from __future__ import annotations

from collections.abc import Iterator

from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.rules.rule import Rule
from odapi_runner.pipeline.rules.subject import Subject


def proposals_fill_the_second_stage(subject: Subject) -> Iterator[Finding]:
    """The second stage of a Faster R-CNN samples from the proposals of the first: not more."""
    if subject.family != "faster_rcnn":
        return
    size, proposals = subject.model.second_stage_batch_size, subject.model.first_stage_max_proposals
    if size > proposals:
        place = "model.faster_rcnn.second_stage_batch_size"
        what = f"{size} samples, but first_stage_max_proposals is {proposals}"
        yield Finding("second-stage", "error", place, what, f"-s {place}={min(64, proposals)}")


def stages_are_one_to_three(subject: Subject) -> Iterator[Finding]:
    """A Faster R-CNN has one to three stages: proposals, boxes, masks."""
    if subject.family == "faster_rcnn" and subject.model.number_of_stages not in (1, 2, 3):
        place = "model.faster_rcnn.number_of_stages"
        what = f"{subject.model.number_of_stages} stages"
        yield Finding("stages", "error", place, what, f"-s {place}=2")


def batch_norm_is_updated_by_keras(subject: Subject) -> Iterator[Finding]:
    """`inplace_batchnorm_update` of a Faster R-CNN is false: Keras updates the averages itself."""
    if subject.family == "faster_rcnn" and subject.model.inplace_batchnorm_update:
        place = "model.faster_rcnn.inplace_batchnorm_update"
        yield Finding("batchnorm-update", "error", place, "TF2 does not have it", f"-d {place}")


_BUILT = "ValueError while the model is built (builders/model_builder.py)."

RULES = (
    Rule(
        "second-stage",
        proposals_fill_the_second_stage,
        api=_BUILT,
        fails="first_stage_max_proposals: 32",
        passes="first_stage_max_proposals: 32 second_stage_batch_size: 32",
    ),
    Rule(
        "stages",
        stages_are_one_to_three,
        api=_BUILT,
        fails="number_of_stages: 4",
        passes="number_of_stages: 2",
    ),
    Rule(
        "batchnorm-update",
        batch_norm_is_updated_by_keras,
        api=_BUILT,
        fails="faster_rcnn { inplace_batchnorm_update: true }",
        passes="faster_rcnn { }",
    ),
)
