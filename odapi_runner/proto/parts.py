"""Reading many configs that are the same but for some parts: each part is parsed once.

A thousand runs of a sweep differ in a few lines. A part ends with a line `}` at the margin, as
each block of a rendered config does; parsing one takes five times as long as putting them together.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections import Counter
from pathlib import Path
from typing import Any

from odapi_runner.errors import ConfigError
from odapi_runner.proto.messages import TrainEvalPipelineConfig, is_repeated
from odapi_runner.proto.text import parse_pipeline, read_text

_PART = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*(.*?^\}\n|.+\Z)", re.MULTILINE | re.DOTALL)
_KEPT = 4096


def read_shared_pipeline(path: Path) -> Any:
    """The TrainEvalPipelineConfig in a file, as `text.read_pipeline` reads it.

    Parts that were read before are not parsed again.

    Raises:
        ConfigError: as `text.read_pipeline`.
    """
    text = read_text(path)
    try:
        parts = [_parse_part(found[1]) for found in _PART.finditer(text)]
    except ConfigError:  # perhaps no part by itself; the error is that of the whole text
        return parse_pipeline(text, str(path))
    times = Counter(itertools.chain.from_iterable(_singular(part) for part in parts))
    if any(count > 1 for count in times.values()):
        return parse_pipeline(text, str(path))
    message = TrainEvalPipelineConfig()
    for part in parts:
        message.MergeFrom(part)
    return message


@functools.lru_cache(maxsize=_KEPT)
def _parse_part(text: str) -> Any:
    return parse_pipeline(text, "")


def _singular(message: Any) -> list[str]:
    """The fields that are set in it, of those that may be written once only."""
    return [field.name for field, _ in message.ListFields() if not is_repeated(field)]
