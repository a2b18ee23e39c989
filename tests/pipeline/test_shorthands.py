"""One word, and all that depends on it: every schedule, resizer and family of the zoo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from odapi_runner.errors import ConfigError
from odapi_runner.pipeline.overrides import Changed, Changes, apply_changes
from odapi_runner.pipeline.shorthands import schedule_of
from odapi_runner.proto.differences import differing_fields
from odapi_runner.proto.text import parse_pipeline, read_pipeline


def config(schedule: str, resizer: str = "", model: str = "ssd", num_steps: int = 1000) -> Any:
    """A config of batch 8 with a schedule and a resizer."""
    text = f"""
    model {{ {model} {{ image_resizer {{ {resizer} }} }} }}
    train_config {{ batch_size: 8 num_steps: {num_steps} optimizer {{ adam_optimizer {{
      learning_rate {{ {schedule} }} }} }} }}
    """
    return parse_pipeline(text, "test")


def changed(message: Any, *overrides: str) -> Changed:
    return apply_changes(message, Changes(overrides))


def schedule(message: Any) -> dict[str, Any]:
    """The fields that are set in a schedule, as decimals; of steps the pairs."""
    _, found = schedule_of(message) or ("", None)
    return {
        field.name: [(each.step, float(f"{each.learning_rate:.6g}")) for each in value]
        if field.name == "schedule"
        else float(f"{value:.6g}")
        for field, value in found.ListFields()
    }


CONSTANT = "constant_learning_rate { learning_rate: 0.004 }"
COSINE = """cosine_decay_learning_rate {
  learning_rate_base: 0.08 total_steps: 2000 warmup_learning_rate: 0.008 warmup_steps: 200
  hold_base_rate_steps: 20
}"""
EXPONENTIAL = """exponential_decay_learning_rate {
  initial_learning_rate: 0.08 decay_steps: 100 burnin_learning_rate: 0.008 burnin_steps: 50
  min_learning_rate: 0.0008 decay_factor: 0.5
}"""
MANUAL = """manual_step_learning_rate {
  initial_learning_rate: 0.08 warmup: true
  schedule { step: 500 learning_rate: 0.008 } schedule { step: 750 learning_rate: 0.0008 }
}"""
OSCILLATING = """exponential_oscillating_learning_rate {
  learning_rate_base: 0.08 warmup_learning_rate: 0.008 warmup_steps: 100 osc_amplitude: 0.04
  osc_period: 200 decay_steps: 50 min_rate: 0.0008 decay_factor: 0.5
}"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CONSTANT, {"learning_rate": 0.002}),
        (
            COSINE,
            {
                "learning_rate_base": 0.04,
                "total_steps": 2000,
                "warmup_learning_rate": 0.004,
                "warmup_steps": 200,
                "hold_base_rate_steps": 20,
            },
        ),
        (
            EXPONENTIAL,
            {
                "initial_learning_rate": 0.04,
                "decay_steps": 100,
                "decay_factor": 0.5,
                "burnin_learning_rate": 0.004,
                "burnin_steps": 50,
                "min_learning_rate": 0.0004,
            },
        ),
        (
            MANUAL,
            {
                "initial_learning_rate": 0.04,
                "schedule": [(500, 0.004), (750, 0.0004)],
                "warmup": True,
            },
        ),
        (
            OSCILLATING,
            {
                "learning_rate_base": 0.04,
                "warmup_learning_rate": 0.004,
                "warmup_steps": 100,
                "decay_steps": 50,
                "decay_factor": 0.5,
                "osc_amplitude": 0.02,
                "osc_period": 200,
                "min_rate": 0.0004,
            },
        ),
    ],
)
def test_half_the_batch_is_half_of_every_rate(text: str, expected: dict[str, Any]) -> None:
    """No factor and no number of steps moves with it; so it is with the base rate itself."""
    halved = changed(config(text), "batch_size=4").message
    name = next(name for name in expected if "learning_rate" in name)
    rated = changed(config(text), f"learning_rate={expected[name]}").message

    assert schedule(halved) == schedule(rated) == expected
    assert halved.train_config.batch_size == 4
    assert rated.train_config.batch_size == 8


@pytest.mark.parametrize(
    ("text", "steps", "expected"),
    [
        (CONSTANT, 10, {}),
        # The schedule's own end says what it was made for: 2000, of which 200 warm up.
        (COSINE, 500, {"total_steps": 500, "warmup_steps": 50, "hold_base_rate_steps": 5}),
        (EXPONENTIAL, 100, {"decay_steps": 10, "burnin_steps": 5}),
        (EXPONENTIAL, 3, {"decay_steps": 1, "burnin_steps": 0}),
        (MANUAL, 100, {"schedule": [(50, 0.008), (75, 0.0008)]}),
        (MANUAL, 2000, {"schedule": [(1000, 0.008), (1500, 0.0008)]}),
        # The trainer refuses steps that do not increase, and a first one at 0.
        (MANUAL, 1, {"schedule": [(1, 0.008), (2, 0.0008)]}),
        (OSCILLATING, 100, {"warmup_steps": 10, "decay_steps": 5, "osc_period": 20}),
    ],
)
def test_the_schedule_moves_with_the_steps(text: str, steps: int, expected: dict[str, Any]) -> None:
    """In proportion, and no rate with it."""
    before = config(text)

    after = changed(before, f"num_steps={steps}")

    assert schedule(after.message) == schedule(before) | expected
    assert after.message.train_config.num_steps == steps
    assert after.notes == ()


