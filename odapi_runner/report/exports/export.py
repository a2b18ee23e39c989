"""Sending runs to another program."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from odapi_runner.errors import did_you_mean
from odapi_runner.records.progress import Track, untracked
from odapi_runner.report.exports.exported import Exported, build_exported
from odapi_runner.report.names import shorten
from odapi_runner.report.source import Source
from odapi_runner.report.sources import read_sources
from odapi_runner.workspace import Workspace, find_workspace

Send = Callable[[Exported], str]


def export(
    sources: Sequence[str | Path] = (),
    *,
    to: str,
    workspace: Workspace | None = None,
    track: Track = untracked,
) -> list[str]:
    """Export runs: their parameters, their metrics by step, and their files.

    What has been exported before is completed, not doubled.

    Args:
        sources: as for `compare.compare`.
        to: `mlflow`, `wandb` or `tensorboard`, each with `=PLACE` behind it or without: an MLflow
            server or store, a project of Weights & Biases, a folder.
        workspace: where names of runs are looked up; the current one by default.
        track: shows how far it is.

    Returns:
        Where each of them is now.

    Raises:
        ValueError: nothing is exported to a program of that name.
        OdapiError: its package is not installed, or it refuses.
    """
    place = workspace or find_workspace()
    found, _ = read_sources(sources, place)
    return list(send_sources(found, to, place, track))


def send_sources(
    sources: Sequence[Source], to: str, workspace: Workspace, track: Track = untracked
) -> Iterator[str]:
    """As `export`, of what has been read already; each is sent when the next one is asked for."""
    kind, place = parse_target(to)
    send = _SENDERS[kind](place, workspace)
    names = shorten([source.name for source in sources], "/")
    pairs = list(zip(names, sources, strict=True))
    for name, source in track(pairs, f"To {kind}"):
        yield send(build_exported(source, name))


def parse_target(to: str) -> tuple[str, str]:
    """The program, and the place behind `=`; empty where none is given.

    Raises:
        ValueError: nothing is exported to a program of that name.
    """
    kind, _, place = to.partition("=")
    if kind not in _SENDERS:
        near = did_you_mean(kind, _SENDERS) or f"There are {', '.join(_SENDERS)}"
        raise ValueError(f'nothing is exported to "{kind}". {near}')
    return kind, place


def _to_mlflow(place: str, workspace: Workspace) -> Send:
    from odapi_runner.report.exports.mlflow import Mlflow

    return Mlflow.connect(place, workspace.root.resolve().name).send


def _to_wandb(place: str, workspace: Workspace) -> Send:
    from odapi_runner.report.exports.wandb import Wandb

    return Wandb.connect(place, workspace.root.resolve()).send


def _to_tensorboard(place: str, workspace: Workspace) -> Send:
    from odapi_runner.report.exports.tensorboard import EventFolder

    return EventFolder(Path(place) if place else workspace.root / "tensorboard").send


_SENDERS: dict[str, Callable[[str, Workspace], Send]] = {
    "mlflow": _to_mlflow,
    "wandb": _to_wandb,
    "tensorboard": _to_tensorboard,
}
