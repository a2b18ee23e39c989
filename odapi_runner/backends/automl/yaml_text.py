"""Hyperparameters as text: the YAML that main.py reads, and `--hparams` as it is typed."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from odapi_runner.backends.automl.hparams import HParams


def render_hparams(values: HParams) -> str:
    """YAML, a name a line."""
    return "".join(f"{name}: {_rendered(value)}\n" for name, value in values.items())


def parse_hparams(text: str) -> HParams:
    """What `a=1,b.c=2` means, as hparams_config.py's `Config.parse_from_str` reads it.

    Raises:
        ValueError: a part is no NAME=VALUE.
    """
    told: HParams = {}
    for part in filter(None, text.split(",")):
        name, equals, value = part.partition("=")
        if not equals or "=" in value or not name.strip():
            raise ValueError(f'"{part}" is no NAME=VALUE')
        *outer, last = name.strip().split(".")
        here = told
        for one in outer:
            before = here.get(one)
            here[one] = here = before if isinstance(before, dict) else {}
        here[last] = [_value(one) for one in value.split("*")] if "*" in value else _value(value)
    return told


def read_hparams(typed: str) -> HParams:
    """What `--hparams` says: values, or the name of a file of them.

    Raises:
        ValueError: the file holds no names with values.
        OSError: it cannot be read.
    """
    if "=" in typed:
        return parse_hparams(typed)
    import yaml

    try:
        told = yaml.safe_load(Path(typed).read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"no YAML ({' '.join(str(error).split())})") from error
    if not isinstance(told, dict) or not all(isinstance(name, str) for name in told):
        raise ValueError("no names with values")
    return told


def merged(values: HParams, others: Mapping[str, Any]) -> HParams:
    """The first with what the second says, group by group."""
    result = dict(values)
    for name, value in others.items():
        before = result.get(name)
        groups = isinstance(before, dict) and isinstance(value, dict)
        result[name] = merged(before, value) if groups else value  # type: ignore[arg-type]
    return result


def _value(text: str) -> Any:
    if text in {"true", "false"}:
        return text == "true"
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _rendered(value: Any) -> str:
    """JSON, which is YAML but for numbers: YAML 1.1 takes `1e-05` for a word."""
    if isinstance(value, float):
        mantissa, e, exponent = repr(value).partition("e")
        return f"{mantissa if '.' in mantissa else f'{mantissa}.0'}{e}{exponent}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_rendered, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)}: {_rendered(one)}" for key, one in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


def _key(key: str | int) -> str:
    return str(key) if isinstance(key, int) else json.dumps(key, ensure_ascii=False)
