"""Presets, templates and rendered files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from odapi_runner import __version__
from odapi_runner.errors import ConfigError, DataError
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.presets import preset_names, read_preset
from odapi_runner.pipeline.render import build_pipeline, render, without_fine_tuning
from odapi_runner.proto.differences import differing_fields
from odapi_runner.proto.text import parse_pipeline, read_pipeline
from odapi_runner.workspace import Workspace

REPOSITORY = Path(__file__).parent.parent.parent

# Where a preset differs from the published sample on purpose, and why.
DIFFERS = {
    # The samples name no files; ours are those of the workspace.
    "train_input_reader.label_map_path",
    "train_input_reader.tf_record_input_reader.input_path",
    "eval_input_reader[0].label_map_path",
    "eval_input_reader[0].tf_record_input_reader.input_path",
    # The samples start at a classifier that is no longer published; ours at the detector.
    "train_config.fine_tune_checkpoint",
    "train_config.fine_tune_checkpoint_type",
    # Of no effect but on TPUs.
    "train_config.use_bfloat16",
    # Read by TF1 only.
    "model.ssd.inplace_batchnorm_update",
    "train_config.sync_replicas",
    "train_config.replicas_to_aggregate",
    "train_config.startup_delay_steps",
    # Results by category are what people compare.
    "eval_config.include_metrics_per_category",
}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def write_preset(workspace: Workspace, name: str, text: str) -> None:
    path = workspace.templates / "presets" / f"{name}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def write_label_map(workspace: Workspace, text: str) -> None:
    path = workspace.data / "kitti" / "label_map.pbtxt"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")


def cosine(message: Any) -> Any:
    rate = message.train_config.optimizer.momentum_optimizer.learning_rate
    return rate.cosine_decay_learning_rate


def test_the_shipped_presets_are_these(workspace: Workspace) -> None:
    """The family from D0 to D7, and KITTI."""
    assert preset_names(workspace) == [*(f"efficientdet-d{n}" for n in range(8)), "kitti-d0"]


@pytest.mark.parametrize("number", range(8))
def test_a_preset_is_the_published_sample(
    reference: Path, workspace: Workspace, number: int
) -> None:
    """With nothing overridden, all but the listed fields are as published."""
    (sample,) = (reference / "zoo_configs").glob(f"ssd_efficientdet_d{number}_*.config")

    ours = build_pipeline(f"efficientdet-d{number}", Changes(), workspace).message

    assert set(differing_fields([ours, read_pipeline(sample)])) == DIFFERS


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
    """Two lines of comment, the second one the command; the rest parses to the message."""
    changes = Changes(("batch_size=8", "label_map=내 지도.pbtxt"), ("eval_config.batch_size",))

    text = render("kitti-d0", changes, workspace)

    first, second, _ = text.split("\n", 2)
    assert first.startswith(f"# Rendered by odapi {__version__}: EfficientDet-D0, 512 px, KITTI")
    assert second == (
        "# odapi render --preset kitti-d0 -s batch_size=8 -s 'label_map=내 지도.pbtxt' "
        "-d eval_config.batch_size"
    )
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


def test_a_users_preset_and_template_come_first(workspace: Workspace) -> None:
    """A preset of the workspace may extend a shipped one or bring its own template."""
    write_preset(
        workspace,
        "mine",
        'about = "내 것"\nextends = "kitti-d0"\n[set.training]\nfrom = "me"\nbatch_size = 2\n'
        '"train_config.gradient_clipping_by_norm" = 10.0\n',
    )
    template = workspace.templates / "efficientdet.config.j2"

    message = build_pipeline("mine", Changes(), workspace).message
    template.write_text("train_config { num_steps: {{ num_steps }} }", encoding="utf-8")
    own = build_pipeline("efficientdet-d0", Changes(), workspace).message

    assert message.train_config.batch_size == 2
    assert message.train_config.gradient_clipping_by_norm == 10
    assert message.train_config.num_steps == 29925
    assert own == parse_pipeline("train_config { num_steps: 300000 }", "expected")


def test_values_say_where_they_come_from(workspace: Workspace) -> None:
    """Of every shipped preset, each value has its source."""
    for name in preset_names(workspace):
        preset = read_preset(name, workspace)
        assert all(setting.source for setting in (*preset.values, *preset.overrides))


def test_shipped_presets_open_with_command_and_result() -> None:
    """The first line is the command, the second what comes out of it."""
    for path in (REPOSITORY / "templates" / "presets").glob("*.toml"):
        first, second, *_ = path.read_text("utf-8").splitlines()
        assert first == f"# odapi render --preset {path.stem}"
        assert second.startswith("# Gives ")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("about = ?", "mine.toml: Invalid value (at line 1, column 9)"),
        ('about = "a"', "mine.toml: needs either template or extends"),
        ('template = "efficientdet"', "mine.toml: needs about"),
        ('about = "a"\ntemplate = "efficientdet"\nvalue = 1', 'mine.toml: unknown key "value"'),
        ('about = "a"\nextends = "mine"', "mine.toml: extends itself"),
        ('about = "a"\nextends = "kitti-d1"', 'no preset "kitti-d1"'),
        ('about = "a"\ntemplate = "efficient"', "mine.toml: there is no template efficient.config"),
        (
            'about = "a"\nextends = "kitti-d0"\n[values.data]\nlabel_map = "x"',
            "mine.toml: [values.data] does not say where its values come from",
        ),
        (
            'about = "a"\nextends = "kitti-d0"\n[set]\nbatch_size = 3',
            "mine.toml: [set.batch_size] does not say where its values come from",
        ),
        (
            'about = "a"\nextends = "kitti-d0"\n'
            + "\n".join(f'[set.{group}]\nfrom = "x"\nbatch_size = 1' for group in "ab"),
            "mine.toml: batch_size stands in [set.a] and [set.b]",
        ),
        ('about = "a"\ntemplate = "efficientdet"', "efficientdet.config.j2:"),
        (
            'about = "a"\nextends = "kitti-d0"\n[values.data]\nfrom = "x"\nlabel_map = 3',
            "input.j2:",
        ),
        (
            'about = "a"\nextends = "kitti-d0"\n[set.data]\nfrom = "x"\nbatch_sise = 3',
            'batch_sise: TrainEvalPipelineConfig has no field "batch_sise"',
        ),
    ],
)
def test_a_broken_preset_is_named(workspace: Workspace, text: str, what: str) -> None:
    """Its TOML, its keys, its parent, its template, its values."""
    write_preset(workspace, "mine", text)

    with pytest.raises(ConfigError) as caught:
        build_pipeline("mine", Changes(), workspace)

    assert what in caught.value.what


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("model {\n{{ batch_sise }}", "x.config.j2:2: 'batch_sise' is undefined"),
        ("{% for %}", "x.config.j2:1: "),
        ("\n\n{{ 1 / 0 }}", "x.config.j2:3: division by zero"),
        ("{{ ''.__class__.__mro__ }}", "x.config.j2:1: access to attribute '__class__'"),
        ("{% include 'none.j2' %}", "there is no template none.j2"),
        ("model { sdd {} }", 'x.config.j2 filled for mine:1:9: DetectionModel has no field "sdd"'),
    ],
)
def test_a_broken_template_is_named_with_its_line(
    workspace: Workspace, text: str, what: str
) -> None:
    """Undefined names, bad syntax, what the sandbox forbids, and a result that is no config."""
    write_preset(workspace, "mine", 'about = "a"\ntemplate = "x"')
    (workspace.templates / "x.config.j2").write_text(text, encoding="utf-8")

    with pytest.raises(ConfigError) as caught:
        build_pipeline("mine", Changes(), workspace)

    assert what in caught.value.what


def test_one_pattern_of_records_needs_no_list(workspace: Workspace) -> None:
    """A text in the preset's file is one pattern, not its letters."""
    write_preset(
        workspace,
        "mine",
        'about = "a"\nextends = "efficientdet-d0"\n[values.data]\nfrom = "me"\n'
        'train_records = "a.record"\n',
    )

    message = build_pipeline("mine", Changes(), workspace).message

    assert message.train_input_reader.tf_record_input_reader.input_path == ["a.record"]
