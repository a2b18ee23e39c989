"""Rules on the steps of augmentation and on their numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from odapi_runner.workspace import Workspace
from support.rule_cases import Bend, Case, bend, find, make_base

LIST = "train_config.data_augmentation_options"
# The base flips every second image, then crops to a square.
FLIP = f"{LIST}[0].random_horizontal_flip"
SQUARE = f"{LIST}[1].random_scale_crop_and_pad_to_square"
FIRST = f"{LIST}[0]"


def first(step: str) -> Bend:
    """Another step in the place of the flip."""
    return bend(f"{FIRST}={{ {step} }}")


def last(step: str) -> Bend:
    """One more step behind the others."""
    return bend(f"{LIST}+={{ {step} }}")


CASES = {
    "augmentation-empty": Case(fails=last(""), passes=last("random_adjust_hue { }")),
    # The second experiment of a user: the mAP stayed at 0.0018 for 72,756 steps.
    "augmentation-normalised": Case(
        fails=first("normalize_image { original_maxval: 255 target_minval: -1 target_maxval: 1 }"),
        passes=first("normalize_image { original_maxval: 255 target_maxval: 255 }"),
    ),
    "augmentation-gray": Case(
        fails=first("rgb_to_gray { }"), passes=first("random_rgb_to_gray { probability: 1 }")
    ),
    "augmentation-pixels": Case(
        fails=first("scale_boxes_to_pixel_coordinates { }"), passes=first("random_jitter_boxes { }")
    ),
    "augmentation-constant": Case(
        fails=first("adjust_gamma { gamma: 2 }"), passes=first("adjust_gamma { }")
    ),
    "augmentation-twice": Case(
        fails=last("random_horizontal_flip { probability: 0.2 }"),
        passes=last("random_vertical_flip { probability: 0.2 }"),
    ),
    "augmentation-after-square": Case(
        fails=last("ssd_random_crop { }"), passes=first("ssd_random_crop { }")
    ),
    "augmentation-size": Case(
        fails=bend(f"{SQUARE}.output_size=512"), passes=bend(f"{SQUARE}.output_size=128")
    ),
    "augmentation-range": Case(
        fails=first("ssd_random_crop { operations { min_area: 0.1 max_aspect_ratio: 2 } }"),
        passes=first("random_crop_image { min_area: 1 }"),
    ),
    "augmentation-probability": Case(
        fails=bend(f"{FLIP}.probability=0"), passes=bend(f"{FLIP}.probability=1")
    ),
    "augmentation-pair": Case(
        fails=first("random_pad_image { min_image_height: 300 }"),
        passes=first("random_pad_image { min_image_height: 300 min_image_width: 300 }"),
    ),
    "autoaugment": Case(
        fails=first("autoaugment_image { policy_name: 'V0' }"),
        passes=first("autoaugment_image { }"),
    ),
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return make_base(tmp_path_factory.mktemp("base"))


@pytest.mark.parametrize(
    ("bent", "rule", "place", "what"),
    [
        (
            first("subtract_channel_mean { means: [123, 117, 104] }"),
            "augmentation-normalised",
            f"{FIRST}.subtract_channel_mean",
            "the model normalises by itself, in the evaluation as well",
        ),
        (
            last("random_square_crop_by_scale { }"),
            "augmentation-after-square",
            f"{LIST}[2].random_square_crop_by_scale",
            (
                "random_scale_crop_and_pad_to_square has made the image a square for the network "
                "before"
            ),
        ),
        (
            first("resize_image { new_height: 128 new_width: 300 }"),
            "augmentation-size",
            f"{FIRST}.resize_image.new_width",
            "300 pixels, but the network takes 128",
        ),
        (
            first("ssd_random_crop { operations { max_area: 1 min_aspect_ratio: 0.5 } }"),
            "augmentation-range",
            f"{FIRST}.ssd_random_crop.operations[0].max_aspect_ratio",
            "0 is below min_aspect_ratio, which is 0.5",
        ),
        (
            first("random_pixel_value_scale { minval: 2 }"),
            "augmentation-range",
            f"{FIRST}.random_pixel_value_scale.maxval",
            "1.1 is below minval, which is 2",
        ),
        (
            bend(f"{SQUARE}.scale_min=3"),
            "augmentation-range",
            f"{SQUARE}.scale_max",
            "2 is below scale_min, which is 3",
        ),
        (
            first("random_patch_gaussian { random_coef: 1.5 }"),
            "augmentation-probability",
            f"{FIRST}.random_patch_gaussian.random_coef",
            "1.5 is no probability",
        ),
        (
            first("random_crop_pad_image { pad_color: 0 max_padded_size_ratio: [2, 2] }"),
            "augmentation-pair",
            f"{FIRST}.random_crop_pad_image.pad_color",
            "1 values, but it takes 3",
        ),
    ],
)
def test_what_is_said(
    base: Workspace, tmp_path: Path, bent: Bend, rule: str, place: str, what: str
) -> None:
    """The step, and one sentence."""
    found = find(bent, Case(bent, Bend()), base, tmp_path)

    told = [(one.rule, one.place, one.what) for one in found if one.rule != "engine"]
    assert told == [(rule, place, what)]


def test_a_square_that_is_scaled_is_scaled_back(base: Workspace, tmp_path: Path) -> None:
    """Behind the crop to a square a random scale costs pixels only; before it, it scales."""
    case = Case(last("random_image_scale { }"), first("random_image_scale { }"))

    (finding,) = find(case.fails, case, base, tmp_path)

    assert (finding.rule, finding.place) == (
        "augmentation-after-square",
        f"{LIST}[2].random_image_scale",
    )
    assert find(case.passes, case, base, tmp_path) == []
