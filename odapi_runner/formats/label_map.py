"""Label maps: the ids of the classes and their names, `label_map.pbtxt`.

Source: object_detection/protos/string_int_label_map.proto, utils/label_map_util.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from google.protobuf.text_encoding import CEscape

from odapi_runner import files
from odapi_runner.errors import DataError
from odapi_runner.proto.text import parse_label_map, read_text


@dataclass(frozen=True, slots=True)
class LabelItem:
    """One class: its id, the name in the records, the name shown to people."""

    id: int
    name: str
    display_name: str


@dataclass(frozen=True, slots=True)
class LabelMap:
    """The classes of a data set in the order of their file."""

    items: tuple[LabelItem, ...]

    def ids(self) -> tuple[int, ...]:
        return tuple(item.id for item in self.items)

    def names(self) -> tuple[str, ...]:
        return tuple(item.name for item in self.items)

    def display_names(self) -> tuple[str, ...]:
        return tuple(item.display_name for item in self.items)

    def id_of(self, name: str) -> int | None:
        """The id of a name or of a displayed name; the larger one where it is both.

        Source: object_detection/data_decoders/tf_example_decoder.py, `_ClassTensorHandler`.
        """
        return max((i.id for i in self.items if name in {i.name, i.display_name}), default=None)


def build_label_map(names: tuple[str, ...]) -> LabelMap:
    """Ids from 1 in the order of the names.

    Raises:
        DataError: no name, an empty one, or one that stands there twice.
    """
    if not names or "" in names or len(set(names)) < len(names):
        what = f"these are no classes: {', '.join(names) or 'none'}"
        raise DataError(what, fix="Name each class once, separated by commas: Car,Pedestrian")
    return LabelMap(tuple(LabelItem(id_, name, name) for id_, name in enumerate(names, 1)))


def read_label_map(path: Path) -> LabelMap:
    """Read a label map; an item without a name has its displayed name for one, and vice versa.

    Raises:
        DataError: the file holds no item, or an item has no name, an id below 1, or an id or name
            that another one has.
        ConfigError: the file cannot be read, or its text is not that of a label map.
    """
    items = [
        LabelItem(item.id, item.name or item.display_name, item.display_name or item.name)
        for item in parse_label_map(read_text(path), str(path)).item
    ]
    _check(path, items)
    return LabelMap(tuple(items))


def write_label_map(path: Path, value: LabelMap) -> None:
    """Write atomically."""
    files.write_atomic(path, render_label_map(value))


def render_label_map(value: LabelMap) -> str:
    """The text of a label map; `display_name` stands only where it is not the name."""
    return "".join(_render(item) for item in value.items)


def _render(item: LabelItem) -> str:
    lines = [f"  id: {item.id}", f"  name: {_quoted(item.name)}"]
    if item.display_name != item.name:
        lines.append(f"  display_name: {_quoted(item.display_name)}")
    return "\n".join(["item {", *lines, "}", ""])


def _quoted(text: str) -> str:
    # It takes str as well: only its stub says bytes.
    return f'"{CEscape(text, as_utf8=True)}"'  # type: ignore[arg-type]


def _check(path: Path, items: list[LabelItem]) -> None:
    if not items:
        raise DataError(f"{path}: no item in this label map", fix='Add: item { id: 1 name: "…" }')
    by_id: dict[int, str] = {}
    names: set[str] = set()
    for item in items:
        if not item.name:
            raise DataError(f"{path}: item {item.id} has no name", fix="Give it a name.")
        if item.id < 1:
            what = f'{path}: "{item.name}" has id {item.id}, and 0 is the background'
            raise DataError(what, fix="Number the classes from 1.")
        if item.id in by_id:
            what = f'{path}: "{by_id[item.id]}" and "{item.name}" both have id {item.id}'
            raise DataError(what, fix="Number the classes from 1, each once.")
        if item.name in names:
            raise DataError(f'{path}: "{item.name}" stands there twice', fix="Remove one of them.")
        by_id[item.id] = item.name
        names.add(item.name)
