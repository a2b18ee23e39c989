"""pipeline.config as text: what parses, and how a mistake is explained."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odapi_runner.errors import ConfigError
from odapi_runner.proto.messages import TrainEvalPipelineConfig
from odapi_runner.proto.text import (
    parse_label_map,
    parse_pipeline,
    read_pipeline,
    read_text,
    render_pipeline,
)


@pytest.mark.parametrize(
    ("text", "what", "fix"),
    [
        (
            "model { ssd {\n  num_clases: 3 } }",
            'a.config:2:3: Ssd has no field "num_clases"',
            'Did you mean "num_classes"?',
        ),
        (
            "model { ssd { matcher { bipartite_matcher { x: 1 } } } }",
            'a.config:1:45: BipartiteMatcher has no field "x"',
            "Its fields: use_matmul_gather.",
        ),
        (
            "train_config { fine_tune_checkpoint_version: V3 }",
            'a.config:1:46: CheckpointVersion has no value "V3"',
            "Its values: UNKNOWN, V1, V2.",
        ),
        (
            'train_config { batch_size: "4" }',
            'a.config:1:28: batch_size takes a whole number, found "4"',
            "Write batch_size: 1, unquoted.",
        ),
        (
            "train_config { gradient_clipping_by_norm: high }",
            "a.config:1:43: gradient_clipping_by_norm takes a number, found high",
            "Write gradient_clipping_by_norm: 0.1, unquoted.",
        ),
        (
            "train_config { batch_size: -1 }",
            "a.config:1:28: batch_size cannot be -1",
            "Write a whole number in range, usually from 0.",
        ),
        (
            "train_config { fine_tune_checkpoint: model_zoo }",
            "a.config:1:38: fine_tune_checkpoint takes a text, found model_zoo",
            'Write it in quotes: fine_tune_checkpoint: "…".',
        ),
        (
            "train_config { use_bfloat16: yes }",
            "a.config:1:30: use_bfloat16 takes true or false",
            "Write true or false, unquoted.",
        ),
        (
            "model: 3",
            "a.config:1:8: model takes fields of its own, no value",
            "Write model { … }.",
        ),
        (
            'train_config { fine_tune_checkpoint: "C:\\Users\\x" }',
            "a.config:1:38: fine_tune_checkpoint: a backslash begins an escape",
            "Write paths with / (or each \\ as \\\\).",
        ),
        (
            "model { ssd { num_classes: 3 num_classes: 4 } }",
            "a.config:1:43: num_classes is set twice in Ssd",
            "Keep one of the two.",
        ),
        (
            "model { ssd {} faster_rcnn {} }",
            "a.config:1:16: faster_rcnn and ssd exclude each other",
            "Keep one of the two.",
        ),
        ("model {}\n\0", "a.config:2: a zero byte in the text", "Save it as UTF-8."),
        (
            "model {",
            'a.config:1:7: Expected "}".',
            "Correct the text at this place; every { needs its }.",
        ),
        (
            "model { ssd { num_classes 3 } }",
            'a.config:1:27: Expected ":".',
            "Correct the text at this place; every { needs its }.",
        ),
    ],
)
def test_a_mistake_is_placed_and_explained(text: str, what: str, fix: str) -> None:
    """File, line and column, what is wrong in one sentence, and what to write instead."""
    with pytest.raises(ConfigError) as caught:
        parse_pipeline(text, "a.config")

    assert (caught.value.what, caught.value.fix) == (what, fix)


def test_unknown_field_without_anything_alike_lists_the_known_ones() -> None:
    """Where no name is near, all fields of the message are given."""
    with pytest.raises(ConfigError) as caught:
        parse_pipeline("모델 {}", "a.config")

    assert caught.value.fix == (
        "Its fields: eval_config, eval_input_reader, graph_rewriter, model, train_config, "
        "train_input_reader."
    )


def test_rendered_text_parses_to_the_same_message() -> None:
    """Rendering and parsing are inverse, Korean and floats included."""
    message = TrainEvalPipelineConfig()
    message.train_config.fine_tune_checkpoint = "모델/ckpt-0"
    rate = message.train_config.optimizer.momentum_optimizer.learning_rate
    rate.cosine_decay_learning_rate.learning_rate_base = 0.08
    message.model.ssd.post_processing.batch_non_max_suppression.score_threshold = 1e-8

    text = render_pipeline(message)

    assert 'fine_tune_checkpoint: "모델/ckpt-0"' in text
    assert "learning_rate_base: 0.08" in text
    assert parse_pipeline(text, "text") == message


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_byte_order_mark_and_line_ends_do_not_matter(
    tmp_path: Path, mark: bytes, line_end: str
) -> None:
    """A config saved by a Windows editor is read like any other."""
    path = tmp_path / "설정.config"
    text = line_end.join(["model {", "  ssd { num_classes: 3 } # 세 개", "}"])
    path.write_bytes(mark + text.encode())

    assert read_pipeline(path).model.ssd.num_classes == 3


def test_what_is_no_text_is_refused_in_one_sentence(tmp_path: Path) -> None:
    """A checkpoint or a picture given for a config; a file that is absent; a folder."""
    binary = tmp_path / "ckpt-0.index"
    binary.write_bytes(b"ab\xff\xfe")

    for path, what in [
        (binary, f"{binary}: not a text in UTF-8 (byte 2)"),
        (tmp_path / "absent", f"{tmp_path / 'absent'}: no such file"),
        (tmp_path, f"{tmp_path}: is a folder"),
    ]:
        with pytest.raises(ConfigError) as caught:
            read_text(path)
        assert caught.value.what == what


def test_label_map_is_parsed_with_the_same_errors() -> None:
    """Items by name and id, and a mistake placed as in a config."""
    assert parse_label_map("item { id: 1 name: 'Car' }", "m").item[0].name == "Car"
    with pytest.raises(ConfigError) as caught:
        parse_label_map("item { idd: 1 }", "m")
    assert caught.value.what == 'm:1:8: StringIntLabelMapItem has no field "idd"'


def test_all_samples_of_the_reference_parse(reference: Path) -> None:
    """The 40 published configs, the seven of numerics/ and the two of runs/."""
    samples = sorted(reference.glob("*/*.config"))

    assert len(samples) == 49
    for path in samples:
        assert read_pipeline(path).model.WhichOneof("model") in {"ssd", "faster_rcnn", "center_net"}


@given(st.data())
def test_whatever_is_typed_is_parsed_or_explained(data: st.DataObject) -> None:
    """A config with a piece cut out and another put in raises nothing but ConfigError."""
    text = 'model { ssd { num_classes: 3 } }\ntrain_config { fine_tune_checkpoint: "a" }\n'
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 8)))
    piece = data.draw(st.text(st.sampled_from("{}[]\"'\\:#0x-가\n\0"), max_size=3))

    try:
        parse_pipeline(text[:start] + piece + text[end:], "a.config")
    except ConfigError as error:
        assert error.what.startswith("a.config:")  # noqa: PT017 - either way is right
