"""From a pipeline.config to the hyperparameters of google/automl's EfficientDet.

Every name is one of efficientdet/hparams_config.py, `default_detection_configs`; what a value does
is said by det_model_fn.py (rates, losses), dataloader.py (augmentation) and tf2/postprocess.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from odapi_runner.backends.automl.fields import RULE, refused_fields
from odapi_runner.pipeline.finding import Finding
from odapi_runner.proto.floats import shortest

HParams = dict[str, Any]  # by name; a dict again where a hyperparameter has several parts

_EXTRACTOR = re.compile(r"ssd_efficientnet-b([0-7])_bifpn_keras")
_RATE_BATCH: Final = 64  # det_model_fn.py: rates are of batches of so many images
_LARGEST: Final = 6  # its D7 is the D6's network on larger images
_BOX_WEIGHT: Final = 50.0  # its default, for the Object Detection API's localization_weight of 1
_CODE_SCALE: Final = 10.0  # by which that multiplies what is regressed
_METHODS: Final = {"fast_attention": "fastattn", "attention": "attn", "sum": "sum"}
_ACTIVATIONS: Final = {"SWISH": "swish", "RELU": "relu", "RELU_6": "relu6"}
_POLICIES: Final = ("v0", "v1", "v2", "v3")
_SSD: Final = "model.ssd"


@dataclass(frozen=True, slots=True)
class Training:
    """What beside a config decides about the hyperparameters."""

    examples: int  # records of the training
    precision_is_mixed: bool = False
    recompute: bool = False


def model_name(config: Any) -> str:
    """`efficientdet-dN`; the network's sizes are told besides."""
    found = _EXTRACTOR.fullmatch(config.model.ssd.feature_extractor.type)
    return f"efficientdet-d{min(int(found[1]), _LARGEST)}" if found else ""


def refusals(config: Any) -> Iterator[Finding]:
    """An error for each thing that google/automl's main.py cannot do with a config."""
    if not model_name(config):
        path = f"{_SSD}.feature_extractor.type"
        what = "google/automl trains EfficientDets with a BiFPN, and nothing else"
        yield Finding(RULE, "error", path, what, "Train with --engine builtin.")
        return
    yield from refused_fields(config)
    yield from _contradictions(config.model.ssd)
    yield from _of_training(config)


def build_hparams(config: Any, training: Training) -> HParams:
    """The hyperparameters of a config that nothing is refused of, for main.py's --mode=train."""
    ssd, train = config.model.ssd, config.train_config
    neck, head = ssd.feature_extractor, _head(ssd)
    anchors = ssd.anchor_generator.multiscale_anchor_generator
    focal = ssd.loss.classification_loss.weighted_sigmoid_focal
    smooth = ssd.loss.localization_loss.weighted_smooth_l1
    optimizer = train.optimizer
    averaged = optimizer.use_moving_average
    return {
        "num_classes": ssd.num_classes + 1,
        "image_size": ssd.image_resizer.keep_aspect_ratio_resizer.max_dimension,
        "backbone_name": neck.type.removeprefix("ssd_").removesuffix("_bifpn_keras"),
        "act_type": _ACTIVATIONS[_activation(neck.conv_hyperparams)],
        "weight_decay": _regularization(neck.conv_hyperparams),
        "min_level": neck.bifpn.min_level,
        "max_level": neck.bifpn.max_level,
        "fpn_cell_repeats": neck.bifpn.num_iterations,
        "fpn_num_filters": neck.bifpn.num_filters,
        "fpn_weight_method": _METHODS[neck.bifpn.combine_method],
        "box_class_repeats": head.num_layers_before_predictor,
        "separable_conv": head.use_depthwise,
        "num_scales": anchors.scales_per_octave,
        "aspect_ratios": [shortest(ratio) for ratio in anchors.aspect_ratios],
        "anchor_scale": shortest(anchors.anchor_scale),
        "alpha": shortest(focal.alpha),
        "gamma": shortest(focal.gamma),
        "delta": shortest(smooth.delta) / _CODE_SCALE,
        "box_loss_weight": _BOX_WEIGHT * shortest(ssd.loss.localization_weight),
        "is_training_bn": not ssd.freeze_batchnorm,
        "momentum": shortest(optimizer.momentum_optimizer.momentum_optimizer_value),
        "moving_average_decay": shortest(optimizer.moving_average_decay) if averaged else 0,
        "clip_gradients_norm": shortest(train.gradient_clipping_by_norm),
        "var_freeze_expr": _frozen(train.freeze_variables),
        "max_instances_per_image": _most_boxes(config) + 1,  # it wants more than there are
        "mixed_precision": training.precision_is_mixed,
        "grad_checkpoint": training.recompute,
        "nms_configs": _suppression(ssd.post_processing.batch_non_max_suppression),
        **_augmentation(train.data_augmentation_options),
        **_schedule(config, training.examples),
    }