def test_without_a_number_of_steps_there_is_no_proportion() -> None:
    """The steps of the schedule stay, and that is said; a constant rate has none."""
    after = changed(config(MANUAL, num_steps=0), "num_steps=100")

    assert schedule(after.message) == schedule(config(MANUAL))
    assert after.notes == (
        (
            "num_steps: there was none to compare 100 with, "
            "so the steps of manual_step_learning_rate stay"
        ),
    )
    assert changed(config(CONSTANT, num_steps=0), "num_steps=100").notes == ()


@pytest.mark.parametrize("model", ["ssd", "faster_rcnn", "center_net"])
@pytest.mark.parametrize(
    ("resizer", "value", "expected"),
    [
        ("fixed_shape_resizer", "256", {"height": 256, "width": 256}),
        ("fixed_shape_resizer", "128x416", {"height": 128, "width": 416}),
        ("keep_aspect_ratio_resizer", "256", {"min_dimension": 256, "max_dimension": 256}),
        ("keep_aspect_ratio_resizer", "128x416", {"min_dimension": 128, "max_dimension": 416}),
        ("keep_aspect_ratio_resizer", "416x128", {"min_dimension": 128, "max_dimension": 416}),
    ],
)
def test_an_image_size_is_a_square_or_height_and_width(
    model: str, resizer: str, value: str, expected: dict[str, int]
) -> None:
    """Each resizer has it in its own fields."""
    message = config(CONSTANT, f"{resizer} {{}}", model)

    after = changed(message, f"image_size={value}").message

    (found,) = [value for _, value in getattr(after.model, model).image_resizer.ListFields()]
    assert {field.name: value for field, value in found.ListFields()} == expected


@pytest.mark.parametrize(
    ("message", "override", "what"),
    [
        (
            config(CONSTANT, "identity_resizer {}"),
            "image_size=3",
            "image_size has no place here: the resizer is identity_resizer",
        ),
        (
            config(CONSTANT, "fixed_shape_resizer {}"),
            "image_size=3x",
            'image_size: takes a whole number, found ""',
        ),
        (
            config(CONSTANT, "fixed_shape_resizer {}"),
            "image_size=0",
            "image_size: takes a whole number from 1 to 2147483647",
        ),
        (
            parse_pipeline("model { experimental_model {} }", "test"),
            "num_classes=3",
            "num_classes has no place here: experimental_model has no number of classes",
        ),
        (
            parse_pipeline("model { experimental_model {} }", "test"),
            "image_size=3",
            "image_size has no place here: the resizer is not set",
        ),
    ],
)
def test_a_word_without_a_place_says_so(message: Any, override: str, what: str) -> None:
    """Where a config has nothing of the kind."""
    with pytest.raises(ConfigError) as caught:
        changed(message, override)

    assert caught.value.what.startswith(what)


def samples(reference: Path) -> list[tuple[str, Any]]:
    found = sorted((reference / "zoo_configs").glob("*.config"))
    assert len(found) == 40
    return [(path.stem, read_pipeline(path)) for path in found]


def test_classes_and_size_of_every_published_config(reference: Path) -> None:
    """Of each family the field of its own, and the resizer that it has; nothing else."""
    for name, message in samples(reference):
        family = message.model.WhichOneof("model")
        before = getattr(message.model, family)

        after = changed(message, "num_classes=7", "image_size=320").message

        resizer = before.image_resizer.WhichOneof("image_resizer_oneof")
        path = f"model.{family}.image_resizer.{resizer}"
        names = {
            "fixed_shape_resizer": ("height", "width"),
            "keep_aspect_ratio_resizer": ("min_dimension", "max_dimension"),
        }[resizer]
        sizes = {
            f"{path}.{each}": getattr(getattr(before.image_resizer, resizer), each)
            for each in names
        }
        expected = {key: [size, 320] for key, size in sizes.items() if size != 320}
        expected[f"model.{family}.num_classes"] = [before.num_classes, 7]
        found = differing_fields([message, after])
        assert {k: v for k, v in found.items() if "output_size" not in k} == expected, name
        assert len(found) - len(expected) == ("efficientdet" in name), name


def test_batch_and_steps_of_every_published_config(reference: Path) -> None:
    """Every rate by the batch, every number of steps by the steps, and nothing else."""
    for name, message in samples(reference):
        train = message.train_config
        batch, steps = train.batch_size // 2, train.num_steps // 10

        after = changed(message, f"batch_size={batch}", f"num_steps={steps}").message

        for path, (old, new) in differing_fields([message, after]).items():
            share = 0.5 if "rate" in path.rpartition(".")[2] or "batch" in path else 0.1
            assert isinstance(old, int | float), (name, path)
            assert new == pytest.approx(old * share, rel=1e-5), (name, path)
        kind, _ = schedule_of(after) or ("", None)
        assert {"batch_size", "num_steps"} <= {
            path.rpartition(".")[2] for path in differing_fields([message, after])
        }
        rates = [field for field in differing_fields([message, after]) if kind in field]
        assert len(rates) == {"manual_step_learning_rate": 5}.get(kind, len(rates)), name


def test_two_published_schedules_by_hand(reference: Path) -> None:
    """The steps of CenterNet on a tenth, its rates for a batch of 8 instead of 128."""
    message = read_pipeline(
        reference / "zoo_configs" / "centernet_resnet101_v1_fpn_512x512_coco17_tpu-8.config"
    )

    after = changed(message, "batch_size=8", "num_steps=14000").message

    assert schedule(after) == {
        "initial_learning_rate": 6.25e-05,  # 1e-3 / 16
        "schedule": [(9000, 6.25e-06), (12000, 6.25e-07)],  # of 90,000 and 120,000 of 140,000
    }
