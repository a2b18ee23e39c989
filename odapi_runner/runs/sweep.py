"""A sweep: one run for each point of a grid, or for some points of it, in the queue.

plan = plan_sweep("kitti-d0", overrides=["learning_rate=0.01,0.02", "batch_size=4,8"])
runs = create_sweep(plan)              4 runs: kitti-d0-sweep.01, …

Every point is planned, and so checked, before anything is made.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from odapi_runner.errors import ConfigError, NameTakenError
from odapi_runner.pipeline.finding import refuse_errors
from odapi_runner.pipeline.overrides import Changes, parse_override
from odapi_runner.rundir import RunDir
from odapi_runner.runs.checkpoints import Start
from odapi_runner.runs.launch import create_run
from odapi_runner.runs.names import check_name
from odapi_runner.runs.plan import Plan, find_source, plan_training
from odapi_runner.runs.queue.control import put_in_queue
from odapi_runner.runs.slurm.request import refuse_queue
from odapi_runner.runs.spec import Sweep
from odapi_runner.runs.start import start
from odapi_runner.workspace import find_workspace

PATCH = "patch"  # the name of what varies where patches do
_MOST = 1000  # nobody waits for so many; the folder of runs is read whole by many commands
_OPENING, _CLOSING, _QUOTES = "[{(", "]})", "\"'"


@dataclass(frozen=True, slots=True)
class Point:
    """One run of a sweep, not made yet."""

    values: Mapping[str, str]  # of what varies, as typed
    plan: Plan


def describe(values: Mapping[str, str]) -> str:
    """A point in words: `learning_rate=0.01, batch_size=4`."""
    return ", ".join(f"{name}={value}" for name, value in values.items())


@dataclass(frozen=True, slots=True)
class SweepPlan:
    """What is to be trained, and of how many possible runs."""

    points: tuple[Point, ...]
    total: int
    notes: tuple[str, ...] = ()  # what the user should know, each once


def plan_sweep(
    name: str | None = None,
    *,
    config: str | Path | None = None,
    overrides: Sequence[str] = (),
    patches: Sequence[str | Path] = (),
    samples: int | None = None,
    samples_seed: int = 0,
    workspace: str | None = None,
    **training: Any,
) -> SweepPlan:
    """Find the points, and plan and check the training of each.

    Args:
        name: as for `plan_training`.
        config: likewise.
        overrides: each `PATH=VALUE` for all runs, or `PATH=VALUE,VALUE,…` for a run with each. A
            comma in brackets or quotes belongs to a value.
        patches: a run with each; a single one is for all runs.
        samples: that many points of the grid, chosen at random, each once.
        samples_seed: another one chooses others.
        workspace: the workspace's folder.
        training: the other arguments of `plan_training`.

    Raises:
        ConfigError: nothing varies; or what `plan_training` raises, or an error that it finds,
            with the values of the point.
    """
    axes = parse_axes(overrides)
    if len(patches) > 1:
        axes[PATCH] = [str(patch) for patch in patches]
    fixed = [item for item in overrides if _axis(item)[0] not in axes]
    place = find_workspace(workspace, make=True)
    start_from = training.get("start_from")
    if start_from is not None and name is None and config is None:
        config = Start.find(start_from, place).run.config
    total = math.prod(map(len, axes.values()))
    chosen = _choose(axes, total, samples, samples_seed)
    on_cluster = training.get("options") is not None and training["options"].cluster is not None
    notes: list[str] = []
    # Rendered without what varies: a pipeline that is made here is not one point of the sweep.
    source, rendered = find_source(name, config, Changes(tuple(fixed)), place, notes.append)
    points: list[Point] = []
    for values in chosen:
        varied = [f"{path}={value}" for path, value in values.items() if path != PATCH]
        patched = [values[PATCH]] if PATCH in values else patches
        try:
            plan = plan_training(
                config=source,
                overrides=[*([] if rendered else fixed), *varied],
                patches=patched,
                workspace=workspace,
                queue=not on_cluster,
                **training,
            )
            refuse_errors(plan.findings)
        except ConfigError as error:
            raise ConfigError(f"{describe(values)}: {error.what}", fix=error.fix) from error
        points.append(Point(values, plan))
    notes += [note for point in points for note in point.plan.notes]
    return SweepPlan(tuple(points), total, tuple(dict.fromkeys(notes)))


def parse_axes(overrides: Sequence[str]) -> dict[str, list[str]]:
    """What varies, with its values in the order given, by path as typed (`PATH+` where it appends).

    Raises:
        ConfigError: a value is empty, or a path varies twice.
    """
    axes: dict[str, list[str]] = {}
    for item in overrides:
        name, values = _axis(item)
        if len(values) == 1:
            continue
        if name in axes:
            raise ConfigError(f"-s {name}: given twice", fix="Give all its values in one -s.")
        if not all(values):
            raise ConfigError(f"-s {item}: a value is empty", fix="Leave out a comma.")
        axes[name] = values
    return axes


def create_sweep(
    plan: SweepPlan,
    *,
    name: str | None = None,
    command: Sequence[str] = (),
    after: Sequence[RunDir] = (),
) -> list[RunDir]:
    """Make the runs, and put them into the queue, or submit them, in their order.

    Args:
        plan: what to train.
        name: of the sweep: its runs are NAME.01, NAME.02, …; without one it is named after what it
            trains.
        command: what was typed, for the record.
        after: runs that have to end before, however they end.

    Raises:
        ConfigError: jobs of a cluster are to wait for runs.
        RunError: the name is taken, or none; or the cluster refuses one.
    """
    if name is not None:
        check_name(name)
    if after:
        refuse_queue(plan.points[0].plan.options.cluster)
    wanted = name or f"{plan.points[0].plan.name}-sweep"
    first, *others = plan.points
    for count in itertools.count(1):
        found = wanted if count == 1 else f"{wanted}-{count}"
        try:
            # Making the folder of its first run is what reserves a sweep's name.
            runs = [_create(first, 1, found, command, after)]
            break
        except NameTakenError:
            if name is not None:
                raise
    runs += [
        _create(point, number, found, command, after)
        for number, point in enumerate(others, start=2)
    ]
    return runs


def sweep(name: str | None = None, *, sweep_name: str | None = None, **asked: Any) -> list[RunDir]:
    """Put a run for each point into the queue: `odapi sweep` as a call.

    Args:
        name: as for `plan_sweep`.
        sweep_name: of the sweep, as for `create_sweep`.
        asked: the other arguments of `plan_sweep`.
    """
    return create_sweep(plan_sweep(name, **asked), name=sweep_name)


def _create(
    point: Point, number: int, of: str, command: Sequence[str], after: Sequence[RunDir]
) -> RunDir:
    made, lock = create_run(
        point.plan, run=f"{of}.{number:02}", command=command, sweep=Sweep(of, point.values)
    )
    if point.plan.queue:
        put_in_queue(made, lock, after)
    else:
        start(made, lock)
    return made


def _choose(
    axes: Mapping[str, list[str]], total: int, samples: int | None, seed: int
) -> list[dict[str, str]]:
    """The points in the order of the grid: the last of what varies changes first."""
    if not axes:
        raise ConfigError(
            "nothing varies in this sweep",
            fix="Give several values, as in: -s learning_rate=0.01,0.02",
        )
    count = total if samples is None else min(samples, total)
    if count > _MOST:
        raise ConfigError(
            f"{count} runs are too many for a sweep", fix="Try some of them: --samples 20"
        )
    numbers = sorted(random.Random(seed).sample(range(total), count))
    return [_point(axes, number) for number in numbers]


def _point(axes: Mapping[str, list[str]], number: int) -> dict[str, str]:
    values = {}
    for name, choices in reversed(list(axes.items())):
        number, place = divmod(number, len(choices))
        values[name] = choices[place]
    return {name: values[name] for name in axes}


def _axis(item: str) -> tuple[str, list[str]]:
    """Its name, and its values."""
    override = parse_override(item)
    return f"{override.path}{'+' * override.appends}", split_values(override.value)


def split_values(text: str) -> list[str]:
    """The values between commas; what stands in brackets or quotes is not taken apart."""
    values, depth, quote = [""], 0, ""
    for sign in text:
        if quote:
            quote = "" if sign == quote else quote
        elif sign in _QUOTES:
            quote = sign
        elif sign in _OPENING:
            depth += 1
        elif sign in _CLOSING:
            depth -= 1
        elif sign == "," and depth <= 0:
            values.append("")
            continue
        values[-1] += sign
    return [value.strip() for value in values]
