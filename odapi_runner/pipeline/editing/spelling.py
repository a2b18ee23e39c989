"""Values and fields of a message as text, in the manner of the text that they go into."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from google.protobuf import text_format
from google.protobuf.descriptor import FieldDescriptor

from odapi_runner.pipeline.editing.layout import Layout, New
from odapi_runner.proto.messages import is_repeated, message_class

_INDENT = re.compile(r"^(?:  )+")
_OPENS = re.compile(r"(\w+) \{$")


def spell_item(kind: FieldDescriptor, value: Any, quote: str = '"') -> str:
    """A value on one line, without the name of its field; a text in the quotes given."""
    if kind.message_type:
        inside = text_format.MessageToString(value, as_one_line=True, as_utf8=True)
        return f"{{ {inside} }}" if inside else "{ }"
    owner = message_class(kind.full_name.rpartition(".")[0])()
    if is_repeated(kind):
        getattr(owner, kind.name).append(value)
    else:
        setattr(owner, kind.name, value)
    _, _, text = text_format.MessageToString(owner, as_utf8=True).rstrip("\n").partition(": ")
    # Both kinds of quotes are escaped inside: a text may stand between either.
    return f"'{text[1:-1]}'" if text.startswith('"') and quote == "'" else text


def spell_field(kind: FieldDescriptor, value: Any, layout: Layout) -> New:
    """A field with one value; a message has a line for each of its own."""
    if not kind.message_type:
        line = f"{kind.name}: {spell_item(kind, value)}"
        return New((line,), line)
    inside = text_format.MessageToString(
        value, as_utf8=True, use_short_repeated_primitives=layout.lists
    )
    lines = [f"{kind.name} {{", *(f"  {line}" for line in inside.split("\n")[:-1]), "}"]
    if layout.colons:
        lines = [_OPENS.sub(r"\1: {", line) for line in lines]
    lines = [
        _INDENT.sub(lambda blank: layout.indent_by * (len(blank[0]) // 2), line) for line in lines
    ]
    return New(tuple(lines), f"{kind.name}{':' * layout.colons} {spell_item(kind, value)}")


def spell_list(kind: FieldDescriptor, values: Sequence[Any]) -> New:
    """A field with several values that are no messages: `name: [1, 2]`."""
    line = f"{kind.name}: [{', '.join(spell_item(kind, value) for value in values)}]"
    return New((line,), line)
