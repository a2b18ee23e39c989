"""Rules on masks and keypoints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from google.protobuf import text_format

from odapi_runner.formats.example import encode_example
from odapi_runner.formats.features import build_message
from support.examples import annotated
from support.more_records import appending
from support.rule_cases import Bend, Case, bend

READER = "train_input_reader"
RESIZER = "image_resizer { fixed_shape_resizer { height: 128 width: 128 } }"
MASKS = f"faster_rcnn {{ num_classes: 3 number_of_stages: 3 {RESIZER} }}"
KEYPOINTS = f"center_net {{ num_classes: 3 {RESIZER} keypoint_estimation_task {{ }} }}"


def with_model(text: str, *sets: str, files: Callable[[Any], object] | None = None) -> Bend:
    """Another model, trained from scratch."""

    def edit(config: Any) -> None:
        config.model.Clear()
        text_format.Parse(text, config.model)

    return bend(*sets, deletes=("train_config.fine_tune_checkpoint",), edit=edit, files=files)


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

CASES = {
    "masks-not-loaded": Case(
        fails=with_model(MASKS, files=WITH_MASK.files),
        passes=with_model(MASKS, LOAD_MASKS, files=WITH_MASK.files),
        engine="tf-models",
    ),
    "masks-missing": Case(
        fails=bend(LOAD_MASKS), passes=bend(LOAD_MASKS, files=WITH_MASK.files), engine="tf-models"
    ),
    "keypoints-not-loaded": Case(
        fails=with_model(KEYPOINTS, files=WITH_KEYPOINT.files),
        passes=with_model(KEYPOINTS, LOAD_KEYPOINTS, files=WITH_KEYPOINT.files),
        engine="tf-models",
    ),
    "keypoints-missing": Case(
        fails=bend(LOAD_KEYPOINTS),
        passes=bend(LOAD_KEYPOINTS, files=WITH_KEYPOINT.files),
        engine="tf-models",
    ),
}
