"""KITTI's average precision against worked examples and against its development kit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from odapi_runner.formats.detections import Found, GroundTruth
from odapi_runner.scoring.kitti import build_objects, evaluate_kitti
from support.scored import build_found, build_groundtruth

Object = tuple[str, list[float], float, int]  # class, corners, truncated, occluded
Row = tuple[int, str, list[float], float]  # image, class, corners, score

CLASSES = ("Car", "Pedestrian", "Cyclist")


def build_truth(images: int, names: tuple[str, ...] = CLASSES) -> GroundTruth:
    truth = build_groundtruth([], images=images, classes=len(names))
    return replace(truth, class_names=np.array(names))


def build_detected(rows: list[Row]) -> Found:
    """Detections from image, class, corners, score, all doubles."""
    corners = np.array([box for _, _, box, _ in rows], float).reshape(-1, 4)
    found = build_found([(i, CLASSES.index(c) + 1, [0.0] * 4, 0.0) for i, c, _, _ in rows])
    corners[:, 2:] -= corners[:, :2]
    return replace(found, boxes_xywh_px=corners, scores=np.array([row[3] for row in rows]))


def cars(
    count: int, *, height: float = 50, truncated: float = 0, occluded: int = 0
) -> list[Object]:
    """Cars in a row, of 100 pixels each."""
    return [
        ("Car", [place * 100.0, 0, place * 100.0 + 90, height], truncated, occluded)
        for place in range(count)
    ]


def found_all(objects: list[Object], score: float = 0.5) -> list[Row]:
    return [(0, "Car", box, score - i / 1e4) for i, (_, box, _, _) in enumerate(objects)]


def of_cars(objects: list[Object], rows: list[Row]) -> list[float]:
    told = evaluate_kitti(build_truth(1), build_objects([objects]), build_detected(rows))
    return [told["Car", name] for name in ("easy", "moderate", "hard")]


@pytest.mark.parametrize(("count", "expected"), [(1, 0.0), (40, 39 / 40), (80, 1.0)])
def test_all_found_is_one_where_there_are_enough(count: int, expected: float) -> None:
    """Worked by hand. The kit looks at scores that are nearest to recalls 0, 1/40, … 40/40.

    80 cars: the 1st, 2nd, 4th, … 80th score, 41 of them, precision 1 at each: 40 / 40. 40 cars
    have 40 scores, and the 41st point stays 0; one car has one, which is the point left out.
    """
    objects = cars(count)

    assert of_cars(objects, found_all(objects)) == pytest.approx([expected] * 3)


def test_as_many_wrong_ones_above_halve_it() -> None:
    """Worked by hand: 80 wrong detections are surer than the 80 right ones.

    At the point with k right ones precision is k / (k + 80), largest at the last: 80 / 160.
    """
    objects = cars(80)
    wrong = [(0, "Car", [i * 100.0, 500, i * 100.0 + 90, 550], 0.9) for i in range(80)]

    assert of_cars(objects, found_all(objects) + wrong) == pytest.approx([0.5] * 3)


def test_what_a_difficulty_leaves_out_may_be_found_and_need_not() -> None:
    """80 whole cars are found; 80 more are occluded, truncated, 40 pixels high or vans.

    An easy car is above 40 pixels, visible and truncated by 0.15 at most; what is not easy is
    ignored whether found or not. For moderate 60 of the 80 are to be found, too.
    """
    objects = cars(80)
    hidden = [
        (name, [box[0], 1000, box[2], 1000 + height], truncated, occluded)
        for name, height, truncated, occluded in (
            ("Car", 50, 0.0, 1), ("Car", 50, 0.2, 0), ("Car", 40, 0.0, 0), ("Van", 50, 0.0, 0),
        )
        for _, box, _, _ in objects[:20]
    ]  # fmt: skip
    lonely = [(n, [b[0], b[1] + 200 * i, b[2], b[3] + 200 * i], t, o)
              for i, (n, b, t, o) in enumerate(hidden)]  # fmt: skip

    everything = of_cars(objects + lonely, found_all(objects + lonely))
    easy_only = of_cars(objects + lonely, found_all(objects))

    assert everything[0] == easy_only[0] == pytest.approx(1.0)
    assert everything[1] == pytest.approx(1.0)
    assert easy_only[1] < 0.6  # 80 of 140


def test_low_detections_and_what_lies_in_a_dontcare_region_are_not_wrong() -> None:
    """39 pixels are too low for easy, 40 are not; half of a box in a region is too little."""
    objects = cars(80)
    region: Object = ("DontCare", [0, 500, 9000, 600], 0, 0)
    low = [(0, "Car", [i * 100.0, 300, i * 100.0 + 90, 339.9], 0.9) for i in range(80)]
    inside = [(0, "Car", [i * 100.0, 520, i * 100.0 + 90, 570], 0.9) for i in range(80)]
    half = [(0, "Car", [i * 100.0, 550, i * 100.0 + 90, 650], 0.9) for i in range(80)]
    right = found_all(objects)

    easy, moderate, _ = of_cars([*objects, region], right + low)
    assert (easy, moderate) == (pytest.approx(1.0), pytest.approx(0.5))
    assert of_cars([*objects, region], right + inside)[0] == pytest.approx(1.0)
    assert of_cars([*objects, region], right + half)[0] == pytest.approx(0.5)
    assert of_cars(objects, right + inside)[0] == pytest.approx(0.5)


def test_a_car_needs_more_overlap_than_a_pedestrian() -> None:
    """An overlap of 0.7 finds a pedestrian and no car; nothing to be found is -1."""
    box = [0.0, 0, 100, 100]
    images = [[("Car", box, 0.0, 0), ("Pedestrian", box, 0.0, 0)]] * 80
    narrow = [0.0, 0, 70, 100]
    rows = [(i, name, narrow, 0.5 - i / 1e4) for i in range(80) for name in ("Car", "Pedestrian")]

    told = evaluate_kitti(build_truth(80), build_objects(images), build_detected(rows))

    assert told["Car", "easy"] == 0
    assert told["Pedestrian", "easy"] == pytest.approx(1.0)
    assert told["Cyclist", "hard"] == -1


def test_classes_are_known_by_name_in_any_case_and_others_are_left_out() -> None:
    """A label map of `car` and `tree`: KITTI measures the first alone."""
    truth = build_truth(1, ("car", "tree"))
    objects = cars(80)

    told = evaluate_kitti(truth, build_objects([objects]), build_detected(found_all(objects)))

    assert set(told) == {("car", name) for name in ("easy", "moderate", "hard")}
    assert told["car", "easy"] == pytest.approx(1.0)


def draw(images: int) -> tuple[list[list[Object]], list[Row]]:
    """Crowded images whose every number comes from a fixed congruential generator."""
    state = 1

    def below(end: int) -> int:
        nonlocal state
        state = (1103515245 * state + 12345) % 2**31
        return (state >> 8) % end

    names = ("Car", "Car", "Car", "Pedestrian", "Pedestrian", "Cyclist", "Van", "Person_sitting")
    objects: list[list[Object]] = []
    rows: list[Row] = []
    for image in range(images):
        objects.append([])
        for _ in range(3 + below(8)):
            name = "DontCare" if below(8) == 0 else names[below(len(names))]
            x, y = below(300) / 2, below(300) / 2
            w, h = (10, 25, 30, 40, 41, 60, 100)[below(7)], (20, 25, 30, 40, 41, 60, 100)[below(7)]
            box = [x, y, x + w, y + h]
            objects[-1].append((name, box, (0, 0, 0.15, 0.2, 0.4)[below(5)], below(4) % 3))
            for _ in range(below(4)):
                moved = [value + (0, 0, 1, 2, 5, -3)[below(6)] for value in box]
                seen = name if name in CLASSES and below(6) else CLASSES[below(3)]
                rows.append((image, seen, moved, below(50) / 50))
    return objects, rows


def test_crowded_images_give_the_development_kits_figures() -> None:
    """What cpp/evaluate_object.cpp of the kit, compiled, said of `draw(60)`."""
    objects, rows = draw(60)

    told = evaluate_kitti(build_truth(60), build_objects(objects), build_detected(rows))

    assert [round(value, 10) for value in told.values()] == [
        0.0170881894, 0.3086800054, 0.3849496475,
        0.0570395371, 0.2695405143, 0.3953238924,
        0.0340909091, 0.2320604051, 0.2847643855,
    ]  # fmt: skip
