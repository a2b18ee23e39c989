"""Label maps."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odapi_runner.errors import ConfigError, DataError
from odapi_runner.formats.label_map import (
    LabelItem,
    LabelMap,
    build_label_map,
    read_label_map,
    render_label_map,
    write_label_map,
)

KITTI = """\
item {
  id: 1
  name: "Car"
}
item {
  id: 2
  name: "보행자"
}
"""

# Lone surrogates are no text; NUL cannot stand in a protobuf text file unescaped, and is escaped.
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


def read(tmp_path: Path, text: str) -> LabelMap:
    path = tmp_path / "label_map.pbtxt"
    path.write_text(text, encoding="utf-8")
    return read_label_map(path)


def test_render_and_read(tmp_path: Path) -> None:
    """The text is the usual one, and reads back to the same value."""
    value = build_label_map(("Car", "보행자"))

    write_label_map(tmp_path / "label_map.pbtxt", value)
    assert (tmp_path / "label_map.pbtxt").read_text("utf-8") == KITTI
    assert read_label_map(tmp_path / "label_map.pbtxt") == value
    assert value.ids() == (1, 2)
    assert value.names() == ("Car", "보행자")


@given(names=st.lists(NAMES, min_size=1, max_size=4, unique=True))
def test_round_trip(names: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Any names survive, quotes, line ends and control characters included."""
    value = build_label_map(tuple(names))

    assert read(tmp_path_factory.mktemp("map"), render_label_map(value)) == value


def test_displayed_names(tmp_path: Path) -> None:
    """COCO's label map has codes for names and names to display; both are found."""
    value = read(
        tmp_path,
        'item { name: "/m/01g317" id: 1 display_name: "person" }\nitem { id: 2 name: "car" }\n',
    )

    assert value.items == (LabelItem(1, "/m/01g317", "person"), LabelItem(2, "car", "car"))
    assert (value.id_of("person"), value.id_of("/m/01g317"), value.id_of("cat")) == (1, 1, None)
    assert value.display_names() == ("person", "car")
    assert 'display_name: "person"' in render_label_map(value)


def test_a_name_that_is_two_classes_is_the_larger_id() -> None:
    """As in the Object Detection API, which takes the larger of its two tables' answers."""
    value = LabelMap((LabelItem(1, "a", "b"), LabelItem(2, "b", "c")))

    assert value.id_of("b") == 2


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "no item in this label map"),
        ("item { id: 3 }", "item 3 has no name"),
        ('item { id: 0 name: "a" }', '"a" has id 0, and 0 is the background'),
        ('item { id: 1 name: "a" } item { id: 1 name: "b" }', '"a" and "b" both have id 1'),
        ('item { id: 1 name: "a" } item { id: 2 name: "a" }', '"a" stands there twice'),
    ],
)
def test_faults(tmp_path: Path, text: str, what: str) -> None:
    """A label map that cannot be used says what is wrong with it."""
    with pytest.raises(DataError) as caught:
        read(tmp_path, text)
    assert caught.value.what == f"{tmp_path / 'label_map.pbtxt'}: {what}"


def test_not_a_label_map(tmp_path: Path) -> None:
    """Another text is refused with its place, an absent file with its name."""
    with pytest.raises(ConfigError, match=r"label_map\.pbtxt:1:"):
        read(tmp_path, 'itme { id: 1 name: "a" }')
    with pytest.raises(ConfigError, match="no such file"):
        read_label_map(tmp_path / "absent.pbtxt")


@pytest.mark.parametrize("names", [(), ("",), ("Car", "Car")])
def test_classes_that_make_no_label_map(names: tuple[str, ...]) -> None:
    """Nothing, an empty name and a name given twice are refused."""
    with pytest.raises(DataError, match="these are no classes"):
        build_label_map(names)
