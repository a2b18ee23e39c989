"""What the network's mistakes cost."""

from __future__ import annotations

from odapi_runner.engine.fields import Reader
from odapi_runner.engine.ssd.loss_spec import (
    L2,
    BootstrappedSigmoid,
    ClassificationLoss,
    Dice,
    FocalSigmoid,
    HardExamples,
    LocalizationLoss,
    Loss,
    PenaltyReduced,
    SmoothL1,
    Softmax,
)

# What the Object Detection API makes of the other losses of boxes in an SSD.
_CODES_AS_BOXES = (
    "is not supported: the Object Detection API gives it an SSD's regression codes, whose overlap "
    "as boxes means nothing"
)
_ANOTHER_SHAPE = (
    "is not supported: the Object Detection API gives it weights of another shape than an SSD's "
    "codes have, and stops"
)
_UNUSABLE = {
    "weighted_iou": _CODES_AS_BOXES,
    "weighted_giou": _CODES_AS_BOXES,
    "l1_localization_loss": _ANOTHER_SHAPE,
}


def read_loss(ssd: Reader) -> Loss:
    """The losses and their weights, some of which stand in `ssd` itself."""
    loss = ssd.message("loss")
    loss.require(
        "expected_loss_weights",
        ("NONE",),
        "the Object Detection API stops at it, for lack of the function that it names",
    )
    kind, classification = _classification(loss.message("classification_loss"))
    return Loss(
        classification=classification,
        localization=_localization(loss.message("localization_loss")),
        hard_examples=_hard_examples(loss, kind),
        positive_share=_positive_share(loss),
        classification_weight=loss.value("classification_weight"),
        localization_weight=loss.value("localization_weight"),
        negative_class_weight=ssd.value("negative_class_weight"),
        implicit_weight=_implicit_weight(ssd),
        normalize_by_matches=ssd.value("normalize_loss_by_num_matches"),
        normalize_by_code_size=ssd.value("normalize_loc_loss_by_codesize"),
    )


def _classification(loss: Reader) -> tuple[str, ClassificationLoss]:
    kinds = (
        "weighted_sigmoid_focal",
        "weighted_sigmoid",
        "weighted_softmax",
        "weighted_logits_softmax",
        "bootstrapped_sigmoid",
        "penalty_reduced_logistic_focal_loss",
        "weighted_dice_classification_loss",
    )
    kind, made = loss.member("classification_loss", kinds)
    return kind, _made(kind, made)


def _made(kind: str, made: Reader) -> ClassificationLoss:
    if kind == "weighted_sigmoid":
        return FocalSigmoid(alpha=None, gamma=0.0)
    if kind == "weighted_sigmoid_focal":
        alpha = made.value("alpha") if made.has("alpha") else None
        return FocalSigmoid(alpha, made.value("gamma"))
    if kind == "bootstrapped_sigmoid":
        return BootstrappedSigmoid(made.value("alpha"), made.value("hard_bootstrap"))
    if kind == "penalty_reduced_logistic_focal_loss":
        return PenaltyReduced(made.value("alpha"), made.value("beta"))
    if kind == "weighted_dice_classification_loss":
        return Dice(made.value("squared_normalization"), made.value("is_prediction_probability"))
    scale = made.value("logit_scale")
    if scale == 0:
        made.refuse("logit_scale", "is 0, and logits are divided by it", (1.0,))
    return Softmax(scale, against_logits=kind == "weighted_logits_softmax")


def _localization(loss: Reader) -> LocalizationLoss:
    kinds = ("weighted_smooth_l1", "weighted_l2")
    asked = loss.choice("localization_loss") or ""
    if asked in _UNUSABLE:
        loss.refuse(asked, _UNUSABLE[asked], kinds)
        return L2()
    kind, made = loss.member("localization_loss", kinds)
    return L2() if kind == "weighted_l2" else SmoothL1(made.value("delta"))


def _hard_examples(loss: Reader, classification: str) -> HardExamples | None:
    if not loss.has("hard_example_miner"):
        return None
    miner = loss.message("hard_example_miner")
    unfit = {
        "weighted_sigmoid_focal": "does not go with a focal loss, which weighs examples itself",
        "weighted_dice_classification_loss": "does not go with dice, which is no loss of anchors",
    }
    if classification in unfit:
        loss.refuse("hard_example_miner", unfit[classification], ("weighted_sigmoid",))
    most, ratio = miner.value("num_hard_examples"), miner.value("max_negatives_per_positive")
    return HardExamples(
        most=most if most > 0 else None,
        iou_threshold=miner.value("iou_threshold"),
        by=miner.enum("loss_type"),
        negatives_per_positive=ratio if ratio > 0 else None,
        min_negatives=miner.value("min_negatives_per_image"),
    )


def _positive_share(loss: Reader) -> float | None:
    if not loss.has("random_example_sampler"):
        return None
    sampler = loss.message("random_example_sampler")
    share = sampler.value("positive_sample_fraction")
    if not 0 < share <= 1:
        sampler.refuse("positive_sample_fraction", f"{share:g} is not within (0, 1]", (0.25,))
    return share


def _implicit_weight(ssd: Reader) -> float | None:
    if not ssd.value("use_confidences_as_targets"):
        return None
    if not ssd.value("add_background_class"):
        ssd.refuse(
            "use_confidences_as_targets",
            "needs a background class: without it the Object Detection API stops",
            (False,),
        )
    return ssd.value("implicit_example_weight")
