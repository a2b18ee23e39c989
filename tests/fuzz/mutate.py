"""Changes to bytes and to texts, a few at a time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random

# What readers stumble over: ends of ranges, signs of the grammar, texts that are none.
_WORDS = r"""
    0 -1 1 2147483648 18446744073709551616 1e400 -0.0 0x1F 017 nan inf -inf true maybe V2 none
    ... … = += : ; , . { } {} }} [ ] [] [0] [-1] [999999999] < > ( ) # // " ' "" \ \x \u12 \777 "\
    가 é 𝟛 ٣ / .. ~ * ** C:\data\a data/*.record model train_config name {{x}} {%if%} {#
"""
TOKENS = (
    *_WORDS.split(),
    *"\n\r\t\0\x0b\x7f\ufeff\u2028",
    *("9" * 400, "a" * 5000, "한글 경로", "\r\n"),
    *("\n# odapi: ignore=warmup-rate\n", "# odapi: ignore=, none", "# odapi:"),
)
_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")


def mutate_text(random: Random, text: str, others: Sequence[str] = ()) -> str:
    """A text with a few of its words, signs and lines changed, as people change them."""
    for _ in range(random.choice((1, 1, 1, 2, 3, 8))):
        text = random.choice(_TEXT_CHANGES)(random, text, others)
    return text


def mutate_bytes(random: Random, data: bytes, others: Sequence[bytes] = ()) -> bytes:
    """Bytes with a few flipped, cut out, repeated or put in, or joined with others."""
    for _ in range(random.choice((1, 1, 1, 2, 3, 8))):
        data = random.choice(_BYTE_CHANGES)(random, data, others)
    return data


def _span(random: Random, length: int) -> tuple[int, int]:
    start = random.randint(0, length)
    longest = random.choice((1, 4, 16, 200, length))
    return start, min(length, start + random.randint(0, longest))


def _replace_token(random: Random, text: str, others: Sequence[str]) -> str:
    tokens = _TOKEN.findall(text) or [""]
    tokens[random.randrange(len(tokens))] = random.choice(TOKENS)
    return "".join(tokens)


def _swap_tokens(random: Random, text: str, others: Sequence[str]) -> str:
    tokens = _TOKEN.findall(text) or [""]
    one, two = random.randrange(len(tokens)), random.randrange(len(tokens))
    tokens[one], tokens[two] = tokens[two], tokens[one]
    return "".join(tokens)


def _delete_token(random: Random, text: str, others: Sequence[str]) -> str:
    tokens = _TOKEN.findall(text) or [""]
    del tokens[random.randrange(len(tokens))]
    return "".join(tokens)


def _insert_token(random: Random, text: str, others: Sequence[str]) -> str:
    place = random.randint(0, len(text))
    return text[:place] + random.choice(TOKENS) + text[place:]


def _delete_span(random: Random, text: str, others: Sequence[str]) -> str:
    start, end = _span(random, len(text))
    return text[:start] + text[end:]


def _repeat_span(random: Random, text: str, others: Sequence[str]) -> str:
    start, end = _span(random, len(text))
    times = random.choice((1, 2, 50))
    return (text[:end] + text[start:end] * times + text[end:])[:200_000]


def _move_line(random: Random, text: str, others: Sequence[str]) -> str:
    lines = text.splitlines(keepends=True) or [""]
    line = lines.pop(random.randrange(len(lines)))
    lines.insert(random.randint(0, len(lines)), line)
    return "".join(lines)


def _splice(random: Random, text: str, others: Sequence[str]) -> str:
    other = random.choice(others) if others else text
    return text[: random.randint(0, len(text))] + other[random.randint(0, len(other)) :]


_TEXT_CHANGES = (
    _replace_token,
    _replace_token,
    _swap_tokens,
    _delete_token,
    _insert_token,
    _insert_token,
    _delete_span,
    _repeat_span,
    _move_line,
    _splice,
)


def _flip(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    changed = bytearray(data or b"\0")
    changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _overwrite(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    start, end = _span(random, len(data))
    end = min(end, start + 16)
    fill = random.choice((b"\0", b"\xff", b"\x80", b"\x7f"))
    new = fill * (end - start) if random.random() < 0.5 else random.randbytes(end - start)
    return data[:start] + new + data[end:]


def _cut(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    start, end = _span(random, len(data))
    return data[:start] + data[end:]


def _truncate(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    return data[: random.randint(0, len(data))]


def _insert(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    place = random.randint(0, len(data))
    return data[:place] + random.randbytes(random.choice((1, 4, 12, 100))) + data[place:]


def _repeat(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    start, end = _span(random, len(data))
    return (data[:end] + data[start:end] + data[end:])[:1_000_000]


def _join(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    other = random.choice(others) if others else data
    return data[: random.randint(0, len(data))] + other[random.randint(0, len(other)) :]


_BYTE_CHANGES = (_flip, _flip, _overwrite, _cut, _truncate, _insert, _repeat, _join)
