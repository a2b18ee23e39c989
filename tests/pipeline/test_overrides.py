"""Shorthands, full paths and deletions together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odapi_runner.errors import ConfigError
from odapi_runner.pipeline.overrides import Changes, Override, apply_changes, parse_override
from odapi_runner.pipeline.shorthands import SHORTHANDS, schedule_of
from odapi_runner.proto.text import parse_pipeline, render_pipeline

# The training of EfficientDet-D0 as published.
PUBLISHED = """
model { ssd {
  num_classes: 90
  image_resizer { keep_aspect_ratio_resizer { min_dimension: 512 max_dimension: 512 } }
} }
train_config {
  batch_size: 128
  num_steps: 300000
  data_augmentation_options { random_horizontal_flip {} }
  data_augmentation_options { random_scale_crop_and_pad_to_square { output_size: 512 } }
  optimizer { momentum_optimizer { learning_rate { cosine_decay_learning_rate {
    learning_rate_base: 0.08 total_steps: 300000 warmup_learning_rate: 0.001 warmup_steps: 2500
  } } } }
}
train_input_reader { label_map_path: "a" tf_record_input_reader { input_path: "a" } }
eval_input_reader { label_map_path: "a" tf_record_input_reader { input_path: "a" } }
eval_input_reader { label_map_path: "a" }
"""
CONSTANT = """train_config { batch_size: 8 num_steps: 5 optimizer { adam_optimizer {
  learning_rate { constant_learning_rate { learning_rate: 0.004 } } } } }"""
AUGMENTATION = "train_config.data_augmentation_options"
SCHEDULE = "train_config.optimizer.momentum_optimizer.learning_rate.cosine_decay_learning_rate"


def published() -> Any:
    return parse_pipeline(PUBLISHED, "test")


def changed_by(message: Any, *overrides: str) -> Any:
    return apply_changes(message, Changes(overrides)).message


def rates(message: Any) -> tuple[float, float]:
    schedule = message.train_config.optimizer.momentum_optimizer.learning_rate
    cosine = schedule.cosine_decay_learning_rate
    return cosine.learning_rate_base, cosine.warmup_learning_rate


def steps(message: Any) -> tuple[int, int, int]:
    schedule = message.train_config.optimizer.momentum_optimizer.learning_rate
    cosine = schedule.cosine_decay_learning_rate
    return message.train_config.num_steps, cosine.total_steps, cosine.warmup_steps


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        # 0.08 * 4 / 128 and 0.001 * 4 / 128
        (["batch_size=4"], (0.0025, 0.00003125)),
        (["batch_size=10"], (0.00625, 0.000078125)),
        # the warm-up rate stays a 80th of the base rate
        (["learning_rate=0.004"], (0.004, 0.00005)),
        (["learning_rate=0.004", "batch_size=4"], (0.004, 0.00005)),
        ([f"{SCHEDULE}.learning_rate_base=0.5", "batch_size=4"], (0.5, 0.00003125)),
        (["train_config.batch_size=4"], (0.08, 0.001)),
    ],
)
def test_rates_follow_the_batch_size_until_they_are_said(
    overrides: list[str], expected: tuple[float, float]
) -> None:
    """Linear rule by the word; an explicit rate wins; a full path moves nothing."""
    assert rates(changed_by(published(), *overrides)) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        # floor(2500 * 29925 / 300000) = 249
        (["num_steps=29925"], (29925, 29925, 249)),
        (["num_steps=10"], (10, 10, 0)),
        (["num_steps=1000", f"{SCHEDULE}.warmup_steps=100"], (1000, 1000, 100)),
        (["train_config.num_steps=1000"], (1000, 300000, 2500)),
        (["num_steps=7", "num_steps=1000"], (1000, 1000, 8)),
    ],
)
def test_schedule_follows_the_number_of_steps(
    overrides: list[str], expected: tuple[int, int, int]
) -> None:
    """The word moves the end and keeps the warm-up's share; the last of two counts."""
    assert steps(changed_by(published(), *overrides)) == expected


@given(st.integers(1, 2**32 - 1), st.integers(1, 2**16))
def test_warm_up_stays_below_total_and_base(num_steps: int, batch_size: int) -> None:
    """Whatever the words say, the schedule stays one that can run."""
    changed = changed_by(published(), f"num_steps={num_steps}", f"batch_size={batch_size}")

    _, total, warmup = steps(changed)
    base, warmup_rate = rates(changed)
    assert warmup < total == num_steps
    assert warmup_rate < base


def test_image_size_sets_resizer_and_augmentation() -> None:
    """The square that augmentation puts out is the square that the network sees."""
    changed = changed_by(published(), "image_size=256")

    resizer = changed.model.ssd.image_resizer.keep_aspect_ratio_resizer
    assert (resizer.min_dimension, resizer.max_dimension) == (256, 256)
    square = changed.train_config.data_augmentation_options[1].random_scale_crop_and_pad_to_square
    assert square.output_size == 256


