"""Templates: the macros, the sandbox, and what is said of a mistake in one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from odapi_runner.errors import ConfigError
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.presets import read_preset
from odapi_runner.pipeline.render import build_pipeline
from odapi_runner.pipeline.templates import fill_template
from odapi_runner.proto.text import parse_pipeline
from odapi_runner.workspace import Workspace, shipped

PRESET = 'about = "a"\ntemplate = "x"\n[values.mine]\nfrom = "me"\nbatch_size = 8\nsteps = 90\n'


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace with a preset `mine` of the template x.config.j2."""
    presets = tmp_path / "templates" / "presets"
    presets.mkdir(parents=True)
    (presets / "mine.toml").write_text(PRESET, encoding="utf-8")
    return Workspace(tmp_path)


def fill(workspace: Workspace, text: str, **others: str) -> str:
    """What a template gives; `others` are further files of templates/, by name without .j2."""
    for name, content in {"x.config": text, **others}.items():
        path = workspace.templates / f"{name.replace('__', '/')}.j2"
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return fill_template(read_preset("mine", workspace), workspace)


def error_of(workspace: Workspace, text: str, **others: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        fill(workspace, text, **others)
    return caught.value


@pytest.mark.parametrize(
    ("imported", "call", "gives"),
    [
        (
            'schedules.j2" import constant',
            (
                "train_config { optimizer { momentum_optimizer { learning_rate { "
                "{{ constant(0.1) }} } } } }"
            ),
            (
                "train_config { optimizer { momentum_optimizer { learning_rate { "
                "constant_learning_rate { learning_rate: 0.1 } } } } }"
            ),
        ),
        (
            'schedules.j2" import exponential_decay',
            (
                "train_config { optimizer { adam_optimizer { learning_rate { "
                "{{ exponential_decay(0.1, 500, 0.9) }} } } } }"
            ),
            (
                "train_config { optimizer { adam_optimizer { learning_rate { "
                "exponential_decay_learning_rate { initial_learning_rate: 0.1 decay_steps: 500 "
                "decay_factor: 0.9 staircase: true } } } } }"
            ),
        ),
        (
            'optimizers.j2" import rms_prop',
            "train_config { optimizer { {{ rms_prop('') }} } }",
            (
                "train_config { optimizer { rms_prop_optimizer { learning_rate {} "
                "momentum_optimizer_value: 0.9 decay: 0.0 epsilon: 1e-7 } "
                "use_moving_average: false } }"
            ),
        ),
    ],
)
def test_a_macro_that_no_shipped_preset_uses(
    workspace: Workspace, imported: str, call: str, gives: str
) -> None:
    """Schedules and optimizers for templates of one's own."""
    text = fill(workspace, f'{{% from "macros/{imported} %}}{call}')

    assert parse_pipeline(text, "filled") == parse_pipeline(gives, "expected")


def test_a_template_of_ones_own_extends_a_shipped_one(workspace: Workspace) -> None:
    """Another augmentation for a model, in three lines."""
    preset = workspace.templates / "presets" / "mine.toml"
    preset.write_text('about = "a"\nextends = "ssd-resnet50-fpn-640"\ntemplate = "x"\n', "utf-8")
    fill(
        workspace,
        '{% extends "ssd_fpn.config.j2" %}{% from "macros/augmentation.j2" import '
        "random_horizontal_flip %}{% block augmentation %}{{ random_horizontal_flip() }}"
        "{% endblock %}",
    )

    train = build_pipeline("mine", Changes(), workspace).message.train_config

    (step,) = train.data_augmentation_options
    assert step.WhichOneof("preprocessing_step") == "random_horizontal_flip"
    assert train.fine_tune_checkpoint_type == "detection"


@pytest.mark.parametrize(
    ("text", "line", "fix"),
    [
        (
            "model {\n{{ batch_sise }}",
            'x.config.j2:2: "batch_sise" is undefined',
            'Did you mean "batch_size"? There are: batch_size, steps.',
        ),
        (
            "{% set stepz = 3 %}\n\n{{ stepzz }}",
            'x.config.j2:3: "stepzz" is undefined',
            'Did you mean "stepz" or "steps"? There are: batch_size, steps.',
        ),
        (
            "{% if nothing_like_it %}{% endif %}",
            'x.config.j2:1: "nothing_like_it" is undefined',
            "There are: batch_size, steps.",
        ),
        (
            (
                '{% from "macros/fields.j2" import fields %}\n'
                "{{ fields(a=steps,\n          b=2,\n          c=step) }}"
            ),
            'x.config.j2:4: "step" is undefined',
            'Did you mean "steps"? There are: batch_size, steps.',
        ),
    ],
)
def test_an_undefined_name_says_where_and_which_there_are(
    workspace: Workspace, text: str, line: str, fix: str
) -> None:
    """The line on which the name stands, also where only a macro asks for its value."""
    error = error_of(workspace, text)

    assert error.what == f"{workspace.templates}/{line}"
    assert error.fix == fix


def test_an_undefined_name_of_a_macro_is_told_from_the_values(workspace: Workspace) -> None:
    """A macro sees what it is given, not the values of the preset."""
    error = error_of(
        workspace,
        '{% from "own/m.j2" import twice %}\n{{ twice(steps) }}',
        own__m="{% macro twice(number) %}\n{{ numbr * 2 }}{% endmacro %}",
    )

    assert error.what == f'{workspace.templates}/own/m.j2:2: "numbr" is undefined'
    assert error.fix == 'Did you mean "number"? There are: number, twice.'


def test_a_template_that_is_not_there_may_be_left_out(workspace: Workspace) -> None:
    """Where the template says so; an undefined name beside it is still told."""
    text = "{% include 'none.j2' ignore missing %}{{ steps }}"
    assert fill(workspace, text) == "90"

    error = error_of(workspace, text + "{{ step }}")
    assert error.what.endswith('x.config.j2:1: "step" is undefined')


def test_of_an_undefined_name_and_a_broken_include_the_include_is_told(
    workspace: Workspace,
) -> None:
    """Which names there are cannot be known then."""
    error = error_of(workspace, "{{ step }}{% include 'own/b.j2' %}", own__b="{% for %}")

    assert "own/b.j2:1: " in error.what


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{% for %}", "x.config.j2:1: "),
        ("\n\n{{ 1 / 0 }}", "x.config.j2:3: division by zero"),
        ("{{ batch_size.nothing }}", "x.config.j2:1: 'int object' has no attribute 'nothing'"),
        ('{% from "macros/fields.j2" import fieldz %}{{ fieldz() }}', "fieldz"),
        ("{% include 'none.j2' %}", "there is no template none.j2"),
        ("{{ [1, 2] | literal }} {{ none | literal }}", "x.config.j2:1: a field takes a text"),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "x.config.j2:1: calls itself"),
        ("{% include 'x.config.j2' %}", "calls itself without end"),
        ("{% extends 'x.config.j2' %}", "calls itself without end"),
    ],
)
def test_a_broken_template_is_named_with_its_line(
    workspace: Workspace, text: str, what: str
) -> None:
    """Bad syntax, wrong values, missing files, recursion."""
    assert what in error_of(workspace, text).what


