"""The answer of a process that is asked one thing: a line of JSON, the last one that it prints."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from odapi_runner.errors import OdapiError


def answer(find: Callable[[], dict[str, Any]]) -> None:
    """Print what was found; or, below `failed`, the error of the user's that stood against it."""
    try:
        found = find()
    except OdapiError as error:
        name = type(error).__name__
        found = {"failed": {"error": name, "what": error.what, "fix": error.fix}}
    print(json.dumps(found), flush=True)