def test_image_size_sets_a_fixed_resizer() -> None:
    """Models with a fixed shape get a square, too."""
    fixed = "model { ssd { image_resizer { fixed_shape_resizer {} } } }"

    changed = changed_by(parse_pipeline(fixed, "test"), "image_size=64")

    shape = changed.model.ssd.image_resizer.fixed_shape_resizer
    assert (shape.height, shape.width) == (64, 64)


def test_files_are_set_where_they_are_read() -> None:
    """The label map of every reader, the records of the training and of the first evaluation."""
    changed = changed_by(
        published(), "label_map=m.pbtxt", "train_records=t1,t2", "eval_records=e", "num_classes=7"
    )

    assert changed.train_input_reader.label_map_path == "m.pbtxt"
    assert [reader.label_map_path for reader in changed.eval_input_reader] == ["m.pbtxt"] * 2
    assert list(changed.train_input_reader.tf_record_input_reader.input_path) == ["t1", "t2"]
    assert list(changed.eval_input_reader[0].tf_record_input_reader.input_path) == ["e"]
    assert not changed.eval_input_reader[1].tf_record_input_reader.input_path
    assert changed.model.ssd.num_classes == 7


def test_constant_rate_is_scaled_and_has_no_steps() -> None:
    """A schedule without an end: only `num_steps` moves."""
    changed = changed_by(parse_pipeline(CONSTANT, "test"), "batch_size=4", "num_steps=9")

    name, schedule = schedule_of(changed) or ("", None)
    assert name == "constant_learning_rate"
    assert schedule.learning_rate == pytest.approx(0.002)
    assert changed.train_config.num_steps == 9


def test_one_member_of_a_oneof_gives_way_to_another() -> None:
    """Deletions come before full paths, so both can stand on one command line."""
    adam = "train_config.optimizer.adam_optimizer"

    changes = Changes(
        (f"{adam}.learning_rate.constant_learning_rate.learning_rate=0.5",),
        ("train_config.optimizer.momentum_optimizer",),
    )

    changed = apply_changes(published(), changes).message

    assert changed.train_config.optimizer.WhichOneof("optimizer") == "adam_optimizer"


@pytest.mark.parametrize(
    ("config", "override", "what"),
    [
        (PUBLISHED, "batch_size", '-s "batch_size": not PATH=VALUE'),
        (PUBLISHED, "=4", '-s "=4": not PATH=VALUE'),
        (PUBLISHED, "label_map=a\nb", "-s label_map: the value is not one line of text"),
        (PUBLISHED, "batch_size=0", "batch_size: takes a whole number from 1 to 4294967295"),
        (PUBLISHED, "num_steps=many", 'num_steps: takes a whole number, found "many"'),
        (PUBLISHED, "learning_rate=fast", 'learning_rate: takes a number, found "fast"'),
        ("", "num_classes=3", "num_classes has no place here: the config has no"),
        ("", "batch_size=3", "batch_size has no place here: the learning rate's schedule is not"),
        ("model { ssd {} }", "image_size=3", "image_size has no place here: the resizer is not"),
    ],
)
def test_an_override_that_does_not_fit_says_so(config: str, override: str, what: str) -> None:
    """Not of the form, of the wrong kind, or without a place in this config."""
    with pytest.raises(ConfigError) as caught:
        changed_by(parse_pipeline(config, "test"), override)

    assert caught.value.what.startswith(what)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=1", Override("a", "1")),
        (" a = 1 ", Override("a", " 1 ")),
        ("a=", Override("a", "")),
        ("a=b=c", Override("a", "b=c")),
        ("a+=1", Override("a", "1", appends=True)),
        ("a[name=x].b=1", Override("a[name=x].b", "1")),
        ("a[name='x]'].b+=1", Override("a[name='x]'].b", "1", appends=True)),
        ("a={ b: 'x=y' }", Override("a", "{ b: 'x=y' }")),
    ],
)
def test_an_override_is_a_path_and_a_value(text: str, expected: Override) -> None:
    """The first equals sign outside of brackets parts them."""
    assert parse_override(text) == expected


