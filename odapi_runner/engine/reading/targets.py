"""What the network is to learn: box coder, matcher, losses."""

from __future__ import annotations

from odapi_runner.engine.fields import Reader
from odapi_runner.engine.spec import BoxCodeScale, Loss, Matcher


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
    _, focal = loss.message("classification_loss").member(
        "classification_loss", ("weighted_sigmoid_focal",)
    )
    _, smooth = loss.message("localization_loss").member(
        "localization_loss", ("weighted_smooth_l1",)
    )
    return Loss(
        alpha=focal.value("alpha") if focal.has("alpha") else None,
        gamma=focal.value("gamma"),
        delta=smooth.value("delta"),
        classification_weight=loss.value("classification_weight"),
        localization_weight=loss.value("localization_weight"),
        negative_class_weight=ssd.value("negative_class_weight"),
        normalize_by_matches=ssd.value("normalize_loss_by_num_matches"),
        normalize_by_code_size=ssd.value("normalize_loc_loss_by_codesize"),
    )
