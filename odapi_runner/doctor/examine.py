"""The whole examination: `odapi doctor`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from odapi_runner.backends.interpreter import interpreter, settle_python
from odapi_runner.doctor import engines, gpu, machine
from odapi_runner.doctor.facts import Examination, Fact
from odapi_runner.errors import GpuError, RunError
from odapi_runner.runs.options import RunOptions
from odapi_runner.workspace import find_workspace


def examine(
    *,
    options: RunOptions | None = None,
    workspace: str | None = None,
    try_engines: bool = False,
    device: str = "visible",
    say: Callable[[str], None] = lambda _: None,
) -> Examination:
    """Look at everything that a training depends on.

    Args:
        options: where the engines are: those of `RunOptions` that name folders and interpreters.
        workspace: the workspace's folder.
        try_engines: train three steps with each engine that was found.
        device: for these, as for `odapi train --gpu`.
        say: told what is done next, where that takes its time.

    Raises:
        OdapiError: there is no such workspace.
    """
    asked = options or RunOptions()
    facts = [machine.look_at_python()]
    say("importing TensorFlow")
    answer = machine.ask_tensorflow(sys.executable, os.environ)
    facts += machine.look_at_tensorflow(answer)
    driver, cuda = gpu.read_driver(), gpu.installed_cuda()
    if answer.seen is not None:
        facts.append(gpu.judge(driver, answer.seen, cuda, os.environ))
    facts += machine.look_at_packages()
    facts.append(machine.look_at_memory())
    facts.append(machine.look_at_disk(_existing(find_workspace(workspace).root)))
    facts.append(engines.look_at_builtin())
    say("looking at the other engines")
    facts += engines.look_at_tf_models(asked)
    facts += engines.look_at_automl(asked)
    if asked.python is not None:
        say(f"looking at {asked.python}")
        facts += look_at_other_python(asked, driver, cuda)
    if try_engines:
        for name in engines.usable_engines(tuple(facts)):
            say(f"training three steps with {name}")
            facts.append(_try(name, device, asked))
    return Examination(tuple(facts))


def look_at_other_python(
    options: RunOptions, driver: gpu.Driver | GpuError | None, cuda: Sequence[str]
) -> Iterator[Fact]:
    """Whether `--python` is there, and its TensorFlow uses the GPUs that are here.

    Args:
        options: they name the interpreter.
        driver: what it says.
        cuda: the versions of CUDA on this machine.
    """
    try:
        python = interpreter(settle_python(options))
    except RunError as error:
        yield Fact("--python", "warning", error.what, error.fix)
        return
    if driver is None:
        return
    name, answer = f"{gpu.NAME}, --python", machine.ask_tensorflow(python, os.environ)
    if answer.seen is None:
        what = f"its TensorFlow cannot be imported: {answer.fault}"
        yield Fact(name, "warning", what, answer.fix)
    else:
        yield gpu.judge(driver, answer.seen, cuda, os.environ, name=name)


def _try(name: str, device: str, asked: RunOptions) -> Fact:
    from odapi_runner.backends import find_engine
    from odapi_runner.doctor.trial import try_engine

    honoured = find_engine(name).options
    chosen = {option: getattr(asked, option) for option in asked.changed() if option in honoured}
    return try_engine(name, device, RunOptions(**chosen))


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.is_dir())
