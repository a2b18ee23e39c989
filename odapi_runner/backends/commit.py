"""Which commit a checkout is at, by its own files: git need not be installed.

Source: https://git-scm.com/docs/gitrepository-layout (HEAD, refs, packed-refs).
"""

from __future__ import annotations

import re
from pathlib import Path

_HASH = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def read_commit(folder: Path) -> str | None:
    """The commit of the checkout that a folder lies in; None where it lies in none."""
    git = next((one / ".git" for one in (folder, *folder.parents) if (one / ".git").exists()), None)
    if git is None:
        return None
    if git.is_file():  # a worktree or a submodule: `gitdir: PATH`
        git = git.parent / git.read_text(encoding="utf-8").removeprefix("gitdir:").strip()
    head = _read(git / "HEAD")
    if not head.startswith("ref:"):
        return head if _HASH.fullmatch(head) else None
    name = head.removeprefix("ref:").strip()
    common = git / _read(git / "commondir")  # of a worktree; else the folder itself
    found = _read(git / name) or _read(common / name) or _packed(common, name)
    return found if _HASH.fullmatch(found) else None


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip() if path.is_file() else ""


def _packed(git: Path, name: str) -> str:
    lines = (line.split(" ") for line in _read(git / "packed-refs").splitlines())
    return next((line[0] for line in lines if line[1:] == [name]), "")
