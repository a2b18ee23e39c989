"""`ckpt-N.state.json`: what the Object Detection API's checkpoint has no place for.

It is there before ckpt-N is, and goes with it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from odapi_runner import files
from odapi_runner.errors import CheckpointError

FORMAT = 1
_NAME = re.compile(r"(ckpt-\d+)\.state\.json")


def write_state(prefix: Path, state: Mapping[str, Any]) -> None:
    """Write the state that belongs to a checkpoint's prefix, `…/ckpt-N`."""
    files.write_json(_path(prefix), {"format": FORMAT, **state})


def read_state(prefix: Path) -> dict[str, Any]:
    """The state beside a checkpoint; empty where it has none.

    Raises:
        CheckpointError: the file is none of this odapi's.
    """
    path = _path(prefix)
    try:
        state = files.read_json(path)
    except FileNotFoundError:
        return {}
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise _unreadable(path, str(error)) from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise _unreadable(path, f'"format" is not {FORMAT}')
    return {name: value for name, value in state.items() if name != "format"}


def drop_orphans(folder: Path) -> None:
    """Remove the states whose checkpoints are gone."""
    for path in folder.glob("ckpt-*.state.json"):
        found = _NAME.fullmatch(path.name)
        if found and not (folder / f"{found[1]}.index").exists():
            path.unlink()


def _path(prefix: Path) -> Path:
    return prefix.with_name(f"{prefix.name}.state.json")


def _unreadable(path: Path, why: str) -> CheckpointError:
    return CheckpointError(
        f"{path}: not the state of a training ({why})",
        fix="Remove it: the training goes on with what such a state begins with.",
    )
