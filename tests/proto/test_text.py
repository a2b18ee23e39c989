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
    read_source,
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
            "Write batch_size: 4",
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
        (
            'train_config { fine_tune_checkpoint: "a\\ud800" }',
            "a.config:1:38: fine_tune_checkpoint: a backslash begins an escape",
            "Write paths with / (or each \\ as \\\\).",
        ),
        (
            "train_config { batch_size: 0x" + "f" * 5000 + " }",
            "a.config:1:28: batch_size is a number of thousands of digits",
            "Write a smaller one.",
        ),
        ("model {}\n\0", "a.config:2: a zero byte in the text", "Save it as UTF-8."),
        (
            "model {",
            "a.config:1:7: the text ends before a } that is missing",
            "Write the } of model, which begins in line 1.",
        ),
        (
            "model {\n  ssd {\n    num_classes: 3\n  }\ntrain_config {\n}\n",
            (
                'a.config:5:1: DetectionModel has no field "train_config", but '
                "TrainEvalPipelineConfig has: a } is missing before this line"
            ),
            "Write the } of model, which begins in line 1.",
        ),
        (  # braces in comments and texts do not count
            'model {\n  ssd {\n    matcher { # {\n    num_classes: "{"\n  }\n}\n',
            (
                'a.config:4:5: Matcher has no field "num_classes", but Ssd has: '
                "a } is missing before this line"
            ),
            "Write the } of matcher, which begins in line 3.",
        ),
        (  # the } of line 4 stands where that of model would, so the one of ssd is missing
            "model {\n  ssd {\n    num_classes: 3\n}\ntrain_config {\n}\n",
            (
                'a.config:5:1: DetectionModel has no field "train_config", but '
                "TrainEvalPipelineConfig has: a } is missing before this line"
            ),
            "Write the } of ssd, which begins in line 2.",
        ),
        (
            "train_config {\n  optimizer { } }\n  num_steps: 1\n}",
            (
                'a.config:3:3: TrainEvalPipelineConfig has no field "num_steps", but '
                "TrainConfig has: one } too many before this line"
            ),
            "The } in line 2 closes train_config: remove it, or one before it.",
        ),
        (
            "model {\n}\n}",
            "a.config:3:1: one } too many",
            "Remove it, or a } before it that closes a message too early.",
        ),
        (
            "train_config { batch_size: many }",
            "a.config:1:28: batch_size takes a whole number, found many",
            "Write batch_size: 1, unquoted.",
        ),
        (
            "train_config { num_steps: 1e4 }",
            "a.config:1:27: num_steps takes a whole number, found 1e4",
            "Write num_steps: 10000",
        ),
        (
            "train_config { gradient_clipping_by_norm: '2.5' }",
            "a.config:1:43: gradient_clipping_by_norm takes a number, found '2.5'",
            "Write gradient_clipping_by_norm: 2.5",
        ),
        (
            "train_config { num_steps: 10,000 }",
            "a.config:1:30: num_steps: a number has no comma, found 10,000",
            "Write num_steps: 10000",
        ),
        (
            "train_config { gradient_clipping_by_norm: 0,5 }",
            "a.config:1:45: gradient_clipping_by_norm: a number has no comma, found 0,5",
            "Write gradient_clipping_by_norm: 0.5",
        ),
        (
            "train_config { batch_size = 8 }",
            "a.config:1:27: batch_size: no colon before its value",
            "Write batch_size: 8",
        ),
        (
            "model { ssd { num_classes 3 } }",
            "a.config:1:27: num_classes: no colon before its value",
            "Write num_classes: 3",
        ),
    ],
)
def test_a_mistake_is_placed_and_explained(text: str, what: str, fix: str) -> None:
    """File, line and column, what is wrong in one sentence, and what to write instead."""
    with pytest.raises(ConfigError) as caught:
        parse_pipeline(text, "a.config")

    assert (caught.value.what, caught.value.fix) == (what, fix)


