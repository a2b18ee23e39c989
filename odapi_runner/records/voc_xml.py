"""Pascal VOC's XML annotations, with the lines on which their objects begin."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.parsers import expat

from odapi_runner.records.sample import Fault, Object


@dataclass(frozen=True, slots=True)
class Annotation:
    """What an annotation says of its image."""

    width: int  # 0: the annotation does not say
    height: int
    objects: tuple[Object, ...]


def parse_annotation(content: bytes, path: Path) -> tuple[Annotation, list[Fault]]:
    """The objects of an XML annotation, and those that are none.

    Raises:
        ValueError: this is no XML, or not VOC's.
    """
    root = _parse_xml(content)
    if root.tag != "annotation":
        raise ValueError(f"<annotation> expected, <{root.tag}> found")
    size = root.child("size")
    width, height = (_whole(size.word(tag) if size else "") for tag in ("width", "height"))
    objects, faults = [], []
    for node in root.children:
        if node.tag == "object":
            try:
                objects.append(_object(node))
            except ValueError as error:
                faults.append(Fault(path, node.line, str(error)))
    return Annotation(width, height, tuple(objects)), faults


@dataclass(slots=True)
class _Node:
    """An XML element with the line on which it begins."""

    tag: str
    line: int
    text: str = ""
    children: list[_Node] = field(default_factory=list)

    def child(self, tag: str) -> _Node | None:
        return next((node for node in self.children if node.tag == tag), None)

    def word(self, tag: str) -> str:
        """The text of a child, or the empty string."""
        node = self.child(tag)
        return node.text.strip() if node else ""


def _object(node: _Node) -> Object:
    name, box = node.word("name"), node.child("bndbox")
    if not name:
        raise ValueError("the object has no <name>")
    if box is None:
        raise ValueError(f"{name}: the object has no <bndbox>")
    corners = []
    for tag in ("xmin", "ymin", "xmax", "ymax"):
        try:
            corners.append(float(box.word(tag)))
        except ValueError as error:
            raise ValueError(f"{name}: <{tag}> is not a number: {box.word(tag)!r}") from error
    xmin, ymin, xmax, ymax = corners
    return Object(
        name=name,
        box_xyxy_px=(xmin, ymin, xmax, ymax),
        line=node.line,
        truncated=float(_whole(node.word("truncated"))),
        difficult=bool(_whole(node.word("difficult"))),
        details={tag: node.word(tag) for tag in ("pose", "occluded") if node.child(tag)},
    )


def _whole(word: str) -> int:
    """A whole number; 0 where none is given, as converters take absent sizes and flags."""
    return int(word) if word.isdecimal() else 0


def _parse_xml(content: bytes) -> _Node:
    """Read XML into nodes that know their lines, which ElementTree's do not."""
    parser = expat.ParserCreate()
    document = _Node("", 0)
    open_nodes = [document]

    def start(tag: str, attributes: dict[str, Any]) -> None:  # noqa: ARG001 - VOC has none
        node = _Node(tag, parser.CurrentLineNumber)
        open_nodes[-1].children.append(node)
        open_nodes.append(node)

    def end(tag: str) -> None:  # noqa: ARG001 - expat has checked it
        open_nodes.pop()

    def data(text: str) -> None:
        open_nodes[-1].text += text

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = data
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise ValueError(f"not XML: {error}") from error
    return document.children[0]
