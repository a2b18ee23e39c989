"""Patches applied to configs: what each form means, and what its user is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from hypothesis import given, settings
from hypothesis import strategies as st

from odapi_runner.errors import ConfigError
from odapi_runner.pipeline.draft import Draft
from odapi_runner.pipeline.overrides import Changed, Changes, apply_changes
from odapi_runner.pipeline.patch import apply_patch_text
from odapi_runner.proto.differences import differing_fields
from odapi_runner.proto.text import parse_pipeline, read_pipeline

CONFIG = """
model { ssd {
  num_classes: 3
  loss { classification_loss { weighted_sigmoid_focal { alpha: 0.25 } } }
} }
train_config {
  batch_size: 64
  use_bfloat16: true
  data_augmentation_options { random_horizontal_flip {} }
  data_augmentation_options { random_crop_image { min_area: 0.75 } }
  optimizer { momentum_optimizer {
    learning_rate { cosine_decay_learning_rate { learning_rate_base: 0.08 total_steps: 5000 } }
    momentum_optimizer_value: 0.9
  } }
}
train_input_reader {
  label_map_path: "a" tf_record_input_reader { input_path: "x" input_path: "y" }
  sample_from_datasets_weights: 1 sample_from_datasets_weights: 2
}
eval_config {
  metrics_set: "coco_detection_metrics"
  super_categories { key: "animals" value: "cat,dog" }
  keypoint_edge { start: 1 end: 2 } keypoint_edge { start: 2 end: 3 }
}
eval_input_reader { label_map_path: "a" shuffle: false tf_record_input_reader { input_path: "v" } }
"""
AUGMENTATION = "train_config.data_augmentation_options"


def config() -> Any:
    return parse_pipeline(CONFIG, "test")


def patched(text: str, message: Any = None) -> Changed:
    """A config with the text of a patch applied."""
    draft = Draft(config() if message is None else message)
    apply_patch_text(draft, text, "notes.txt")
    return Changed(draft.message, tuple(draft.notes), tuple(draft.paths))


def one_line(message: Any) -> str:
    return text_format.MessageToString(message, as_one_line=True)


def steps(message: Any) -> list[str]:
    """The augmentation, a line a step."""
    return [one_line(step) for step in message.train_config.data_augmentation_options]


def changed_fields(text: str) -> dict[str, list[Any]]:
    """Before and after of what a patch changes."""
    return differing_fields([config(), patched(text).message])


# What `set` means


def test_scalars_and_lists_of_scalars_replace() -> None:
    """What a message does not say stays as it is; nothing is scaled."""
    changes = changed_fields("""
    set
      train_config: { batch_size: 8 }
      train_input_reader {
        tf_record_input_reader { input_path: "p" input_path: "q" input_path: "r" }
        sample_from_datasets_weights: [1.0, 1.5]
        sample_from_datasets_weights: 2
      }
    """)

    assert changes == {
        "train_config.batch_size": [64, 8],
        "train_input_reader.sample_from_datasets_weights": ["1.0; 2.0", "1.0; 1.5; 2.0"],
        "train_input_reader.tf_record_input_reader.input_path": ["x; y", "p; q; r"],
    }


def test_a_choice_replaces_the_one_of_its_kind_or_is_appended() -> None:
    """A step of augmentation stands once; its place and the other steps stay."""
    changed = patched("""
    train_config {
      data_augmentation_options { random_horizontal_flip { probability: 0.25 } }
      data_augmentation_options { ssd_random_crop { } }
      data_augmentation_options { random_crop_image { max_area: 0.5 } }
    }
    """)

    assert steps(changed.message) == [
        "random_horizontal_flip { probability: 0.25 }",
        "random_crop_image { max_area: 0.5 }",
        "ssd_random_crop { }",
    ]
    assert changed.notes == ()


def test_several_members_in_one_block_are_an_entry_each() -> None:
    """A brace was forgotten between them."""
    changed = patched("""set {
      data_augmentation_options {
        random_distort_color {
        }
      random_horizontal_flip {
          probability: 0.25
        }
      }
    }""")

    assert steps(changed.message) == [
        "random_horizontal_flip { probability: 0.25 }",
        "random_crop_image { min_area: 0.75 }",
        "random_distort_color { }",
    ]
    assert changed.notes == (
        f"notes.txt:2:7: data_augmentation_options is taken as {AUGMENTATION}",
        (
            "notes.txt:2:7: 2 members in one data_augmentation_options: "
            "each becomes an entry of its own"
        ),
    )


def test_a_choice_given_twice_counts_once() -> None:
    """As everywhere the later one holds, and that is said."""
    changed = patched("""train_config {
      data_augmentation_options { random_horizontal_flip {} }
      data_augmentation_options { random_horizontal_flip { probability: 0.1 } }
    }""")

    assert steps(changed.message)[0] == "random_horizontal_flip { probability: 0.1 }"
    assert changed.notes == ("notes.txt:3:35: random_horizontal_flip replaces that of line 2",)


def test_another_member_of_a_oneof_replaces_and_says_so() -> None:
    """Everything that was set in the first one goes with it."""
    changed = patched("""
    set
      train_config { optimizer { momentum_optimizer { learning_rate {
        exponential_decay_learning_rate { initial_learning_rate: 0.002 }
      } } } }
    """)

    assert one_line(changed.message.train_config.optimizer) == (
        "momentum_optimizer { learning_rate { exponential_decay_learning_rate "
        "{ initial_learning_rate: 0.002 } } momentum_optimizer_value: 0.9 }"
    )
    assert changed.notes == (
        (
            "notes.txt:4:9: train_config.optimizer.momentum_optimizer.learning_rate: "
            "exponential_decay_learning_rate replaces cosine_decay_learning_rate"
        ),
    )


def test_a_reader_is_gone_into() -> None:
    """Its label map and its settings stay; there is one, so no name is needed."""
    changes = changed_fields("""
    eval_input_reader: {
        tf_record_input_reader {
        input_path: "test.record"
      }
    }""")

    assert changes == {
        "eval_input_reader[0].tf_record_input_reader.input_path": ["v", "test.record"]
    }


def test_readers_are_told_apart_by_their_names() -> None:
    """A new name is a new reader; without a name there must be one, or as many as there are."""
    named = patched('eval_input_reader { name: "first" }').message
    two = patched('eval_input_reader { name: "second" shuffle: true }', named).message
    changed = patched('eval_input_reader { name: "first" num_epochs: 1 }', two).message
    paired = patched("eval_input_reader { num_epochs: 3 } eval_input_reader { num_epochs: 4 }", two)

    assert [reader.name for reader in two.eval_input_reader] == ["first", "second"]
    assert [reader.num_epochs for reader in changed.eval_input_reader] == [1, 0]
    assert [reader.num_epochs for reader in paired.message.eval_input_reader] == [3, 4]
    new = patched("eval_input_reader { num_epochs: 3 } eval_input_reader { num_epochs: 4 }")
    assert [reader.num_epochs for reader in new.message.eval_input_reader] == [3, 4]
    # Only the first of them reads records.
    only = patched('eval_input_reader { tf_record_input_reader { input_path: "w" } }', two).message
    assert list(only.eval_input_reader[0].tf_record_input_reader.input_path) == ["w"]
    with pytest.raises(ConfigError, match=r"several that this could be: \[0\] name=first"):
        patched("eval_input_reader { num_epochs: 1 }", two)


def test_other_lists_are_replaced_and_maps_get_their_keys() -> None:
    """The elements of such a list have no identity of their own."""
    changed = patched("""eval_config {
      keypoint_edge { start: 5 end: 6 }
      super_categories { key: "vehicles" value: "car" }
      super_categories { key: "animals" value: "cow" }
    }""").message

    assert [one_line(edge) for edge in changed.eval_config.keypoint_edge] == ["start: 5 end: 6"]
    assert dict(changed.eval_config.super_categories) == {"vehicles": "car", "animals": "cow"}


def test_an_empty_message_is_set() -> None:
    """That is how a loss, or a step without a field, is chosen."""
    changed = patched("loss { classification_loss { weighted_sigmoid { } } }")

    loss = changed.message.model.ssd.loss.classification_loss
    assert one_line(loss) == "weighted_sigmoid { }"
    assert changed.notes == (
        "notes.txt:1:1: loss is taken as model.ssd.loss",
        (
            "notes.txt:1:30: model.ssd.loss.classification_loss: "
            "weighted_sigmoid replaces weighted_sigmoid_focal"
        ),
    )


# Blocks without their parents


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("optimizer { use_moving_average: false }", "train_config.optimizer"),
        (
            "cosine_decay_learning_rate { total_steps: 9 }",
            "train_config.optimizer.momentum_optimizer.learning_rate.cosine_decay_learning_rate",
        ),
        ("num_classes: 7", "model.ssd.num_classes"),
        ("use_bfloat16: false", "train_config.use_bfloat16"),
        ("random_crop_image { min_area: 0.5 }", f"{AUGMENTATION}.random_crop_image"),
        ("random_vertical_flip {}", f"{AUGMENTATION}.random_vertical_flip"),
        ("sample_from_datasets_weights: 1 sample_from_datasets_weights: 3", None),
        ("adam_optimizer { epsilon: 1 }", "train_config.optimizer.adam_optimizer"),
        ("batch_non_max_suppression { iou_threshold: 0.5 }", None),
    ],
)
def test_a_parent_is_found_where_only_one_fits(text: str, path: str | None) -> None:
    """By what stands in the block, and by what is set in the config."""
    message = config()
    message.eval_input_reader[0].Clear()
    if path is None:
        with pytest.raises(ConfigError, match="could be "):
            patched(text, message)
        return
    changed = patched(text, message)

    assert changed.notes[0].endswith(f" is taken as {path}")
    assert changed.message != message


def test_values_without_a_parent_stay_one_list() -> None:
    """They are put into it together."""
    changed = patched('metrics_set: "a"\nmetrics_set: "b"')

    assert list(changed.message.eval_config.metrics_set) == ["a", "b"]


# What `remove` means


def test_what_is_named_is_removed_whatever_its_value() -> None:
    """Fields, steps, values of lists, whole messages, keys of maps."""
    changed = patched("""
    remove
      train_config: {
        use_bfloat16
        batch_size: 8
        data_augmentation_options { random_crop_image { min_area: 0.1 } }
        optimizer { momentum_optimizer { momentum_optimizer_value: 0.9 learning_rate {} } }
      }
      train_input_reader { tf_record_input_reader { input_path: "x" } sample_from_datasets_weights }
      eval_config {
        super_categories { key: "animals" }
        keypoint_edge { start: 1 }
      }
      model {}
    """)

    message = changed.message
    assert one_line(message.train_config) == (
        "data_augmentation_options { random_horizontal_flip { } } "
        "optimizer { momentum_optimizer { } }"
    )
    assert one_line(message.train_input_reader) == (
        'label_map_path: "a" tf_record_input_reader { input_path: "y" }'
    )
    assert one_line(message.eval_config) == (
        'metrics_set: "coco_detection_metrics" keypoint_edge { start: 2 end: 3 }'
    )
    assert not message.HasField("model")
    assert changed.notes == (
        "notes.txt:5:9: train_config.batch_size was another one than is said: removed all the same",
    )


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (
            "data_augmentation_options { ssd_random_crop {} }",
            f"{AUGMENTATION} has no ssd_random_crop, there is nothing to remove",
        ),
        ("graph_rewriter {}", "graph_rewriter is not set, there is nothing to remove"),
        (
            "train_config { optimizer { adam_optimizer {} } }",
            "train_config.optimizer.adam_optimizer is not set, there is nothing to remove",
        ),
        (
            'eval_config { metrics_set: "x" }',
            "eval_config.metrics_set has no x, there is nothing to remove",
        ),
        (
            'eval_config { super_categories { key: "x" } }',
            'eval_config.super_categories["x"] is not set, there is nothing to remove',
        ),
        (
            "eval_config { keypoint_edge { start: 9 } }",
            "eval_config.keypoint_edge has none like this, there is nothing to remove",
        ),
    ],
)
def test_what_is_not_there_is_said(text: str, note: str) -> None:
    """The config is as was asked for, so it is no error."""
    changed = patched(f"remove {{ {text} }}")

    assert changed.message == config()
    assert changed.notes[-1].endswith(f": {note}")


def test_a_reader_is_removed_by_its_name() -> None:
    """With more than its name, what is said of it is removed."""
    named = patched('eval_input_reader { name: "first" }').message

    without = patched('remove { eval_input_reader { name: "first" } }', named).message
    shuffled = patched('remove { eval_input_reader { name: "first" shuffle } }', named).message
    other = patched('remove { eval_input_reader { name: "other" } }', without)

    assert not without.eval_input_reader
    assert not shuffled.eval_input_reader[0].HasField("shuffle")
    assert shuffled.eval_input_reader[0].name == "first"
    assert other.notes == (
        "notes.txt:1:10: eval_input_reader is not set, there is nothing to remove",
    )


# Mistakes


@pytest.mark.parametrize(
    ("text", "what", "fix"),
    [
        (
            "train_config {\n  num_stepz: 3\n}",
            'notes.txt:2:3: TrainConfig has no field "num_stepz"',
            'Did you mean "num_steps"',
        ),
        (
            "train_config { num_classes: 3 }",
            'notes.txt:1:16: TrainConfig has no field "num_classes"',
            "Did you mean model.ssd.num_classes?",
        ),
        (
            "data_augmentation_options { random_horizontal_flp {} }",
            'notes.txt:1:29: PreprocessingStep has no field "random_horizontal_flp"',
            'Did you mean "random_horizontal_flip"',
        ),
        (
            "train_config {\n batch_size: many }",
            "notes.txt:2:14: batch_size takes a whole number, found many",
            "Write batch_size: 1, unquoted.",
        ),
        (
            "train_config {\n batch_size:\n  -1 }",
            "notes.txt:3:3: this field cannot be -1",
            "Write a whole number",
        ),
        (
            "train_config { fine_tune_checkpoint_version: V3 }",
            'notes.txt:1:46: CheckpointVersion has no value "V3"',
            "Its values: UNKNOWN, V1, V2.",
        ),
        (
            "train_config { optimizer { adam_optimizer {} momentum_optimizer {} } }",
            "notes.txt:1:46: adam_optimizer and momentum_optimizer exclude each other",
            "Keep one of the two.",
        ),
        (
            "train_config { batch_size: 8\n batch_size: 9 }",
            "notes.txt:2:2: batch_size is set twice, to another value on line 1",
            "Keep one of the two.",
        ),
        (
            "train_config { batch_size { } }",
            "notes.txt:1:16: batch_size has no fields of its own",
            "Write a value.",
        ),
        (
            "train_config { batch_size }",
            "notes.txt:1:16: batch_size has no value",
            "As in batch_size: …",
        ),
        (
            "train_config { optimizer: 3 }",
            "notes.txt:1:16: optimizer takes fields of its own, no value",
            "Write optimizer { … }.",
        ),
        (
            "batch_size: 3",
            "notes.txt:1:1: batch_size could be train_config.batch_size or eval_config.batch_size",
            "Write it inside the one that is meant.",
        ),
        (
            'eval_config { super_categories { key: "x" } }',
            "notes.txt:1:15: super_categories takes a key and a value",
            'As in super_categories { key: "…" value: … }',
        ),
        (
            'eval_config { super_categories { kee: "x" } }',
            'notes.txt:1:34: SuperCategoriesEntry has no field "kee"',
            'Did you mean "key"?',
        ),
        ("quux { }", 'notes.txt:1:1: TrainEvalPipelineConfig has no field "quux"', "Its fields: "),
        ("set\n  - prose", 'notes.txt:2:3: "- prose" is nothing that config text has', "Correct"),
    ],
)
def test_a_mistake_has_its_place_and_changes_nothing(text: str, what: str, fix: str) -> None:
    """Line and column of the file, and the nearest name."""
    message = config()
    draft = Draft(message)

    with pytest.raises(ConfigError) as caught:
        apply_patch_text(draft, text, "notes.txt")

    assert caught.value.what.startswith(what)
    assert caught.value.fix.startswith(fix)
    assert message == config()


def test_a_step_that_stands_twice_must_be_said_by_its_number() -> None:
    """Replacing one of them, or both, would be a guess."""
    message = config()
    message.train_config.data_augmentation_options.add().random_horizontal_flip.SetInParent()

    with pytest.raises(ConfigError) as caught:
        patched("random_horizontal_flip { probability: 1 }", message)

    assert caught.value.what == (
        f"notes.txt:1:1: random_horizontal_flip is held by {AUGMENTATION}[0] and {AUGMENTATION}[2]"
    )
    assert steps(patched("remove { random_horizontal_flip }", message).message) == [
        "random_crop_image { min_area: 0.75 }"
    ]


def test_texts_and_enums_may_have_the_wrong_quotes() -> None:
    """What is meant is plain, and said."""
    changed = patched("""train_config {
      fine_tune_checkpoint: model_zoo/d0/ckpt-0
      fine_tune_checkpoint_version: "V2"
    }""")

    assert changed.message.train_config.fine_tune_checkpoint == "model_zoo/d0/ckpt-0"
    assert changed.message.train_config.fine_tune_checkpoint_version == 2
    assert changed.notes == (
        "notes.txt:2:29: model_zoo/d0/ckpt-0 is read with quotes",
        'notes.txt:3:37: "V2" is read without quotes',
    )


# Notebooks

# A notebook as people keep it: the newest on top, results, notes, and the faults of typing.
NOTEBOOK = """\
>>>

