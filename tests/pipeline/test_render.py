"""Presets, templates and rendered files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from odapi_runner import __version__
from odapi_runner.errors import DataError
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.render import build_pipeline, render, without_fine_tuning
from odapi_runner.proto.differences import differing_fields
from odapi_runner.proto.text import parse_pipeline
from odapi_runner.workspace import Workspace

REPOSITORY = Path(__file__).parent.parent.parent


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def write_label_map(workspace: Workspace, text: str) -> None:
    path = workspace.data / "kitti" / "label_map.pbtxt"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")


def cosine(message: Any) -> Any:
    rate = message.train_config.optimizer.momentum_optimizer.learning_rate
    return rate.cosine_decay_learning_rate


@pytest.mark.parametrize(
    ("number", "size", "backbone", "repeats", "filters", "method", "layers"),
    [
        # Table 1 of Tan et al. 2020; the sample configs have D6's BiFPN for D7, too.
        (0, 512, "b0", 3, 64, "fast_attention", 3),
        (1, 640, "b1", 4, 88, "fast_attention", 3),
        (2, 768, "b2", 5, 112, "fast_attention", 3),
        (3, 896, "b3", 6, 160, "fast_attention", 4),
        (4, 1024, "b4", 7, 224, "fast_attention", 4),
        (5, 1280, "b5", 7, 288, "fast_attention", 4),
        (6, 1408, "b6", 8, 384, "sum", 5),
        (7, 1536, "b6", 8, 384, "sum", 5),
    ],
)
def test_the_networks_are_scaled_as_published(
    workspace: Workspace,
    number: int,
    size: int,
    backbone: str,
    repeats: int,
    filters: int,
    method: str,
    layers: int,
) -> None:
    """Size, backbone, BiFPN and heads of each member of the family."""
    message = build_pipeline(f"efficientdet-d{number}", Changes(), workspace).message

    ssd = message.model.ssd
    bifpn = ssd.feature_extractor.bifpn
    head = ssd.box_predictor.weight_shared_convolutional_box_predictor
    assert ssd.image_resizer.keep_aspect_ratio_resizer.min_dimension == size
    assert ssd.image_resizer.keep_aspect_ratio_resizer.max_dimension == size
    step = message.train_config.data_augmentation_options[1]
    assert step.random_scale_crop_and_pad_to_square.output_size == size
    assert ssd.feature_extractor.type == f"ssd_efficientnet-{backbone}_bifpn_keras"
    assert (bifpn.num_iterations, bifpn.num_filters) == (repeats, filters)
    assert bifpn.combine_method == method
    assert (head.depth, head.num_layers_before_predictor) == (filters, layers)


def test_kitti_d0_is_scaled_to_its_batch_and_its_epochs(workspace: Workspace) -> None:
    """20 epochs of 5985 images, both rates times 4 / 128, the warm-up's share of the steps."""
    message = build_pipeline("kitti-d0", Changes(), workspace).message

    train = message.train_config
    assert (train.batch_size, train.num_steps) == (4, 20 * 5985 // 4)
    assert cosine(message).total_steps == 29925
    assert cosine(message).warmup_steps == 249  # floor(2500 * 29925 / 300000)
    assert cosine(message).learning_rate_base == pytest.approx(0.08 * 4 / 128)
    assert cosine(message).warmup_learning_rate == pytest.approx(0.001 * 4 / 128)
    assert train.fine_tune_checkpoint == (
        "model_zoo/efficientdet_d0_coco17_tpu-32/checkpoint/ckpt-0"
    )
    assert train.fine_tune_checkpoint_type == "detection"
    assert train.fine_tune_checkpoint_version == 2
    assert message.model.ssd.num_classes == 3
    assert list(message.train_input_reader.tf_record_input_reader.input_path) == [
        "data/kitti/train-*.record"
    ]
    assert message.eval_config.metrics_set == ["coco_detection_metrics"]
    assert message.eval_config.include_metrics_per_category


def test_a_users_batch_is_scaled_from_the_published_one(workspace: Workspace) -> None:
    """A word given replaces the preset's own: nothing is scaled twice or rounded twice."""
    message = build_pipeline(
        "kitti-d0", Changes(("batch_size=6", "num_steps=40")), workspace
    ).message

    assert cosine(message).learning_rate_base == pytest.approx(0.00375, rel=1e-7)
    assert cosine(message).warmup_steps == 0
    assert cosine(message).total_steps == 40


def test_classes_follow_the_label_map_until_they_are_said(workspace: Workspace) -> None:
    """The largest id of the file, where it exists; an explicit number wins."""
    write_label_map(workspace, "item { id: 1 name: '차' } item { id: 5 name: '사람' }")

    def classes(*overrides: str) -> int:
        message = build_pipeline("kitti-d0", Changes(overrides), workspace).message
        return int(message.model.ssd.num_classes)

    assert classes() == 5
    assert classes("num_classes=2") == 2
    assert classes("model.ssd.num_classes=4") == 4
    assert classes("label_map=elsewhere.pbtxt") == 3


def test_a_broken_label_map_is_an_error_of_the_label_map(workspace: Workspace) -> None:
    """Its classes cannot be counted, so nothing is rendered."""
    write_label_map(workspace, "item { id: 0 name: 'Car' }")

    with pytest.raises(DataError, match="has id 0"):
        build_pipeline("kitti-d0", Changes(), workspace)


def test_the_text_opens_with_version_preset_and_overrides(workspace: Workspace) -> None:
    """Three lines of comment, the second one the command; the rest parses to the message."""
    changes = Changes(("batch_size=8", "label_map=내 지도.pbtxt"), ("eval_config.batch_size",))

    text = render("kitti-d0", changes, workspace)

    first, second, third, _ = text.split("\n", 3)
    assert first == f"# Rendered by odapi {__version__}: EfficientDet-D0 512 px, KITTI, 8 GB."
    assert second == (
        "# odapi render --preset kitti-d0 -s batch_size=8 -s 'label_map=내 지도.pbtxt' "
        "-d eval_config.batch_size"
    )
    assert third.startswith("# As rendered below this line: sha256 ")
    expected = build_pipeline("kitti-d0", changes, workspace).message
    assert parse_pipeline(text, "text") == expected


def test_the_repository_holds_kitti_d0_as_it_renders_now() -> None:
    """`odapi render --preset kitti-d0` was run after the last change of preset or template."""
    here = Workspace(REPOSITORY)

    assert here.pipeline_config("kitti-d0").read_text("utf-8") == render(
        "kitti-d0", Changes(), here
    )


def test_without_fine_tuning_nothing_of_a_checkpoint_is_left(workspace: Workspace) -> None:
    """The fields of the checkpoint are unset, everything else stays."""
    message = build_pipeline("kitti-d0", Changes(), workspace).message

    changed = without_fine_tuning(message)

    assert set(differing_fields([message, changed])) == {
        "train_config.fine_tune_checkpoint",
        "train_config.fine_tune_checkpoint_type",
        "train_config.fine_tune_checkpoint_version",
    }
    assert message.train_config.fine_tune_checkpoint


def test_a_presets_rate_is_not_scaled_by_a_users_batch(workspace: Workspace) -> None:
    """Whoever says the rate says it for every batch, as on one command line."""
    preset = workspace.templates / "presets" / "mine.toml"
    preset.parent.mkdir(parents=True)
    preset.write_text(
        'about = "a"\nextends = "kitti-d0"\n[set.mine]\nfrom = "me"\nlearning_rate = 0.01\n',
        encoding="utf-8",
    )

    message = build_pipeline("mine", Changes(("batch_size=8",)), workspace).message

    assert cosine(message).learning_rate_base == pytest.approx(0.01)
    # In proportion to the base: 0.001 of 0.08.
    assert cosine(message).warmup_learning_rate == pytest.approx(0.000125)


def test_what_a_preset_sets_can_be_left_out(workspace: Workspace) -> None:
    """-d comes after the preset's own settings."""
    preset = workspace.templates / "presets" / "mine.toml"
    preset.parent.mkdir(parents=True)
    preset.write_text(
        'about = "a"\nextends = "kitti-d0"\n[set.mine]\nfrom = "me"\n'
        '"train_config.gradient_clipping_by_norm" = 10.0\n',
        encoding="utf-8",
    )
    clipping = "train_config.gradient_clipping_by_norm"

    assert build_pipeline("mine", Changes(), workspace).message.train_config.HasField(
        "gradient_clipping_by_norm"
    )
    left = build_pipeline("mine", Changes((), (clipping,)), workspace).message
    assert not left.train_config.HasField("gradient_clipping_by_norm")
    other = build_pipeline("mine", Changes((f"{clipping}=5",)), workspace).message
    assert other.train_config.gradient_clipping_by_norm == 5


def test_rates_follow_the_published_batch_also_beside_a_patch(
    workspace: Workspace, tmp_path: Path
) -> None:
    """A patch is written for the preset as it is, its own batch included."""
    patch = tmp_path / "patch.txt"
    patch.write_text(
        "train_config { optimizer { momentum_optimizer { learning_rate { "
        "cosine_decay_learning_rate { learning_rate_base: 0.002 } } } } }",
        encoding="utf-8",
    )

    message = build_pipeline(
        "kitti-d0", Changes(("batch_size=8",), (), (patch,)), workspace
    ).message

    # 0.002 is the patch's for kitti-d0's batch of 4; 8 is twice as many.
    assert cosine(message).learning_rate_base == pytest.approx(0.004)
    assert message.train_config.batch_size == 8


def test_a_patch_says_the_number_of_classes_too(workspace: Workspace, tmp_path: Path) -> None:
    """Whoever says it wins over the label map."""
    write_label_map(workspace, "item { id: 1 name: 'Car' } item { id: 5 name: 'Van' }")
    patch = tmp_path / "patch.txt"
    patch.write_text("model { ssd { num_classes: 3 } }", encoding="utf-8")

    assert build_pipeline("kitti-d0", Changes(), workspace).message.model.ssd.num_classes == 5
    patched = build_pipeline("kitti-d0", Changes(patches=(patch,)), workspace).message
    assert patched.model.ssd.num_classes == 3


def test_as_published_follows_no_label_map(workspace: Workspace) -> None:
    """What was published had COCO's 90 ids, whatever lies in data/."""
    path = workspace.data / "coco" / "label_map.pbtxt"
    path.parent.mkdir(parents=True)
    path.write_text("item { id: 1 name: 'Car' }", encoding="utf-8")

    def classes(*, as_published: bool) -> int:
        changed = build_pipeline("efficientdet-d0", Changes(), workspace, as_published=as_published)
        return int(changed.message.model.ssd.num_classes)

    assert classes(as_published=True) == 90
    assert classes(as_published=False) == 1


def test_as_published_takes_changes_too(workspace: Workspace) -> None:
    """The head of the file says both."""
    text = render("efficientdet-d1", Changes(("batch_size=8",)), workspace, as_published=True)

    head = text.splitlines()[:2]
    assert head[0].endswith(": EfficientDet-D1, 640 px, as published.")
    assert head[1] == "# odapi render --preset efficientdet-d1 --as-published -s batch_size=8"
    assert parse_pipeline(text, "text").train_config.use_bfloat16


def test_absolute_paths_are_for_use_elsewhere(workspace: Workspace) -> None:
    """Every path of the config begins at the root, what is no path stays."""
    text = render("centernet-hourglass104-512-keypoints", Changes(), workspace, absolute=True)

    config = parse_pipeline(text, "text")
    root = str(workspace.root)
    reader = config.train_input_reader
    assert list(reader.tf_record_input_reader.input_path) == [f"{root}/data/coco/train-*.record"]
    assert reader.label_map_path == f"{root}/data/coco/label_map.pbtxt"
    assert config.eval_input_reader[0].label_map_path == f"{root}/data/coco/label_map.pbtxt"
    assert config.train_config.fine_tune_checkpoint.startswith(f"{root}/model_zoo/")
    assert config.model.center_net.keypoint_label_map_path.startswith(f"{root}/data/")
    assert config.model.center_net.feature_extractor.type == "hourglass_104"
    assert text.splitlines()[1].endswith(" --absolute")


def test_an_absolute_path_stays_as_it_is(workspace: Workspace) -> None:
    """`/data` is nowhere below the workspace."""
    changes = Changes(("label_map=/data/label_map.pbtxt",))

    message = build_pipeline("kitti-d0", changes, workspace, absolute=True).message

    assert message.train_input_reader.label_map_path == "/data/label_map.pbtxt"
