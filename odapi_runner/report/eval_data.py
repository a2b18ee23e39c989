"""Whether rows are evaluated on the same data: by its digest, else by the names of its files."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from odapi_runner.report.entry import Entry
from odapi_runner.report.source import Source

_SHOWN = 3  # names in a note


def share_digests(sources: Sequence[Source]) -> list[Source]:
    """Give who names the same records as another, and has no digest of them, the other's."""
    digests: dict[str, set[str]] = {}
    for source in sources:
        if source.data and source.files:
            digests.setdefault(source.files, set()).add(source.data)
    shared = []
    for source in sources:
        known = digests.get(source.files or "", set())
        is_same = source.data is None and len(known) == 1
        shared.append(dataclasses.replace(source, data=min(known)) if is_same else source)
    return shared


def differ_in_data(entries: Sequence[Entry]) -> bool:
    """Whether some are evaluated on other data than others, as far as is known."""
    return len({entry.data for entry in entries if entry.data}) > 1


def tell_of_data(entries: Sequence[Entry]) -> list[str]:
    """Where they are not evaluated on the same data: which of them are on which."""
    if not differ_in_data(entries):
        return []
    groups: dict[str, list[str]] = {}
    for entry in entries:
        if entry.data:
            groups.setdefault(entry.data, []).append(entry.name)
    told = " / ".join(f"{_list_names(names)} ({data})" for data, names in groups.items())
    if len({entry.source.data for entry in entries if entry.source.data}) > 1:
        return [f"evaluated on different data, not comparable: {told}"]
    return [f"evaluated on records of other names, perhaps not comparable: {told}"]


def _list_names(names: Sequence[str]) -> str:
    distinct = list(dict.fromkeys(names))
    more = len(distinct) - _SHOWN
    return ", ".join(distinct[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
