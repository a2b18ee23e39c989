"""`odapi demo`: the whole path, in minutes, on a CPU."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from odapi_runner.errors import OdapiError

if TYPE_CHECKING:
    from odapi_runner.rundir import RunDir

# Of the many columns of the CSV, those that answer the demo's question.
_SHOWN = ("run", "anchor_scale", "step", "mAP", "mAP_50", "mAP_75", "AR_100", "loss_total")


@click.command("demo")
@click.option(
    "--keep",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Leave the workspace in this new folder, to explore.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
def command(keep: Path | None, seed: int) -> None:
    """Draw a street-scene dataset, train two variants of kitti-d0 on it, and compare them.

    Takes some five minutes on two CPU cores, and needs no download and no GPU. Each line that
    begins with a command is that command: the demo does nothing else.

    \b
    Example:
      odapi demo
      odapi demo --keep my-demo
    """
    import tempfile

    from odapi_runner.cli.following import ProgressLine
    from odapi_runner.cli.tables import print_table
    from odapi_runner.cli.words import progress_line
    from odapi_runner.demo import run_demo
    from odapi_runner.report.table import table_cells
    from odapi_runner.runs.status import read_status

    if keep is not None and keep.exists() and any(keep.iterdir()):
        raise OdapiError(f"{keep}: there is something in this folder", fix="Name a new one.")
    if keep is not None:
        try:
            keep.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            what = f"{keep}: cannot be made ({error.strerror})"
            raise OdapiError(what, fix="Name another folder.") from error
    lines: dict[str, ProgressLine] = {}

    def say(text: str) -> None:
        for line in lines.values():
            line.clear()
        click.echo(text, err=True)

    def on_poll(run: RunDir) -> None:
        if run.name not in lines:
            lines[run.name] = ProgressLine(lambda: progress_line(read_status(run)))
        lines[run.name].show()

    out = keep / "compare.csv" if keep else Path("demo-compare.csv")
    place = nullcontext(str(keep)) if keep else tempfile.TemporaryDirectory(prefix="odapi-demo-")
    with place as folder:
        table = run_demo(Path(folder).resolve(), out=out, seed=seed, say=say, on_poll=on_poll)
    shown = table[[column for column in _SHOWN if column in table]]
    print_table(list(shown.columns), table_cells(shown), "table")
    click.echo(f"Every metric: {out}")
    if keep:
        click.echo(f"To explore: cd {keep}; odapi status; odapi check pipelines/*/pipeline.config")
