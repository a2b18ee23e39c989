"""Which run came from which: `odapi status --tree`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from odapi_runner.rundir import RunDir
from odapi_runner.runs.spec import RunSpec


@dataclass(frozen=True, slots=True)
class Branch:
    """A run in its place among those that it came from, and that came of it."""

    run: RunDir
    parent: str | None
    step: int | None  # of the parent's checkpoint
    mark: str  # what a tree has in front of its name

    @property
    def origin(self) -> str | None:
        """Where it came from, in words."""
        if self.parent is None:
            return None
        return self.parent if self.step is None else f"{self.parent} at {self.step}"


def read_lineage(runs: Sequence[RunDir], only: Sequence[RunDir] = ()) -> list[Branch]:
    """The runs as a tree, from the top: each below the one that it came from.

    Args:
        runs: of the workspace.
        only: these, what they came from, and what came of them; all without any.

    Raises:
        RunError: the run.json of one cannot be read.
    """
    specs = {run.name: RunSpec.load(run) for run in runs}
    parents = {name: spec.parent for name, spec in specs.items()}
    roots = [name for name in parents if _root(name, parents) == name]
    wanted = {_root(run.name, parents) for run in only} or set(roots)
    folders = {run.name: run for run in runs}
    return [
        Branch(folders[name], specs[name].parent, specs[name].parent_step, mark)
        for root in roots
        if root in wanted
        for name, mark in _below(root, parents, roots)
    ]


def _root(name: str, parents: Mapping[str, str | None]) -> str:
    """The first run of a family that is still there.

    Where somebody has made a circle of it, by editing run.json: the least of its names.
    """
    seen = [name]
    while (above := parents[seen[-1]]) in parents and above is not None:
        if above in seen:
            return min(seen[seen.index(above) :])
        seen.append(above)
    return seen[-1]


def _below(
    name: str,
    parents: Mapping[str, str | None],
    roots: Sequence[str],
    mark: str = "",
    stem: str = "",
) -> Iterator[tuple[str, str]]:
    """A run and those below it, each with its mark; `stem` is what stands in front of theirs."""
    yield name, mark
    children = [one for one, above in parents.items() if above == name and one not in roots]
    for child in children:
        last = child == children[-1]
        own, below = ("└─ ", "   ") if last else ("├─ ", "│  ")
        yield from _below(child, parents, roots, f"{stem}{own}", f"{stem}{below}")
