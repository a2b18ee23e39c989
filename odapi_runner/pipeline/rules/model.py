"""Rules on the model: what it is built of, whatever its size."""

from __future__ import annotations

from collections.abc import Iterator

from odapi_runner.errors import did_you_mean
from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.rules.extractors import EXTRACTORS
from odapi_runner.pipeline.rules.rule import Rule
from odapi_runner.pipeline.rules.subject import Subject
from odapi_runner.proto.floats import shortest

# What a model of each family cannot do without, and what of it serves such a model; the language
# has more, of TF1 and of other families.
_PARTS: dict[str, dict[str, tuple[str, ...]]] = {
    "ssd": {
        "box_coder": ("faster_rcnn_box_coder",),
        "matcher": ("argmax_matcher",),
        "similarity_calculator": ("iou_similarity",),
        "box_predictor": (
            "convolutional_box_predictor",
            "weight_shared_convolutional_box_predictor",
        ),
        "anchor_generator": ("ssd_anchor_generator", "multiscale_anchor_generator"),
        "loss.classification_loss": ("weighted_sigmoid_focal", "weighted_sigmoid"),
        "loss.localization_loss": ("weighted_smooth_l1", "weighted_l2"),
    },
    "faster_rcnn": {
        "first_stage_anchor_generator": ("grid_anchor_generator", "multiscale_anchor_generator"),
        "second_stage_box_predictor": ("mask_rcnn_box_predictor",),
    },
    "center_net": {
        "object_center_params.classification_loss": ("penalty_reduced_logistic_focal_loss",),
    },
}
_POST_PROCESSING = {
    "ssd": "post_processing",
    "faster_rcnn": "second_stage_post_processing",
    "center_net": "post_processing",
}


def extractor_is_of_tf2(subject: Subject) -> Iterator[Finding]:
    """The feature extractor is one that TF2's Object Detection API has.

    Those of TF1 have similar names: ssd_mobilenet_v2 became ssd_mobilenet_v2_keras. A config of
    the TF1 zoo needs more changes than that: begin with the preset of the same model.
    """
    if subject.family is None:
        return
    kind, known = subject.model.feature_extractor.type, EXTRACTORS[subject.family]
    if kind not in known:
        what = f'there is no feature extractor "{kind}" in TF2' if kind else "no type is set"
        near = did_you_mean(kind, known) if kind else ""
        fix = near or f"Those of a {subject.family}: {', '.join(known)}."
        place = f"model.{subject.family}.feature_extractor.type"
        yield Finding("feature-extractor", "error", place, what, fix)


def model_has_its_parts(subject: Subject) -> Iterator[Finding]:
    """A model has the parts that it is built of: matcher, anchors, losses, ….

    Each is a message with one of several members, and none of them is a default.
    """
    for path, served in _PARTS[subject.family].items() if subject.family else ():
        part = subject.model
        for name in path.split("."):
            part = getattr(part, name)
        oneof = part.DESCRIPTOR.fields_by_name[served[0]].containing_oneof
        if part.WhichOneof(oneof.name) is None:
            fix = f"Set {' or '.join(served)}, or start from a preset."
            place = f"model.{subject.family}.{path}"
            yield Finding("model-part", "error", place, "it is not set", fix)


def thresholds_ascend(subject: Subject) -> Iterator[Finding]:
    """An anchor below `unmatched_threshold` is background, one from `matched_threshold` on a match.

    Between the two it is ignored: the first cannot be above the second.
    """
    if subject.family != "ssd" or not subject.model.matcher.HasField("argmax_matcher"):
        return
    matcher = subject.model.matcher.argmax_matcher
    if not matcher.ignore_thresholds and matcher.unmatched_threshold > matcher.matched_threshold:
        place = "model.ssd.matcher.argmax_matcher.unmatched_threshold"
        above, limit = shortest(matcher.unmatched_threshold), shortest(matcher.matched_threshold)
        what = f"{above:g} is above matched_threshold ({limit:g})"
        yield Finding("matcher-thresholds", "error", place, what, f"-s {place}={limit:g}")


