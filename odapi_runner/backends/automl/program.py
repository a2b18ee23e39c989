"""google/automl's main.py as a process that tells of its course (`inside`)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from odapi_runner import files
from odapi_runner.backends.automl.checkout import read_known_hparams, refuse_unknown
from odapi_runner.backends.automl.hparams import HParams, Training, build_hparams, model_name
from odapi_runner.backends.automl.yaml_text import merged, read_hparams, render_hparams
from odapi_runner.backends.interpreter import interpreter
from odapi_runner.errors import ConfigError
from odapi_runner.rundir import RunDir
from odapi_runner.runs.lifeline import tied
from odapi_runner.runs.options import RunOptions
from odapi_runner.runs.process import describe_exit
from odapi_runner.training import FLOAT32

INSIDE = Path(__file__).with_name("inside.py")


@dataclass(frozen=True, slots=True)
class Places:
    """What lies in RUN/automl."""

    root: Path

    @property
    def train(self) -> Path:
        """main.py's --model_dir while it trains."""
        return self.root / "train"

    @property
    def train_hparams(self) -> Path:
        return self.root / "hparams.yaml"

    @property
    def eval_hparams(self) -> Path:
        return self.root / "eval-hparams.yaml"

    @property
    def groundtruth(self) -> Path:
        return self.root / "val.json"

    @property
    def boxes(self) -> Path:
        """Of the latest evaluation."""
        return self.root / "boxes.npy"


def places_of(run: RunDir) -> Places:
    """What a run has of the program's."""
    return Places(run.root / "automl")


def hparams_for(config: Any, options: RunOptions, examples: int) -> HParams:
    """The hyperparameters of a training: those of the config, and what `--hparams` says.

    Raises:
        ConfigError: the checkout does not know one, or `--hparams` names no readable file.
        RunError: the checkout holds no hyperparameters.
    """
    values = build_hparams(
        config, Training(examples, options.precision != FLOAT32, options.recompute)
    )
    checkout = Path(str(options.automl_dir))
    known = read_known_hparams(checkout)
    refuse_unknown(values, known, checkout, "the config")
    if options.hparams is None:
        return values
    where = f"--hparams {options.hparams}"
    try:
        told = read_hparams(options.hparams)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{where}: {error}", fix="NAME=VALUE,…, or a FILE.yaml of them."
        ) from error
    refuse_unknown(told, known, checkout, where)
    return merged(values, told)


def common_flags(config: Any, options: RunOptions, examples: int) -> list[str]:
    """The flags that training and evaluation share."""
    return [
        f"--model_name={model_name(config)}",
        f"--train_batch_size={config.train_config.batch_size}",
        f"--num_examples_per_epoch={examples}",
        f"--save_checkpoints_steps={options.checkpoint_every}",
        f"--tf_random_seed={options.seed}",
        *(["--use_xla"] if options.xla else []),
    ]


def write_hparams(path: Path, values: HParams) -> None:
    """Write them as main.py reads them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_atomic(path, render_hparams(values))


@dataclass(slots=True)
class Program:
    """The running program; iterating gives its words until it has ended."""

    process: subprocess.Popen[bytes]
    _words: int  # the end of the pipe to read from
    asked: list[int] = field(default_factory=list)  # signals that it was sent

    def __iter__(self) -> Iterator[dict[str, Any]]:
        with os.fdopen(self._words, encoding="utf-8") as stream:
            for line in stream:
                if line.endswith("\n"):  # a last word may be cut short
                    yield json.loads(line)

    def ask_to_end(self) -> None:
        self.asked.append(signal.SIGTERM)
        self.process.terminate()

    def end(self) -> int:
        """Wait for it, and say how it has ended where that is no success.

        Returns:
            The exit code for a process that ends for it, as a shell has it.
        """
        code = self.process.wait()
        if code:
            sys.stderr.write(f"main.py {describe_exit(code)}\n")
        return code if code >= 0 else 128 - code


@contextmanager
def started(run: RunDir, options: RunOptions, flags: Sequence[str]) -> Iterator[Program]:
    """Start the program, tied to this process; it shares the run's lock, and this one's log."""
    read, write = os.pipe()
    lock = _inherited_lock(run)
    argv = [interpreter(options), "-u", str(INSIDE), str(write), str(options.automl_dir)]
    try:
        process = subprocess.Popen(
            tied([*argv, str(places_of(run).boxes), *flags]),
            stdin=subprocess.DEVNULL,
            pass_fds=[write, *([] if lock is None else [lock])],
        )
    finally:
        os.close(write)
    try:
        yield Program(process, read)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _inherited_lock(run: RunDir) -> int | None:
    """The file descriptor of the run's lock, if this process has it of its parent."""
    if not run.lock.exists():
        return None
    wanted = run.lock.stat()
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found = os.fstat(int(entry.name))
        except OSError:  # the one that lists the folder
            continue
        if os.path.samestat(found, wanted):
            return int(entry.name)
    return None