def test_a_result_that_is_no_config_is_not_blamed_on_a_line_of_the_template(
    workspace: Workspace,
) -> None:
    """The line is that of the filled text, and the error says so."""
    fill(workspace, "model {\n sdd {} }")

    with pytest.raises(ConfigError) as caught:
        build_pipeline("mine", Changes(), workspace)

    assert caught.value.what == (
        'x.config.j2 filled for mine:2:2: DetectionModel has no field "sdd"'
    )


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{{ ''.__class__.__mro__ }}", "access to attribute '__class__'"),
        ("{{ batch_size.__class__ }}", "access to attribute '__class__'"),
        ("{{ self.__init__.__globals__ }}", "access to attribute '__init__'"),
        ("{{ range.__globals__ }}", "access to attribute '__globals__'"),
        ("{{ (''|attr('__class__')) }}", "access to attribute '__class__'"),
        ("{{ cycler.__init__.__globals__.os }}", "access to attribute '__init__'"),
        ("{{ '{0.__class__}'.format(1) }}", "access to attribute '__class__'"),
        ('{% include "/etc/passwd" %}', "there is no template /etc/passwd"),
        ('{% include "../../../../etc/passwd" %}', "there is no template ../../../../etc/passwd"),
        ('{% include "macros/../../odapi.toml" %}', "there is no template macros/../../odapi.toml"),
        ('{% import "os" as os %}', "there is no template os"),
        ("{% for i in range(100001) %}{% endfor %}", "Range too big"),
        ("{{ 'x' * 1000001 }}", "a product of more than 1,000,000 elements"),
        ("{{ 1000001 * [0] }}", "a product of more than 1,000,000 elements"),
        ("{{ 10 ** 1000000000 }}", "a power of more than 4,096 bits"),
        (
            "{% for i in range(3000) %}{% for j in range(3000) %}{{ i }}{% endfor %}{% endfor %}",
            "mine.toml: its template gives more than 4,000,000 characters",
        ),
        ("{{ [1].append(2) }}", "access to attribute 'append' of 'list' object is unsafe"),
        ("{{ lipsum() }}", '"lipsum" is undefined'),
        ("{{ [1, 2] | random }}", "No filter named 'random'"),
    ],
)
def test_what_the_sandbox_forbids(workspace: Workspace, text: str, what: str) -> None:
    """Attributes of Python's own, files elsewhere, endless output, chance."""
    (workspace.root / "odapi.toml").write_text("", encoding="utf-8")

    assert what in error_of(workspace, text).what


