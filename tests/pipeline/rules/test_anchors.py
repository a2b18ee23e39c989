"""The rule on anchors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from odapi_runner.formats.example import Annotated
from odapi_runner.pipeline.finding import Finding
from support.examples import annotated
from support.more_records import holding
from support.rule_cases import Case

NAMES = ("Car", "Pedestrian", "Cyclist", "Car")
SCALE = "model.ssd.anchor_generator.multiscale_anchor_generator.anchor_scale"


def scenes(side: float, count: int = 20) -> list[Annotated]:
    """Images of 40 x 80 pixels with a square box of some pixels somewhere on each."""
    generator = np.random.default_rng(0)
    examples = []
    for number in range(count):
        top, left = generator.uniform(0, 40 - side), generator.uniform(0, 80 - side)
        box = (top / 40, left / 80, (top + side) / 40, (left + side) / 80)
        examples.append(annotated(f"train-{number}", [box], [NAMES[number % 4]]))
    return examples


# 128 pixels of 80 make 1.6 of 1: a box of 20 pixels is as large as the smallest anchors (32), one
# of 8 (13 pixels) has an IoU of (13 / 32)² at best, of 0.16.
CASES = {"anchors": Case(fails=holding(*scenes(8)), passes=holding(*scenes(20)))}

Found = Callable[..., list[Finding]]


def test_it_says_what_would_help(found: Found) -> None:
    """Each setting was tried: half and three eighths of the anchors' size, a larger input."""
    (finding,) = found(CASES["anchors"].fails)

    assert finding.place == "model.ssd.anchor_generator.multiscale_anchor_generator"
    assert finding.what == (
        "an anchor matches 0% of the small boxes at an IoU of 0.5 (20 boxes looked at)"
    )
    # 1 instead of 4 makes the smallest anchors 8, 10 and 13 pixels, still 8 pixels apart.
    assert finding.fix == (
        f"Of the small boxes 75% (75% of all) would match with -s {SCALE}=1, "
        "100% (100% of all) would match with -s image_size=256."
    )
    # And with the first of them it is well.
    better = holding(*scenes(8), sets=(f"{SCALE}=1",))
    assert found(better) == []


@pytest.mark.parametrize("scale", ["400", "0.4"])
def test_a_scale_that_is_far_off_is_led_back_to_a_published_one(found: Found, scale: str) -> None:
    """A slip of the decimal point: nothing near it helps, and the published scale does."""
    findings = found(holding(*scenes(20), sets=(f"{SCALE}={scale}",)))

    (fix,) = [one.fix for one in findings if one.rule == "anchors"]
    assert f"would match with -s {SCALE}=4" in fix


def test_a_few_boxes_say_nothing(found: Found) -> None:
    """Below twenty nothing is said."""
    assert found(holding(*scenes(8, count=19))) == []


@pytest.mark.parametrize(
    "sets",
    [
        ("model.center_net.num_classes=3",),
        ("model.ssd.image_resizer.fixed_shape_resizer.height=0",),
    ],
)
def test_without_anchors_or_a_size_nothing_is_said(found: Found, sets: tuple[str, ...]) -> None:
    """A CenterNet has no anchors; what has no pixels has no boxes."""
    rules = {finding.rule for finding in found(holding(*scenes(8), sets=sets))}

    assert "anchors" not in rules
