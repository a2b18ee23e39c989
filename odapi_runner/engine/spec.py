"""What the engine is to do, as plain values: the config, understood once (no TensorFlow here)."""

from __future__ import annotations

from dataclasses import dataclass

from odapi_runner.anchors import MultiscaleAnchors
from odapi_runner.engine.augment.spec import Augmentation
from odapi_runner.schedules import Schedule


@dataclass(frozen=True, slots=True)
class Initializer:
    """Random weights: `truncated_normal` or `random_normal`."""

    kind: str
    mean: float
    stddev: float


@dataclass(frozen=True, slots=True)
class BatchNorm:
    """Batch normalisation; `decay` is the moving averages' (Keras calls it momentum)."""

    decay: float
    center: bool
    scale: bool
    epsilon: float


@dataclass(frozen=True, slots=True)
class Hyperparams:
    """How the convolutions of one part of the network are made."""

    l2_weight: float | None
    initializer: Initializer
    activation: str  # NONE, RELU, RELU_6 or SWISH
    batch_norm: BatchNorm | None
    force_use_bias: bool


@dataclass(frozen=True, slots=True)
class Backbone:
    """An EfficientNet and its BiFPN."""

    type: str
    hyperparams: Hyperparams
    override_hyperparams: bool
    min_level: int
    max_level: int
    num_iterations: int
    num_filters: int
    combine_method: str


@dataclass(frozen=True, slots=True)
class BoxPredictor:
    """Two towers with weights shared by all levels, batch norm of their own at each."""

    hyperparams: Hyperparams
    hyperparams_to_heads: bool
    hyperparams_pointwise: bool
    num_layers: int
    depth: int
    kernel_size: int
    class_bias: float
    separable: bool
    shared_tower: bool


@dataclass(frozen=True, slots=True)
class Resizer:
    """Fit into a square of `size` pixels, keeping the aspect, and pad at the bottom or right."""

    size: int
    pad_value: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class BoxCodeScale:
    """The four factors of the Faster R-CNN box coder, in the order of its codes."""

    y: float
    x: float
    height: float
    width: float


@dataclass(frozen=True, slots=True)
class Matcher:
    """Which anchors are positive, negative or ignored, by their best IoU."""

    matched_threshold: float
    unmatched_threshold: float
    negatives_below_unmatched: bool
    force_match: bool


@dataclass(frozen=True, slots=True)
class Loss:
    """Focal classification loss and smooth-L1 localisation loss."""

    alpha: float | None
    gamma: float
    delta: float
    classification_weight: float
    localization_weight: float
    negative_class_weight: float
    normalize_by_matches: bool
    normalize_by_code_size: bool


@dataclass(frozen=True, slots=True)
class Nms:
    """Non-maximum suppression by class, and the score converter in front of it."""

    score_converter: str
    logit_scale: float
    score_threshold: float
    iou_threshold: float
    max_per_class: int
    max_total: int


@dataclass(frozen=True, slots=True)
class Ssd:
    """A single-shot detector."""

    num_classes: int
    resizer: Resizer
    backbone: Backbone
    box_predictor: BoxPredictor
    anchors: MultiscaleAnchors
    box_code_scale: BoxCodeScale
    matcher: Matcher
    loss: Loss
    nms: Nms
    freeze_batchnorm: bool


@dataclass(frozen=True, slots=True)
class Input:
    """Records of images, and how many of their boxes count."""

    label_map: str
    patterns: tuple[str, ...]
    shuffle: bool
    sample_1_of_n: int
    max_boxes: int


@dataclass(frozen=True, slots=True)
class Train:
    """The training: data order aside, everything that changes the weights."""

    batch_size: int
    num_steps: int
    augmentations: tuple[Augmentation, ...]
    schedule: Schedule
    momentum: float
    clip_norm: float
    regularize: bool
    fine_tune_checkpoint: str
    fine_tune_type: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The evaluation: batch size, which metrics, how many pictures."""

    batch_size: int
    per_category: bool
    num_visualizations: int
    min_score: float
    max_boxes_drawn: int


@dataclass(frozen=True, slots=True)
class Spec:
    """A whole config, as the engine understands it."""

    model: Ssd
    train: Train
    train_input: Input
    evaluation: Evaluation
    eval_input: Input
