"""Showing a run while it goes on: its log as it grows, and a line of progress below."""

from __future__ import annotations

import codecs
import errno
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import click

from odapi_runner.cli.words import progress_line
from odapi_runner.rundir import RunDir
from odapi_runner.runs.status import RunStatus, read_status

_SECONDS_BETWEEN_LINES = 1.0

# A lost run has failed, too: nobody is left who could finish it.
_EXIT_CODES = {"done": 0, "failed": 1, "lost": 1, "stopped": 3}
_CLEAR = "\r\033[K"


class LogReader:
    """Reads what a growing file has got since the last look."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        # A look may come in the middle of a character of several bytes.
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def read_new(self) -> str:
        try:
            with self._path.open("rb") as stream:
                stream.seek(self._offset)
                data = stream.read()
        except FileNotFoundError:
            return ""
        self._offset += len(data)
        return self._decoder.decode(data)


class LineReader:
    """Reads the lines that a growing file has got since the last look; at first the last ones."""

    def __init__(self, path: Path, *, last: int | None = None) -> None:
        self._log, self._last = LogReader(path), last
        self._begun = ""  # a line without its end

    def read_new(self, *, rest: bool = False) -> list[str]:
        """Whole lines, and with `rest` the one that has no end yet."""
        *lines, self._begun = (self._begun + self._log.read_new()).split("\n")
        if rest and self._begun:
            lines.append(self._begun)
            self._begun = ""
        if self._last is not None:
            lines, self._last = lines[len(lines) - min(self._last, len(lines)) :], None
        return lines


class ProgressLine:
    """One line on stderr, written over; on a terminal only."""

    def __init__(self, text: Callable[[], str]) -> None:
        self._text = text
        self._shown_at = 0.0
        self._is_terminal = sys.stderr.isatty()

    def show(self) -> None:
        now = time.monotonic()
        if self._is_terminal and now - self._shown_at >= _SECONDS_BETWEEN_LINES:
            self._shown_at = now
            click.echo(f"{_CLEAR}{self._text()}", nl=False, err=True)

    def clear(self) -> None:
        if self._is_terminal:
            self._shown_at = 0.0
            click.echo(_CLEAR, nl=False, err=True)


class Terminal:
    """The log of a run and a line of progress below it, for as long as there is a terminal."""

    def __init__(self, run: RunDir) -> None:
        self.line = ProgressLine(lambda: progress_line(read_status(run)))
        self._log = LogReader(run.log("train"))
        self._is_gone = False

    def show(self) -> None:
        """Show what is new; a terminal that has been closed is no reason to stop watching."""
        if self._is_gone:
            return
        try:
            if text := self._log.read_new():
                self.line.clear()
                click.echo(text, nl=False)
            self.line.show()
        except OSError as error:
            if error.errno not in {errno.EIO, errno.EPIPE}:
                raise
            self._is_gone = True


def end_with(status: RunStatus) -> NoReturn:
    """Say how a run ended, and end the command with the exit code that says the same."""
    click.echo(progress_line(status))
    if status.what:
        click.echo(status.what, err=True)
    sys.exit(_EXIT_CODES[status.state])


def supervise_here(run: RunDir, lock: int) -> NoReturn:
    """Watch over a run in this process, and show its log, until it has ended."""
    from odapi_runner.backends import find_engine
    from odapi_runner.runs.spec import RunSpec
    from odapi_runner.runs.supervise import supervise

    terminal = Terminal(run)
    try:
        supervise(run, lock, find_engine(RunSpec.load(run).engine), on_poll=terminal.show)
    finally:
        os.close(lock)
    terminal.line.clear()
    end_with(read_status(run))
