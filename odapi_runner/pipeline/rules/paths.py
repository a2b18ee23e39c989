"""Rules on the paths in a config, whatever they lead to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from odapi_runner import files
from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.rules.rule import Rule
from odapi_runner.pipeline.rules.subject import Subject

_PLACEHOLDER = re.compile(r"PATH_TO_BE+_CONFIGURED")  # one published config spells it with BEE
# google.protobuf reads a backslash before a letter that is no ASCII as its number.
_NUMBERED = re.compile(r"\\(?:u([0-9a-f]{4})|U([0-9a-f]{8}))")
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")

# What each path is set by, and an example of what it is set to.
_WORDS = {
    "fine_tune_checkpoint": "fine_tune_checkpoint=FOLDER/ckpt-0",
    "label_map_path": "label_map=data/NAME/label_map.pbtxt",
    "keypoint_label_map_path": "model.center_net.keypoint_label_map_path=FILE",
}
_RECORDS = {"train": "train_records=data/NAME/train-*", "eval": "eval_records=data/NAME/val-*"}


def placeholders_are_replaced(subject: Subject) -> Iterator[Finding]:
    """No path is the `PATH_TO_BE_CONFIGURED` of a published config any more."""
    for place, paths in _paths(subject):
        wrong = [path for path in paths if _PLACEHOLDER.search(path)]
        if wrong:
            what = f"{_shown(wrong)} is still to be configured"
            yield Finding("path-placeholder", "error", place, what, f"-s {_setting(place)}")


def paths_have_slashes(subject: Subject) -> Iterator[Finding]:
    r"""Folders are separated by `/`, which Windows understands, too.

    A `\` begins an escape in the text of a config, and is part of a file's name elsewhere.
    """
    for place, paths in _paths(subject):
        wrong = [_as_written(path) for path in paths if "\\" in path]
        if wrong:
            slashed = wrong[0].replace("\\", "/")
            what = f"{_shown(wrong)} is written with backslashes"
            yield Finding("path-backslash", "error", place, what, f'Write it as "{slashed}".')


def paths_are_of_this_machine(subject: Subject) -> Iterator[Finding]:
    """An absolute path begins with a folder of this machine.

    A config that comes from Colab or from somebody else's computer names files that lie elsewhere
    here; relative paths, which begin at the workspace, are the same everywhere. Each such folder is
    one finding, at the first field that has a path in it.
    """
    places: dict[str, list[str]] = {}
    wrong: dict[str, list[str]] = {}
    for place, paths in _paths(subject):
        for path in paths:
            if top := _folder_elsewhere(path):
                places.setdefault(top, []).append(place)
                wrong.setdefault(top, []).append(path)
    for top, those in wrong.items():
        what = f"{_shown(those)} is of another machine: there is no {top} here"
        if top == "~":
            what = f"{_shown(those)}: nothing puts the home folder in the place of the ~"
        named = "files" if len(those) > 1 else "file"
        settings = " ".join(dict.fromkeys(f"-s {_setting(place)}" for place in places[top]))
        fix = f"Put the {named} into the workspace, and name from there: {settings}"
        yield Finding("path-elsewhere", "error", places[top][0], what, fix)


def lies_elsewhere(*paths: str) -> bool:
    """Whether one of them is of another machine, which is said by `path-elsewhere` once."""
    return any(_folder_elsewhere(path) for path in paths)


def _folder_elsewhere(path: str) -> str | None:
    """The folder of another machine that a path begins with; None where it is of this one."""
    if path.startswith("~"):
        return "~"
    return None if "\\" in path else _absent_top(path)


def _absent_top(path: str) -> str | None:
    """The first folder of an absolute path, where this machine has no such folder."""
    if _DRIVE.match(path):
        return path[:2]
    parts = Path(path).parts
    if len(parts) < 3 or parts[0] != "/" or files.exists(Path(*parts[:2])):
        return None
    return f"/{parts[1]}"


def _paths(subject: Subject) -> Iterator[tuple[str, Sequence[str]]]:
    """The field and the values of each path that is set."""
    config = subject.config
    singles = {
        "train_config.fine_tune_checkpoint": config.train_config.fine_tune_checkpoint,
        "model.center_net.keypoint_label_map_path": config.model.center_net.keypoint_label_map_path,
    }
    singles |= {f"{one.place}.label_map_path": one.label_map_path for one in subject.readers}
    yield from ((place, (path,)) for place, path in singles.items() if path)
    for reader in subject.readers:
        yield f"{reader.place}.tf_record_input_reader.input_path", reader.patterns


def _shown(paths: Sequence[str]) -> str:
    """The first of them, and how many there are."""
    return paths[0] if len(paths) == 1 else f"{paths[0]}, like {len(paths) - 1} more,"


def _as_written(path: str) -> str:
    r"""A path with its own letters: the text `data\너구리` is read as `data\ub108구리`."""

    def letter(found: re.Match[str]) -> str:
        number = int(found[1] or found[2], 16)
        return f"\\{chr(number)}" if 0x7F < number < 0x110000 else found[0]

    return _NUMBERED.sub(letter, path)


def _setting(place: str) -> str:
    name = place.rpartition(".")[2]
    return _WORDS.get(name) or _RECORDS[place.partition("_")[0]]


_API = (
    "It looks for a file of exactly that name, after the model is built "
    "(builders/dataset_builder.py, utils/label_map_util.py, model_lib_v2.py)."
)

RULES = (
    Rule(
        "path-placeholder",
        placeholders_are_replaced,
        api=_API,
        fails='label_map_path: "PATH_TO_BE_CONFIGURED/label_map.txt"',
        passes='label_map_path: "data/kitti/label_map.pbtxt"',
    ),
    Rule(
        "path-backslash",
        paths_have_slashes,
        api=_API,
        fails=r'label_map_path: "data\\kitti\\label_map.pbtxt"',
        passes='label_map_path: "data/kitti/label_map.pbtxt"',
    ),
    Rule(
        "path-elsewhere",
        paths_are_of_this_machine,
        api=_API,
        fails='label_map_path: "/content/drive/MyDrive/annotations/label_map.pbtxt"',
        passes='label_map_path: "data/annotations/label_map.pbtxt"',
    ),
)
