"""The table of `odapi status --watch`: a line a run, as wide and as long as the terminal allows."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from odapi_runner.cli.sparkline import sparkline
from odapi_runner.cli.words import duration
from odapi_runner.runs.deeds import HUNG
from odapi_runner.runs.gpu_load import GpuLoad
from odapi_runner.runs.state import QUEUED
from odapi_runner.runs.watch import Watch, Watched

_SECONDS = 1.0
_CURVE = 16  # cells
_COLORS = {
    "running": "green",
    "evaluating": "cyan",
    QUEUED: "yellow",
    **dict.fromkeys(("failed", "lost", HUNG), "red"),
}
# Left out one after the other, where the terminal is too narrow for all.
_SPARED = ("last", "steps/s", "waiting", "curve", "loss", "GPU", "left", "best")
_GAP = 2


def watch(look: Watch) -> None:
    """Show the runs once a second until Ctrl-C."""
    console = Console(highlight=False)
    with Live(console=console, auto_refresh=False, screen=True) as live:
        try:
            while True:
                runs = look.look()
                live.update(render_runs(runs, *console.size, note=look.note), refresh=True)
                time.sleep(_SECONDS)
        except KeyboardInterrupt:
            return


def render_runs(
    runs: Sequence[Watched], width: int, height: int, *, note: str = ""
) -> RenderableType:
    """The table: runs that live first, then what waits in a queue, then what there is room for."""
    ordered = sorted(runs, key=lambda run: (not run.status.is_live, run.status.state != QUEUED))
    room = max(height - 4, 1)  # its head, and the line below
    shown = ordered[:room]
    cells = [_cells(run) for run in shown]
    columns = _columns(cells, width)
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    metrics = {run.status.metric for run in shown}
    titles = {"curve": metrics.pop()} if len(metrics) == 1 else {}
    for column in columns:
        table.add_column(titles.get(column, column), no_wrap=True, overflow="ellipsis")
    for run, row in zip(shown, cells, strict=True):
        color = _COLORS.get(_state(run), _COLORS.get(run.status.state, "dim"))
        style = {"state": color}
        table.add_row(*(Text(row[column], style.get(column, "")) for column in columns))
    left_out = len(ordered) - len(shown)
    more = f", {left_out} of them not shown" if left_out else ""
    below = f"{_counts(runs)}{more}; Ctrl-C ends the watching, no run"
    whys = [_why(run) for run in shown if run.status.is_live and run.status.what]
    notes = [Text(note, "yellow")] if note else []
    return Group(table, *whys, *notes, Text(below, "dim"))


def _counts(runs: Sequence[Watched]) -> str:
    live = sum(run.status.is_live for run in runs)
    queued = sum(run.status.state == QUEUED for run in runs)
    waiting = [f"{queued} queued"] if queued else []
    return ", ".join([f"{live} live", *waiting, f"{len(runs) - live - queued} ended"])


def _columns(cells: Sequence[dict[str, str]], width: int) -> list[str]:
    """Those that say something, as far as they fit."""
    columns = [column for column in cells[0] if any(row[column] for row in cells)] if cells else []
    widths = {
        column: max(cell_len(text) for text in (column, *(row[column] for row in cells)))
        for column in columns
    }
    for spared in _SPARED:
        if sum(widths[column] + _GAP for column in columns) - _GAP <= width:
            break
        columns = [column for column in columns if column != spared]
    return columns


def _cells(run: Watched) -> dict[str, str]:
    status = run.status
    name = "" if status.metric == "mAP" else f"{status.metric} "
    return {
        "run": status.run,
        "state": _state(run),
        "step": "" if status.step is None else f"{status.step} of {status.num_steps}",
        "steps/s": "" if status.steps_per_second is None else f"{status.steps_per_second:.3g}",
        "left": "" if status.seconds_left is None else duration(status.seconds_left),
        "GPU": ", ".join(map(_gpu, run.gpus)),
        "waiting": str(status.waiting or ""),
        "last": _score(name, status.last_score, status.last_step),
        "best": _score(name, status.best_score, status.best_step),
        "curve": sparkline(list(run.scores.values()), _CURVE),
        "loss": _losses(run),
    }


def _state(run: Watched) -> str:
    """The phase of what lives, the state of what has ended."""
    return run.status.phase or run.status.state


def _gpu(load: GpuLoad) -> str:
    if load.fault:
        return f"{load.index}: {load.fault}"
    busy = "" if load.busy_percent is None else f" {load.busy_percent}%"
    used, there = load.used_bytes / 2**30, load.memory_bytes / 2**30
    return f"{load.index}: {used:.1f}/{there:.0f} GiB{busy}"


def _score(name: str, score: float | None, step: int | None) -> str:
    return "" if score is None else f"{name}{score:.4f} at {step}"


def _losses(run: Watched) -> str:
    """The curve, and the latest loss."""
    losses = list(run.losses().values())
    latest = losses[-1:] if run.status.loss is None else [run.status.loss]
    return " ".join(filter(None, (sparkline(losses, _CURVE), *(f"{loss:.3g}" for loss in latest))))


def _why(run: Watched) -> Text:
    return Text(f"{run.status.run}: {run.status.what}", "red")
