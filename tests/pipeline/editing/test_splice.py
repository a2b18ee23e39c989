"""Changes written into the text of a config."""

from __future__ import annotations

import difflib
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odapi_runner.errors import ConfigError
from odapi_runner.pipeline.editing.splice import edit_text
from odapi_runner.pipeline.overrides import Changes, apply_changes
from odapi_runner.pipeline.syntax import with_line_feeds
from odapi_runner.proto.alignment import same
from odapi_runner.proto.text import parse_pipeline
from support.random_configs import Speller, change, random_message, text_copy


def edited(text: str, *overrides: str, deletes: tuple[str, ...] = ()) -> str:
    """The text after `-s` and `-d`."""
    before = parse_pipeline(with_line_feeds(text), "x")
    after = apply_changes(before, Changes(overrides, deletes)).message
    return edit_text(text, before, after, "x")


def into(text: str, wanted: str) -> str:
    """The text, changed to mean what another one means."""
    before, after = (parse_pipeline(with_line_feeds(each), "x") for each in (text, wanted))
    return edit_text(text, before, after, "x")


CONFIG = """\
# my cats
train_config: {  # the training
  # as much as fits
  batch_size: 4      # GB: 8
  data_augmentation_options {
    random_horizontal_flip {
    }
  }

  data_augmentation_options { random_crop_image { min_area: 0.5 } }  # cut
  num_steps:20;
  optimizer { adam_optimizer { } use_moving_average: false }
}

train_input_reader {
  tf_record_input_reader { input_path: 'a' input_path: 'b' }
  sample_from_datasets_weights: [1.0, 2]
}
"""


def replaced(*changes: tuple[str, str]) -> str:
    """CONFIG with these parts of it replaced, each of which it has once."""
    text = CONFIG
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


@pytest.mark.parametrize(
    ("overrides", "deletes", "changes"),
    [
        ((), (), ()),
        # What is there already stays as it is written.
        (("train_config.num_steps=20",), (), ()),
        (("train_config.batch_size=16",), (), (("batch_size: 4 ", "batch_size: 16 "),)),
        # A new field stands behind what is declared before it, a line of its own.
        (
            ("train_config.gradient_clipping_by_norm=10",),
            (),
            (("false }\n", "false }\n  gradient_clipping_by_norm: 10.0\n"),),
        ),
        (
            ("train_config.sync_replicas=true", "train_config.freeze_variables=[x]"),
            (),
            (
                ("}  # cut\n", "}  # cut\n  sync_replicas: true\n"),
                ("20;\n", '20;\n  freeze_variables: "x";\n'),
            ),
        ),
        # With the separators around it, within a line where something else follows.
        (
            ("train_config.optimizer.moving_average_decay=0.5",),
            (),
            (("false }", "false moving_average_decay: 0.5 }"),),
        ),
        # A member of a oneof takes the place of the other.
        (
            ("train_config.optimizer.momentum_optimizer.momentum_optimizer_value=0.8",),
            (),
            (("adam_optimizer { }", "momentum_optimizer { momentum_optimizer_value: 0.8 }"),),
        ),
        # A message is opened where its lines are its own.
        (
            ("train_config.data_augmentation_options[0].random_horizontal_flip.probability=0.3",),
            (),
            (("flip {\n", "flip {\n      probability: 0.3\n"),),
        ),
        # What is deleted takes its lines and the comment behind it along, and nothing above.
        ((), ("train_config.batch_size",), (("  batch_size: 4      # GB: 8\n", ""),)),
        (
            (),
            ("train_config.data_augmentation_options[1]",),
            (("  data_augmentation_options { random_crop_image { min_area: 0.5 } }  # cut\n", ""),),
        ),
        ((), ("train_config.optimizer.use_moving_average",), ((" use_moving_average: false", ""),)),
        ((), ("train_config.optimizer.adam_optimizer",), ((" adam_optimizer { }", ""),)),
        # Lists, one by one: the quotes are those of the text.
        (
            ("train_input_reader.tf_record_input_reader.input_path[0]=한글",),
            (),
            (("'a'", "'한글'"),),
        ),
        (
            ("train_input_reader.tf_record_input_reader.input_path+=c",),
            (),
            (("'b' ", "'b' input_path: \"c\" "),),
        ),
        (("train_input_reader.sample_from_datasets_weights=1,3",), (), ((", 2]", ", 3.0]"),)),
        (("train_input_reader.sample_from_datasets_weights=2",), (), (("1.0, 2]", "2]"),)),
        (
            ("train_input_reader.sample_from_datasets_weights=0,1,2,5",),
            (),
            (("[1.0, 2]", "[0.0, 1.0, 2, 5.0]"),),
        ),
        (
            (),
            ("train_input_reader.sample_from_datasets_weights",),
            (("  sample_from_datasets_weights: [1.0, 2]\n", ""),),
        ),
        # A block has an empty line before it, as the others have.
        (
            ("eval_config.batch_size=1",),
            (),
            (
                (
                    "weights: [1.0, 2]\n}\n",
                    "weights: [1.0, 2]\n}\n\neval_config {\n  batch_size: 1\n}\n",
                ),
            ),
        ),
        ((), ("train_input_reader",), ((CONFIG[CONFIG.index("\ntrain_input") :], ""),)),
    ],
)
def test_only_what_is_asked_for_changes(
    overrides: tuple[str, ...], deletes: tuple[str, ...], changes: tuple[tuple[str, str], ...]
) -> None:
    """Everything else of the file is what it was."""
    assert edited(CONFIG, *overrides, deletes=deletes) == replaced(*changes)


