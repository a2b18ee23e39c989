"""Nothing catches everything: an unexpected exception is a bug, and keeps its traceback."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "odapi_runner"
BROAD = {"Exception", "BaseException"}


def broad_handlers(source: str) -> list[int]:
    """The lines that catch everything: `except`, `except Exception`, `suppress(Exception)`."""
    return sorted(_broad_handlers(ast.parse(source)))


def _broad_handlers(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        is_handler = isinstance(node, ast.ExceptHandler)
        if is_handler and (node.type is None or _is_broad(node.type)):
            yield node.lineno
        is_suppress = isinstance(node, ast.Call) and _name(node.func) == "suppress"
        if is_suppress and any(_is_broad(kind) for kind in node.args):
            yield node.lineno


def _is_broad(kind: ast.expr) -> bool:
    kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(_name(one) in BROAD for one in kinds)


def _name(node: ast.AST) -> str:
    return str(getattr(node, "id", getattr(node, "attr", "")))


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(PACKAGE).as_posix()
)
def test_no_module_catches_everything(path: Path) -> None:
    """Each names what it expects; `except` alone stops neither bugs nor interrupts."""
    assert broad_handlers(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("handler", "is_broad"),
    [
        ("except:", True),
        ("except Exception:", True),
        ("except (OSError, BaseException) as error:", True),
        ("except builtins.Exception:", True),
        ("except (OSError, ValueError):", False),
        ("except ExceptionGroup:", False),
    ],
)
def test_what_counts_as_everything(handler: str, is_broad: bool) -> None:
    """The two that all others inherit from, alone or among others."""
    source = f"try:\n    pass\n{handler}\n    pass\n"

    assert broad_handlers(source) == ([3] if is_broad else [])


def test_suppressing_everything_counts() -> None:
    """`contextlib.suppress` is a handler too."""
    assert broad_handlers("with contextlib.suppress(OSError, Exception):\n    pass") == [1]
    assert broad_handlers("with suppress(OSError):\n    pass") == []
