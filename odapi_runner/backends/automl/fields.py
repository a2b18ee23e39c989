"""Which fields of a pipeline.config google/automl's main.py can honour.

Source: efficientdet/hparams_config.py, det_model_fn.py, efficientdet_arch.py, tf2/anchors.py,
dataloader.py and utils.py (`batch_norm`), for what is built in there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any, Final

from odapi_runner.pipeline.finding import Finding
from odapi_runner.proto.messages import is_repeated
from odapi_runner.proto.unread import unread_reason

RULE: Final = "automl"

_SSD = "model.ssd"
_NECK = f"{_SSD}.feature_extractor"
_HEAD = f"{_SSD}.box_predictor.weight_shared_convolutional_box_predictor"
_ANCHORS = f"{_SSD}.anchor_generator.multiscale_anchor_generator"
_NMS = f"{_SSD}.post_processing.batch_non_max_suppression"
_AUGMENT = "train_config.data_augmentation_options"
_RATE = "train_config.optimizer.momentum_optimizer.learning_rate"
_CROP = f"{_AUGMENT}.random_scale_crop_and_pad_to_square"

# Carried over, by hyperparameters or flags (`hparams`, `program`).
CARRIED: Final = frozenset(
    {
        f"{_SSD}.num_classes",
        f"{_SSD}.image_resizer.keep_aspect_ratio_resizer.min_dimension",
        f"{_SSD}.image_resizer.keep_aspect_ratio_resizer.max_dimension",
        f"{_NECK}.type",
        f"{_NECK}.conv_hyperparams.regularizer.l2_regularizer.weight",
        f"{_NECK}.conv_hyperparams.activation",
        *(f"{_NECK}.bifpn.{name}" for name in ("min_level", "max_level")),
        *(f"{_NECK}.bifpn.{name}" for name in ("num_iterations", "num_filters", "combine_method")),
        f"{_HEAD}.conv_hyperparams.regularizer.l2_regularizer.weight",
        f"{_HEAD}.conv_hyperparams.activation",
        *(f"{_HEAD}.{name}" for name in ("depth", "num_layers_before_predictor", "use_depthwise")),
        *(f"{_ANCHORS}.{name}" for name in ("min_level", "max_level", "anchor_scale")),
        *(f"{_ANCHORS}.{name}" for name in ("aspect_ratios", "scales_per_octave")),
        *(f"{_NMS}.{name}" for name in ("score_threshold", "iou_threshold", "soft_nms_sigma")),
        *(f"{_NMS}.{name}" for name in ("max_detections_per_class", "max_total_detections")),
        f"{_SSD}.loss.localization_loss.weighted_smooth_l1.delta",
        f"{_SSD}.loss.classification_loss.weighted_sigmoid_focal.gamma",
        f"{_SSD}.loss.classification_loss.weighted_sigmoid_focal.alpha",
        f"{_SSD}.loss.localization_weight",
        f"{_SSD}.freeze_batchnorm",
        "train_config.batch_size",
        "train_config.num_steps",
        "train_config.gradient_clipping_by_norm",
        "train_config.freeze_variables",
        "train_config.fine_tune_checkpoint",
        *(f"{_CROP}.{name}" for name in ("output_size", "scale_min", "scale_max")),
        f"{_AUGMENT}.autoaugment_image.policy_name",
        "train_config.optimizer.momentum_optimizer.momentum_optimizer_value",
        "train_config.optimizer.use_moving_average",
        "train_config.optimizer.moving_average_decay",
        *(
            f"{_RATE}.cosine_decay_learning_rate.{name}"
            for name in ("learning_rate_base", "total_steps", "warmup_learning_rate")
        ),
        f"{_RATE}.cosine_decay_learning_rate.warmup_steps",
        f"{_RATE}.constant_learning_rate.learning_rate",
        *(
            f"{reader}.{name}"
            for reader in ("train_input_reader", "eval_input_reader")
            for name in (
                "label_map_path",
                "tf_record_input_reader.input_path",
                "max_number_of_boxes",
            )
        ),
        "eval_config.include_metrics_per_category",
    }
)

# Built into the program: other values cannot be had.
BUILT_IN: Final[dict[str, tuple[object, ...]]] = {
    f"{_SSD}.image_resizer.keep_aspect_ratio_resizer.pad_to_max_dimension": (True,),
    **{
        f"{place}.conv_hyperparams.batch_norm.{name}": values
        for place in (_NECK, _HEAD)
        for name, values in {"decay": (0.99,), "epsilon": (0.001,), "scale": (True,)}.items()
    },
    f"{_SSD}.box_coder.faster_rcnn_box_coder.y_scale": (10.0,),
    f"{_SSD}.box_coder.faster_rcnn_box_coder.x_scale": (10.0,),
    f"{_SSD}.box_coder.faster_rcnn_box_coder.height_scale": (5.0,),
    f"{_SSD}.box_coder.faster_rcnn_box_coder.width_scale": (5.0,),
    f"{_SSD}.matcher.argmax_matcher.matched_threshold": (0.5,),
    f"{_SSD}.matcher.argmax_matcher.unmatched_threshold": (0.5,),
    f"{_SSD}.matcher.argmax_matcher.ignore_thresholds": (False,),
    f"{_SSD}.matcher.argmax_matcher.negatives_lower_than_unmatched": (True,),
    f"{_SSD}.matcher.argmax_matcher.force_match_for_each_row": (True,),
    f"{_HEAD}.kernel_size": (3,),
    f"{_HEAD}.class_prediction_bias_init": (-4.6,),
    f"{_SSD}.post_processing.score_converter": (1,),  # SIGMOID
    f"{_SSD}.normalize_loss_by_num_matches": (True,),
    f"{_SSD}.normalize_loc_loss_by_codesize": (True,),
    f"{_SSD}.loss.classification_weight": (1.0,),
    f"{_AUGMENT}.random_horizontal_flip.probability": (0.5,),
    "eval_config.metrics_set": ("coco_detection_metrics",),
    "eval_config.batch_size": (1,),
}

# Without a counterpart there, and without an effect on what is learned or measured but for the
# weights that a training from scratch begins with, which that program draws in its own way.
OF_NO_CONCERN: Final = (
    f"{_NECK}.conv_hyperparams.initializer",
    f"{_NECK}.conv_hyperparams.force_use_bias",
    f"{_HEAD}.conv_hyperparams.initializer",
    f"{_HEAD}.conv_hyperparams.force_use_bias",
    f"{_SSD}.matcher.argmax_matcher.use_matmul_gather",
    f"{_SSD}.encode_background_as_zeros",
    f"{_SSD}.add_background_class",
    "train_config.unpad_groundtruth_tensors",
    "train_config.fine_tune_checkpoint_type",
    "train_config.fine_tune_checkpoint_version",
    "eval_config.use_moving_averages",
    "eval_config.num_visualizations",
    "eval_config.max_num_boxes_to_visualize",
    "eval_config.min_score_threshold",
    "eval_input_reader.shuffle",
    "eval_input_reader.num_epochs",
    "train_input_reader.shuffle_buffer_size",
    "train_input_reader.num_readers",
)

_PLACE = re.compile(r"\[[^]]*\]")


def written_values(message: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Each scalar that a message has set, with its path and the places in lists."""
    for field, value in message.ListFields():
        place = f"{before}{field.name}"
        if field.message_type is None:
            yield from ((place, one) for one in (value if is_repeated(field) else [value]))
        elif is_repeated(field):
            for number, one in enumerate(value):
                yield from written_values(one, f"{place}[{number}].")
        else:
            yield from written_values(value, f"{place}.")


def refused_fields(config: Any) -> Iterator[Finding]:
    """An error for each field of a config that would not be honoured."""
    for place, value in dict(written_values(config)).items():
        bare = _PLACE.sub("", place)
        if bare in CARRIED or bare.startswith(OF_NO_CONCERN) or unread_reason(place):
            continue
        if bare not in BUILT_IN:
            what = "google/automl's main.py has nothing like it"
        elif not any(_same(value, built_in) for built_in in BUILT_IN[bare]):
            what = f"google/automl's main.py has {BUILT_IN[bare][0]} built in"
        else:
            continue
        fix = f"Leave it out (-d {place}), or train with --engine builtin."
        yield Finding(RULE, "error", place, what, fix)


def _same(value: object, other: object) -> bool:
    """Whether two values are equal, numbers as floats of 32 bits are."""
    if isinstance(value, float) and isinstance(other, float):
        return math.isclose(value, other, rel_tol=1e-6)
    return value == other
