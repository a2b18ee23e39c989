"""What the network is to learn: box coder, matcher, losses."""

from __future__ import annotations

from odapi_runner.engine.fields import Reader
from odapi_runner.engine.spec.boxes import BoxCodeScale, Matcher
from odapi_runner.engine.ssd.loss_spec import (
    L2,
    BootstrappedSigmoid,
    ClassificationLoss,
    FocalSigmoid,
    HardExamples,
    Loss,
    PlainSigmoid,
    SmoothL1,
    Softmax,
)


def read_box_code_scale(coder: Reader) -> BoxCodeScale:
    """The factors of the box coder."""
    _, faster = coder.member("box_coder_oneof", ("faster_rcnn_box_coder",))
    names = ("y_scale", "x_scale", "height_scale", "width_scale")
    return BoxCodeScale(*(faster.value(name) for name in names))


def read_matcher(matcher: Reader) -> Matcher:
    """The thresholds of the matcher."""
    _, argmax = matcher.member("matcher_oneof", ("argmax_matcher",))
    argmax.require("ignore_thresholds", (False,))
    matched, unmatched = argmax.value("matched_threshold"), argmax.value("unmatched_threshold")
    if unmatched > matched:
        argmax.refuse(
            "unmatched_threshold", f"is above matched_threshold ({matched:g})", (matched,)
        )
    return Matcher(
        matched_threshold=matched,
        unmatched_threshold=unmatched,
        negatives_below_unmatched=argmax.value("negatives_lower_than_unmatched"),
        force_match=argmax.value("force_match_for_each_row"),
    )


def read_loss(ssd: Reader) -> Loss:
    """The losses and their weights, some of which stand in `ssd` itself."""
    loss = ssd.message("loss")
    loss.require("expected_loss_weights", ("NONE",))
    classification = _classification(loss.message("classification_loss"))
    return Loss(
        classification=classification,
        localization=_localization(loss.message("localization_loss")),
        hard_examples=_hard_examples(loss, classification),
        classification_weight=loss.value("classification_weight"),
        localization_weight=loss.value("localization_weight"),
        negative_class_weight=ssd.value("negative_class_weight"),
        normalize_by_matches=ssd.value("normalize_loss_by_num_matches"),
        normalize_by_code_size=ssd.value("normalize_loc_loss_by_codesize"),
    )


def _classification(loss: Reader) -> ClassificationLoss:
    kinds = (
        "weighted_sigmoid_focal",
        "weighted_sigmoid",
        "weighted_softmax",
        "weighted_logits_softmax",
        "bootstrapped_sigmoid",
    )
    kind, made = loss.member("classification_loss", kinds)
    if kind == "weighted_sigmoid":
        return PlainSigmoid()
    if kind == "weighted_sigmoid_focal":
        alpha = made.value("alpha") if made.has("alpha") else None
        return FocalSigmoid(alpha, made.value("gamma"))
    if kind == "bootstrapped_sigmoid":
        return BootstrappedSigmoid(made.value("alpha"), made.value("hard_bootstrap"))
    scale = made.value("logit_scale")
    if scale == 0:
        made.refuse("logit_scale", "is 0, and logits are divided by it", (1.0,))
    return Softmax(scale, against_logits=kind == "weighted_logits_softmax")


def _localization(loss: Reader) -> SmoothL1 | L2:
    kind, made = loss.member("localization_loss", ("weighted_smooth_l1", "weighted_l2"))
    return L2() if kind == "weighted_l2" else SmoothL1(made.value("delta"))


def _hard_examples(loss: Reader, classification: ClassificationLoss) -> HardExamples | None:
    if not loss.has("hard_example_miner"):
        return None
    miner = loss.message("hard_example_miner")
    if isinstance(classification, FocalSigmoid):
        loss.refuse(
            "hard_example_miner",
            "does not go with a focal loss, which weighs examples itself",
            ("weighted_sigmoid",),
        )
    most, ratio = miner.value("num_hard_examples"), miner.value("max_negatives_per_positive")
    return HardExamples(
        most=most if most > 0 else None,
        iou_threshold=miner.value("iou_threshold"),
        by=miner.enum("loss_type"),
        negatives_per_positive=ratio if ratio > 0 else None,
        min_negatives=miner.value("min_negatives_per_image"),
    )
