"""Configs that share parts."""

from __future__ import annotations

from pathlib import Path

import pytest

from odapi_runner.errors import ConfigError
from odapi_runner.proto.parts import _parse_part, read_shared_pipeline
from odapi_runner.proto.text import read_pipeline, render_pipeline

ROOT = Path(__file__).parent.parent.parent
RENDERED = ROOT / "pipelines" / "kitti-d0" / "pipeline.config"

# Texts that no cut at the lines } gives: blocks on one line, a brace that closes early, a part
# with a comment and nothing behind it, a file without a line end.
ODD = (
    "train_config { batch_size: 4 }\neval_config { num_examples: 3 }",
    "train_config {\noptimizer { momentum_optimizer {\n}\n}\nbatch_size: 4\n}\n",
    "# all\n\ntrain_config {\n  batch_size: 4 # }\n}\n# the end\n",
    'eval_input_reader {\n  name: "}"\n}\neval_input_reader {\n  name: "b"\n}\n',
    "",
)


@pytest.mark.parametrize("text", [RENDERED.read_text("utf-8"), *ODD])
def test_parts_make_the_message_of_the_whole(tmp_path: Path, text: str) -> None:
    """Whatever the layout."""
    path = tmp_path / "pipeline.config"
    path.write_text(text, "utf-8")

    assert read_shared_pipeline(path) == read_pipeline(path)


def test_a_second_config_is_parsed_where_it_differs(tmp_path: Path) -> None:
    """One new part of five; what is given is nobody else's: changing it changes no other."""
    text = render_pipeline(read_pipeline(RENDERED))
    first, second = tmp_path / "a.config", tmp_path / "b.config"
    first.write_text(text, "utf-8")
    second.write_text(text.replace("batch_size: 4\n", "batch_size: 8\n"), "utf-8")
    one = read_shared_pipeline(first)
    before = _parse_part.cache_info().misses

    two = read_shared_pipeline(second)
    two.train_config.num_steps = 1

    assert _parse_part.cache_info().misses == before + 1
    assert two.train_config.batch_size == 8
    assert one == read_shared_pipeline(first)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("model {\n}\ntrain_config {\n  batch_sise: 4\n}\n", "a.config:4:"),
        ("train_config {\n}\ntrain_config {\n}\n", "a.config:3:"),
    ],
)
def test_a_mistake_has_its_place_in_the_whole_file(tmp_path: Path, text: str, place: str) -> None:
    """Also that one block stands there twice, which no part knows."""
    path = tmp_path / "a.config"
    path.write_text(text, "utf-8")

    with pytest.raises(ConfigError) as error:
        read_shared_pipeline(path)

    assert place in error.value.what