==== .config ====
7
  =
  set
    train_config: {
      batch_size: 32
      data_augmentation_options {
        ssd_random_crop {
          operations {
            min_object_covered: 1.0
            random_coef: 0.0
          }
        }
      }
      optimizer {
        momentum_optimizer {
          learning_rate: {
            exponential_decay_learning_rate {
              initial_learning_rate: 0.002
              staircase: true
            }
          }
          momentum_optimizer_value: 0.9
        }
      }
    }
    train_input_reader {
      tf_record_input_reader {
        input_path: "/내/train_bagel.record"
        input_path: "/내/train_mug.record"
      }
      label_map_path: "/내/my_label_map.pbtxt"
      # as many as there are images of the largest class
      filenames_shuffle_buffer_size: 1512
      sample_from_datasets_weights: 1.0
      sample_from_datasets_weights: 1.5
    }
  note
    batch_size = 32로 했을 때 처음에 잘 돌아가다가, 40000 step 정도에서 OOM 이 발생한다.


6
  =
    DetectionBoxes_Precision/mAP = 0.7153152
    DetectionBoxes_Precision/mAP@.50IOU = 0.93582755
  note
    [아예 다른 클래스의 score 가 최대치로 나온 경우]
      >> random_image_scale 옵션을 제거.
  set
    train_input_reader {
      tf_record_input_reader {
        input_path: "/내/train.record"
      }
    }
    eval_input_reader: {
        tf_record_input_reader {
        input_path: "/내/test.record"
      }
    }
    optimizer {
          adam_optimizer ...
    }


