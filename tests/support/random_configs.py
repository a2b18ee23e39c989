"""Random messages of the language, changes to them, and texts that spell them in any way."""

from __future__ import annotations

from random import Random
from typing import Any

from google.protobuf import text_encoding
from google.protobuf.descriptor import FieldDescriptor

from odapi_runner.proto.messages import is_map, is_repeated, message_class

_STRINGS = (
    "",
    "a",
    "data/*.record",
    "quote \" and ' and \\",
    "한글 경로",
    "tab\tline\nend # no comment",
)
_FLOATS = (0.0, 1.0, -2.5, 0.1, 1e-7, 3e20, float("inf"), 123456.789)


def random_message(random: Random, name: str = "TrainEvalPipelineConfig", depth: int = 0) -> Any:
    """A message with a few random fields, lists and maps set."""
    message = message_class(name)()
    for _ in range(random.randint(0, 4) if message.DESCRIPTOR.fields else 0):
        set_field(random, message, random.choice(message.DESCRIPTOR.fields), depth)
    return message


def set_field(random: Random, message: Any, field: FieldDescriptor, depth: int) -> None:
    """Set a field to something random; of a list or a map, add to it."""
    items = getattr(message, field.name)
    if is_map(field):
        key, value = (field.message_type.fields_by_name[part] for part in ("key", "value"))
        chosen = random_value(random, key, depth)
        if value.message_type:
            items[chosen].CopyFrom(random_value(random, value, depth + 1))
        else:
            items[chosen] = random_value(random, value, depth)
    elif is_repeated(field):
        items.extend(random_value(random, field, depth + 1) for _ in range(random.randint(1, 4)))
    elif field.message_type:
        items.SetInParent()
        items.CopyFrom(random_value(random, field, depth + 1))
    else:
        setattr(message, field.name, random_value(random, field, depth))


def random_value(random: Random, field: FieldDescriptor, depth: int) -> Any:
    """A value of a field, or of an element of it."""
    if field.message_type:
        return random_message(random, field.message_type.full_name, depth)
    if field.enum_type:
        return random.choice(list(field.enum_type.values_by_number))
    return {
        FieldDescriptor.TYPE_BOOL: lambda: random.random() < 0.5,
        FieldDescriptor.TYPE_FLOAT: lambda: random.choice(_FLOATS),
        FieldDescriptor.TYPE_INT32: lambda: random.randint(-20, 600),
        FieldDescriptor.TYPE_UINT32: lambda: random.randint(0, 600),
        FieldDescriptor.TYPE_STRING: lambda: random.choice(_STRINGS),
    }[field.type]()


def change(random: Random, message: Any, depth: int = 0) -> None:
    """Change a few things in a message, anywhere below it."""
    for _ in range(random.randint(0, 3) if message.DESCRIPTOR.fields else 0):
        fields = [field for field, _ in message.ListFields()]
        if not fields or random.random() < 0.3:
            set_field(random, message, random.choice(message.DESCRIPTOR.fields), depth)
            continue
        field = random.choice(fields)
        items = getattr(message, field.name)
        if is_map(field):
            _change_map(random, field, items, depth)
        elif is_repeated(field):
            _change_list(random, field, items, depth)
        elif random.random() < 0.3:
            message.ClearField(field.name)
        elif field.message_type:
            change(random, items, depth + 1)
        else:
            set_field(random, message, field, depth)


def _change_list(random: Random, field: FieldDescriptor, items: Any, depth: int) -> None:
    values = list(items)
    for _ in range(random.randint(1, 3)):
        place = random.randint(0, len(values))
        match random.choice(["add", "remove", "move", "change"]):
            case "add":
                values.insert(place, random_value(random, field, depth + 1))
            case "remove":
                del values[place : place + 1]
            case "move" if values:
                values.insert(place, values.pop(random.randrange(len(values))))
            case "change" if place < len(values) and field.message_type:
                change(random, values[place], depth + 1)
            case "change" if place < len(values):
                values[place] = random_value(random, field, depth)
    copies = [text_copy(value) if field.message_type else value for value in values]
    del items[:]
    items.extend(copies)


def text_copy(message: Any) -> Any:
    """A copy that does not belong to another message."""
    copy = type(message)()
    copy.CopyFrom(message)
    return copy


def _change_map(random: Random, field: FieldDescriptor, items: Any, depth: int) -> None:
    key = random.choice(sorted(items))
    value = field.message_type.fields_by_name["value"]
    if random.random() < 0.4:
        del items[key]
    elif value.message_type:
        change(random, items[key], depth + 1)
    else:
        items[key] = random_value(random, value, depth)


