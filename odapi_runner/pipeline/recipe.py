"""What a config is rendered from, as the comment at its head says it.

    # Rendered by odapi 0.1.0: EfficientDet-D0, 512 px, KITTI, fine-tuned from COCO.
    # odapi render --preset kitti-d0 -s batch_size=8
    # As rendered below this line: sha256 3c0b5d7f8e21

The command can be typed in the workspace's folder. By the digest an edit by hand is told from a
file that is merely old.
"""

from __future__ import annotations

import hashlib
import os.path
import shlex
from dataclasses import dataclass, field, replace
from pathlib import Path

from odapi_runner import __version__
from odapi_runner.errors import ConfigError
from odapi_runner.pipeline.overrides import Changes

_COMMAND = "# odapi render --preset "
_DIGEST = "# As rendered below this line: sha256 "
_FLAGS = {"--as-published": "as_published", "--absolute": "absolute"}
_LISTS = {"-s": "overrides", "-d": "deletes", "--patch": "patches"}


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a config is rendered from."""

    preset: str
    changes: Changes = field(default_factory=Changes)
    as_published: bool = False
    absolute: bool = False

    def command(self, *more: str) -> str:
        """The command line that renders it."""
        flags = [flag for flag, name in _FLAGS.items() if getattr(self, name)]
        words = ["odapi", "render", "--preset", self.preset, *flags, *self.changes.words(), *more]
        return shlex.join(words)

    def told_from(self, root: Path) -> Recipe:
        """The same with the patches' paths as they are written from a folder."""
        return self._with_patches([_relative(path, root) for path in self.changes.patches])

    def found_from(self, root: Path) -> Recipe:
        """The same with patches whose paths start at a folder; the opposite of `told_from`."""
        return self._with_patches([root / path for path in self.changes.patches])

    def _with_patches(self, patches: list[Path]) -> Recipe:
        return replace(self, changes=replace(self.changes, patches=tuple(patches)))


def render_file(recipe: Recipe, about: str, body: str) -> str:
    """The text of a rendered file: the comment and the config.

    Raises:
        ConfigError: the recipe does not fit on a line.
    """
    command = recipe.command()
    if len(command.splitlines()) > 1:
        raise ConfigError(
            "the preset's or a patch's name has a line break in it", fix="Rename the file."
        )
    head = [f"# Rendered by odapi {__version__}: {about}.", f"# {command}", _DIGEST + _digest(body)]
    return "\n".join([*head, "", body])


def parse_recipe(text: str) -> Recipe | None:
    """What the comment at the head of a config says that it was rendered from, if it says so."""
    head = text.splitlines()[:2]
    if len(head) < 2 or not head[1].startswith(_COMMAND):
        return None
    try:
        preset, *words = shlex.split(head[1].removeprefix(_COMMAND))
    except ValueError:  # nothing there, or an open quote: somebody wrote into the comment
        return None
    flags = {name: flag in words for flag, name in _FLAGS.items()}
    options = [word for word in words if word not in _FLAGS]
    given: dict[str, list[str]] = {name: [] for name in _LISTS.values()}
    for option, value in zip(options[::2], options[1::2], strict=False):
        if option in _LISTS:
            given[_LISTS[option]].append(value)
    changes = Changes(
        overrides=tuple(given["overrides"]),
        deletes=tuple(given["deletes"]),
        patches=tuple(map(Path, given["patches"])),
    )
    return Recipe(preset, changes, **flags)


def is_as_rendered(text: str) -> bool:
    """Whether nobody has changed anything below the head of a rendered file."""
    lines = text.split("\n", 4)
    return len(lines) == 5 and lines[2:4] == [_DIGEST + _digest(lines[4]), ""]


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()[:12]


def _relative(path: Path, root: Path) -> Path:
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - without the dots that it was typed with
    return absolute.relative_to(root) if absolute.is_relative_to(root) else absolute
