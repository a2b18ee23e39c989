"""The embedded engine: the command lines of its two processes, and what it cannot honour."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from odapi_runner.engine.ignored import TUNING
from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.rules.rule import Rule
from odapi_runner.pipeline.rules.subject import Subject
from odapi_runner.proto.unread import written_fields
from odapi_runner.rundir import RunDir
from odapi_runner.runs.options import FOREIGN_OPTIONS, RUN_OPTIONS, RunOptions
from odapi_runner.training import BFLOAT16, TRAINER_OPTIONS, TrainerOptions

OPTIONS = frozenset(RUN_OPTIONS) - FOREIGN_OPTIONS
_PYTHON = (sys.executable, "-P", "-m")  # -P: a workspace's own files are no modules of the engine


def trainer_argv(run: RunDir, *, options: RunOptions) -> list[str]:
    """The trainer: goes on from the newest checkpoint of the run folder, if there is one."""
    return [
        *_PYTHON,
        "odapi_runner.engine.train",
        *_run_options(run),
        *options.words(*TRAINER_OPTIONS),
    ]


def trainer_environment(options: RunOptions) -> dict[str, str]:
    """What the trainer's environment says beside its device.

    Without oneDNN in bfloat16: there its gradient of a filter of 3 x 3 and stride 2 over a single
    pixel (the last map of an SSD on small images) adds up memory that nobody has written. Seen
    with TensorFlow 2.20 on a CPU; a GPU's kernels are others.
    """
    return {"TF_ENABLE_ONEDNN_OPTS": "0"} if options.precision == BFLOAT16 else {}


def refuse_options(config: Any, options: RunOptions) -> None:
    """Refuse what an option cannot do with a config that the engine can train.

    Raises:
        ConfigError: `--xla` cannot compile it.
    """
    from odapi_runner.engine.compilable import refuse_uncompilable
    from odapi_runner.engine.read_config import build_spec

    if options.xla:
        refuse_uncompilable(build_spec(config))


def evaluator_argv(
    run: RunDir, *, options: RunOptions, checkpoints: Sequence[int] = ()
) -> list[str]:
    """The evaluator of everything pending, until the queue is closed; or of these checkpoints."""
    chosen = [word for number in checkpoints for word in ("--checkpoint", str(number))]
    chosen += options.words("max_bad_images", "best")
    return [*_PYTHON, "odapi_runner.engine.evaluate", *_run_options(run), *chosen]


def estimator_argv(
    config: Path,
    *,
    options: TrainerOptions,
    batches: Sequence[int],
    size: tuple[int, int] | None = None,
) -> list[str]:
    """What a training would need, with batches of so many images, inputs of a size."""
    words = [word for batch in batches for word in ("--batch", str(batch))]
    if size:
        words += ["--height", str(size[0]), "--width", str(size[1])]
    words += options.words("precision", "recompute", "accumulate")
    return [*_PYTHON, "odapi_runner.engine.estimate", "--config", str(config), *words]


def prober_argv(config: Path, *, options: TrainerOptions, memory: int | None = None) -> list[str]:
    """Some steps with the config's batch, in no more than so many bytes."""
    words = [] if memory is None else ["--memory", str(memory)]
    words += options.words(*TRAINER_OPTIONS)
    return [*_PYTHON, "odapi_runner.engine.probe", "--config", str(config), *words]


def engine_honours_every_field(subject: Subject) -> Iterator[Finding]:
    """The builtin engine honours each field that is set, or refuses to train.

    What it does not have is an error before anything starts, never silently something else.
    """
    from odapi_runner.engine.read_config import refused

    refusals = refused(subject.config)
    lists = Counter((_list_of(item.path), item.reason) for item in refusals)
    for item in refusals:
        # A list that is refused as a whole is one finding, not one for each of its elements.
        whole = _list_of(item.path)
        if lists[whole, item.reason] == 1:
            yield Finding("engine", "error", item.path, item.reason, item.fix)
        elif item.path.endswith("[0]"):
            yield Finding("engine", "error", whole, item.reason, f"Remove it: -d {whole}")


def tuning_has_an_effect(subject: Subject) -> Iterator[Finding]:
    """Some fields tune the Object Detection API's own input pipeline.

    The builtin engine has another one, which needs no tuning: the figures are the same without.
    """
    for path, reason in written_fields(subject.config, TUNING):
        what = f"it has no effect here: {reason}"
        yield Finding("tuning", "hint", path, what, f"Leave it out: -d {path}")


RULES = (
    Rule(
        "engine",
        engine_honours_every_field,
        engine="builtin",
        api="It does what the field says, where odapi check --engine tf-models has no error.",
        fails="graph_rewriter { quantization { delay: 48000 } }",
        passes="model { … }, and nothing of it",
    ),
    Rule(
        "tuning",
        tuning_has_an_effect,
        engine="builtin",
        severity="hint",
        api="builders/dataset_builder.py reads files with as many readers, and shuffles with as "
        "large a buffer as these fields say.",
        fails="train_input_reader { num_readers: 8 }",
        passes="train_input_reader { }",
    ),
)


def _list_of(path: str) -> str:
    """The path of the list that a path ends in an element of; any other path as it is."""
    return path[: path.rindex("[")] if path.endswith("]") else path


def _run_options(run: RunDir) -> list[str]:
    return ["--config", str(run.config), "--run-dir", str(run.root)]
