"""The metrics that logs tell, as one table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from odapi_runner.errors import DataError
from odapi_runner.report.blocks import STDIN
from odapi_runner.report.logs import Told, collect, stream_log
from odapi_runner.report.names import shorten
from odapi_runner.report.notebooks import render_patch
from odapi_runner.report.scan import Findings
from odapi_runner.report.spool import Spool
from odapi_runner.report.table import build_record, build_table, remark_columns, writing

if TYPE_CHECKING:
    import pandas as pd


def parse(logs: Sequence[str | Path], *, strict: bool = False) -> pd.DataFrame:
    """A row for each evaluation of each log; of a run without any, for each step of training.

    Args:
        logs: log files, notebooks, event files or folders of them, each of any format; packed by
            gzip or not.
        strict: whether a line that cannot be used is an error.

    Returns:
        `metrics.COLUMNS` first. Of a step that a resumed run has passed again the later row, with
        `times_told`. The run of a log with several is NAME:2, NAME:3; of a notebook NAME:N is the
        experiment, whose columns `set`, `remove` and `note` say the rest.

    Raises:
        DataError: a log cannot be read or tells no metric; with `strict`, what it could not use.
    """
    names = shorten([str(path) for path in logs], "/")
    records = []
    for name, path in zip(names, logs, strict=True):
        findings = Findings()
        for log in collect(stream_log(Path(path), findings)):
            run = f"{name}:{log.name}" if log.name else name
            remarks = remark_columns(log.remarks)
            records += [build_record(run, row) | remarks for row in log.evaluations or log.train]
        if strict:
            refuse_unused(Path(path), findings)
    return build_table(records)


def spool_logs(
    logs: Sequence[Path], spool: Spool
) -> tuple[list[Findings], list[tuple[Path, Told]]]:
    """Put the rows of logs into a spool, each log read once: standard input gives no more.

    Returns:
        What was found in each, and the experiments of those that are notebooks.

    Raises:
        DataError: as `parse`.
    """
    found, experiments = [], []
    for name, path in zip(shorten([str(path) for path in logs], "/"), logs, strict=True):
        spool.begin(name)
        findings = Findings()
        for told in stream_log(path, findings):
            spool.add(told)
            if told.remarks:
                experiments.append((path, told))
        found.append(findings)
    return found, experiments


def refuse_unused(path: Path, findings: Findings) -> None:
    """Complain of what could not be used of a log.

    Raises:
        DataError: the first such line.
    """
    if findings.unused:
        others = f" (and {findings.unused - 1} more)" if findings.unused > 1 else ""
        what = findings.problems[0].at(path) + others
        raise DataError(what, fix="Mend the log; without --strict such lines are left out.")


def write_patches(logs: Sequence[Path], folder: Path) -> list[Path]:
    """Write what each experiment of notebooks changes into a file that `--patch` takes.

    Args:
        logs: notebooks; what is none has no patches.
        folder: gets NOTEBOOK-N.txt for experiment N.

    Returns:
        The files written.

    Raises:
        DataError: as `parse`, nothing in the logs changes a config, or two would be one file.
        OdapiError: they cannot be written there.
    """
    with Spool() as spool:
        _, experiments = spool_logs(logs, spool)
    return write_experiments(experiments, folder)


def write_experiments(experiments: Sequence[tuple[Path, Told]], folder: Path) -> list[Path]:
    """As `write_patches`, of what `spool_logs` has read."""
    patches: dict[Path, str] = {}
    for path, told in experiments:
        if told.remarks and (patch := render_patch(told.remarks)):
            stem = "stdin" if path == STDIN else path.stem
            target = folder / f"{stem}-{told.run}.txt"
            if target in patches:
                raise DataError(
                    f"{path}: experiment {told.run} would replace another one's {target}",
                    fix="Give notebooks of one name in turn, each with another --patches.",
                )
            patches[target] = patch
    if not patches:
        names = ", ".join(dict.fromkeys(str(path) for path, _ in experiments))
        raise DataError(
            f"{names or 'these logs'}: no experiment that changes a config",
            fix="Give a notebook of experiments with set or remove in it.",
        )
    for target, patch in patches.items():
        with writing(target, fix="Give another folder.") as aside:
            aside.write_text(patch, "utf-8", newline="")
    return list(patches)
