"""What a rendered file says that it was rendered from."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odapi_runner import __version__
from odapi_runner.errors import ConfigError
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.recipe import Recipe, is_as_rendered, parse_recipe, render_file

WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=8)


def test_the_head_of_a_file() -> None:
    """What it is, the command, and a digest of the rest."""
    recipe = Recipe("kitti-d0", Changes(("label_map=내 지도",), ("a.b",), (Path("x.txt"),)))

    assert render_file(recipe, "작은 것", "model {\n}\n").splitlines() == [
        f"# Rendered by odapi {__version__}: 작은 것.",
        "# odapi render --preset kitti-d0 --patch x.txt -s 'label_map=내 지도' -d a.b",
        "# As rendered below this line: sha256 2033e2561a9c",
        "",
        "model {",
        "}",
    ]


@given(
    preset=WORDS, values=st.lists(WORDS, max_size=3), flags=st.tuples(st.booleans(), st.booleans())
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_a_recipe_is_read_back_from_its_file(
    preset: str, values: list[str], flags: tuple[bool, bool]
) -> None:
    """Whatever characters names and values have."""
    changes = Changes(tuple(f"label_map={value}" for value in values), tuple(values))
    recipe = Recipe(preset, changes, *flags)

    text = render_file(recipe, "about", "model {}\n")

    assert parse_recipe(text) == recipe
    assert is_as_rendered(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "model {}",
        "# one\n# two\n",
        "# one\n# odapi render --preset \n",
        "# one\n# odapi render --preset 'open\n",
    ],
)
def test_a_file_without_a_recipe(text: str) -> None:
    """Written by hand, or its comment was."""
    assert parse_recipe(text) is None
    assert not is_as_rendered(text)


@pytest.mark.parametrize(
    "edited",
    [
        lambda text: text.replace("model", "modell"),
        lambda text: text + "\n",
        lambda text: text.replace("sha256 ", "sha256 0"),
        lambda text: text.replace("\n\n", "\n# mine\n"),
    ],
)
def test_an_edit_is_seen(edited: object) -> None:
    """Anywhere below the head, and in the digest itself."""
    text = render_file(Recipe("kitti-d0"), "about", "model {}\n")

    assert is_as_rendered(text)
    assert not is_as_rendered(edited(text))  # type: ignore[operator]


def test_a_patch_is_told_from_the_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command in the comment can be typed in its folder, from wherever it was typed first."""
    monkeypatch.chdir(tmp_path)
    recipe = Recipe("a", Changes(patches=(Path("work/notes/../notes/x.txt"), Path("y.txt"))))

    told = recipe.told_from(tmp_path / "work")

    assert told.changes.patches == (Path("notes/x.txt"), tmp_path / "y.txt")
    assert told.found_from(tmp_path / "work").changes.patches == (
        tmp_path / "work" / "notes" / "x.txt",
        tmp_path / "y.txt",
    )


def test_a_name_with_a_line_break_is_refused() -> None:
    """It could not be told in a comment."""
    with pytest.raises(ConfigError, match="line break"):
        render_file(Recipe("a\nb"), "about", "")