def test_what_the_sandbox_allows(workspace: Workspace) -> None:
    """Arithmetic, loops, powers of a schedule, and files of the two folders."""
    text = fill(
        workspace,
        '{% include "own/part.j2" %} {{ 2 ** 10 }} {{ 0.5 ** 3 }} {{ "ab" * 2 }} '
        "{{ (steps / batch_size) | round | int }} {{ [1.5, true, 'a\"b'] | literal }}",
        own__part="{% for i in range(3) %}{{ i * batch_size }},{% endfor %}",
    )

    assert text == '0,8,16, 1024 0.125 abab 11 [1.5, true, "a\\"b"]'


def test_a_template_is_read_as_configs_are(workspace: Workspace) -> None:
    """UTF-16 as some editors save it; other encodings are refused in a sentence."""
    path = workspace.templates / "x.config.j2"
    path.write_text("# 주석\nsteps {{ steps }}", encoding="utf-16")
    assert fill_template(read_preset("mine", workspace), workspace) == "# 주석\nsteps 90"

    path.write_bytes("# 주석".encode("cp949"))
    with pytest.raises(ConfigError) as caught:
        fill_template(read_preset("mine", workspace), workspace)
    assert caught.value.what.startswith(str(path))


@pytest.mark.parametrize("name", ["x" * 5000, "a\\0b", "a/../b", "."])
def test_a_name_that_no_file_can_have_is_not_found(workspace: Workspace, name: str) -> None:
    """Nor does asking for it raise an error of the file system."""
    assert "there is no template" in error_of(workspace, f"{{% include '{name}' %}}").what


def test_the_examples_of_the_readme_render(workspace: Workspace) -> None:
    """The preset and the template of templates/README.md, together."""
    readme = (shipped("templates") / "README.md").read_text("utf-8")
    blocks = re.findall(r"```(toml|jinja)\n(.*?)```", readme, re.DOTALL)
    preset, template = (text for _, text in blocks)
    mine = workspace.templates / "presets" / "mine.toml"
    mine.write_text(preset, "utf-8")
    (workspace.templates / "mine.config.j2").write_text(template, "utf-8")

    plain = build_pipeline("mine", Changes(), workspace).message
    mine.write_text('about = "a"\nextends = "ssd-resnet50-fpn-640"\ntemplate = "mine"\n', "utf-8")
    own = build_pipeline("mine", Changes(), workspace).message

    assert (plain.train_config.batch_size, plain.train_config.num_steps) == (3, 20000)
    assert plain.train_config.gradient_clipping_by_norm == 10
    assert len(own.train_config.data_augmentation_options) == 1
