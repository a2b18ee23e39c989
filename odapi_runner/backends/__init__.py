"""How the two processes of a run are started, by engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from odapi_runner.backends import builtin, interpreter, watched
from odapi_runner.backends.automl import engine as automl
from odapi_runner.backends.automl.engine import AUTOML
from odapi_runner.backends.tf_models import engine as tf_models
from odapi_runner.backends.tf_models.engine import TF_MODELS
from odapi_runner.backends.watched import WATCHED
from odapi_runner.errors import RunError
from odapi_runner.pipeline.rules.rule import Rule
from odapi_runner.runs.options import (
    ACCUMULATE,
    CLUSTER_OPTIONS,
    HALVE,
    RUN_OPTIONS,
    RunOptions,
)
from odapi_runner.settings import spelled


@dataclass(frozen=True, slots=True)
class Backend:
    """What an engine must be able to say; `builtin` has the arguments."""

    trainer_argv: Callable[..., list[str]]
    evaluator_argv: Callable[..., list[str]]
    rules: tuple[Rule, ...]  # what a check looks for on its behalf
    options: frozenset[str] = frozenset(RUN_OPTIONS)  # those that it honours
    trainer_environment: Callable[[RunOptions], dict[str, str]] = lambda _: {}
    # What they find of a config holds for any engine, as far as anybody knows.
    estimator_argv: Callable[..., list[str]] = builtin.estimator_argv
    prober_argv: Callable[..., list[str]] = builtin.prober_argv
    refuse_options: Callable[[Any, RunOptions], None] = lambda _, __: None  # with a config
    cured: frozenset[str] = frozenset()  # rules on what the engine does, and not in a run
    # With the places that the engine finds by itself filled in, as run.json is to keep them.
    settle: Callable[[RunOptions], RunOptions] = lambda options: options
    # Of what a result depends on and odapi's own interpreter does not have.
    versions: Callable[[RunOptions], dict[str, str]] = lambda _: {}


ENGINES = {
    "builtin": Backend(
        builtin.trainer_argv,
        builtin.evaluator_argv,
        builtin.RULES,
        options=builtin.OPTIONS,
        trainer_environment=builtin.trainer_environment,
        refuse_options=builtin.refuse_options,
    ),
    TF_MODELS: Backend(
        tf_models.trainer_argv,
        tf_models.evaluator_argv,
        rules=(),
        options=tf_models.OPTIONS | CLUSTER_OPTIONS,
        trainer_environment=interpreter.trainer_environment,
        refuse_options=tf_models.refuse_options,
        cured=tf_models.CURED,
        settle=tf_models.settle,
        versions=tf_models.read_versions,
    ),
    # google/automl's EfficientDets, in an interpreter of their own.
    AUTOML: Backend(
        automl.trainer_argv,
        automl.evaluator_argv,
        automl.RULES,
        options=automl.OPTIONS | CLUSTER_OPTIONS,
        trainer_environment=interpreter.trainer_environment,
        refuse_options=automl.refuse_options,
        settle=automl.settle,
        versions=automl.read_versions,
    ),
    # The training of another program, which goes on by itself: its checkpoints are evaluated.
    WATCHED: Backend(
        watched.trainer_argv, builtin.evaluator_argv, rules=(), options=watched.OPTIONS
    ),
}
AUTO = "builtin"  # what `--engine auto` takes


def find_engine(name: str) -> Backend:
    """The engine of a name.

    Raises:
        RunError: there is none of this name.
    """
    if name not in ENGINES:
        known = ", ".join(sorted(ENGINES))
        raise RunError(f'there is no engine "{name}"', fix=f"Known engines: {known}")
    return ENGINES[name]


def refuse_others(options: RunOptions, engine: str) -> None:
    """Refuse what an engine has not.

    Raises:
        RunError: there is no such engine, or an option that it does not honour is not as it is by
            default, or is to be set where the memory does not suffice.
    """
    honoured = find_engine(engine).options
    for name in options.changed():
        if name not in honoured:
            others = [other for other in ENGINES if name in ENGINES[other].options]
            instead = f", or train with --engine {' or '.join(others)}" if others else ""
            raise RunError(
                f"the engine {engine} has no {spelled(name)}", fix=f"Leave it out{instead}."
            )
    if options.on_oom == ACCUMULATE and "accumulate" not in honoured:
        raise RunError(
            f"the engine {engine} has no --on-oom {ACCUMULATE}: it cannot sum up batches",
            fix=f"--on-oom {HALVE}, or train with --engine {AUTO}.",
        )
