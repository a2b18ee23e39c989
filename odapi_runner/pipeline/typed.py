"""What is typed for a field on a command line, as the field's value."""

from __future__ import annotations

import re
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from odapi_runner.errors import ConfigError
from odapi_runner.pipeline.scalars import parse_scalar, unquoted
from odapi_runner.proto.messages import message_class
from odapi_runner.proto.text import parse_message

_ITEM = re.compile(r"""\s*("[^"]*"|'[^']*'|[^,]*?)\s*(?:,|$)""")


def parse_value(field: FieldDescriptor, path: str, text: str) -> Any:
    """The value of a field that is no list, or of one element of a list.

    Args:
        field: the field.
        path: what errors call it.
        text: of a message `{ field: value … }`, of anything else as `scalars.parse_scalar` has it.

    Raises:
        ConfigError: the text is nothing of the kind.
    """
    if field.message_type is None:
        return parse_scalar(field, path, text)
    bare = unquoted(text).strip()
    if not (bare.startswith("{") and bare.endswith("}")):
        raise _takes_fields(field.message_type, path)
    return _parse_message(bare[1:-1], path, field.message_type)


def parse_values(field: FieldDescriptor, path: str, text: str) -> list[Any]:
    """The values of a list: `a,b` or `[a, b]`, of messages `{…}` or `[{…}, {…}]`.

    Raises:
        ConfigError: as `parse_value`.
    """
    bare = unquoted(text).strip()
    if field.message_type is None:
        listed = bare.removeprefix("[").removesuffix("]")
        # Quotes around a single element are that element's.
        found = _ITEM.findall(listed if bare.startswith("[") else text)
        return [parse_scalar(field, path, item) for item in found if item]
    if not bare.startswith("["):
        return [parse_value(field, path, text)]
    parent = _parse_message(f"{field.name}: {bare}", path, field.containing_type)
    return list(getattr(parent, field.name))


def _parse_message(text: str, path: str, kind: Any) -> Any:
    """A message from its text; errors name the path alone, since a value is one short line."""
    try:
        return parse_message(text, path, message_class(kind.full_name)())
    except ConfigError as error:
        what = re.sub(r"^(?::\d+)*: ", "", error.what.removeprefix(path))
        raise ConfigError(f"{path}: {what}", fix=error.fix) from error


def _takes_fields(kind: Descriptor, path: str) -> ConfigError:
    known = ", ".join(sorted(sub.name for sub in kind.fields)) or "none"
    return ConfigError(
        f"{path}: takes fields of its own, no value",
        fix=f"Set one of them ({known}), or write {{}}.",
    )
