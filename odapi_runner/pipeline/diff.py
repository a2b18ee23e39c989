"""What two configs differ in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from odapi_runner import files
from odapi_runner.errors import ConfigError, did_you_mean
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.presets import preset_names
from odapi_runner.pipeline.render import build_pipeline
from odapi_runner.pipeline.semantics import as_trained
from odapi_runner.proto.differences import Difference, find_differences
from odapi_runner.proto.text import read_pipeline
from odapi_runner.rundir import RunDir
from odapi_runner.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Side:
    """One of two configs that are compared."""

    what: str  # what was meant by the name given
    message: Any  # a TrainEvalPipelineConfig
    run: RunDir | None = None  # the run that it belongs to


def diff_configs(one: Any, other: Any, *, semantic: bool = False) -> tuple[Difference, ...]:
    """The fields in which two TrainEvalPipelineConfigs differ, defaults resolved.

    Args:
        one: a config.
        other: another one.
        semantic: leave out what has no effect on training (`semantics.as_trained`).
    """
    if semantic:
        one, other = as_trained(one), as_trained(other)
    return tuple(find_differences([one, other]))


def read_side(given: str | Path, workspace: Workspace, *, as_published: bool = False) -> Side:
    """The config that is meant by a path or a name.

    A path of a file or of a folder that has a pipeline.config comes first, then the name of a run,
    of a rendered pipeline, of a preset, in this order.

    Args:
        given: the path or name.
        workspace: where names are looked up.
        as_published: take the name of a preset before that of a run or a pipeline, and for what
            was published: without odapi's defaults.

    Raises:
        ConfigError: nothing of that name is there, or its config is faulty.
    """
    path, presets = Path(given), preset_names(workspace)
    if files.is_file(path):
        return Side(f"the file {path}", read_pipeline(path))
    if not (as_published and str(given) in presets):
        name = path.name
        for folder in (path, workspace.train / name, workspace.pipelines / name):
            run = RunDir(folder)
            if files.is_file(run.config) and (folder == path or str(given) == name):
                started = run.run_json.is_file()
                what = f"the {'run' if started else 'pipeline'} {workspace.shown(folder)}"
                return Side(what, read_pipeline(run.config), run if started else None)
    if str(given) not in presets:
        raise _nothing(given, presets, workspace)
    changed = build_pipeline(str(given), Changes(), workspace, as_published=as_published)
    return Side(f"the preset {given}{', as published' if as_published else ''}", changed.message)


def _nothing(given: str | Path, presets: Sequence[str], workspace: Workspace) -> ConfigError:
    if files.is_folder(Path(given)):
        return ConfigError(
            f"{given}: there is no pipeline.config in this folder", fix="Give a config itself."
        )
    folders = (*workspace.train.glob("*/"), *workspace.pipelines.glob("*/"))
    beside = Path(given).parent
    configs = map(str, beside.glob("*.config") if files.is_folder(beside) else ())
    near = did_you_mean(str(given), {*presets, *(path.name for path in folders), *configs})
    return ConfigError(
        f'"{given}": neither a config nor the name of a run, a pipeline or a preset',
        fix=near or "The presets: odapi presets   The runs: odapi status",
    )
