"""What odapi changes in a published config, one function each; `odapi presets NAME` shows it.

The published configs were written to reproduce a training on many TPUs, from a classifier. Ours
are for fine-tuning a detector on a GPU or two. What is left as published, and why:

- the batch size: `batch_size` scales the rates with it, and each training has its own;
- `unpad_groundtruth_tensors: false`: with padded groundtruth the shapes of a step are the same for
  every batch, so nothing is traced anew; padding has no weight in any loss;
- the static shapes and clipped anchors of Faster R-CNN: the detectors were trained with them;
- the augmentation, and everything else that decides on the result.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from odapi_runner.pipeline.overrides import Changes, apply_changes
from odapi_runner.pipeline.zoo import start_of
from odapi_runner.proto.unread import UNREAD, written_fields

_START = "train_config.fine_tune_checkpoint"


@dataclass(frozen=True, slots=True)
class Default:
    """A change that odapi makes to a published config."""

    why: str
    changes: Changes


def apply_defaults(config: Any, sample: str | None) -> Any:
    """A copy of a published config with all of odapi's defaults.

    Args:
        config: the TrainEvalPipelineConfig as published.
        sample: the name of the sample that it reproduces, or that of the preset it extends; None
            for a config that has nothing to do with the published ones: that one is not changed.
    """
    for default in defaults_for(config, sample):
        config = apply_changes(config, default.changes).message
    return config


def defaults_for(config: Any, sample: str | None) -> Iterator[Default]:
    """The defaults that change something of this config; arguments as for `apply_defaults`."""
    if sample is None:
        return
    for default in (
        name_the_backbone_that_was_trained(sample),
        start_at_the_detector(sample),
        leave_out_what_only_tpus_read(config),
        *leave_out_what_tf2_does_not_read(config),
        tell_results_by_category(config),
        evaluate_in_order(config),
    ):
        if default.changes:
            yield default


def name_the_backbone_that_was_trained(sample: str) -> Default:
    """A sample whose name and title say ResNet-101 V1 FPN names another network.

    Its mAP of 34.18 is that of the published detector with FPN, whose checkpoint would not fit
    `resnet_v2_101`.
    """
    named = sample == "centernet_resnet101_v1_fpn_512x512_coco17_tpu-8.config"
    field = "model.center_net.feature_extractor.type=resnet_v1_101_fpn"
    why = "the network of the sample's title, its result and the published detector"
    return Default(why, Changes((field,) if named else ()))


def start_at_the_detector(sample: str) -> Default:
    """Fine-tuning starts at the published detector, not at the classifier that it began with.

    Source: g3doc/tf2_detection_zoo.md; `detection` restores the feature extractor and leaves the
    heads new, so that any number of classes fits (meta_architectures, `restore_from_objects`).
    """
    start = start_of(sample)
    if start is None:
        return Default("nothing that fits is published", Changes())
    if start.kind == "detection":
        why = "the published detector, backbone and neck; the published training began elsewhere"
    else:
        why = "no detector is published of this model: it starts at a classifier of ImageNet"
    settings = {"": start.path, "_type": start.kind, "_version": "V2"}
    return Default(why, Changes(tuple(f"{_START}{end}={text}" for end, text in settings.items())))


def leave_out_what_only_tpus_read(config: Any) -> Default:
    """bfloat16 is for TPUs (model_lib_v2.py: `use_bfloat16` counts with `use_tpu` only)."""
    field = "train_config.use_bfloat16"
    return Default("it counts on TPUs only", _leaving_out(config, {field: ""}))


def leave_out_what_tf2_does_not_read(config: Any) -> Iterator[Default]:
    """Fields of TF1's trainer and evaluator, each with the reason that `check` gives, too."""
    for why in dict.fromkeys(UNREAD.values()):
        same = {path: reason for path, reason in UNREAD.items() if reason == why}
        yield Default(why, _leaving_out(config, same))


def tell_results_by_category(config: Any) -> Default:
    """What people compare; it counts only beside a metrics_set (eval_util.py)."""
    overrides = ["eval_config.include_metrics_per_category=true"]
    if not config.eval_config.metrics_set:
        overrides.append("eval_config.metrics_set=coco_detection_metrics")
    return Default("results of each class are what people compare", Changes(tuple(overrides)))


def evaluate_in_order(config: Any) -> Default:
    """One pass over the images as they come, so that the same ones are drawn each time."""
    wanted = {"shuffle": "false", "num_epochs": "1"}
    readers = config.eval_input_reader[:1]  # the evaluator reads the first only
    missing = [name for reader in readers for name in wanted if not reader.HasField(name)]
    overrides = tuple(f"eval_input_reader[0].{name}={wanted[name]}" for name in missing)
    return Default("the same images are drawn at each evaluation", Changes(overrides))


def _leaving_out(config: Any, reasons: Mapping[str, str]) -> Changes:
    """The deletion of those fields that are written."""
    return Changes(deletes=tuple(path for path, _ in written_fields(config, reasons)))
