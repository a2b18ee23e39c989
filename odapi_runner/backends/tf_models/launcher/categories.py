"""The figures of each class, for which the program asks pycocotools, and no released one has them.

metrics/coco_tools.py, `ComputeMetrics`, takes them from an attribute that only a pycocotools of its
authors' own has, and ends an evaluation without it, whatever is in the data.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from typing import Any

import numpy as np


def are_category_stats_missing() -> bool:
    """Whether no method of pycocotools' evaluator deals with them."""
    from pycocotools.cocoeval import COCOeval

    methods = [one for one in vars(COCOeval).values() if inspect.isfunction(one)]
    return not any("category_stats" in one.__code__.co_names for one in methods)


def give_category_stats() -> None:
    """Have pycocotools sum up each class by itself, as it sums up all of them."""
    from pycocotools.cocoeval import COCOeval

    summarize = COCOeval.summarize

    @functools.wraps(summarize)
    def summarize_each(evaluation: Any) -> None:
        summarize(evaluation)
        every, stats = evaluation.eval, evaluation.stats
        own = []
        with contextlib.redirect_stdout(None):  # it prints what it sums up
            for index in range(every["recall"].shape[1]):
                only = slice(index, index + 1)
                evaluation.eval = {
                    **every,
                    "precision": every["precision"][:, :, only],
                    "recall": every["recall"][:, only],
                }
                summarize(evaluation)
                own.append(evaluation.stats)
        evaluation.eval, evaluation.stats = every, stats
        evaluation.category_stats = np.stack(own, axis=1)  # (figures, classes), as params.catIds

    COCOeval.summarize = summarize_each
