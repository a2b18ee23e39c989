"""What the launcher tells who has started it: a JSON object a line, through an open descriptor."""

from __future__ import annotations

import json
import os
import traceback
from pathlib import Path
from typing import Any


class Messages:
    """The way back; without a descriptor nothing is told."""

    def __init__(self, descriptor: int | None = None) -> None:
        self._descriptor = descriptor

    def tell(self, kind: str, **fields: Any) -> None:
        """Send one message, whole."""
        if self._descriptor is not None:
            line = json.dumps({"kind": kind, **fields}) + "\n"
            os.write(self._descriptor, line.encode())

    def tell_crash(self, error_type: type[BaseException], error: BaseException, trace: Any) -> None:
        """Say which exception ends the program, and where it came from; then show it as ever."""
        frames = traceback.extract_tb(trace)
        own = [frame for frame in frames if "object_detection" in frame.filename] or frames
        places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in own]
        lines = str(error).strip().splitlines()
        self.tell(
            "crashed",
            error=error_type.__name__,
            what=lines[0] if lines else "",
            where=places[-1] if places else "",
        )
        traceback.print_exception(error_type, error, trace)
