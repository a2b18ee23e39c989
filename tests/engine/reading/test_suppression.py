"""Post-processing as a config says it: what is read, and what is refused."""

from __future__ import annotations

import pytest

from odapi_runner.engine.read_config import build_spec, refused
from odapi_runner.engine.spec.suppression import Curve
from support.ssd_configs import ssd_config

POST = "model.ssd.post_processing"
NMS = f"{POST}.batch_non_max_suppression"
CALIBRATION = f"{POST}.calibration_config"


def changed(*changes: str) -> dict[str, str]:
    """The refusals of a config with some changes: reasons by path."""
    config = ssd_config("ssd_mobilenet_v2_fpnlite", *changes)
    return {one.path: one.reason for one in refused(config)}


@pytest.mark.parametrize(
    "changes",
    [
        ("use_class_agnostic_nms=true", "use_static_shapes=true"),
        ("use_class_agnostic_nms=true", "soft_nms_sigma=0.5", "use_hard_nms=true"),
        ("use_combined_nms=true", "change_coordinate_frame=false", "use_static_shapes=true"),
        ("use_partitioned_nms=true", "use_cpu_nms=true", "max_classes_per_detection=2"),
    ],
)
def test_what_the_reference_takes_together_is_read(changes: tuple[str, ...]) -> None:
    """Each of the ways to suppress, alone and together."""
    assert changed(*(f"{NMS}.{one}" for one in changes)) == {}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            ("soft_nms_sigma=0.5", "use_static_shapes=true", "use_hard_nms=true"),
            {
                "use_static_shapes": "is at odds with soft_nms_sigma",
                "use_hard_nms": "is at odds with soft_nms_sigma",
            },
        ),
        (("soft_nms_sigma=-1",), {"soft_nms_sigma": "is negative"}),
        (("iou_threshold=1.5",), {"iou_threshold": "is not in 0..1"}),
        (("max_detections_per_class=0",), {"max_detections_per_class": "is below 1"}),
        (
            ("use_combined_nms=true", "use_class_agnostic_nms=true"),
            {
                "use_combined_nms": "is at odds with use_class_agnostic_nms",
                "change_coordinate_frame": "true is not supported: use_combined_nms cannot do it",
            },
        ),
        (
            ("use_class_agnostic_nms=true", "max_classes_per_detection=2"),
            {"max_classes_per_detection": ("2 is not supported: a box is of its best class alone")},
        ),
    ],
)
def test_what_the_reference_stops_at_is_refused(
    changes: tuple[str, ...], expected: dict[str, str]
) -> None:
    """By the field to change."""
    found = changed(*(f"{NMS}.{one}" for one in changes))

    assert found == {f"{NMS}.{name}": reason for name, reason in expected.items()}


def test_scores_are_calibrated_by_curves_or_a_temperature() -> None:
    """The points of a curve, of all slots or of one."""
    config = ssd_config("ssd_mobilenet_v2_fpnlite", f"{POST}.logit_scale=2")
    calibration = config.model.ssd.post_processing.calibration_config
    pairs = calibration.class_id_function_approximations.class_id_xy_pairs_map[2]
    for x, y in ((0.25, 0.0), (0.75, 1.0)):
        pairs.x_y_pair.add(x=x, y=y)
    by_slot = build_spec(config).model.scores
    calibration.function_approximation.x_y_pairs.CopyFrom(pairs)
    of_all = build_spec(config).model.scores
    calibration.temperature_scaling_calibration.scaler = 4.0
    heated = build_spec(config).model.scores

    curve = Curve(x=(0.25, 0.75), y=(0.0, 1.0))
    assert (by_slot.converter, by_slot.logit_scale, by_slot.temperature) == ("SIGMOID", 2.0, 1.0)
    assert (by_slot.curve, by_slot.slot_curves) == (None, ((2, curve),))
    assert (of_all.curve, of_all.slot_curves) == (curve, ())
    assert (heated.temperature, heated.curve, heated.slot_curves) == (4.0, None, ())


def test_calibrations_that_calibrate_nothing_are_refused() -> None:
    """None chosen, sigmoids that the reference does not have, no points, points out of order."""
    config = ssd_config("ssd_mobilenet_v2_fpnlite", f"{POST}.logit_scale=0")
    calibration = config.model.ssd.post_processing.calibration_config
    found = []
    for change in (
        calibration.SetInParent,
        calibration.sigmoid_calibration.SetInParent,
        calibration.function_approximation.SetInParent,
        lambda: calibration.function_approximation.x_y_pairs.x_y_pair.extend(
            [type(calibration.function_approximation.x_y_pairs.x_y_pair.add())(x=1)] * 2
        ),
        calibration.class_id_function_approximations.SetInParent,
        calibration.temperature_scaling_calibration.SetInParent,
    ):
        change()
        found.append({one.path: one.reason for one in refused(config)})

    nothing = {f"{POST}.logit_scale": "is 0"}
    curve = f"{CALIBRATION}.function_approximation.x_y_pairs.x_y_pair"
    assert found == [
        nothing | {f"{CALIBRATION}.calibrator": "is not set"},
        nothing | {f"{CALIBRATION}.sigmoid_calibration": "is not supported"},
        nothing | {curve: "is empty"},
        nothing | {curve: "has no rising x"},
        nothing | {f"{CALIBRATION}.class_id_function_approximations": "has no curve"},
        nothing | {f"{CALIBRATION}.temperature_scaling_calibration.scaler": "is not above 0"},
    ]
