"""The workspace: the folder below which data, pipelines and runs lie (DESIGN.md 2)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from odapi_runner.errors import OdapiError
from odapi_runner.files import exists, is_file

MARKER = "odapi.toml"
ENVIRONMENT = "ODAPI_WORKSPACE"


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace by its root folder; relative paths in a config are relative to the root."""

    root: Path

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def model_zoo(self) -> Path:
        return self.root / "model_zoo"

    @property
    def templates(self) -> Path:
        """The user's own templates, looked into before the shipped ones."""
        return self.root / "templates"

    @property
    def pipelines(self) -> Path:
        return self.root / "pipelines"

    @property
    def train(self) -> Path:
        return self.root / "train"

    def pipeline_config(self, name: str) -> Path:
        return self.pipelines / name / "pipeline.config"

    def find_config(self, given: str) -> str:
        """The config of a pipeline's name; a file comes first, what is neither stays as it is."""
        path = self.pipeline_config(given)
        named = Path(given).name == given and not is_file(Path(given)) and is_file(path)
        return self.shown(path) if named else given

    def resolve(self, path: str | Path) -> Path:
        """`path` as written in a config: relative to the root unless absolute."""
        return self.root / path

    def shown(self, path: Path) -> str:
        """`path` as a person in the current folder would type it, where that is shorter."""
        try:
            return str(path.resolve().relative_to(Path.cwd()))
        except ValueError:
            return str(path)

    def is_marked(self) -> bool:
        """Whether the marker file is there: nothing has been written in a folder without it."""
        return is_file(self.root / MARKER)

    def why_absent(self, what: str, fix: str) -> tuple[str, str]:
        """What is not there, and the remedy; in a folder that is no workspace, that it is none."""
        if self.is_marked():
            return what, fix
        none = f"{self.root} is no workspace: there is no {MARKER}"
        return f"{what}; {none}", "Change into your workspace (cd), or name it: -w DIR"

    def mark(self) -> None:
        """Write the marker file where it is absent, so that later commands find the root.

        Raises:
            OdapiError: the folder cannot be made or written to.
        """
        marker = self.root / MARKER
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            if not marker.exists():
                marker.write_text("# The folder of this file is an odapi workspace.\n", "utf-8")
        except OSError as error:
            what = f"{self.root}: cannot be written to ({error.strerror})"
            raise OdapiError(what, fix="Choose another folder for the workspace.") from error


def find_workspace(explicit: str | Path | None = None, *, make: bool = False) -> Workspace:
    """The workspace: `explicit`, else $ODAPI_WORKSPACE, else the nearest marked parent, else here.

    Args:
        explicit: the folder that was asked for.
        make: whether what follows makes the folder; otherwise one that is asked for is there.

    Raises:
        OdapiError: the folder asked for is a file, or is not there.
    """
    asked = explicit or os.environ.get(ENVIRONMENT)
    if asked:
        root = Path(asked).expanduser().resolve()
        correct = "Correct the folder of -w." if explicit else f"Correct ${ENVIRONMENT}."
        if exists(root) and not root.is_dir():
            raise OdapiError(f"{root}: not a folder", fix=correct)
        if not exists(root) and not make:
            raise OdapiError(f"{root}: no such folder", fix=correct)
        return Workspace(root)
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / MARKER).is_file():
            return Workspace(folder)
    return Workspace(here)


def shipped(folder: str) -> Path:
    """A folder that odapi brings along: `templates` or `model_zoo`.

    A wheel holds it inside the package as `_<folder>`, a checkout at its top.
    """
    packaged = Path(__file__).parent / f"_{folder}"
    return packaged if packaged.is_dir() else Path(__file__).parent.parent / folder