def _head(ssd: Any) -> Any:
    return ssd.box_predictor.weight_shared_convolutional_box_predictor


def _most_boxes(config: Any) -> int:
    readers = [config.train_input_reader, *config.eval_input_reader]
    most: int = max(100, *(reader.max_number_of_boxes for reader in readers))
    return most


def _activation(hyperparams: Any) -> str:
    kinds = type(hyperparams).DESCRIPTOR.fields_by_name["activation"].enum_type.values_by_number
    return str(kinds[hyperparams.activation].name)


def _regularization(hyperparams: Any) -> float:
    weight: float = hyperparams.regularizer.l2_regularizer.weight
    return shortest(weight)


def _frozen(patterns: Sequence[str]) -> str | None:
    return freezing(patterns) if patterns else None


def freezing(patterns: Sequence[str]) -> str:
    """Patterns that are searched for in a name, as one that is to match its beginning."""
    return f".*({'|'.join(patterns)})"


def _suppression(nms: Any) -> HParams:
    soft = nms.soft_nms_sigma > 0
    return {
        "method": "gaussian" if soft else "hard",
        "iou_thresh": shortest(nms.iou_threshold),
        "sigma": shortest(nms.soft_nms_sigma) if soft else None,
        "score_thresh": shortest(nms.score_threshold),
        "max_output_size": nms.max_total_detections,
    }


def _augmentation(options: Any) -> HParams:
    told: HParams = {"input_rand_hflip": False, "jitter_min": 1.0, "jitter_max": 1.0}
    for one in options:
        if one.HasField("random_horizontal_flip"):
            told["input_rand_hflip"] = True
        elif one.HasField("random_scale_crop_and_pad_to_square"):
            crop = one.random_scale_crop_and_pad_to_square
            told["jitter_min"], told["jitter_max"] = map(shortest, (crop.scale_min, crop.scale_max))
        elif one.HasField("autoaugment_image"):
            told["autoaugment_policy"] = one.autoaugment_image.policy_name
    return told


def _schedule(config: Any, examples: int) -> HParams:
    """Rates as of batches of 64, lengths in epochs.

    The program rounds steps down; half an image more keeps rounding from taking one away.
    """
    train = config.train_config
    rate = train.optimizer.momentum_optimizer.learning_rate
    batch: int = train.batch_size
    per_rate = _RATE_BATCH / batch

    def epochs(steps: int) -> float:
        return (steps * batch + 0.5) / examples

    told: HParams = {"optimizer": "sgd", "num_epochs": epochs(train.num_steps)}
    if rate.HasField("constant_learning_rate"):
        value = shortest(rate.constant_learning_rate.learning_rate)
        return told | {"lr_decay_method": "constant", "learning_rate": value * per_rate}
    cosine = rate.cosine_decay_learning_rate
    return told | {
        "lr_decay_method": "cosine",
        "learning_rate": shortest(cosine.learning_rate_base) * per_rate,
        "lr_warmup_init": shortest(cosine.warmup_learning_rate) * per_rate,
        "lr_warmup_epoch": epochs(cosine.warmup_steps) if cosine.warmup_steps else 0.0,
    }


