"""Where fields and elements of lists are written into a text, and how they are taken out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from odapi_runner.pipeline.editing.layout import Layout, New, Splice
from odapi_runner.pipeline.syntax import Field, Item, Listed, Message


@dataclass(frozen=True, slots=True)
class Body:
    """The fields of a message in the text; of the whole text where no message is around them."""

    fields: tuple[Field, ...]
    around: Message | None = None
    start: int = 0  # of the field, or the element of a list, that it is the value of


@dataclass(slots=True)
class Plan:
    """What is to be done to the fields of a body, by their places in it."""

    inside: list[Splice] = field(default_factory=list)  # of fields that stay
    removed: set[int] = field(default_factory=set)
    added: dict[int, list[New]] = field(default_factory=dict)  # behind a field; -1: before all

    def add(self, place: int, *new: New) -> None:
        if new:
            self.added.setdefault(place, []).extend(new)


def place_fields(layout: Layout, body: Body, plan: Plan) -> Iterator[Splice]:
    """Take out and write the fields of a plan."""
    if new := plan.added.get(-1):
        yield _before_all(layout, body, new)
    for run in _runs(layout, body, plan.removed):
        first, last = body.fields[run[0]], body.fields[run[-1]]
        new = [each for place in run for each in plan.added.get(place, [])]
        if run[0] in plan.removed:
            yield _instead(layout, first.start, last, new)
        elif new:
            yield from _behind(layout, body, last, new)


def _runs(layout: Layout, body: Body, removed: set[int]) -> Iterator[list[int]]:
    """Each field that stays, and those that go together, since they share a line."""
    run: list[int] = []
    for place, each in enumerate(body.fields):
        together = run and layout.one_line(body.fields[run[-1]].end, each.start)
        if run and not (together and place in removed and run[-1] in removed):
            yield run
            run = []
        run.append(place)
    if run:
        yield run


def _instead(layout: Layout, start: int, last: Field, new: Sequence[New]) -> Splice:
    """New fields, or none, for those from `start` to the last one's end."""
    end = layout.line_end(last.end)
    if end is not None and layout.begins_line(start):
        lines = _lines(new, last.separator, last.separator)
        line = layout.line_start(start)
        if not new:
            line = layout.empty_line_between(line, end)
        return layout.block(line, end, lines, layout.indent(start))
    if new:
        return layout.within(start, last.end, _words(new, last.separator, last.separator))
    return layout.without(start, last.end)


def _behind(layout: Layout, body: Body, known: Field, new: Sequence[New]) -> Iterator[Splice]:
    between = last = known.separator
    others = [each.separator for each in body.fields if each is not known]
    if not last and others and all(others) and known is body.fields[-1]:
        # As JSON has it: a separator between fields, none behind the last.
        between = others[0]
        yield Splice(known.end, known.end, between)
    end = layout.line_end(known.end)
    if end is None:
        yield layout.within(known.end, known.end, _words(new, between, last))
        return
    indent = (
        layout.indent(known.start) if layout.begins_line(known.start) else _indent(layout, body)
    )
    lines = _lines(new, between, last, spaced=layout.spaced and not body.around)
    yield layout.block(end, end, lines, indent)


def _before_all(layout: Layout, body: Body, new: Sequence[New]) -> Splice:
    """New fields in front of all others, or the first ones of a body."""
    separator = body.fields[0].separator if body.fields else ""
    words, lines = _words(new, separator, separator), _lines(new, separator, separator)
    indent = _indent(layout, body)
    if body.around is None:
        start = body.fields[0].start if body.fields else len(layout.text)
        if body.fields and not layout.begins_line(start):
            return layout.within(start, start, words)
        line = layout.line_start(start) if body.fields else start
        return layout.block(line, line, lines, indent)
    opens, closes = body.around.start + 1, body.around.end - 1
    end = layout.line_end(opens)
    if end is not None:
        return layout.block(end, end, lines, indent)
    if body.fields or not layout.begins_line(body.start):
        return layout.within(opens, opens, words)
    # `name {}` on a line of its own is opened.
    text = layout.newline.join(
        ["", *(f"{indent}{line}" for line in lines), layout.indent(body.start)]
    )
    return Splice(opens, closes, text)


