"""The files of presets: what they say, whom they extend, and what is wrong with them."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odapi_runner.errors import ConfigError, OdapiError
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.presets import preset_names, read_preset
from odapi_runner.pipeline.render import build_pipeline
from odapi_runner.proto.text import parse_pipeline
from odapi_runner.workspace import Workspace

REPOSITORY = Path(__file__).parent.parent.parent
D0 = REPOSITORY / "templates" / "presets" / "efficientdet-d0.toml"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def write_preset(workspace: Workspace, name: str, text: str) -> Path:
    path = workspace.templates / "presets" / f"{name}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


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


def test_a_preset_of_the_workspace_extends_a_shipped_one(workspace: Workspace) -> None:
    """Its own settings replace those of the same name, and what depends on them follows."""
    write_preset(
        workspace,
        "mine",
        'about = "내 것"\nextends = "kitti-d0"\n[set.training]\nfrom = "me"\nbatch_size = 2\n'
        '"train_config.gradient_clipping_by_norm" = 10.0\n',
    )

    preset = read_preset("mine", workspace)
    train = build_pipeline("mine", Changes(), workspace).message.train_config

    assert (preset.extends, preset.published) == ("kitti-d0", None)
    assert preset.origin == "ssd_efficientdet_d0_512x512_coco17_tpu-8.config"
    assert (train.batch_size, train.gradient_clipping_by_norm, train.num_steps) == (2, 10, 29925)
    rate = train.optimizer.momentum_optimizer.learning_rate.cosine_decay_learning_rate
    assert rate.learning_rate_base == pytest.approx(0.08 * 2 / 128)


def test_presets_of_the_workspace_extend_each_other(workspace: Workspace) -> None:
    """A chain of three; the nearest word counts, and values come through."""
    group = '[set.training]\nfrom = "me"\n'
    write_preset(workspace, "a", f'about = "a"\nextends = "kitti-d1"\n{group}batch_size = 8\n')
    write_preset(workspace, "b", f'about = "b"\nextends = "a"\n{group}num_steps = 10\n')
    write_preset(workspace, "c", f'about = "c"\nextends = "b"\n{group}batch_size = 1\n')

    message = build_pipeline("c", Changes(), workspace).message

    assert (message.train_config.batch_size, message.train_config.num_steps) == (1, 10)
    assert message.model.ssd.image_resizer.keep_aspect_ratio_resizer.min_dimension == 640


def test_a_preset_of_the_workspace_comes_before_a_shipped_one(workspace: Workspace) -> None:
    """Of the same name; those that extend it, too, extend the user's."""
    text = D0.read_text("utf-8").replace("num_steps = 300000", "num_steps = 7")
    write_preset(workspace, "efficientdet-d0", text)

    assert (
        build_pipeline("efficientdet-d2", Changes(), workspace).message.train_config.num_steps == 7
    )


def test_a_template_of_the_workspace_comes_before_a_shipped_one(workspace: Workspace) -> None:
    """Also one that is written after the shipped one was used."""
    before = build_pipeline("efficientdet-d0", Changes(), workspace).message
    template = workspace.templates / "efficientdet.config.j2"
    template.parent.mkdir()
    template.write_text("train_config { num_steps: {{ num_steps }} }", encoding="utf-8")

    own = build_pipeline("efficientdet-d0", Changes(), workspace, as_published=True).message

    assert before.model.HasField("ssd")
    assert own == parse_pipeline("train_config { num_steps: 300000 }", "expected")
    template.write_text("train_config { num_steps: 3{{ num_steps }} }", encoding="utf-8")
    os.utime(template, ns=(1, 1))
    again = build_pipeline("efficientdet-d0", Changes(), workspace).message
    assert again.train_config.num_steps == 3300000


