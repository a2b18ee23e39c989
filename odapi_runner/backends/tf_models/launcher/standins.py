"""Modules that an old program imports and an installation has not, or no longer there.

A finder at the end of `sys.meta_path` is asked after all others: what is installed comes first.
"""

from __future__ import annotations

import functools
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import types
from typing import Any

# What ends the import of a package that was made for other versions of those it imports.
_FAILURES = (
    ImportError,
    AttributeError,
    LookupError,
    NameError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives stand-ins for modules by name.

    Attributes:
        moved: where a module is today, by its old name.
        absent: packages that are imported and not used, and cannot be.
    """

    def __init__(self) -> None:
        self.moved: dict[str, str] = {}
        self.absent: set[str] = set()

    def find_spec(self, fullname: str, *_: Any) -> Any:
        """The spec of a stand-in, if there is one."""
        if fullname in self.moved or fullname.partition(".")[0] in self.absent:
            return importlib.machinery.ModuleSpec(fullname, self, is_package=True)
        return None

    def create_module(self, spec: Any) -> types.ModuleType:
        """What stands in."""
        if spec.name in self.moved:
            return _Moved(spec.name, importlib.import_module(self.moved[spec.name]))
        return _AbsentModule(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        """Nothing is left to do."""


FINDER = Finder()


def move(names: dict[str, str]) -> None:
    """Have modules found under their old names, which lead to where they are today."""
    FINDER.moved.update(names)
    _install()


def do_without(packages: list[str]) -> None:
    """Have packages found that cannot be imported, and nothing of them that is installed."""
    FINDER.absent.update(packages)
    _install()
    for package in packages:
        for name in [name for name in sys.modules if name.startswith(f"{package}.")]:
            del sys.modules[name]
        # Its path is empty: whatever is imported from it, FINDER gives.
        sys.modules[package] = importlib.util.module_from_spec(FINDER.find_spec(package))


def is_there(name: str) -> bool:
    """Whether a module can be imported, and is no stand-in."""
    try:
        spec = importlib.util.find_spec(name)
    except ImportError:  # of a package above it
        return False
    return spec is not None and spec.loader is not FINDER


@functools.lru_cache(maxsize=None)  # noqa: UP033 - `cache` is not in Python 3.8
def can_be_imported(name: str) -> bool:
    """Whether a package is there, and its import ends well; tried once, since it may leave some."""
    if not is_there(name):
        return False
    try:
        importlib.import_module(name)
    except _FAILURES:
        return False
    return True


def _install() -> None:
    if FINDER not in sys.meta_path:
        sys.meta_path.append(FINDER)


class _Moved(types.ModuleType):
    """A module under its old name."""

    def __init__(self, name: str, module: types.ModuleType) -> None:
        super().__init__(name, module.__doc__)
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


class _Absent(type):
    """The class of whatever is taken from an absent package: only a use of it fails."""

    def __getattr__(cls, name: str) -> Any:
        return _absent(f"{cls.package}.{name}", name)

    def __call__(cls, *_: Any, **__: Any) -> Any:
        raise ImportError(f"{cls.package.partition('.')[0]} cannot be imported, which this needs")


def _absent(package: str, name: str) -> _Absent:
    if name.startswith("__"):
        raise AttributeError(name)
    return _Absent(name, (), {"package": package})


class _AbsentModule(types.ModuleType):
    """A module of an absent package."""

    def __getattr__(self, name: str) -> Any:
        return _absent(self.__name__, name)
