"""The package's own calls: what notebooks use."""

from __future__ import annotations

from pathlib import Path

import pytest

import odapi_runner as odapi


@pytest.mark.parametrize("name", [name for name in odapi.__all__ if name != "__version__"])
def test_every_call_is_there_and_documented(name: str) -> None:
    """Each name of the package is a function with a docstring."""
    call = getattr(odapi, name)

    assert callable(call)
    assert call.__doc__
    assert name in dir(odapi)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A mistyped call fails as that of any module does."""
    with pytest.raises(AttributeError, match="no attribute 'chekc'"):
        _ = odapi.chekc


def test_a_config_is_checked_in_the_current_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`odapi.check(path)` needs nothing else."""
    monkeypatch.chdir(tmp_path)
    workspace = odapi.find_workspace()
    path = odapi.write_rendered("kitti-d0", odapi.Changes(), workspace)

    rules = {finding.rule for finding in odapi.check(path)}

    assert "records" in rules
