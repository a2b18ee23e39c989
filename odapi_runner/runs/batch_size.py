"""`--batch auto`: the largest batch that the device can train with, found by trying.

Each try is a process of its own that makes real steps. From the config's batch on they are doubled
until one does not fit; then what lies between is halved. None is larger than the training data: a
batch of more images has some of them twice.
"""

from __future__ import annotations

import dataclasses
import signal
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from odapi_runner.backends import find_engine
from odapi_runner.errors import RunError
from odapi_runner.formats.patterns import expand_patterns
from odapi_runner.formats.tfrecord import index_records
from odapi_runner.pipeline.finding import refuse_errors
from odapi_runner.pipeline.overrides import Changes, apply_changes
from odapi_runner.proto.text import render_pipeline
from odapi_runner.runs.asking import ask, failure
from odapi_runner.runs.estimate import MIB, parse_memory
from odapi_runner.runs.failures import OOM, classify, count_oom_kills
from odapi_runner.runs.gpus import count_gpus, device_environment
from odapi_runner.runs.plan import Plan

_LARGEST = 1024
# Of the machine's free memory, where it trains: the evaluator needs some, and so does the input.
_SHARE_OF_FREE = 0.75
# The limit is of what a process asks the system for; `Try.peak` of what it has put there.
_CLAIMED = "; what it claims counts, and that is more than the use shown here"
# Where a process may have no more, not every part of TensorFlow can say so.
_DEATHS_OF_A_LIMIT = (-signal.SIGABRT, -signal.SIGSEGV)


@dataclass(frozen=True, slots=True)
class Try:
    """What became of a batch.

    Attributes:
        batch: how many images, of all devices.
        fits: whether the steps were made.
        seconds: a step.
        peak: bytes that the device had in use.
    """

    batch: int
    fits: bool
    seconds: float | None = None
    peak: int | None = None