5
  =
    Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.808
  note
      tumbler:            0.00 / 0.67 / 0.33

  set
    train config {
      data_augmentation_options {
        random_vertical_flip  {
          probability: 0.2
        }
      }
      data_augmentation_options {
        ssd_random_crop {
        }
      }
    }


4
  set
    train_config: {
      data_augmentation_options {
        random_distort_color {
        }
      random_horizontal_flip {
          probability: 0.25
        }
      }
      data_augmentation_options {
        random_vertical_flip  {
          probability: 0.25
        }
      }
      }
    }
  remove
    train_config: {
      data_augmentation_options {
        ssd_random_crop {
        }
      }
    }

3
  set
    data_augmentation_options {
      ssd_random_crop {
      }
    }
  remove
    train_config: {
      data_augmentation_options {
        normalize_image {
          original_minval: 0.0
          target_maxval: 1.0
          }
      }
    }

2
  set
    train_config: {
      data_augmentation_options {
        normalize_image {
          original_minval: 0.0
          target_maxval: 1.0
          }
      }
    }


1
  set
    train_config: {
      batch_size: 8
    }

- augmentation options order
  not sensitive, but arrange in order
"""
FLIP, CROP = "random_horizontal_flip { }", "random_crop_image { min_area: 0.75 }"
# What each experiment makes of the one before it: fields before and after, the steps, the notes.
EXPERIMENTS: list[tuple[dict[str, Any], list[str], list[str]]] = [
    ({"train_config.batch_size": [64, 8]}, [FLIP, CROP], []),
    (
        {},
        [FLIP, CROP, "normalize_image { original_minval: 0.0 target_maxval: 1.0 }"],
        [],
    ),
    (
        {},
        [FLIP, CROP, "ssd_random_crop { }"],
        [f"114:5: data_augmentation_options is taken as {AUGMENTATION}"],
    ),
    (
        {},
        [
            "random_horizontal_flip { probability: 0.25 }",
            CROP,
            "random_distort_color { }",
            "random_vertical_flip { probability: 0.25 }",
        ],
        [
            "103:5: this } belongs to nothing and is left out",
            "90:7: 2 members in one data_augmentation_options: each becomes an entry of its own",
        ],
    ),
    (
        {},
        [
            "random_horizontal_flip { probability: 0.25 }",
            CROP,
            "random_distort_color { }",
            "random_vertical_flip { probability: 0.2 }",
            "ssd_random_crop { }",
        ],
        ['74:5: "train config" is read as train_config'],
    ),
    (
        {
            "eval_input_reader[0].tf_record_input_reader.input_path": ["v", "/내/test.record"],
            "train_input_reader.tf_record_input_reader.input_path": ["x; y", "/내/train.record"],
        },
        [],
        ["63:11: adam_optimizer is left out: an ellipsis does not say what is in it"],
    ),
    (
        {
            "train_config.batch_size": [8, 32],
            "train_input_reader.filenames_shuffle_buffer_size": [100, 1512],
            "train_input_reader.label_map_path": ["a", "/내/my_label_map.pbtxt"],
            "train_input_reader.sample_from_datasets_weights": ["1.0; 2.0", "1.0; 1.5"],
            "train_input_reader.tf_record_input_reader.input_path": [
                "/내/train.record",
                "/내/train_bagel.record; /내/train_mug.record",
            ],
        },
        [
            "random_horizontal_flip { probability: 0.25 }",
            CROP,
            "random_distort_color { }",
            "random_vertical_flip { probability: 0.2 }",
            "ssd_random_crop { operations { min_object_covered: 1.0 random_coef: 0.0 } }",
        ],
        [
            (
                "20:13: train_config.optimizer.momentum_optimizer.learning_rate: "
                "exponential_decay_learning_rate replaces cosine_decay_learning_rate"
            )
        ],
    ),
]


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    path = tmp_path / "실험.txt"
    path.write_text(NOTEBOOK, encoding="utf-8")
    return path


def test_each_experiment_of_a_notebook_builds_on_the_one_before(notebook: Path) -> None:
    """Field by field, with every repair said."""
    message = config()
    for number, (fields, expected_steps, notes) in enumerate(EXPERIMENTS, start=1):
        changed = apply_changes(message, Changes(patches=(Path(f"{notebook}:{number}"),)))
        found = differing_fields([message, changed.message])

        assert list(changed.notes) == [f"{notebook}:{note}" for note in notes]
        outside = ("data_augmentation", "learning_rate")
        assert {k: v for k, v in found.items() if not any(x in k for x in outside)} == fields
        assert steps(changed.message) == (expected_steps or steps(message))
        message = changed.message
    assert one_line(message.train_config.optimizer) == (
        "momentum_optimizer { learning_rate { exponential_decay_learning_rate { "
        "initial_learning_rate: 0.002 staircase: true } } momentum_optimizer_value: 0.9 }"
    )


def test_a_whole_notebook_is_its_experiments_in_order(notebook: Path) -> None:
    """The last of them is what the notebook's author trained last."""
    message = config()
    for number in range(1, 8):
        patch = Path(f"{notebook}:{number}")
        message = apply_changes(message, Changes(patches=(patch,))).message

    whole = apply_changes(config(), Changes(patches=(notebook,)))
    parts = Changes(patches=(Path(f"{notebook}:1-4"), Path(f"{notebook}:5-7")))

    assert whole.message == apply_changes(config(), parts).message == message
    assert (
        whole.notes[0] == f"{notebook}: experiments 1, 2, 3, 4, 5, 6, 7 are applied, in this order"
    )


