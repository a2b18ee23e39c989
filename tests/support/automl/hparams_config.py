"""The names that odapi gives, and how they are read: of efficientdet/hparams_config.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


class Config:
    """Values by name."""


def default_detection_configs() -> Config:
    """The hyperparameters that there are."""
    h = Config()
    h.name = "efficientdet-d1"
    h.act_type = "swish"
    h.image_size = 640
    h.input_rand_hflip = True
    h.jitter_min = 0.1
    h.jitter_max = 2.0
    h.autoaugment_policy = None
    h.num_classes = 90
    h.label_map = None
    h.max_instances_per_image = 100
    h.regenerate_source_id = False
    h.min_level = 3
    h.max_level = 7
    h.num_scales = 3
    h.aspect_ratios = [1.0, 2.0, 0.5]
    h.anchor_scale = 4.0
    h.is_training_bn = True
    h.momentum = 0.9
    h.optimizer = "sgd"
    h.learning_rate = 0.08
    h.lr_warmup_init = 0.008
    h.lr_warmup_epoch = 1.0
    h.lr_decay_method = "cosine"
    h.clip_gradients_norm = 10.0
    h.num_epochs = 300
    h.alpha = 0.25
    h.gamma = 1.5
    h.delta = 0.1
    h.box_loss_weight = 50.0
    h.weight_decay = 4e-5
    h.mixed_precision = False
    h.box_class_repeats = 3
    h.fpn_cell_repeats = 3
    h.fpn_num_filters = 88
    h.fpn_weight_method = None
    h.separable_conv = True
    h.nms_configs = {
        "method": "gaussian",
        "iou_thresh": None,
        "score_thresh": 0.0,
        "sigma": None,
        "max_output_size": 100,
    }
    h.moving_average_decay = 0.9998
    h.backbone_name = "efficientnet-b1"
    h.var_freeze_expr = None
    h.grad_checkpoint = False
    return h


def read(path: str) -> dict[str, Any]:
    """The defaults, overridden by a file; a name that there is not is an error."""
    values = dict(vars(default_detection_configs()))
    for name, value in yaml.safe_load(Path(path).read_text(encoding="utf-8")).items():
        if name not in values:
            raise KeyError(f"Key `{name}` does not exist for overriding. ")
        values[name] = value
    return values
