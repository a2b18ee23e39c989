"""Rules on masks and keypoints."""

from __future__ import annotations

from odapi_runner.formats.example import encode_example
from odapi_runner.formats.features import build_message
from support.examples import annotated
from support.more_records import appending
from support.rule_cases import Case, bend

READER = "train_input_reader"


def featured(key: str, kind: str, value: object) -> bytes:
    """A record with one feature more."""
    example = build_message()
    example.ParseFromString(encode_example(annotated("more")))
    getattr(example.features.feature[key], kind).value.append(value)
    return example.SerializeToString()


WITH_MASK = appending(featured("image/object/mask", "bytes_list", b"png"))
WITH_KEYPOINT = appending(featured("image/object/keypoint/x", "float_list", 0.5))
LOAD_MASKS = f"{READER}.load_instance_masks=true"
LOAD_KEYPOINTS = f"{READER}.num_keypoints=1"
STEPS = "train_config.data_augmentation_options"
FLIP = f"{STEPS}[0].random_horizontal_flip.keypoint_flip_permutation=[0]"

CASES = {
    "masks-not-loaded": Case(
        fails=WITH_MASK,
        passes=bend(LOAD_MASKS, files=WITH_MASK.files),
        model="mask_rcnn",
        engine="tf-models",
    ),
    "masks-missing": Case(
        fails=bend(LOAD_MASKS), passes=bend(LOAD_MASKS, files=WITH_MASK.files), engine="tf-models"
    ),
    "keypoints-not-loaded": Case(
        fails=WITH_KEYPOINT,
        passes=bend(LOAD_KEYPOINTS, FLIP, files=WITH_KEYPOINT.files),
        model="keypoints",
        engine="tf-models",
    ),
    "keypoints-missing": Case(
        fails=bend(LOAD_KEYPOINTS, FLIP),
        passes=bend(LOAD_KEYPOINTS, FLIP, files=WITH_KEYPOINT.files),
        engine="tf-models",
    ),
}
