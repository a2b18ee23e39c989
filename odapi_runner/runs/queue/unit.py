"""How the queue is started again after a reboot: text for systemd."""

from __future__ import annotations

import os
import sys

from odapi_runner.runs.machine import STATE


def render_unit() -> str:
    """A unit of systemd for a user: it starts the queue, whose process then lives by itself."""
    kept = [f"Environment={_quoted(f'{STATE}={os.environ[STATE]}')}"] if STATE in os.environ else []
    lines = [
        "[Unit]",
        "Description=The queue of odapi",
        "",
        "[Service]",
        "Type=oneshot",
        "RemainAfterExit=yes",
        "# The runs are processes of their own: stopping this unit ends none of them.",
        "KillMode=process",
        *kept,
        f"ExecStart={_quoted(sys.executable)} -P -m odapi_runner queue start",
        "",
        "[Install]",
        "WantedBy=default.target",
    ]
    return "\n".join(lines) + "\n"


def _quoted(word: str) -> str:
    """A word as systemd reads it: %, $ and quotes mean something in a unit."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'