def _contradictions(ssd: Any) -> Iterator[Finding]:
    """What the program has one value for, and the config two; and what it knows no word for."""
    neck, head, bifpn = ssd.feature_extractor, _head(ssd), ssd.feature_extractor.bifpn
    anchors = ssd.anchor_generator.multiscale_anchor_generator
    resizer = ssd.image_resizer.keep_aspect_ratio_resizer
    nms = ssd.post_processing.batch_non_max_suppression
    at = "model.ssd.feature_extractor.bifpn"
    predictor = "model.ssd.box_predictor.weight_shared_convolutional_box_predictor"
    generator = "model.ssd.anchor_generator.multiscale_anchor_generator"
    suppression = "model.ssd.post_processing.batch_non_max_suppression"
    pairs = (
        (
            "model.ssd.image_resizer.keep_aspect_ratio_resizer.min_dimension",
            resizer.min_dimension,
            resizer.max_dimension,
        ),
        (f"{generator}.min_level", anchors.min_level, bifpn.min_level),
        (f"{generator}.max_level", anchors.max_level, bifpn.max_level),
        (f"{predictor}.depth", head.depth, bifpn.num_filters),
        (
            f"{predictor}.conv_hyperparams.regularizer.l2_regularizer.weight",
            _regularization(head.conv_hyperparams),
            _regularization(neck.conv_hyperparams),
        ),
        (
            f"{predictor}.conv_hyperparams.activation",
            _activation(head.conv_hyperparams),
            _activation(neck.conv_hyperparams),
        ),
        (
            f"{suppression}.max_detections_per_class",
            nms.max_detections_per_class,
            nms.max_total_detections,
        ),
    )
    for path, value, other in pairs:
        if value != other:
            what = f"it is {value}, and google/automl has one number for it and for {other}"
            yield Finding(RULE, "error", path, what, f"-s {path}={other}")
    for path, word, known in (
        (f"{at}.combine_method", bifpn.combine_method, _METHODS),
        (
            "model.ssd.feature_extractor.conv_hyperparams.activation",
            _activation(neck.conv_hyperparams),
            _ACTIVATIONS,
        ),
    ):
        if word not in known:
            what = f"google/automl has no {word}"
            yield Finding(RULE, "error", path, what, f"It has: {', '.join(known)}")


def _of_training(config: Any) -> Iterator[Finding]:
    train = config.train_config
    size = config.model.ssd.image_resizer.keep_aspect_ratio_resizer.max_dimension
    for number, one in enumerate(train.data_augmentation_options):
        path = f"train_config.data_augmentation_options[{number}]"
        crop = one.random_scale_crop_and_pad_to_square
        kind = one.WhichOneof("preprocessing_step")
        if kind == "random_scale_crop_and_pad_to_square" and crop.output_size != size:
            path += f".{kind}.output_size"
            what = f"it is {crop.output_size}, google/automl crops to the image size, {size}"
            yield Finding(RULE, "error", path, what, f"-s {path}={size}")
        elif kind == "autoaugment_image" and one.autoaugment_image.policy_name not in _POLICIES:
            what = f'google/automl has no policy "{one.autoaugment_image.policy_name}"'
            yield Finding(RULE, "error", path, what, f"It has: {', '.join(_POLICIES)}")
        elif kind not in {
            "random_horizontal_flip",
            "random_scale_crop_and_pad_to_square",
            "autoaugment_image",
        }:
            what = f"google/automl has no {kind}"
            yield Finding(RULE, "error", path, what, f"Leave it out: -d {path}")
    yield from _of_optimizer(train)
    if len(config.eval_input_reader) > 1:
        what = "google/automl evaluates on one dataset"
        yield Finding(RULE, "error", "eval_input_reader[1]", what, "-d eval_input_reader[1]")


def _of_optimizer(train: Any) -> Iterator[Finding]:
    path = "train_config.optimizer"
    momentum = train.optimizer.momentum_optimizer
    if train.optimizer.WhichOneof("optimizer") != "momentum_optimizer":
        what = "of the optimizers only momentum is carried over to google/automl"
        yield Finding(RULE, "error", path, what, "Train with --engine builtin.")
        return
    kind = momentum.learning_rate.WhichOneof("learning_rate")
    path = f"{path}.momentum_optimizer.learning_rate"
    if kind not in {"cosine_decay_learning_rate", "constant_learning_rate"}:
        what = "of the schedules a cosine and a constant are carried over to google/automl"
        yield Finding(RULE, "error", path, what, "Train with --engine builtin.")
        return
    total = momentum.learning_rate.cosine_decay_learning_rate.total_steps
    if kind == "cosine_decay_learning_rate" and total != train.num_steps:
        path += ".cosine_decay_learning_rate.total_steps"
        what = f"it is {total}, google/automl's cosine ends with the training, {train.num_steps}"
        yield Finding(RULE, "error", path, what, f"-s {path}={train.num_steps}")
