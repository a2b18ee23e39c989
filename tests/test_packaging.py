"""The wheel holds what the checkout has: templates, presets, the language, the catalogue."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from odapi_runner.workspace import shipped

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built as pip builds it."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(folder)]
    subprocess.run([*pip, str(REPOSITORY)], check=True)
    return next(folder.glob("odapi-*.whl"))


def test_a_checkout_uses_its_own_templates() -> None:
    """Nothing is copied into the package while one works on it."""
    assert shipped("templates") == REPOSITORY / "templates"


@pytest.mark.process
def test_the_wheel_holds_all_that_is_not_python(wheel: Path) -> None:
    """Templates, presets, macros, .proto files, descriptor set, catalogue, a report's page."""
    names = set(zipfile.ZipFile(wheel).namelist())

    templates = REPOSITORY / "templates"
    wanted = {
        f"odapi_runner/_templates/{path.relative_to(templates).as_posix()}"
        for path in templates.rglob("*")
        if path.is_file()
    }
    protos = {f"odapi_runner/proto/{p.name}" for p in (REPOSITORY / "odapi_runner/proto").iterdir()}
    wanted |= {name for name in protos if name.endswith((".proto", ".binpb"))}
    wanted |= {"odapi_runner/_model_zoo/catalogue.toml", "odapi_runner/py.typed"}
    wanted |= {f"odapi_runner/report/run/page/page.{kind}" for kind in ("html", "css", "js")}
    assert wanted <= names
    assert not any(name.split("/")[0] in {"data", "train", "tests", "templates"} for name in names)


@pytest.mark.process
def test_the_installed_wheel_renders_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    """Unpacked elsewhere, it finds its own presets."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "site")}
    render = ["render", "--preset", "kitti-d0", "--out", "-"]

    done = subprocess.run(
        [sys.executable, "-m", "odapi_runner", *render],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert 'type: "ssd_efficientnet-b0_bifpn_keras"' in done.stdout
    assert done.stderr == ""