def test_a_config_of_ones_own_gets_no_defaults(workspace: Workspace) -> None:
    """What odapi changes is what was published; a template of one's own says what it means."""
    write_preset(workspace, "mine", 'about = "a"\ntemplate = "x"')
    text = "train_config { num_steps: 5 use_bfloat16: true }"
    (workspace.templates / "x.config.j2").write_text(text, encoding="utf-8")

    message = build_pipeline("mine", Changes(), workspace).message

    assert message == parse_pipeline(text, "expected")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("about = ?", "mine.toml: Invalid value (at line 1, column 9)"),
        (f"about = {'[' * 5000}", "mine.toml: brackets within brackets"),
        ('about = "a"', "mine.toml: needs template or extends"),
        ('template = "efficientdet"', "mine.toml: needs about"),
        ('about = "a"\ntemplate = "efficientdet"\nvalue = 1', 'mine.toml: unknown key "value"'),
        ('about = "a\\nb"\nextends = "kitti-d0"', "mine.toml: about is not one line"),
        ('about = "a"\nextends = 3', "mine.toml: extends is not one line"),
        ('about = "a"\nextends = ["kitti-d0"]', "mine.toml: extends is not one line"),
        ('about = "a"\nextends = "mine"', "mine.toml: extends itself"),
        ('about = "a"\nextends = "kitti-d8"', 'extends "kitti-d8", which is no preset'),
        (
            'about = "a"\nextends = "../presets/kitti-d0"',
            'extends "../presets/kitti-d0", which is no preset',
        ),
        ('about = "a"\ntemplate = "efficient"', "mine.toml: there is no template efficient.config"),
        ('about = "a"\ntemplate = "../x"', "mine.toml: there is no template ../x.config.j2"),
        (
            'about = "a"\nextends = "kitti-d0"\n[values.data]\nlabel_map = "x"',
            "mine.toml: [values.data] does not say where its values come from",
        ),
        (
            'about = "a"\nextends = "kitti-d0"\n[set]\nbatch_size = 3',
            "mine.toml: [set.batch_size] does not say where its values come from",
        ),
        (
            'about = "a"\nextends = "kitti-d0"\nset = 3',
            "mine.toml: [set.set] does not say where its values come from",
        ),
        (
            'about = "a"\nextends = "kitti-d0"\n'
            + "\n".join(f'[set.{group}]\nfrom = "x"\nbatch_size = 1' for group in "ab"),
            "mine.toml: batch_size stands in [set.a] and [set.b]",
        ),
        (
            'about = "a"\nextends = "kitti-d0"\n[values.data]\nfrom = "x"\nlabel_map = 3',
            "efficientdet.config.j2 filled for mine:",
        ),
        (
            'about = "a"\nextends = "kitti-d0"\n[values.data]\nfrom = "x"\nlabel_map = {a = 1}',
            "fields.j2:3: a field takes a text, a number, true, false or a list, not {'a': 1}",
        ),
        (
            'about = "a"\nextends = "kitti-d0"\n[values.mine]\nfrom = "x"\nimage_sise = 3',
            'mine.toml: the template efficientdet.config.j2 has no variable "image_sise"',
        ),
        (
            'about = "a"\nextends = "kitti-d0"\n[set.data]\nfrom = "x"\nbatch_sise = 3',
            'mine.toml: [set.data] batch_sise: TrainEvalPipelineConfig has no field "batch_sise"',
        ),
    ],
)
def test_a_broken_preset_is_named(workspace: Workspace, text: str, what: str) -> None:
    """Its TOML, its keys, its parent, its template, its values."""
    write_preset(workspace, "mine", text)

    with pytest.raises(ConfigError) as caught:
        build_pipeline("mine", Changes(), workspace)

    assert what in caught.value.what


@pytest.mark.parametrize("name", ["", "..", "/etc/passwd", "presets/kitti-d0", "x" * 5000, "a\0b"])
def test_a_name_that_is_no_presets_is_an_error(workspace: Workspace, name: str) -> None:
    """No file is looked for outside the folders of presets."""
    with pytest.raises(ConfigError, match="no preset"):
        read_preset(name, workspace)


def test_a_mistyped_value_names_the_near_one(workspace: Workspace) -> None:
    """As a mistyped path does."""
    text = 'about = "a"\nextends = "kitti-d0"\n[values.mine]\nfrom = "x"\nimage_sise = 3'
    write_preset(workspace, "mine", text)

    with pytest.raises(ConfigError) as caught:
        build_pipeline("mine", Changes(), workspace)

    assert caught.value.fix == 'Did you mean "image_size"?'


def test_one_pattern_of_records_needs_no_list(workspace: Workspace) -> None:
    """A text in the preset's file is one pattern, not its letters; a comma is one of them."""
    for table, records in (("values", '"a,b.record"'), ("set", '["a,b.record"]')):
        mine = f'[{table}.mine]\nfrom = "me"\ntrain_records = {records}\n'
        write_preset(workspace, "mine", f'about = "a"\nextends = "efficientdet-d0"\n{mine}')

        reader = build_pipeline("mine", Changes(), workspace).message.train_input_reader

        assert reader.tf_record_input_reader.input_path == ["a,b.record"]


@given(
    line=st.integers(0, 40),
    text=st.sampled_from(
        ["", "[", "x = 1", "extends = 1", "num_steps = -1", "from = []", "\ud7ff"]
    ),
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_a_preset_with_another_line_renders_or_says_what_is_wrong(line: int, text: str) -> None:
    """Never another exception than odapi's own."""
    lines = D0.read_text("utf-8").splitlines()
    lines[line % len(lines)] = text
    workspace = Workspace(D0.parent / "nowhere")
    with pytest.MonkeyPatch.context() as patch, contextlib.suppress(OdapiError):
        patch.setattr("odapi_runner.pipeline.presets.read_text", lambda _: "\n".join(lines))
        build_pipeline("efficientdet-d0", Changes(), workspace)