@pytest.mark.parametrize(
    ("text", "overrides", "expected"),
    [
        ("", ["model.ssd.num_classes=3"], "model {\n  ssd {\n    num_classes: 3\n  }\n}\n"),
        ("# all\n# mine", ["eval_config={}"], "# all\n# mine\neval_config {\n}"),
        ("model {}", ["model.ssd={}"], "model {\n  ssd {\n  }\n}"),
        ("model { ssd {} }", ["model.ssd.num_classes=3"], "model { ssd { num_classes: 3 } }"),
        (
            "model: {\r\n\tssd {\r\n\t}\r\n}\r\n",
            ["model.ssd.box_coder.faster_rcnn_box_coder.y_scale=5"],
            (
                "model: {\r\n\tssd {\r\n\t\tbox_coder {\r\n\t\t\tfaster_rcnn_box_coder {\r\n"
                "\t\t\t\ty_scale: 5.0\r\n\t\t\t}\r\n\t\t}\r\n\t}\r\n}\r\n"
            ),
        ),
        (
            "eval_config {  # a\r  # b\r}\r",
            ["eval_config.batch_size=2"],
            "eval_config {  # a\r  batch_size: 2\r  # b\r}\r",
        ),
        (
            "train_config <batch_size: 3, num_steps: 4>",
            ["train_config.gradient_clipping_by_norm=1", "train_config.use_bfloat16=true"],
            (
                "train_config <batch_size: 3, gradient_clipping_by_norm: 1.0, num_steps: 4, "
                "use_bfloat16: true>"
            ),
        ),
        (
            "train_config{batch_size:3}",
            ["train_config.num_steps=4", "train_config.data_augmentation_options[0]={}"],
            "train_config{batch_size:3 data_augmentation_options { } num_steps: 4}",
        ),
        (
            "train_config {\n  batch_size: 3 num_steps: 4\n}\n",
            ["train_config.sync_replicas=true", "train_config.use_bfloat16=true"],
            (
                "train_config {\n  batch_size: 3 sync_replicas: true num_steps: 4\n"
                "  use_bfloat16: true\n}\n"
            ),
        ),
    ],
)
def test_new_fields_look_as_those_around_them(
    text: str, overrides: list[str], expected: str
) -> None:
    """Line ends, tabs, separators; on one line where the text is on one."""
    assert edited(text, *overrides) == expected


LISTED = """\
model { ssd { anchor_generator { ssd_anchor_generator {
  scales: [
    0.1,  # tiny
    0.2,
    # the usual
    0.5  # large
  ]
  aspect_ratios: 1.0  # square
  aspect_ratios: [2.0, 0.5] aspect_ratios: 3.0
} } } }
"""