def test_the_seventh_of_the_notes_that_this_was_made_for(reference: Path) -> None:
    """All seven apply to the model that they were written for, one after the other."""
    (seed,) = (reference.parent / "seeds").glob("004_*.txt")
    sample = reference / "zoo_configs" / "ssd_mobilenet_v2_fpnlite_640x640_coco17_tpu-8.config"
    message = read_pipeline(sample)
    for number in range(1, 8):
        patch = Path(f"{seed}:{number}")
        message = apply_changes(message, Changes(patches=(patch,))).message

    assert message == apply_changes(read_pipeline(sample), Changes(patches=(seed,))).message
    assert message.train_config.batch_size == 32
    assert [line.split()[0] for line in steps(message)] == [
        "random_horizontal_flip",
        "random_crop_image",
        "random_distort_color",
        "random_vertical_flip",
        "random_rotation90",
        "random_image_scale",
        "ssd_random_crop",
        "random_adjust_brightness",
        "random_adjust_contrast",
        "random_adjust_saturation",
        "adjust_gamma",
        "random_black_patches",
    ]
    (operation,) = message.train_config.data_augmentation_options[6].ssd_random_crop.operations
    assert one_line(operation) == (
        "min_object_covered: 1.0 min_aspect_ratio: 0.5 max_aspect_ratio: 2.0 min_area: 0.1 "
        "max_area: 1.0 overlap_thresh: 1.0 random_coef: 0.0"
    )
    assert len(message.train_input_reader.tf_record_input_reader.input_path) == 14
    assert sum(message.train_input_reader.sample_from_datasets_weights) == 17.0
    assert message.eval_input_reader[0].label_map_path == "PATH_TO_BE_CONFIGURED/label_map.txt"