def _indent(layout: Layout, body: Body) -> str:
    """The indentation of the lines of a body."""
    for each in body.fields:
        if layout.begins_line(each.start):
            return layout.indent(each.start)
    return layout.indent(body.start) + layout.indent_by if body.around else ""


def _lines(new: Sequence[New], between: str, last: str, *, spaced: bool = False) -> list[str]:
    """The lines of new fields, a separator behind each; an empty line before one of several."""
    lines = []
    for place, each in enumerate(new, start=1):
        if spaced and len(each.lines) > 1:
            lines.append("")
        lines += [*each.lines[:-1], each.lines[-1] + (between if place < len(new) else last)]
    return lines


def _words(new: Sequence[New], between: str, last: str) -> str:
    return f"{between} ".join(each.inline for each in new) + last


def place_items(layout: Layout, listed: Listed, wanted: Sequence[int | str]) -> Iterator[Splice]:
    """Take out and write elements of `[a, b]`.

    Args:
        layout: of the text.
        listed: the list as it is.
        wanted: what it shall hold: the numbers of its elements that stay, ascending, and new ones.
    """
    kept = [each for each in wanted if isinstance(each, int)]
    if not kept:
        yield Splice(listed.start + 1, listed.end - 1, ", ".join(map(str, wanted)))
        return
    yield from _without_items(layout, listed, kept)
    new: dict[int | None, list[str]] = {}
    known: int | None = None
    for each in wanted:
        if isinstance(each, int):
            known = each
        else:
            new.setdefault(known, []).append(each)
    for number, texts in new.items():
        if number is None:
            yield _items_before(layout, listed.items[kept[0]], texts)
        else:
            yield from _items_behind(layout, listed, number, texts, last=number == kept[-1])


def _without_items(layout: Layout, listed: Listed, kept: Sequence[int]) -> Iterator[Splice]:
    items, commas, last = listed.items, listed.commas, kept[-1]
    if last < len(commas) and layout.one_line(items[last].end, items[-1].end):
        yield Splice(items[last].end, items[-1].end, "")
        gone = [number for number in range(last) if number not in kept]
    else:
        gone = [number for number in range(len(items)) if number not in kept]
        if last < len(commas):
            yield Splice(commas[last], commas[last] + 1, "")
    for number in gone:
        start = items[number].start
        end = commas[number] + 1 if number < len(commas) else items[number].end
        line_end = layout.line_end(end)
        if layout.begins_line(start) and line_end is not None:
            yield Splice(layout.line_start(start), line_end, "")
        elif number < len(commas) and layout.one_line(end, items[number + 1].start):
            yield Splice(start, items[number + 1].start, "")
        else:
            yield Splice(start, end, "")


def _items_before(layout: Layout, item: Item, new: Sequence[str]) -> Splice:
    if layout.begins_line(item.start):
        start = layout.line_start(item.start)
        return layout.block(start, start, [f"{text}," for text in new], layout.indent(item.start))
    return Splice(item.start, item.start, "".join(f"{text}, " for text in new))


def _items_behind(
    layout: Layout, listed: Listed, number: int, new: Sequence[str], *, last: bool
) -> Iterator[Splice]:
    """New elements behind one that stays; it is the last of those or not."""
    item = listed.items[number]
    comma = listed.commas[number] if number < len(listed.commas) else None
    lines = [f"{text}," for text in new]
    if layout.begins_line(item.start) and not last and comma is not None:
        end = layout.line_end(comma + 1)
    elif layout.begins_line(item.start) and comma is None:
        end = layout.line_end(item.end)
        lines[-1] = new[-1]
    else:
        end = None
    if end is None:
        yield Splice(item.end, item.end, "".join(f", {text}" for text in new))
        return
    if comma is None:
        yield Splice(item.end, item.end, ",")
    yield layout.block(end, end, lines, layout.indent(item.start))
