"""Run a saved case again: `python -m fuzz.replay .fuzz/CASE`, with tests/ on the path."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from fuzz.targets import TARGETS


def main(path: Path) -> None:
    """Run the case without a limit, so that its exception is seen as it is."""
    name = path.name.rsplit("-", 2)[0]
    target = next(target for target in TARGETS if target.name == name)
    with tempfile.TemporaryDirectory() as folder:
        target.run(path.read_bytes(), Path(folder))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