class Speller:
    """Spells messages in a random manner; each keeps some habits."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.newline = random.choice(["\n", "\n", "\r\n", "\r"])
        self.indent_by = random.choice(["  ", "    ", "\t", ""])
        self.wild = random.random() < 0.6

    def spell(self, message: Any) -> str:
        """The text of a whole config; it may lack its last line end."""
        text = self.random.choice(["", "# about this config\n", "\n\n", "  # a\n# b\n\n"])
        text += self.body(message, "", one_line=self.wild and self.random.random() < 0.2)
        if self.random.random() < 0.3:
            text = text.rstrip() + self.random.choice(["", "  "])
        return text.replace("\n", self.newline)

    def body(self, message: Any, indent: str, *, one_line: bool) -> str:
        """The fields of a message, each with what separates it from the next."""
        queues = {
            field.name: self.fields(field, value, indent, one_line=one_line)
            for field, value in message.ListFields()
        }
        order = [name for name, queue in queues.items() for _ in queue]
        if self.wild:
            self.random.shuffle(order)
        text = ""
        for name in order:
            begins = not text or text.endswith("\n")
            text += (indent if begins and not one_line else "") + queues[name].pop(0)
            text += " " if one_line else self.line_end(indent)
        return text if one_line or not text or text.endswith("\n") else f"{text}\n"

    def line_end(self, indent: str) -> str:
        """What stands behind a field on several lines: mostly the end of its line."""
        if not self.wild or self.random.random() < 0.5:
            return "\n"
        kinds = [" ", "  # behind\n", "\n\n", f"\n{indent}# above: {{ it's a comment\n", " \t\n"]
        return self.random.choice(kinds)

    def fields(
        self, field: FieldDescriptor, value: Any, indent: str, *, one_line: bool
    ) -> list[str]:
        """The texts of one field: one, or one an element or list of elements."""
        if is_map(field):
            entry = message_class(field.message_type.full_name)
            values = [entry(key=key, value=value[key]) for key in sorted(value)]
        else:
            values = list(value) if is_repeated(field) else [value]
        texts = []
        while values:
            several = is_repeated(field) and self.random.random() < 0.4
            chosen = [values.pop(0) for _ in range(min(len(values), self.random.randint(1, 3)))]
            if not several:
                texts += [self.field(field, [each], indent, one_line=one_line) for each in chosen]
            else:
                texts.append(self.field(field, chosen, indent, one_line=one_line, listed=True))
        return texts

    def field(
        self,
        field: FieldDescriptor,
        values: list[Any],
        indent: str,
        *,
        one_line: bool,
        listed: bool = False,
    ) -> str:
        """A name, its value or list, and perhaps a separator."""
        texts = [self.value(field, value, indent, one_line=one_line) for value in values]
        text = texts[0]
        if listed:
            gap = "" if one_line or self.random.random() < 0.7 else f"\n{indent}  "
            note = "  # one\n" if gap and self.random.random() < 0.4 else ""
            text = f"[{gap}{f',{note}{gap or chr(32)}'.join(texts)}{gap}]"
        colon = ":" if not field.message_type or self.random.random() < 0.3 else ""
        space = self.random.choice([" ", " ", "", "  "]) if self.wild else " "
        separator = self.random.choice(["", "", ",", ";", " ;"]) if self.wild else ""
        return f"{field.name}{colon}{space}{text}{separator}"

    def value(self, field: FieldDescriptor, value: Any, indent: str, *, one_line: bool) -> str:
        """One value, on one line or several."""
        if not field.message_type:
            return self.scalar(field, value)
        opens, closes = "<>" if self.wild and self.random.random() < 0.2 else "{}"
        if one_line or (self.wild and self.random.random() < 0.3):
            blank = self.random.choice(["", " "])
            return f"{opens}{blank}{self.body(value, indent, one_line=True)}{closes}"
        inside = self.body(value, indent + self.indent_by, one_line=False)
        note = "  # opens" if self.wild and self.random.random() < 0.2 else ""
        return f"{opens}{note}\n{inside}{indent}{closes}"

    def scalar(self, field: FieldDescriptor, value: Any) -> str:
        """A plain value in one of its spellings."""
        choose = self.random.choice
        if field.enum_type:
            return choose([field.enum_type.values_by_number[value].name, str(value)])
        if field.type == FieldDescriptor.TYPE_BOOL:
            return choose(["true", "True", "t", "1"] if value else ["false", "False", "f", "0"])
        if field.type == FieldDescriptor.TYPE_STRING:
            return self.text(value)
        if field.type == FieldDescriptor.TYPE_FLOAT:
            plain = f"{value:.9g}"
            return (
                plain
                if value in (float("inf"), 0.0)
                else choose([plain, f"{plain}f", f"{value:.8e}"])
            )
        sign = "-" if value < 0 else ""
        return choose([str(value), f"{sign}{abs(value):#x}", f"{sign}0{abs(value):o}"])

    def text(self, value: str) -> str:
        """A string in one literal or in two that follow each other."""
        middle = self.random.randint(0, len(value)) if self.random.random() < 0.3 else 0
        parts = [value[:middle], value[middle:]] if middle else [value]
        return " ".join(self.literal(part) for part in parts)

    def literal(self, value: str) -> str:
        """A string between quotes of either kind."""
        quote = self.random.choice("\"'")
        return f"{quote}{text_encoding.CEscape(value, True)}{quote}"
