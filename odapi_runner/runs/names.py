"""Run names: choosing one, and finding the run that a person means."""

from __future__ import annotations

import itertools
import unicodedata
from pathlib import Path

from odapi_runner import files
from odapi_runner.errors import NameTakenError, RunError, did_you_mean
from odapi_runner.rundir import RunDir
from odapi_runner.workspace import Workspace

_MOST_BYTES = 200  # file systems stop at 255; suffixes and temporary names need some of them


def list_runs(workspace: Workspace) -> list[RunDir]:
    """The runs of a workspace, in the order of their names."""
    return [RunDir(path.parent) for path in sorted(workspace.train.glob("*/run.json"))]


def find_run(name: str, workspace: Workspace) -> RunDir:
    """The run of a name (`kitti-d0`), or of its folder as a path (`train/kitti-d0`).

    Raises:
        RunError: there is none.
    """
    for root in (workspace.train / name, workspace.resolve(name), Path(name).absolute()):
        run = RunDir(root.resolve())
        if name and files.is_file(run.run_json):
            return run
    known = [run.name for run in list_runs(workspace)]
    where = workspace.shown(workspace.train)
    otherwise = f"There are: {', '.join(known)}" if known else "Start one: odapi train NAME"
    what, fix = f'"{name}": no such run in {where}', did_you_mean(Path(name).name, known)
    if not known:
        what, otherwise = workspace.why_absent(what, otherwise)
    raise RunError(what, fix=fix or otherwise)


def check_name(name: str) -> None:
    """Refuse a name that is not one plain folder name.

    Raises:
        RunError: it is empty or too long, leaves the folder, or begins as an option or a hidden
            file does.
    """
    plain = name == Path(name).name and name == name.strip() and "\\" not in name
    printable = all(unicodedata.category(sign)[0] != "C" for sign in name)
    fits = 0 < len(name.encode()) <= _MOST_BYTES
    if not (plain and printable and fits) or name[0] in ".-":
        raise RunError(
            f"{name!r}: not a name for a run",
            fix="Give one folder name without slashes, not beginning with a dot or a dash.",
        )


def make_run_folder(wanted: str, workspace: Workspace, *, exactly: bool = False) -> RunDir:
    """Make the folder of a new run: `wanted`, or the first free one of wanted-2, wanted-3, ….

    Making it is what reserves the name: of two that want it at once, one gets the next.

    Raises:
        RunError: it is no name for a run; or, a NameTakenError, `exactly` this one was wanted.
    """
    check_name(wanted)
    workspace.train.mkdir(parents=True, exist_ok=True)
    names = itertools.chain([wanted], (f"{wanted}-{count}" for count in itertools.count(2)))
    for name in names:
        root = workspace.train / name
        try:
            root.mkdir()
        except FileExistsError:
            if exactly:
                go_on = f"odapi resume {RunDir(root).typed}"
                raise NameTakenError(
                    f"{name}: there is a run of this name already",
                    fix=f"Go on with it ({go_on}), or choose another --run NAME.",
                ) from None
        else:
            files.take_from_others(root)
            return RunDir(root)
    raise AssertionError("itertools.count does not end")
