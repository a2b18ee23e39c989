"""Which commit a checkout is at."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from odapi_runner.backends.commit import read_commit

GIT = shutil.which("git") or "git"


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    done = subprocess.run(
        [GIT, *identity, *words], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """One commit on a branch, and a folder in it."""
    root = tmp_path / "복제"
    (root / "inside").mkdir(parents=True)
    git(root, "init", "-q", "-b", "main")
    git(root, "commit", "-q", "--allow-empty", "-m", "one")
    return root


def test_on_a_branch_packed_and_detached(checkout: Path) -> None:
    """As `git rev-parse HEAD` says it, from any folder of the checkout."""
    commit = git(checkout, "rev-parse", "HEAD")
    assert read_commit(checkout / "inside") == commit
    git(checkout, "pack-refs", "--all")
    assert read_commit(checkout) == commit
    git(checkout, "checkout", "-q", "--detach")
    assert read_commit(checkout) == commit


def test_of_a_worktree(checkout: Path, tmp_path: Path) -> None:
    """Its .git is a file."""
    git(checkout, "worktree", "add", "-q", "-b", "other", str(tmp_path / "tree"))
    git(tmp_path / "tree", "commit", "-q", "--allow-empty", "-m", "two")

    assert read_commit(tmp_path / "tree") == git(tmp_path / "tree", "rev-parse", "HEAD")
    assert read_commit(checkout) == git(checkout, "rev-parse", "HEAD")


def test_what_is_no_checkout_has_none(tmp_path: Path, checkout: Path) -> None:
    """An unpacked archive, and a checkout without a commit."""
    assert read_commit(tmp_path / "nowhere") is None
    (checkout / ".git" / "refs" / "heads" / "main").unlink()
    assert read_commit(checkout) is None
