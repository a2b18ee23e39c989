"""Rules on what a model learns besides boxes: masks and keypoints, to be loaded and to be there."""

from __future__ import annotations

from collections.abc import Iterator

from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.rules.rule import Rule
from odapi_runner.pipeline.rules.subject import Subject


def masks_are_loaded(subject: Subject) -> Iterator[Finding]:
    """A model that learns masks has a reader that loads them: `load_instance_masks: true`."""
    reader = subject.training
    if subject.learns_masks and not reader.settings.load_instance_masks:
        place = f"{reader.place}.load_instance_masks"
        what = "the model learns masks, and its reader loads none"
        yield Finding("masks-not-loaded", "error", place, what, f"-s {place}=true")


def masks_are_there(subject: Subject) -> Iterator[Finding]:
    """Where masks are loaded, the records have them: `image/object/mask`."""
    for reader in subject.readers:
        survey = reader.survey
        if (
            reader.settings.load_instance_masks
            and survey
            and survey.boxes
            and not survey.with_masks
        ):
            what = f"none of the {survey.looked_at} records looked at has image/object/mask"
            fix = "Write records with masks, or take a model that needs none."
            yield Finding("masks-missing", "error", reader.place, what, fix)


def keypoints_are_loaded(subject: Subject) -> Iterator[Finding]:
    """A model that learns keypoints has a reader that says how many: `num_keypoints`."""
    reader = subject.training
    if _learns_keypoints(subject) and not reader.settings.num_keypoints:
        place = f"{reader.place}.num_keypoints"
        what = "the model learns keypoints, and its reader loads none"
        yield Finding("keypoints-not-loaded", "error", place, what, f"-s {place}=17, as COCO has")


def keypoints_are_there(subject: Subject) -> Iterator[Finding]:
    """Where keypoints are loaded, the records have them: `image/object/keypoint/x` and `/y`."""
    for reader in subject.readers:
        survey = reader.survey
        if reader.settings.num_keypoints and survey and survey.boxes and not survey.with_keypoints:
            what = f"none of the {survey.looked_at} records looked at has keypoints"
            fix = "Write image/object/keypoint/{x,y,visibility}, or take another model."
            yield Finding("keypoints-missing", "error", reader.place, what, fix)


def _learns_keypoints(subject: Subject) -> bool:
    return bool(subject.config.model.center_net.keypoint_estimation_task)


_DECODER = "data_decoders/tf_example_decoder.py"

RULES = (
    Rule(
        "masks-not-loaded",
        masks_are_loaded,
        api="ValueError `Groundtruth instance masks not provided` while the loss is traced "
        "(meta_architectures/faster_rcnn_meta_arch.py); a CenterNet has no masks to ask for either "
        "(core/model.py, `groundtruth_lists`).",
        fails="number_of_stages: 3 … load_instance_masks: false",
        passes="load_instance_masks: true",
    ),
    Rule(
        "masks-missing",
        masks_are_there,
        api="Absent masks are decoded as none, whatever the number of boxes, and padded: all masks "
        f"are empty ({_DECODER}, `_decode_png_instance_masks`; inputs.py).",
        fails="load_instance_masks: true, and records of boxes",
        passes="records of boxes and masks",
    ),
    Rule(
        "keypoints-not-loaded",
        keypoints_are_loaded,
        api=f"The decoder reads keypoints only if their number is set ({_DECODER}), and the loss "
        "raises `has not been provided` (core/model.py, `groundtruth_lists`).",
        fails="keypoint_estimation_task { … } … num_keypoints: 0",
        passes="num_keypoints: 17",
    ),
    Rule(
        "keypoints-missing",
        keypoints_are_there,
        api=f"Absent keypoints are none, whatever the number of boxes ({_DECODER}), and padded: no "
        "keypoint is visible (inputs.py, `pad_input_data_to_static_shapes`).",
        fails="num_keypoints: 17, and records of boxes",
        passes="records of boxes and keypoints",
    ),
)
