"""The command line: one small module a command; this file is its table of contents."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import Any

import click

from odapi_runner import __version__
from odapi_runner.cli import (
    adopt,
    check,
    compare,
    data,
    demo,
    diff,
    doctor,
    edit,
    estimate,
    init,
    logs,
    parse,
    presets,
    queue,
    render,
    report,
    resume,
    status,
    stop,
    sweep,
    tensorboard,
    train,
    wait,
)
from odapi_runner.cli import eval as evaluate
from odapi_runner.errors import OdapiError, explain

_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class _Commands(click.Group):
    """The commands, and what all of them do where a disk does not let them."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except OSError as error:
            if error.errno != errno.ENOSPC or error.filename is not None:
                if (explained := explain(error)) is None:
                    raise
                raise explained from error
            # What is still in the buffer would be tried again at the end, with another error.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            what = "the output cannot be written: no space left on the device"
            raise OdapiError(what, fix="Free some space, or write it elsewhere.") from error


@click.group(cls=_Commands, context_settings=_SETTINGS)
@click.version_option(__version__, prog_name="odapi")
def main() -> None:
    """Render, check, train, evaluate and compare TF2 Object Detection API pipelines.

    \b
    Example:
      odapi data convert kitti KITTI --out data/kitti
      odapi render --preset kitti-d0
      odapi train kitti-d0 --gpu 0
      odapi compare train/* --out compare.csv
    """
    # Names of files may be no UTF-8, as those in archives of Windows: they go out as they came in.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")


main.add_command(init.command)
main.add_command(demo.command)
main.add_command(data.command)
main.add_command(check.command)
main.add_command(compare.command)
main.add_command(parse.command)
main.add_command(presets.command)
main.add_command(queue.command)
main.add_command(render.command)
main.add_command(edit.command)
main.add_command(diff.command)
main.add_command(doctor.command)
main.add_command(estimate.command)
main.add_command(evaluate.command)
main.add_command(logs.command)
main.add_command(report.command)
main.add_command(resume.command)
main.add_command(adopt.command)
main.add_command(status.command)
main.add_command(stop.command)
main.add_command(sweep.command)
main.add_command(tensorboard.command)
main.add_command(train.command)
main.add_command(wait.command)
