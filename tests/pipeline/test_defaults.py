"""What odapi changes in a published config, one default at a time."""

from __future__ import annotations

from typing import Any

import pytest

from odapi_runner.pipeline.defaults import (
    Default,
    apply_defaults,
    defaults_for,
    evaluate_in_order,
    leave_out_what_only_tpus_read,
    leave_out_what_tf2_does_not_read,
    name_the_backbone_that_was_trained,
    start_at_the_detector,
    tell_results_by_category,
)
from odapi_runner.pipeline.overrides import apply_changes
from odapi_runner.proto.text import parse_pipeline

D0 = "ssd_efficientdet_d0_512x512_coco17_tpu-8.config"


def config_of(text: str) -> Any:
    return parse_pipeline(text, "test")


def after(default: Default, text: str) -> Any:
    return apply_changes(config_of(text), default.changes).message


@pytest.mark.parametrize(
    ("sample", "path", "kind"),
    [
        (D0, "efficientdet_d0_coco17_tpu-32/checkpoint/ckpt-0", "detection"),
        (
            "faster_rcnn_resnet50_v1_640x640_coco17_tpu-8.config",
            "faster_rcnn_resnet50_v1_640x640_coco17_tpu-8/checkpoint/ckpt-0",
            "detection",
        ),
        (
            "centernet_hourglass104_512x512_coco17_tpu-8.config",
            "centernet_hg104_512x512_coco17_tpu-8/checkpoint/ckpt-0",
            "detection",
        ),
        # Not published itself: the detector with the same feature extractor, and a classifier.
        (
            "center_net_deepmac_512x512_voc_only_tpu-32.config",
            "centernet_hg104_512x512_coco17_tpu-8/checkpoint/ckpt-0",
            "detection",
        ),
        (
            "faster_rcnn_resnet50_v1_fpn_640x640_coco17_tpu-8.config",
            "resnet50_v1/resnet50.ckpt-1",
            "classification",
        ),
    ],
)
def test_fine_tuning_starts_at_what_is_published(sample: str, path: str, kind: str) -> None:
    """The model's own detector, else what fits it; version V2, without which TF2 refuses."""
    changed = after(
        start_at_the_detector(sample),
        'train_config { fine_tune_checkpoint: "a" fine_tune_checkpoint_type: "classification" }',
    )

    assert changed == config_of(
        f'train_config {{ fine_tune_checkpoint: "model_zoo/{path}" '
        f'fine_tune_checkpoint_type: "{kind}" fine_tune_checkpoint_version: V2 }}'
    )


def test_where_nothing_is_published_the_start_stays() -> None:
    """A sample that the catalogue has nothing for."""
    assert not start_at_the_detector("ssd_of_tomorrow.config").changes


def test_fields_for_tpus_and_of_tf1_are_left_out() -> None:
    """None of them has an effect on a GPU."""
    text = (
        "model { ssd { inplace_batchnorm_update: true freeze_batchnorm: false } } "
        "train_config { batch_size: 8 use_bfloat16: true sync_replicas: true "
        "replicas_to_aggregate: 8 startup_delay_steps: 0 max_number_of_boxes: 100 "
        "unpad_groundtruth_tensors: false }"
    )
    config = config_of(text)
    for default in (
        leave_out_what_only_tpus_read(config),
        *leave_out_what_tf2_does_not_read(config),
    ):
        config = apply_changes(config, default.changes).message

    assert config == config_of(
        "model { ssd { freeze_batchnorm: false } } "
        "train_config { batch_size: 8 unpad_groundtruth_tensors: false }"
    )


def test_a_field_that_is_not_written_needs_no_leaving_out() -> None:
    """Nothing changes, and nothing is told."""
    config = config_of("model { faster_rcnn {} } train_config { batch_size: 8 }")

    assert not any(default.changes for default in leave_out_what_tf2_does_not_read(config))
    assert not leave_out_what_only_tpus_read(config).changes


@pytest.mark.parametrize(
    ("before", "metrics"),
    [
        ("", ["coco_detection_metrics"]),
        (
            'eval_config { metrics_set: ["coco_detection_metrics", "coco_mask_metrics"] }',
            ["coco_detection_metrics", "coco_mask_metrics"],
        ),
    ],
)
def test_results_by_category_have_a_metrics_set(before: str, metrics: list[str]) -> None:
    """Without one they are silently not told; one that is there stays."""
    changed = after(tell_results_by_category(config_of(before)), before)

    assert changed.eval_config.include_metrics_per_category
    assert changed.eval_config.metrics_set == metrics


def test_evaluation_is_one_pass_in_order() -> None:
    """Where the sample says something, that stays."""
    assert not evaluate_in_order(config_of("")).changes
    text = "eval_input_reader { shuffle: true }"
    changed = after(evaluate_in_order(config_of(text)), text)
    assert changed == config_of("eval_input_reader { shuffle: true num_epochs: 1 }")


def test_only_the_sample_that_contradicts_itself_gets_another_backbone() -> None:
    """Named v1_fpn, filled with resnet_v2_101."""
    sample = "centernet_resnet101_v1_fpn_512x512_coco17_tpu-8.config"
    text = 'model { center_net { feature_extractor { type: "resnet_v2_101" } } }'

    changed = after(name_the_backbone_that_was_trained(sample), text)

    assert changed.model.center_net.feature_extractor.type == "resnet_v1_101_fpn"
    assert not name_the_backbone_that_was_trained(D0).changes


def test_a_config_that_was_never_published_is_left_as_it_is() -> None:
    """No sample, no defaults."""
    config = config_of("train_config { use_bfloat16: true }")

    assert apply_defaults(config, None) == config
    assert list(defaults_for(config, None)) == []


def test_each_default_says_why() -> None:
    """A reason on one line, for `odapi presets NAME`."""
    found = list(defaults_for(config_of("train_config { use_bfloat16: true }"), D0))

    assert len(found) == 3
    assert all(default.why and len(default.why.splitlines()) == 1 for default in found)