def test_a_whole_config_is_a_patch_that_gives_itself(reference: Path) -> None:
    """Every published one, on itself and on nothing, without a word."""
    for path in sorted((reference / "zoo_configs").glob("*.config")):
        sample = read_pipeline(path)

        for start in (sample, type(sample)()):
            changed = patched(path.read_text("utf-8"), start)

            assert (changed.message, changed.notes) == (sample, ()), path.name


def test_config_text_outside_of_the_sections_is_said() -> None:
    """It would be lost without a word otherwise."""
    changed = patched("train_config { batch_size: 1 }\n\nset\n  use_bfloat16: false\n")

    assert changed.message.train_config.batch_size == 64
    assert changed.notes[0] == "notes.txt: not in a set or remove, so left out: line 1"


@pytest.mark.parametrize(
    ("patch", "what"),
    [
        ("absent.txt", "absent.txt: no such file"),
        ("absent.txt:3", "absent.txt: no such file"),
        ("실험.txt:9", "실험.txt: no experiment 9 that changes a config"),
        ("실험.txt:3-1", "실험.txt:3-1: from 3 to 1"),
    ],
)
def test_a_file_that_cannot_be_applied_says_so(
    notebook: Path, monkeypatch: pytest.MonkeyPatch, patch: str, what: str
) -> None:
    """Absent, or without that experiment."""
    monkeypatch.chdir(notebook.parent)

    with pytest.raises(ConfigError) as caught:
        apply_changes(config(), Changes(patches=(Path(patch),)))

    assert caught.value.what == what