def matcher_is_of_tf2(subject: Subject) -> Iterator[Finding]:
    """The matcher of an SSD is `argmax_matcher`: TF2 has no `bipartite_matcher`."""
    if subject.family == "ssd" and subject.model.matcher.HasField("bipartite_matcher"):
        place = "model.ssd.matcher.bipartite_matcher"
        fix = "-s model.ssd.matcher.argmax_matcher='{ force_match_for_each_row: true }'"
        yield Finding("bipartite-matcher", "error", place, "TF2 does not have it", fix)


def background_is_one_thing(subject: Subject) -> Iterator[Finding]:
    """An SSD has a class for the background added, or has one of its own: not both."""
    if (
        subject.family == "ssd"
        and subject.model.add_background_class
        and subject.model.explicit_background_class
    ):
        place = "model.ssd.explicit_background_class"
        what = "a background class is added as well: add_background_class is true unless it is set"
        fix = "-s model.ssd.add_background_class=false"
        yield Finding("background-class", "error", place, what, fix)


def detections_have_limits_that_fit(subject: Subject) -> Iterator[Finding]:
    """There are not more detections a class than in all, and overlaps are from 0 to 1."""
    name = _POST_PROCESSING.get(subject.family or "")
    if name is None or not subject.model.HasField(name):
        return
    nms = getattr(subject.model, name).batch_non_max_suppression
    place = f"model.{subject.family}.{name}.batch_non_max_suppression"
    if nms.max_detections_per_class > nms.max_total_detections:
        what = (
            f"{nms.max_detections_per_class} detections a class, but max_total_detections is "
            f"{nms.max_total_detections}"
        )
        where = f"{place}.max_detections_per_class"
        fix = f"-s {where}={nms.max_total_detections}"
        yield Finding("detection-limits", "error", where, what, fix)
    if not 0 <= nms.iou_threshold <= 1:
        where = f"{place}.iou_threshold"
        what = f"{shortest(nms.iou_threshold):g} is no share of an overlap"
        yield Finding("detection-limits", "error", where, what, f"-s {where}=0.6")


_BUILT = "ValueError while the model is built (builders/{}.py)."

RULES = (
    Rule(
        "feature-extractor",
        extractor_is_of_tf2,
        api=_BUILT.format("model_builder"),
        fails='feature_extractor { type: "ssd_mobilenet_v2" }',
        passes='feature_extractor { type: "ssd_mobilenet_v2_keras" }',
    ),
    Rule(
        "model-part",
        model_has_its_parts,
        api=_BUILT.format("model_builder"),
        fails="ssd { similarity_calculator { } }",
        passes="ssd { similarity_calculator { iou_similarity { } } }",
    ),
    Rule(
        "matcher-thresholds",
        thresholds_ascend,
        api=_BUILT.format("matcher_builder"),
        fails="matched_threshold: 0.5 unmatched_threshold: 0.6",
        passes="matched_threshold: 0.5 unmatched_threshold: 0.4",
    ),
    Rule(
        "bipartite-matcher",
        matcher_is_of_tf2,
        api=_BUILT.format("matcher_builder"),
        fails="matcher { bipartite_matcher { } }",
        passes="matcher { argmax_matcher { } }",
    ),
    Rule(
        "background-class",
        background_is_one_thing,
        api=_BUILT.format("model_builder"),
        fails="ssd { explicit_background_class: true }",
        passes="ssd { explicit_background_class: true add_background_class: false }",
    ),
    Rule(
        "detection-limits",
        detections_have_limits_that_fit,
        api=_BUILT.format("post_processing_builder"),
        fails="max_total_detections: 50",
        passes="max_total_detections: 50 max_detections_per_class: 50",
    ),
)
