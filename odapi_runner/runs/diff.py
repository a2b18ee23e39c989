"""What two configs, presets or runs differ in: `odapi diff`."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from odapi_runner.pipeline.diff import diff_configs, read_side
from odapi_runner.proto.differences import Difference
from odapi_runner.runs.spec import RunSpec
from odapi_runner.workspace import Workspace, find_workspace

# Of run.json: what tells a run from all others, and what its config says already.
_LEFT_OUT = ("format", "name", "created", "num_steps", "overrides", "digests")
# What was typed, and where it ran: the same training may come of another command.
_WITHOUT_EFFECT = ("command", "device", "environment", "parent", "parent_step")
_SHOWN_OF_DIGEST = 12


@dataclass(frozen=True, slots=True)
class Diff:
    """What was compared, and every field that is not the same."""

    sides: tuple[str, str]  # what was meant by each of the two
    differences: tuple[Difference, ...]


def diff(
    one: str | Path,
    other: str | Path,
    *,
    semantic: bool = False,
    as_published: bool = False,
    workspace: Workspace | None = None,
) -> Diff:
    """Compare two configs, presets or runs: `odapi diff` as a call.

    Args:
        one: the path of a config or of a folder that has one, or the name of a run, of a rendered
            pipeline or of a preset; the first of these that is there.
        other: the same. Of two runs all else that was asked of them is compared, too: engine,
            options, versions, and whether label maps and records of one path have changed.
        semantic: leave out what has no effect on training (`pipeline.semantics`).
        as_published: the name of a preset is what was published, without odapi's defaults.
        workspace: where names are looked up; the current one by default.

    Raises:
        ConfigError: there is no such thing, or its config is faulty.
        RunError: the run.json of a run is faulty.
    """
    place = workspace or find_workspace()
    sides = [read_side(side, place, as_published=as_published) for side in (one, other)]
    found = list(diff_configs(sides[0].message, sides[1].message, semantic=semantic))
    if sides[0].run and sides[1].run:
        found += _diff_specs(RunSpec.load(sides[0].run), RunSpec.load(sides[1].run), semantic)
    return Diff((sides[0].what, sides[1].what), tuple(found))


def _diff_specs(one: RunSpec, other: RunSpec, semantic: bool) -> Iterator[Difference]:
    fields = [dict(_flat(_told(spec, semantic), "run")) for spec in (one, other)]
    for path in sorted({*fields[0], *fields[1]}):
        values = fields[0].get(path), fields[1].get(path)
        if values[0] != values[1]:
            yield Difference(path, values, (False, False))
    for kind in ("label_maps", "records"):
        digests = getattr(one.digests, kind), getattr(other.digests, kind)
        for path in sorted(set(digests[0]) & set(digests[1])):
            if digests[0][path] != digests[1][path]:
                shown = tuple(each[path][:_SHOWN_OF_DIGEST] for each in digests)
                yield Difference(f"run.digests.{kind}[{path}]", shown, (False, False))


def _told(spec: RunSpec, semantic: bool) -> dict[str, Any]:
    """What of a run.json is compared by its fields."""
    left_out = (*_LEFT_OUT, *(_WITHOUT_EFFECT if semantic else ()))
    fields = {name: value for name, value in asdict(spec).items() if name not in left_out}
    if "command" in fields:
        fields["command"] = shlex.join(spec.command)
    return fields


def _flat(fields: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{path}.{name}")
        else:
            yield f"{path}.{name}", tuple(value) if isinstance(value, list) else value
