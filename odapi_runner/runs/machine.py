"""What belongs to a user on one machine, whatever the workspace: the queue, and who has which GPU.

The folder is $ODAPI_STATE/HOST, else $XDG_STATE_HOME/odapi/HOST, else ~/.local/state/odapi/HOST:
a home may be on a disk that several machines share.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

from odapi_runner.errors import RunError

STATE = "ODAPI_STATE"


def state_folder() -> Path:
    """The folder of this user and this machine; nothing is made here."""
    if own := os.environ.get(STATE):
        root = Path(own).expanduser()
    else:
        data = os.environ.get("XDG_STATE_HOME", "")
        root = (Path(data) if data.startswith("/") else Path.home() / ".local" / "state") / "odapi"
    return root.absolute() / (Path(socket.gethostname()).name or "localhost")


def open_lock(path: Path) -> int:
    """An open file to be locked, in a folder that only its user can read.

    Raises:
        RunError: the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise RunError(
            f"{path}: cannot be written ({error.strerror})",
            fix=f"Name a folder of your own for such files: export {STATE}=DIR",
        ) from error