@pytest.mark.parametrize(
    ("scales", "ratios", "old", "new"),
    [
        ("0.1,0.2,0.6", "1,2,0.5,3", "0.5  # large", "0.6  # large"),
        ("0.2,0.5", "1,2,0.5,3", "    0.1,  # tiny\n", ""),
        ("0.1,0.5", "1,2,0.5,3", "    0.2,\n", ""),
        (
            "0.1,0.2",
            "1,2,0.5,3",
            "0.2,\n    # the usual\n    0.5  # large\n",
            "0.2\n    # the usual\n",
        ),
        ("0.1,0.15,0.2,0.5", "1,2,0.5,3", "# tiny\n", "# tiny\n    0.15,\n"),
        ("0.1,0.2,0.5,0.7", "1,2,0.5,3", "0.5  # large\n", "0.5,  # large\n    0.7\n"),
        ("0.1,0.2,0.5", "1,2,3", "[2.0, 0.5]", "[2.0]"),
        ("0.1,0.2,0.5", "1,3", " aspect_ratios: [2.0, 0.5]", ""),
        ("0.1,0.2,0.5", "2,0.5,3", "  aspect_ratios: 1.0  # square\n", ""),
        ("0.1,0.2,0.5", "1,2,4,0.5,3", "[2.0, 0.5]", "[2.0, 4.0, 0.5]"),
        (
            "0.1,0.2,0.5",
            "5,1,2,0.5,3",
            "  aspect_ratios: 1.0",
            "  aspect_ratios: 5.0\n  aspect_ratios: 1.0",
        ),
        ("0.1,0.2,0.5", "1,2,0.5", " aspect_ratios: 3.0", ""),
    ],
)
def test_elements_of_lists_come_and_go_one_by_one(
    scales: str, ratios: str, old: str, new: str
) -> None:
    """In short lists, in lists of a line each, and where a field is repeated."""
    path = "model.ssd.anchor_generator.ssd_anchor_generator"
    assert LISTED.count(old) == 1

    text = edited(LISTED, f"{path}.scales={scales}", f"{path}.aspect_ratios={ratios}")

    assert text == LISTED.replace(old, new)


STEPS = """\
train_config {
  # mirrored
  data_augmentation_options { random_horizontal_flip {} }
  data_augmentation_options {
    ssd_random_crop {  # seven of them
      operations { min_area: 0.1 }  # one
      operations { min_area: 0.3 }  # three
    }
  }
  data_augmentation_options [{ normalize_image {} }, { random_adjust_hue {} }]
}
"""


FLIP, HUE, NORMAL = "random_horizontal_flip { }", "random_adjust_hue { }", "normalize_image { }"
CROP = "ssd_random_crop { operations { min_area: 0.1 } operations { min_area: 0.3 } }"


@pytest.mark.parametrize(
    ("wanted", "old", "new"),
    [
        ([FLIP, CROP, HUE], "{ normalize_image {} }, ", ""),
        ([CROP, NORMAL, HUE], STEPS.splitlines(keepends=True)[2], ""),
        ([FLIP, CROP], STEPS.splitlines(keepends=True)[-2], ""),
        (
            [FLIP, "random_pad_image { }", CROP, NORMAL, HUE],
            "flip {} }\n",
            "flip {} }\n  data_augmentation_options {\n    random_pad_image {\n    }\n  }\n",
        ),
        (
            [FLIP, CROP, NORMAL, "random_pad_image { }", HUE],
            " }, {",
            " }, { random_pad_image { } }, {",
        ),
        (
            [FLIP, CROP, NORMAL, "random_adjust_hue { max_delta: 0.5 }"],
            "hue {}",
            "hue { max_delta: 0.5 }",
        ),
        ([FLIP, CROP.replace("0.3", "0.4"), NORMAL, HUE], "0.3 }", "0.4 }"),
        ([FLIP, CROP.replace("0.1", "0.3", 1), NORMAL, HUE], "0.1 }", "0.3 }"),
        (
            [FLIP, "ssd_random_crop { operations { min_area: 0.3 } }", NORMAL, HUE],
            "      operations { min_area: 0.1 }  # one\n",
            "",
        ),
        (
            ["random_vertical_flip { }", CROP, NORMAL, HUE],
            "  data_augmentation_options { random_horizontal_flip {} }\n",
            "  data_augmentation_options {\n    random_vertical_flip {\n    }\n  }\n",
        ),
    ],
)
def test_augmentations_are_matched_by_what_they_hold(wanted: list[str], old: str, new: str) -> None:
    """Each keeps its comments when another one goes, comes or changes."""
    steps = " ".join(f"data_augmentation_options {{ {step} }}" for step in wanted)
    assert STEPS.count(old) == 1

    assert into(STEPS, f"train_config {{ {steps} }}") == STEPS.replace(old, new)


