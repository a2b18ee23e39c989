"""Runs that are looked at again and again: what `status --watch` and `status --json` show.

A run that has ended is read once, and again when something in its folder has changed.
"""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from odapi_runner.errors import GpuError
from odapi_runner.formats.runlog import read_events
from odapi_runner.metrics import LOSS_TAGS
from odapi_runner.report.logs import parse_log
from odapi_runner.rundir import RunDir
from odapi_runner.runs.gpu_load import GpuLoad, read_loads
from odapi_runner.runs.policies.metric import read_scores
from odapi_runner.runs.process import ProcessId
from odapi_runner.runs.status import RunStatus, processes, read_status

# Enough for a curve; a block of losses is some 400 bytes.
_PLACES, _PLACE_BYTES = 16, 1536


@dataclass(frozen=True, slots=True)
class Watched:
    """A run at one moment, and what lies behind the numbers of its status.

    Attributes:
        status: its state and figures.
        scores: of its metric, by step.
        losses: total ones that the trainer has logged, by step (`read_losses`); read when asked.
        gpus: those that its trainer computes on.
    """

    status: RunStatus
    scores: Mapping[int, float]
    losses: Callable[[], Mapping[int, float]]
    gpus: tuple[GpuLoad, ...]

    def dump(self) -> dict[str, Any]:
        """All of it as JSON has it, where what is no number is null."""
        gpus = list(map(asdict, self.gpus))
        own = {"scores": self.scores, "losses": self.losses(), "gpus": gpus}
        value: dict[str, Any] = _without_infinity(asdict(self.status) | own)
        return value


class Watch:
    """Looks at runs as often as it is asked to.

    Attributes:
        note: what could not be learned the last time, in a sentence; else empty.
    """

    def __init__(
        self,
        find: Callable[[], Sequence[RunDir]],
        loads: Callable[[], Sequence[GpuLoad]] = read_loads,
    ) -> None:
        """Begin with nothing seen.

        Args:
            find: which runs there are.
            loads: what the driver says of the GPUs.
        """
        self._find, self._loads = find, loads
        self.note = ""
        self._ended: dict[Path, tuple[tuple[int, ...], Watched]] = {}

    def look(self) -> list[Watched]:
        """Each run as it is now, in the order in which they were found."""
        self.note = ""
        loads: Sequence[GpuLoad] | None = None
        seen: list[Watched] = []
        for run in self._find():
            changed = _changed(run)
            if run.root in self._ended and self._ended[run.root][0] == changed:
                seen.append(self._ended[run.root][1])
                continue
            status = read_status(run)
            if status.is_live and loads is None:
                loads = self._read_loads()
            watched = Watched(
                status=status,
                scores=read_scores(run, status.metric),
                losses=functools.cache(functools.partial(read_losses, run)),
                gpus=_gpus_of(run, loads or ()) if status.state == "running" else (),
            )
            if status.has_ended:
                self._ended[run.root] = changed, watched
            seen.append(watched)
        return seen

    def _read_loads(self) -> Sequence[GpuLoad]:
        try:
            return self._loads()
        except GpuError as error:
            self.note = error.what
            return ()


def read_losses(run: RunDir) -> dict[int, float]:
    """Total losses from the trainer's log, by step; of a repeated step the latest.

    Of a long log it is read in some places only, from its beginning to its end.
    """
    try:
        text = _sample(run.log("train"))
    except FileNotFoundError:
        return {}
    tag = LOSS_TAGS["loss_total"]
    rows = parse_log(text.splitlines()).train
    losses = {
        row.step: row.values[tag] for row in rows if row.step is not None and tag in row.values
    }
    return dict(sorted(losses.items()))


def _sample(log: Path) -> str:
    """The text of a log; of a long one whole blocks of losses from evenly spaced places."""
    with log.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        if size <= _PLACES * _PLACE_BYTES:
            stream.seek(0)
            return stream.read().decode("utf-8", errors="replace")
        parts = []
        for place in range(_PLACES):
            stream.seek((size - _PLACE_BYTES) * place // (_PLACES - 1))
            part = stream.read(_PLACE_BYTES)
            # From the first step that is told to the last one that is told to its end.
            parts.append(part[part.find(b"Step ") : part.rfind(b"}") + 1])
    return b"\n".join(parts).decode("utf-8", errors="replace")


def gpus_used(
    trainer: ProcessId, claimed: Sequence[str], loads: Sequence[GpuLoad]
) -> tuple[GpuLoad, ...]:
    """The GPUs that a trainer computes on, by what the driver says.

    Where the driver does not name its process (in containers, or before its first step), they are
    those that its supervisor has claimed for it.
    """
    computing = tuple(load for load in loads if trainer.pid in load.computing)
    return computing or tuple(load for load in loads if str(load.index) in claimed)


def _gpus_of(run: RunDir, loads: Sequence[GpuLoad]) -> tuple[GpuLoad, ...]:
    trainer = processes(run).get("trainer") if loads else None
    if trainer is None:
        return ()
    told = read_events(run, "supervise")
    claimed = (event.get("devices", ()) for event in reversed(told) if event["kind"] == "started")
    return gpus_used(trainer, next(claimed, ()), loads)


def _changed(run: RunDir) -> tuple[int, ...]:
    """What differs when a run goes on, or is evaluated, revised or adopted anew."""
    folders = (folder for folder in (run.root, run.events, run.pending) if folder.is_dir())
    return tuple(folder.stat().st_mtime_ns for folder in folders)


def _without_infinity(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _without_infinity(one) for key, one in value.items()}
    return [_without_infinity(one) for one in value] if isinstance(value, list) else value