def test_text_of_several_lines_becomes_one() -> None:
    """As somebody pastes it between quotes in a shell."""
    typed = """train_config.data_augmentation_options+={
      random_horizontal_flip {
        probability: 0.25
      }
    }
    """

    changes = Changes((typed, "batch_size=4"), ("model",), (Path("notes.txt:3"),))

    flip = "{ random_horizontal_flip { probability: 0.25 } }"
    assert changes.words() == [
        "--patch",
        "notes.txt:3",
        "-s",
        f"train_config.data_augmentation_options+={flip}",
        "-s",
        "batch_size=4",
        "-d",
        "model",
    ]
    assert changes.given() == {"train_config.data_augmentation_options", "batch_size"}
    assert bool(changes)
    assert not Changes()


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"overrides": ("foo",)}, '-s "foo": not PATH=VALUE'),
        ({"overrides": ("=4",)}, '-s "=4": not PATH=VALUE'),
        ({"overrides": ("a[b=4",)}, '-s "a[b=4": not PATH=VALUE'),
        ({"overrides": ("a=x\n",)}, "-s a: the value is not one line of text"),
        ({"overrides": ("a=x\0",)}, "-s a: the value is not one line of text"),
        ({"overrides": ("a=\udcff",)}, "-s a: the value is not one line of text"),
        ({"overrides": ("a\nb=x",)}, "-s a\nb: the value is not one line of text"),
        ({"overrides": ("a={\n # b\n}",)}, "-s a: a comment in a value of several lines"),
        ({"deletes": ("a\nb",)}, "-d: the value is not one line of text"),
        ({"patches": (Path("a\nb"),)}, "--patch: the value is not one line of text"),
    ],
)
def test_what_cannot_be_an_option_is_refused_at_once(changes: dict[str, Any], what: str) -> None:
    """Changes are recorded in a comment of the config, which is one line."""
    with pytest.raises(ConfigError) as caught:
        Changes(**changes)

    assert caught.value.what == what


def test_what_is_said_most_exactly_wins(tmp_path: Path) -> None:
    """Patches, then words, then deletions, then full paths, whatever the order they came in."""
    patch = tmp_path / "notes.txt"
    patch.write_text(
        "set\n  train_config { batch_size: 64 num_steps: 9 use_bfloat16: true }\n"
        "remove\n  data_augmentation_options {}\n",
        encoding="utf-8",
    )
    changes = Changes(
        overrides=(
            "train_config.data_augmentation_options+={ random_vertical_flip {} }",
            f"{SCHEDULE}.warmup_learning_rate=0.5",
            "num_steps=150000",
            "num_steps=30000",
            "batch_size=32",
        ),
        deletes=("train_config.use_bfloat16", "train_config.batch_size"),
        patches=(patch,),
    )

    changed = apply_changes(published(), changes)

    assert steps(changed.message) == (30000, 30000, 250)
    # Half of what the patch said: 0.08 * 32 / 64.
    assert rates(changed.message) == pytest.approx((0.04, 0.5), rel=1e-7)
    assert not changed.message.train_config.HasField("batch_size")
    assert not changed.message.train_config.HasField("use_bfloat16")
    (step,) = changed.message.train_config.data_augmentation_options
    assert step.HasField("random_vertical_flip")
    assert changed.notes == (f"{patch}:4:3: data_augmentation_options is taken as {AUGMENTATION}",)
    assert {"train_config.num_steps", "num_steps", f"{SCHEDULE}.warmup_learning_rate"} <= set(
        changed.paths
    )


def test_an_error_in_the_last_change_changes_nothing() -> None:
    """The config that was given stays as it is, whatever was applied before."""
    message = published()

    with pytest.raises(ConfigError, match="no_such_field"):
        apply_changes(message, Changes(("batch_size=4", "no_such_field=1")))

    assert message == published()


@given(
    st.lists(
        st.one_of(
            st.text(max_size=30),
            st.tuples(
                st.sampled_from(
                    [*SHORTHANDS, "train_config.num_steps", "model", "eval_input_reader"]
                ),
                st.sampled_from(["=", "+="]),
                st.one_of(
                    st.text(max_size=9), st.sampled_from(["8", "0", "-1", "1e9", "a,b", "{}"])
                ),
            ).map("".join),
        ),
        max_size=4,
    )
)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_any_overrides_fit_or_say_why_not(overrides: list[str]) -> None:
    """And what fits is a config still."""
    try:
        changed = changed_by(published(), *overrides)
    except ConfigError:
        return
    assert parse_pipeline(render_pipeline(changed), "x") == changed


def test_words_for_records_append_as_well() -> None:
    """`train_records+=` is `+=` of the reader's list."""
    config = changed_by(published(), "train_records=a", "train_records+=b", "eval_records+=c")

    assert list(config.train_input_reader.tf_record_input_reader.input_path) == ["a", "b"]
    assert list(config.eval_input_reader[0].tf_record_input_reader.input_path)[-1] == "c"


def test_classes_are_counted_from_one() -> None:
    """A number below 1 is refused where it is typed."""
    with pytest.raises(ConfigError, match="num_classes: takes a whole number from 1"):
        apply_changes(published(), Changes(("num_classes=-1",)))