def test_entries_of_a_map_are_matched_by_their_keys() -> None:
    """Of a key that stands there twice the last one counts, and is changed; all go together."""
    text = """\
eval_config {
  super_categories { key: "a" value: "1" }  # old
  super_categories { value: "2" key: "a" }  # counts
  super_categories [{ key: "b" }, { key: "c" value: "3" }]
}
"""
    entry = "super_categories {{ key: '{}' value: '{}' }}".format

    changed = into(text, f"eval_config {{ {entry('a', 9)} {entry('b', 8)} {entry('d', 7)} }}")
    fewer = into(text, f"eval_config {{ {entry('b', '')} {entry('c', 3)} }}")

    assert changed == text.replace('value: "2"', 'value: "9"').replace(
        '{ key: "b" }, { key: "c" value: "3" }',
        '{ key: "b" value: "8" }, { key: "d" value: "7" }',
    )
    assert fewer == "".join(line for line in text.splitlines(keepends=True) if '"a"' not in line)


@pytest.mark.parametrize(
    "change",
    [
        "train_config.gradient_clipping_by_norm=10",
        "train_config.data_augmentation_options+={random_adjust_hue {}}",
        "eval_config.metrics_set=a,b",
        "model.ssd.num_classes=3",
    ],
)
def test_what_was_added_goes_without_a_trace(change: str) -> None:
    """The text is then what it was before."""
    before = parse_pipeline(CONFIG, "x")
    after = apply_changes(before, Changes((change,))).message

    text = edit_text(CONFIG, before, after, "x")

    assert text != CONFIG
    assert edit_text(text, after, before, "x") == CONFIG


@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.randoms(use_true_random=False))
def test_any_change_of_any_config_in_any_spelling_is_written(random: Random) -> None:
    """The text means the changed message then; written again, nothing more changes."""
    before = random_message(random)
    text = Speller(random).spell(before)
    after = text_copy(before)
    for _ in range(3):
        change(random, after)

    result = edit_text(text, before, after, "x")

    assert same(parse_pipeline(with_line_feeds(result), "x"), after)
    assert edit_text(text, before, before, "x") == text
    # There and back again: what is in both has kept its spelling, so no more can differ.
    assert same(parse_pipeline(with_line_feeds(edit_text(result, after, before, "x")), "x"), before)


@settings(deadline=None, derandomize=True, max_examples=150)
@given(st.randoms(use_true_random=False), st.integers(1, 600))
def test_one_number_is_one_line(random: Random, number: int) -> None:
    """Whatever the text looks like: the line of the number changes, and no other."""
    before = random_message(random)
    before.train_config.batch_size = 601
    text = Speller(random).spell(before)
    after = text_copy(before)
    after.train_config.batch_size = number

    result = edit_text(text, before, after, "x")

    lines = list(zip(text.splitlines(), result.splitlines(), strict=True))
    assert sum(old != new for old, new in lines) == 1


@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.randoms(use_true_random=False))
def test_a_broken_text_is_refused_or_edited(random: Random) -> None:
    """Signs go, come and are doubled: what still is a config is changed as any other is."""
    text = Speller(random).spell(random_message(random))
    for _ in range(random.randint(1, 3)):
        place, other = sorted(random.randint(0, len(text)) for _ in range(2))
        sign = random.choice("{}<>[],;:#'\"\\ \n\r\t0-+.efx\xa0\u2028_a")
        insert = random.choice(["", sign, text[place:other][:40]])
        text = text[:place] + insert + text[random.choice([place, place + 1]) :]
    try:
        before = parse_pipeline(with_line_feeds(text), "x")
    except ConfigError:
        return
    after = text_copy(before)
    change(random, after)

    edit_text(text, before, after, "x")  # compares what it has written with `after`


# What people change of a published config first (from their notes).
USUAL = (
    "num_classes=3",
    "batch_size=4",
    "num_steps=20000",
    "train_config.fine_tune_checkpoint=model_zoo/mine/checkpoint/ckpt-0",
    "train_config.fine_tune_checkpoint_type=detection",
    "label_map=data/mine/label_map.pbtxt",
    "train_records=data/mine/train-*.record",
    "eval_records=data/mine/val-*.record",
)


def test_the_published_configs_change_by_their_lines_only(reference: Path) -> None:
    """In each of the 40 the usual changes touch at most 20 lines, and no comment."""
    paths = sorted((reference / "zoo_configs").glob("*.config"))
    assert len(paths) == 40
    for path in paths:
        text = path.read_text("utf-8")
        before = parse_pipeline(text, str(path))
        after = apply_changes(before, Changes(USUAL)).message

        result = edit_text(text, before, after, str(path))

        old, new = text.splitlines(), result.splitlines()
        touched = [line for line in difflib.ndiff(old, new) if line[0] in "+-"]
        assert 0 < len(touched) <= 40, path
        assert [line for line in old if "#" in line] == [line for line in new if "#" in line], path
        assert edit_text(result, after, before, str(path)).count("\n") == text.count("\n")
