"""What is trained and evaluated on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Input:
    """Records of images, and how many of their boxes count."""

    label_map: str
    patterns: tuple[str, ...]
    weights: tuple[float, ...]  # of each pattern, relative to each other; none: all records alike
    shuffle: bool
    sample_1_of_n: int
    max_boxes: int
    score_classes: int = 0  # how many classes each box has a score of; 0: scores are not read


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The evaluation: batch size, which metrics beside COCO's, how many pictures."""

    batch_size: int
    voc: bool  # measure as Pascal VOC does, too, wherever the data come from
    use_averages: bool  # evaluate the moving averages of the weights in their place
    per_category: bool
    all_per_category: bool
    super_categories: tuple[tuple[str, tuple[str, ...]], ...]  # a name, and those of its classes
    num_visualizations: int
    min_score: float
    max_boxes_drawn: int