def grow(
    start: int, attempt: Callable[[int], bool], *, multiple: int = 1, most: int = _LARGEST
) -> int:
    """The largest number for which an attempt succeeds; 0 where there is none.

    Args:
        start: where to begin.
        attempt: whether a number is small enough.
        multiple: of what the numbers are multiples.
        most: the largest to try.

    It ends within an eighth of the largest.
    """
    low, high = 0, most // multiple + 1  # the latter does not fit, or is too large to try
    limit = high
    number = min(max(1, start // multiple), limit - 1)
    while high - low > max(1, low // 8):
        if attempt(number * multiple):
            low = number
        else:
            high = number
        number = min(2 * low, limit - 1) if high == limit else (low + high) // 2
    return low * multiple


def find_batch_size(
    plan: Plan,
    *,
    memory: int | None = None,
    on_try: Callable[[Try], None] = lambda _: None,
    say: Callable[[str], None] = lambda _: None,
) -> int:
    """The largest batch with which the device of a plan can train, from the plan's batch on.

    Args:
        plan: what is to be trained.
        memory: bytes that the training may have; all of a GPU, and three quarters of the machine's
            free memory, by default.
        on_try: called after each try.
        say: told what is going to be done, before the first.

    Raises:
        RunError: not even the smallest batch fits, or a try failed for another reason.
        OdapiError: the config cannot be trained, or its records cannot be read.
    """
    environment = device_environment(plan.device)
    on_gpu, share = count_gpus(plan.device) > 0, ""
    if memory is None and not on_gpu:
        memory = int(psutil.virtual_memory().available * _SHARE_OF_FREE)
        share = ", three quarters of what is free: evaluator and input need some"
    room = "all memory of the GPU" if memory is None else f"{memory / MIB:.0f} MiB{share}"
    say(f"Looking for the largest batch that fits into {room}")
    say(f"Each try is the start of a training and a few real steps{'' if on_gpu else _CLAIMED}")

    def attempt(batch: int) -> bool:
        made = _try(plan, batch, memory, environment)
        on_try(made)
        return made.fits

    most = max(plan.devices, min(_LARGEST, _count_images(plan)))
    start = plan.message.train_config.batch_size
    found = grow(start, attempt, multiple=plan.devices, most=most)
    if not found:
        least = "1 image" if plan.devices == 1 else f"{plan.devices} images"
        raise RunError(
            f"the memory does not suffice for batches of {least}",
            fix="Take a smaller image_size or model, --recompute or --precision mixed_float16.",
        )
    return found


def _count_images(plan: Plan) -> int:
    paths = plan.message.train_input_reader.tf_record_input_reader.input_path
    return sum(len(index_records(path)) for path in expand_patterns(paths, plan.workspace.root))


def _try(plan: Plan, batch: int, memory: int | None, environment: Mapping[str, str]) -> Try:
    workers = plan.options.workers  # all alike: this machine stands for them
    changes = Changes((f"train_config.batch_size={batch // workers}",))
    options = dataclasses.replace(plan.options, workers=1)
    backend = find_engine(plan.engine)
    kills = count_oom_kills()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "pipeline.config"
        message = apply_changes(plan.message, changes).message
        config.write_text(render_pipeline(message), encoding="utf-8")
        argv = backend.prober_argv(config, options=options, memory=memory)
        more = backend.trainer_environment(plan.options) | dict(environment)
        code, answer, stderr = ask(argv, cwd=plan.workspace.root, environment=more)
    if answer and "failed" not in answer:
        return Try(batch, fits=True, **answer)
    if memory is not None and code in _DEATHS_OF_A_LIMIT:
        return Try(batch, fits=False)
    if _is_out_of_memory(code, answer, stderr, kills):
        return Try(batch, fits=False)
    if answer:
        raise failure(answer)
    last = next((line for line in reversed(stderr.splitlines()) if line.strip()), "no word")
    raise RunError(
        f"trying batches of {batch} failed: {last}",
        fix="Give the batch by its number: --batch N.",
    )


def _is_out_of_memory(code: int, answer: Mapping[str, Any], stderr: str, kills: int) -> bool:
    told = {"kind": "failed", **answer["failed"]} if answer else {"kind": "nothing"}
    return classify(code, told, stderr, oom_kills=count_oom_kills() - kills, hint="").kind == OOM


def plan_with_batch(
    planned: Callable[..., Plan],
    overrides: Sequence[str],
    batch: str | None,
    *,
    on_try: Callable[[Try], None] = lambda _: None,
    say: Callable[[str], None] = lambda _: None,
) -> Plan:
    """A plan, with a batch as an override if one is wanted: that, or the largest that fits.

    Args:
        planned: `plan.plan_training`, with everything but the overrides.
        overrides: of the command.
        batch: a number, `auto`, or `auto:6GB`; None leaves the config's.
        on_try: called after each try.
        say: told what is going to be tried.

    Raises:
        RunError: the GPU is not known yet; and what `find_batch_size` raises.
        ConfigError: the config has errors.
    """
    if batch is None:
        return planned(overrides=overrides)
    number, memory = parse_batch(batch)
    if number is None:
        plan = planned(overrides=overrides)
        if plan.device == "auto" or plan.options.cluster is not None:
            raise RunError(
                "which GPU it will be is not known before the run starts: none can be measured",
                fix="Name it, and start at once, as in --gpu 0; or give --batch N.",
            )
        refuse_errors(plan.findings)
        number = find_batch_size(plan, memory=memory, on_try=on_try, say=say)
    return planned(overrides=(*overrides, f"batch_size={number}"))


def parse_batch(text: str) -> tuple[int | None, int | None]:
    """A number of images; or none for `auto`, with the bytes of `auto:6GB`.

    Raises:
        ValueError: it is none of these.
    """
    word, colon, size = text.partition(":")
    if word == "auto":
        return None, parse_memory(size) if colon else None
    if not text.isdecimal() or not int(text):
        raise ValueError(f'"{text}" is neither a number of images nor auto')
    return int(text), None
