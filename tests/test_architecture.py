"""The arrows of DESIGN.md 4: which room may import which, and where TensorFlow may be."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "odapi_runner"

FIRST = {"errors", "files", "settings", "workspace"}
SECOND = {
    "anchors", "coco", "drawing", "formats", "metrics", "proto", "rundir", "schedules", "scoring",
    "training",
}  # fmt: skip
THIRD = {"pipeline", "records", "report"}
FOURTH = {"backends", "runs"}

# A room, and the other rooms that it may import. `odapi_runner` itself is its version.
MAY_IMPORT = {
    **dict.fromkeys(FIRST, FIRST),
    **dict.fromkeys(SECOND, FIRST | SECOND),
    **dict.fromkeys(THIRD, FIRST | SECOND | THIRD),
    "engine": FIRST | SECOND,
    # An engine's refusals are asked for before it is started: without TensorFlow.
    "backends": FIRST | SECOND | THIRD | FOURTH | {"engine"},
    "runs": FIRST | SECOND | THIRD | FOURTH,
    "model_main_tf2": FIRST | SECOND | THIRD | FOURTH | {"engine"},
    "doctor": FIRST | SECOND | THIRD | FOURTH,
    "demo": FIRST | SECOND | THIRD | FOURTH,
    "cli": FIRST | SECOND | THIRD | FOURTH | {"demo", "doctor"},
    "__main__": {"cli"},
}

TENSORFLOW = {"tensorflow", "tf_keras", "keras", "official"}
KERAS_FILES = {
    "engine/keras.py",
    *(f"engine/backbones/{p.name}" for p in (PACKAGE / "engine/backbones").glob("*.py")),
}

# A package of its own where it runs: the only one with relative imports.
LAUNCHER = "backends/tf_models/launcher"
# Run by a foreign engine's own interpreter, and imported by nobody.
INSIDE = {
    "backends/automl/inside.py",
    *(f"backends/tf_models/launcher/{p.name}" for p in (PACKAGE / LAUNCHER).glob("*.py")),
}

# What the engine offers to those that may not import TensorFlow.
TENSORFLOW_FREE = {
    "odapi_runner.engine.compilable",
    "odapi_runner.engine.ignored",
    "odapi_runner.engine.read_config",
    "odapi_runner.engine.spec",
}


def modules() -> Iterator[tuple[str, str, Path]]:
    """Each module of the package: its room, its place, its path."""
    for path in sorted(PACKAGE.rglob("*.py")):
        place = path.relative_to(PACKAGE)
        if place != Path("__init__.py"):
            yield place.parts[0].removesuffix(".py"), place.as_posix(), path


def imported(path: Path) -> set[str]:
    """The full names of all modules that a file imports, inside functions too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            if LAUNCHER in path.as_posix() and node.level == 1:
                continue
            assert node.level == 0, f"{path}: a relative import"
            names.add(str(node.module))
            if node.module == "odapi_runner":
                names |= {f"odapi_runner.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize(("room", "place", "path"), list(modules()), ids=str)
def test_imports_follow_the_arrows(room: str, place: str, path: Path) -> None:
    """A room imports itself and the rooms that the table allows."""
    allowed = MAY_IMPORT[room] | {room, "__version__"}
    names = {name for name in imported(path) if name.startswith("odapi_runner.")}
    wrong = {name for name in names if name.split(".")[1] not in allowed}

    assert not wrong
    if room not in {"engine", "model_main_tf2"}:
        of_engine = {name for name in names if name.startswith("odapi_runner.engine")}
        assert of_engine <= TENSORFLOW_FREE


@pytest.mark.parametrize(("room", "place", "path"), list(modules()), ids=str)
def test_tensorflow_lives_in_the_engine(room: str, place: str, path: Path) -> None:
    """Nobody else imports TensorFlow, and Keras is imported in two places there."""
    roots = {name.split(".")[0] for name in imported(path)}

    if place in INSIDE:
        assert not any(root.startswith("odapi_runner") for root in roots)
    elif room != "engine":
        assert not roots & TENSORFLOW
    elif place not in KERAS_FILES:
        assert not roots & (TENSORFLOW - {"tensorflow"})


@pytest.mark.parametrize("module", sorted(TENSORFLOW_FREE))
def test_a_config_is_understood_without_tensorflow(module: str) -> None:
    """What is said to be free of TensorFlow does not bring it in."""
    assert not loaded(f"import {module}") & TENSORFLOW


def test_help_imports_nothing_heavy() -> None:
    """`odapi --help` stays quick, because it loads none of these."""
    heavy = TENSORFLOW | {"numpy", "google.protobuf", "jinja2", "pandas", "PIL", "psutil", "rich"}
    script = (
        "from odapi_runner.cli import main\n"
        "try: main(['--help'], prog_name='odapi')\n"
        "except SystemExit: pass\n"
    )

    assert not loaded(script) & heavy


def loaded(script: str) -> set[str]:
    """The names in sys.modules after a script has run in an interpreter of its own."""
    tell = "import sys; print('\\n' + ' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", f"{script}\n{tell}"], capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split())