def test_a_file_may_have_a_colon_and_a_number_in_its_name(tmp_path: Path) -> None:
    """What is there counts."""
    path = tmp_path / "notes:3"
    path.write_text("train_config { batch_size: 5 }", encoding="utf-8")

    assert apply_changes(config(), Changes(patches=(path,))).message.train_config.batch_size == 5


def test_a_patch_is_no_whole_dataset() -> None:
    """What cannot be a notebook is refused before it takes a minute."""
    with pytest.raises(ConfigError, match="more than 200000 characters of changes"):
        patched("train_config { batch_size: 8 }\n" * 7000)


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "set\n"])
def test_a_patch_without_a_change_is_noted(text: str) -> None:
    """Silence would look as if something had been done."""
    assert patched(text).notes == ("notes.txt: holds no change",)


LINES = st.sampled_from(NOTEBOOK.splitlines())
WORDS = st.sampled_from(sorted(set(NOTEBOOK.split())))


@given(
    st.one_of(
        st.lists(LINES, max_size=40).map("\n".join),
        st.lists(WORDS, max_size=30).map(" ".join),
        st.lists(st.one_of(LINES, WORDS, st.text(max_size=9)), max_size=20).map("\n".join),
    )
)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_any_text_as_a_patch_applies_or_says_why_not(text: str) -> None:
    """And what applies is a config still."""
    try:
        changed = patched(text)
    except ConfigError:
        return
    assert parse_pipeline(text_format.MessageToString(changed.message), "x") == changed.message
