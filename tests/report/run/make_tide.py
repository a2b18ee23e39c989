"""Figures of TIDE's own program for test_tide.py: run in an environment with tidecv 1.0.1.

    python tests/report/run/make_tide.py SCENES_JSON > tests/report/run/tide.json

SCENES_JSON is what `python tests/report/run/test_tide.py` prints: the scenes as tidecv takes them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def figures(scene: dict[str, Any]) -> dict[str, Any]:
    """AP_50, what each kind of error costs, and how many there are of it."""
    from tidecv import TIDE, Data

    wanted, found = Data("wanted"), Data("found")
    for number in scene["classes"]:
        wanted.add_class(number, str(number))
        found.add_class(number, str(number))
    for image in range(scene["images"]):
        wanted.add_image(image, str(image))
    for image, number, box in scene["wanted"]:
        wanted.add_ground_truth(image, number, box)
    for image, number, box, score in scene["found"]:
        found.add_detection(image, number, score, box)
    tide = TIDE(pos_threshold=0.5, background_threshold=0.1, mode=TIDE.BOX)
    run = tide.evaluate(wanted, found, mode=TIDE.BOX)
    cost = {kind.short_name: value for kind, value in run.fix_main_errors().items()}
    count = {kind.short_name: number for kind, number in run.count_errors().items()}
    return {"seed": scene["seed"], "average": run.ap, "cost": cost, "count": count}


if __name__ == "__main__":
    scenes = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    print(json.dumps([figures(scene) for scene in scenes], indent=1))
