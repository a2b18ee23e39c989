"""What can be compared: run folders, log files, and folders of runs."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Sequence
from pathlib import Path

from odapi_runner import files
from odapi_runner.errors import OdapiError, RunError, did_you_mean
from odapi_runner.formats.event_file import event_files
from odapi_runner.report.logs import read_logs
from odapi_runner.report.noted import build_noted
from odapi_runner.report.source import Source, is_run, read_asked, read_run, sweep_of
from odapi_runner.rundir import RunDir
from odapi_runner.workspace import Workspace

_SHOWN = 3  # names in a note
# Event files, and what no log can be beside them.
_OF_TENSORFLOW = re.compile(r"events\.out\.tfevents\.|(?:model\.)?ckpt-|checkpoint$")


def read_sources(
    given: Sequence[str | Path], workspace: Workspace
) -> tuple[list[Source], list[str]]:
    """Read what was given; what holds nothing to compare becomes a note instead.

    Args:
        given: paths of runs, of logs or folders of event files, of folders of such, of
            workspaces; or names of runs or sweeps of the workspace; nothing means all its runs.
        workspace: where names are looked up.

    Returns:
        The sources in the order given, each once, and notes of what was skipped.

    Raises:
        RunError: something given does not exist, or nothing of it can be compared.
        OdapiError: the only thing given cannot be used; the error says why.
    """
    found = [_find(item, workspace) for item in given]
    places = list(itertools.chain.from_iterable(found))
    expanded = [_expand(place) for place in places]
    if not places:
        places, expanded = [workspace.train], [_folders(workspace.train)]
    paths = itertools.chain.from_iterable(expanded)
    sources: dict[Path, list[Source]] = {}
    problems: list[tuple[Path, OdapiError]] = []
    for path in paths:
        if path.resolve() not in sources:
            try:
                sources[path.resolve()] = _read(path)
            except OdapiError as error:
                problems.append((path, error))
    if not sources:
        if len(problems) == 1:
            raise problems[0][1]
        where = ", ".join(str(place) for place in places)
        what, fix = f"{where}: nothing to compare", "Start a run: odapi train NAME"
        if not found:
            what, fix = workspace.why_absent(what, fix)
        raise RunError(what, fix=fix)
    read = list(itertools.chain.from_iterable(sources.values()))
    empty = [place for place, those in zip(places, expanded, strict=True) if not those]
    return read, [f"skipped {place}: empty" for place in empty] + _tell_skipped(problems)


def _tell_skipped(problems: Sequence[tuple[Path, OdapiError]]) -> list[str]:
    """A note for each; for many of one folder and one reason, as pictures are no logs, one."""
    alike: dict[tuple[Path, str], list[tuple[Path, OdapiError]]] = {}
    for path, error in problems:
        why = error.what.removeprefix(f"{path}: ")
        alike.setdefault((path.parent, why), []).append((path, error))
    notes = []
    for (folder, why), ones in alike.items():
        if len(ones) > _SHOWN:
            names = _list_names([path.name for path, _ in ones])
            notes.append(f"skipped {len(ones)} in {folder}: {why} ({names})")
        else:
            notes += [f"skipped {error.what}" for _, error in ones]
    return notes


def _list_names(names: Sequence[str]) -> str:
    return ", ".join([*names[:_SHOWN], *(["…"] if len(names) > _SHOWN else [])])


def _find(item: str | Path, workspace: Workspace) -> list[Path]:
    path = Path(item)
    for there in (path, workspace.train / path):
        if files.exists(there):
            return [there]
    runs = sorted(workspace.train.glob("*/"), key=_by_number)
    sweeps = {run: sweep_of(read_asked(RunDir(run))).get("name") for run in runs}
    if of_sweep := [run for run in runs if sweeps[run] == str(item)]:
        return of_sweep
    known = {run.name for run in runs} | {name for name in sweeps.values() if name}
    what, fix = f"{item}: there is no such run or log", "Give a folder below train/, or a log."
    if known:
        fix = did_you_mean(str(item), known) or f"{fix} There are: {', '.join(sorted(known))}"
    elif path.name == str(item):
        what, fix = workspace.why_absent(what, fix)
    raise RunError(what, fix=fix)


def _expand(path: Path) -> list[Path]:
    """The path itself; of a workspace its runs; of a folder that is no run, all that is in it.

    One with event files stays as it is. Folders first, NAME-2 before NAME-10.
    """
    if path.is_file() or is_run(path):
        return [path]
    if (place := Workspace(path)).is_marked():
        return _folders(place.train)
    folders = _folders(path)
    if not any(map(is_run, folders)) and event_files(path):
        return [path]
    return [*folders, *_files(path)]


def _folders(path: Path) -> list[Path]:
    return sorted(path.glob("*/"), key=_by_number)


def _files(path: Path) -> list[Path]:
    return sorted(each for each in path.glob("*") if each.is_file())


def _by_number(path: Path) -> tuple[str, int, str]:
    stem, _, number = path.name.rpartition("-")
    return (stem, int(number), "") if stem and number.isdecimal() else (path.name, 0, "")


def _read(path: Path) -> list[Source]:
    """One run, or those of a log."""
    notes: list[str] = []
    if is_run(path):
        found = [read_run(RunDir(path), notes)]
    elif path.is_dir() and not event_files(path):
        raise RunError(f"{path}: not a run", fix="Give a folder below train/, or a log.")
    else:
        logs = read_logs(path)
        beside = [] if path.is_file() else [each.name for each in _files(path)]
        if others := [name for name in beside if not _OF_TENSORFLOW.match(name)]:
            notes.append(f"{path}: its event files only are read, not {_list_names(others)}")
        noted = build_noted(path, logs, notes)
        found = [Source(path, log, noted=said) for log, said in zip(logs, noted, strict=True)]
    return [dataclasses.replace(source, notes=tuple(notes)) for source in found]
