"""A changed config written into the text that it came from: what does not differ stays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message as ProtoMessage

from odapi_runner.pipeline.editing.layout import Layout, Splice, apply_splices, read_layout
from odapi_runner.pipeline.editing.placing import Body, Plan, place_fields, place_items
from odapi_runner.pipeline.editing.spelling import spell_field, spell_item, spell_list
from odapi_runner.pipeline.syntax import (
    Item,
    Listed,
    Message,
    parse_syntax,
    with_line_feeds,
)
from odapi_runner.proto.alignment import Pair, pair_in_order, same
from odapi_runner.proto.messages import is_map, is_repeated, message_class
from odapi_runner.proto.text import parse_message, parse_pipeline


def edit_text(text: str, before: Any, after: Any, where: str) -> str:
    """The text of `before`, changed so that it is one of `after`.

    What the change does not concern stays as it is: comments, order, spacing, line ends, `[a, b]`.
    Elements of lists are matched by what they hold and written one by one. How new fields look,
    and what goes with old ones, is said in `layout`.

    Args:
        text: a pipeline.config.
        before: the message that it parses to.
        after: the message that the result parses to.
        where: what errors call it.

    Raises:
        ConfigError: as `syntax.parse_syntax`.
    """
    if same(before, after):
        return text
    document = parse_syntax(text, where)
    layout = read_layout(document)
    edited = apply_splices(text, _edit_body(layout, Body(document.fields), before, after))
    if not same(parse_pipeline(with_line_feeds(edited), where), after):
        raise AssertionError(f"{where}: edited into something else than was asked for:\n{edited}")
    return edited


_Wanted = tuple[Any, int | None]  # a value, and its number in the list that it stands in already


def _edit_body(layout: Layout, body: Body, before: Any, after: Any) -> list[Splice]:
    plan = Plan()
    for kind in before.DESCRIPTOR.fields:
        _plan_field(layout, body, kind, before, after, plan)
    return [*plan.inside, *place_fields(layout, body, plan)]


def _plan_field(
    layout: Layout, body: Body, kind: FieldDescriptor, before: Any, after: Any, plan: Plan
) -> None:
    """Plan what becomes of everything that the text says of one field of the message."""
    hosts = [place for place, field in enumerate(body.fields) if field.name == kind.name]
    items = [(host, number) for host in hosts for number in range(len(body.fields[host].items))]
    there = [body.fields[host].items[number] for host, number in items]
    if kind.message_type and is_map(kind):
        old, new, pairs = _pair_entries(layout, kind.message_type, there, getattr(after, kind.name))
    else:
        old, new = _values(before, kind), _values(after, kind)
        pairs = pair_in_order(old, new) if is_repeated(kind) else _pair_single(old, new)
    if not hosts:
        anchor = _anchor(body, before.DESCRIPTOR, kind)
        if layout.lists and not kind.message_type and len(new) > 1:
            plan.add(anchor, spell_list(kind, new))
        else:
            plan.add(anchor, *(spell_field(kind, value, layout) for value in new))
        return

    wanted: dict[int, list[_Wanted]] = {host: [] for host in hosts}
    host = hosts[0]
    for b, a in pairs:
        number = None
        if b is not None:
            host, number = items[b]
        if a is not None:
            wanted[host].append((new[a], number))
            if b is not None and not same(old[b], new[a]):
                start = body.fields[host].start
                plan.inside += _edit_item(layout, there[b], start, kind, old[b], new[a])
    for host, values in wanted.items():
        _plan_host(layout, body, kind, host, values, plan)


def _plan_host(
    layout: Layout,
    body: Body,
    kind: FieldDescriptor,
    host: int,
    values: Sequence[_Wanted],
    plan: Plan,
) -> None:
    """Plan what becomes of one field of the text, which holds one value or a list."""
    field = body.fields[host]
    kept = [number for _, number in values if number is not None]
    if isinstance(field.value, Listed):
        if not values and field.value.items:
            plan.removed.add(host)
        elif len(kept) < max(len(values), len(field.value.items)):
            texts = [spell_item(kind, value) if n is None else n for value, n in values]
            plan.inside += place_items(layout, field.value, texts)
        return
    if not kept:
        plan.removed.add(host)
    place = host - 1 if kept else host
    for value, number in values:
        if number is None:
            plan.add(place, spell_field(kind, value, layout))
        else:
            place = host


def _edit_item(
    layout: Layout, item: Item, start: int, kind: FieldDescriptor, old: Any, new: Any
) -> list[Splice]:
    if isinstance(item, Message):
        return _edit_body(layout, Body(item.fields, item, start), old, new)
    quote = layout.text[item.start]
    return [Splice(item.start, item.end, spell_item(kind, new, quote))]


def _anchor(body: Body, owner: Descriptor, kind: FieldDescriptor) -> int:
    """The place of the field behind which a new one goes; -1: before all.

    That is the member of the same `oneof` which it replaces, else what is declared before it.
    """
    known = owner.fields_by_name
    declared = [known[field.name].index if field.name in known else -1 for field in body.fields]
    if kind.containing_oneof:
        others = {other.index for other in kind.containing_oneof.fields}
        for place, index in enumerate(declared):
            if index in others:
                return place
    earlier = [(index, place) for place, index in enumerate(declared) if index < kind.index]
    if earlier:
        return max(earlier)[1]
    # At the head of a text stands what is said of it as a whole.
    return -1 if body.around else len(body.fields) - 1


def _values(message: Any, kind: FieldDescriptor) -> list[Any]:
    if is_repeated(kind):
        return list(getattr(message, kind.name))
    return [getattr(message, kind.name)] if message.HasField(kind.name) else []


def _pair_single(old: Sequence[Any], new: Sequence[Any]) -> list[Pair]:
    if old and new:
        return [(0, 0)]
    return [(0, None)] if old else [(None, 0)] if new else []


def _pair_entries(
    layout: Layout, kind: Descriptor, items: Sequence[Item], wanted: Any
) -> tuple[list[Any], list[Any], list[Pair]]:
    """The entries of a map in the text, those wanted, and which is which.

    Of a key that the text has twice the last entry counts; the others stay.
    """
    entry = message_class(kind.full_name)
    old = [
        parse_message(layout.text[item.start + 1 : item.end - 1], kind.name, entry())
        for item in items
    ]
    last = {each.key: place for place, each in enumerate(old)}
    new: list[Any] = []
    pairs: list[Pair] = []
    for place, each in enumerate(old):
        if each.key not in wanted:
            pairs.append((place, None))
            continue
        pairs.append((place, len(new)))
        new.append(_with_value(each, wanted) if place == last[each.key] else each)
    for key in sorted(set(wanted) - set(last)):
        pairs.append((None, len(new)))
        new.append(entry(key=key, value=wanted[key]))
    return old, new, pairs


def _with_value(entry: Any, wanted: Any) -> Any:
    """An entry with the value that its key shall have; as it is where it has that."""
    value = wanted[entry.key]
    if same(entry.value, value):
        return entry
    changed = type(entry)()
    changed.CopyFrom(entry)
    if isinstance(value, ProtoMessage):
        changed.value.CopyFrom(value)
    else:
        changed.value = value
    return changed
