"""What the engine is to do, as plain values: the config, understood once (no TensorFlow here)."""

from __future__ import annotations

from dataclasses import dataclass

from odapi_runner.anchors import Anchors
from odapi_runner.engine.augment.spec import Augmentation
from odapi_runner.schedules import Schedule


@dataclass(frozen=True, slots=True)
class NormalInitializer:
    """Normal random weights; `truncated` draws again what lies beyond two standard deviations."""

    mean: float
    stddev: float
    truncated: bool


@dataclass(frozen=True, slots=True)
class VarianceScaling:
    """Random weights of variance `factor` over the number that `mode` counts."""

    factor: float
    mode: str  # fan_in, fan_out or fan_avg
    uniform: bool


@dataclass(frozen=True, slots=True)
class NamedInitializer:
    """One of Keras' initializers, by its name there."""

    name: str


# None is Keras' own choice, `glorot_uniform`.
Initializer = NormalInitializer | VarianceScaling | NamedInitializer | None


@dataclass(frozen=True, slots=True)
class Regularizer:
    """A weight decay: `l1`, the sum of magnitudes, or `l2`, half the sum of squares."""

    kind: str
    weight: float


@dataclass(frozen=True, slots=True)
class BatchNorm:
    """Batch normalisation; `decay` is the moving averages' (Keras calls it momentum)."""

    decay: float
    center: bool
    scale: bool
    epsilon: float
    synchronized: bool = False  # over all replicas


@dataclass(frozen=True, slots=True)
class Hyperparams:
    """How the convolutions of one part of the network are made."""

    regularizer: Regularizer | None
    initializer: Initializer
    activation: str  # NONE, RELU, RELU_6 or SWISH
    batch_norm: BatchNorm | None
    force_use_bias: bool


@dataclass(frozen=True, slots=True)
class BiFpnNeck:
    """EfficientDet's pyramid, mixed top-down and bottom-up `num_iterations` times."""

    min_level: int
    max_level: int
    num_iterations: int
    num_filters: int
    combine_method: str


@dataclass(frozen=True, slots=True)
class FpnNeck:
    """A pyramid mixed top-down once; levels beyond the backbone's are convolved from its top."""

    min_level: int
    max_level: int
    depth: int  # of its maps, before `depth_multiplier` and `min_depth`


@dataclass(frozen=True, slots=True)
class SmallerMapsNeck:
    """No pyramid: two maps of the backbone, and ever smaller ones convolved from the last."""

    num_maps: int


@dataclass(frozen=True, slots=True)
class Backbone:
    """A feature extractor: a classifier's network, and what makes a pyramid of its maps."""

    type: str
    hyperparams: Hyperparams
    override_hyperparams: bool  # whether they are the classifier's, too
    depth_multiplier: float
    min_depth: int
    pad_to_multiple: int
    explicit_padding: bool
    depthwise: bool
    neck: BiFpnNeck | FpnNeck | SmallerMapsNeck


@dataclass(frozen=True, slots=True)
class Dropout:
    """Sets features in front of the class scores to 0, unless drawn with probability `keep`."""

    keep: float


@dataclass(frozen=True, slots=True)
class WeightSharedPredictor:
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
    dropout: Dropout | None
    sigmoid_scores: bool  # outside of training
    clip_codes: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class ConvolutionalPredictor:
    """Convolutions of its own at each level."""

    hyperparams: Hyperparams
    num_layers: int
    min_depth: int
    max_depth: int
    kernel_size: int
    class_bias: float
    separable: bool
    dropout: Dropout | None
    clip_codes: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class FixedShape:
    """Stretch to a height and a width."""

    height: int
    width: int
    method: str = "BILINEAR"


@dataclass(frozen=True, slots=True)
class KeepAspect:
    """Fit inside a box with the aspect kept; `pad_value` fills it up at the bottom or right.

    The box lies as the image does: `max_dimension` is its longer side.
    """

    min_dimension: int
    max_dimension: int
    pad_value: tuple[float, float, float] | None
    method: str = "BILINEAR"


@dataclass(frozen=True, slots=True)
class ConditionalShape:
    """Scale an image whose longer side is above `size` down to it; or the shorter one below up."""

    size: int
    shrink: bool
    method: str = "BILINEAR"


@dataclass(frozen=True, slots=True)
class PadToMultiple:
    """Fill an image up to multiples of a size at the bottom and right; 1 leaves it as it is."""

    multiple: int


Resizer = FixedShape | KeepAspect | ConditionalShape | PadToMultiple


def input_size(resizer: Resizer) -> tuple[int, int] | None:
    """Height and width of all inputs; None where they differ from image to image."""
    if isinstance(resizer, FixedShape):
        return resizer.height, resizer.width
    if isinstance(resizer, KeepAspect) and resizer.pad_value is not None:
        return resizer.max_dimension, resizer.max_dimension
    return None


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
class PlainSigmoid:
    """Sigmoid cross entropy of each class."""


@dataclass(frozen=True, slots=True)
class FocalSigmoid:
    """Sigmoid focal loss."""

    alpha: float | None
    gamma: float


@dataclass(frozen=True, slots=True)
class BootstrappedSigmoid:
    """Sigmoid cross entropy with targets that are the network's own by 1 - `alpha`."""

    alpha: float
    hard: bool


@dataclass(frozen=True, slots=True)
class Softmax:
    """Cross entropy over the classes; `against_logits` takes a softmax of the targets, too."""

    logit_scale: float
    against_logits: bool


ClassificationLoss = PlainSigmoid | FocalSigmoid | BootstrappedSigmoid | Softmax


@dataclass(frozen=True, slots=True)
class SmoothL1:
    """Square below `delta`, linear above."""

    delta: float


@dataclass(frozen=True, slots=True)
class L2:
    """Half the square."""


@dataclass(frozen=True, slots=True)
class HardExamples:
    """Only the anchors that cost most count, `negatives_per_positive` of those without a box."""

    most: int | None
    iou_threshold: float
    by: str  # which loss: BOTH, CLASSIFICATION or LOCALIZATION
    negatives_per_positive: int | None
    min_negatives: int


@dataclass(frozen=True, slots=True)
class Loss:
    """The losses, and what they are weighted and divided by."""

    classification: ClassificationLoss
    localization: SmoothL1 | L2
    hard_examples: HardExamples | None
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
    box_predictor: WeightSharedPredictor | ConvolutionalPredictor
    background_class: bool  # whether the class scores begin with one of "no object"
    background_as_zeros: bool  # whether that one is to be 0 everywhere
    anchors: Anchors
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
class Momentum:
    """Gradient descent with momentum."""

    momentum: float


@dataclass(frozen=True, slots=True)
class RmsProp:
    """RMSProp; `rate_decay` divides the rate by 1 + `rate_decay` * step."""

    rate_decay: float
    momentum: float
    epsilon: float


@dataclass(frozen=True, slots=True)
class Adam:
    """Adam."""

    epsilon: float


Optimizer = Momentum | RmsProp | Adam


@dataclass(frozen=True, slots=True)
class Train:
    """The training: data order aside, everything that changes the weights."""

    batch_size: int
    num_steps: int
    augmentations: tuple[Augmentation, ...]
    schedule: Schedule
    optimizer: Optimizer
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