@pytest.mark.parametrize(
    "text",
    [
        "model {" * 100_000,
        "{" * 1_000_000,
        "[" * 1_000_000,
        "x" * 1_000_000,
        '"' * 1_000_000,
        "train_config { batch_size: " + "9" * 1_000_000,
        'train_config { fine_tune_checkpoint: "' + "x" * 1_000_000,
        "train_config { merge_multiple_label_boxes: tru" + "e" * 1_000_000,
        "\n" * 1_000_000 + "x",
    ],
    ids=lambda text: text[:12],
)
def test_a_mistake_of_any_size_is_one_short_sentence(text: str) -> None:
    """Neither depth nor length ends in a traceback, in minutes or in a screenful."""
    with pytest.raises(ConfigError) as caught:
        parse_pipeline(text, "a.config")

    assert len(caught.value.what) <= 500


def test_places_are_counted_as_text_format_counts_them() -> None:
    """A form feed or a line separator ends no line."""
    with pytest.raises(ConfigError) as caught:
        parse_pipeline("# a\fb\u2028c\nmodel { x: 1 }", "a.config")

    assert caught.value.what == 'a.config:2:9: DetectionModel has no field "x"'


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


ENCODINGS = {
    "utf-8": lambda text: text.encode(),
    "utf-8-sig": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "utf-16-le": lambda text: b"\xff\xfe" + text.encode("utf-16-le"),
    "utf-16-be": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
}


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_encoding_and_line_ends_do_not_matter(tmp_path: Path, encoding: str, line_end: str) -> None:
    """A config saved by a Windows editor is read like any other, and can be written back."""
    path = tmp_path / "설정.config"
    text = line_end.join(["model {", "  ssd { num_classes: 3 } # 세 개", "}"])
    path.write_bytes(ENCODINGS[encoding](text))

    assert read_pipeline(path).model.ssd.num_classes == 3
    source = read_source(path)
    assert (source.text, source.encoding) == (text, encoding)
    assert source.encode(text) == path.read_bytes()


def test_a_korean_text_of_an_older_windows_is_named(tmp_path: Path) -> None:
    """CP949 is said to be that, with the command that converts it."""
    path = tmp_path / "내 설정.config"
    path.write_bytes("model { } # 자동차 세 가지\r\n".encode("cp949"))

    with pytest.raises(ConfigError) as caught:
        read_text(path)

    assert caught.value.what == f"{path}: not UTF-8 (byte 12), it looks like CP949"
    assert caught.value.fix == (
        f"Convert it: iconv -f CP949 -t UTF-8 '{path}' > '{tmp_path}/utf8-내 설정.config'"
    )


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"ab\xff\xfe", "not a text in UTF-8 (byte 2)"),  # a part of a checkpoint
        (b"a: '\xed\xa0\x80'", "not a text in UTF-8 (byte 4)"),  # half of a surrogate pair
        ("# sieben Stücke".encode("cp1252"), "not a text in UTF-8 (byte 11)"),
        (b"\xff\xfea\0b", "not a text in UTF-8 (byte 4)"),  # UTF-16, cut within a sign
        (b"\xff\xfe\x00\xd8a\0", "not a text in UTF-8 (byte 2)"),  # half a pair in UTF-16
        (b"#" * 4_000_001, "larger than 4 MB, which no config or label map is"),
    ],
)
def test_other_bytes_are_refused_in_one_sentence(tmp_path: Path, content: bytes, what: str) -> None:
    """Binary files, other encodings and files of any size."""
    path = tmp_path / "a.config"
    path.write_bytes(content)

    with pytest.raises(ConfigError) as caught:
        read_text(path)

    assert caught.value.what == f"{path}: {what}"


def test_utf_16_without_a_mark_is_refused(tmp_path: Path) -> None:
    """Nothing says which of the two it is; its zero bytes say that it is not UTF-8."""
    path = tmp_path / "a.config"
    path.write_bytes("model {}".encode("utf-16-le"))

    with pytest.raises(ConfigError) as caught:
        read_pipeline(path)

    assert caught.value.what == f"{path}:1: a zero byte in the text"


def test_what_cannot_be_opened_is_refused_in_one_sentence(tmp_path: Path) -> None:
    """A file that is absent, a folder, a name that no file can have."""
    for path, what in [
        (tmp_path / "absent", f"{tmp_path / 'absent'}: no such file"),
        (tmp_path, f"{tmp_path}: is a folder"),
        (Path("a\0b"), "a\\x00b: cannot be a path"),
        (Path("a" * 300), f"{'a' * 300}: cannot be read (File name too long)"),
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
