"""How the two processes of a run are started where google/automl's main.py trains."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from odapi_runner import files
from odapi_runner.backends.automl import checkout
from odapi_runner.backends.automl.fields import RULE
from odapi_runner.backends.automl.hparams import model_name, refusals
from odapi_runner.backends.automl.program import hparams_for
from odapi_runner.backends.automl.variables import refused_patterns
from odapi_runner.backends.commit import read_commit
from odapi_runner.errors import CheckpointError, ConfigError
from odapi_runner.formats.checkpoint_index import index_file, read_index
from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.rules.rule import Rule
from odapi_runner.pipeline.rules.subject import Subject
from odapi_runner.rundir import RunDir
from odapi_runner.runs.options import RunOptions
from odapi_runner.training import BFLOAT16

AUTOML: Final = "automl"
_START: Final = "automl-checkpoint"
_PYTHON = (sys.executable, "-P", "-m")

# What main.py, or the process that follows it, has; the rest is refused.
OPTIONS: Final = frozenset(
    {
        "checkpoint_every",
        "keep",
        "seed",
        "precision",
        "recompute",
        "xla",
        "eval_backlog",
        "best",
        "early_stop",
        "on_oom",
        "retries",
        "eval_retries",
        "max_hours",
        "notify",
        "python",
        "automl_dir",
        "hparams",
        "alternate",
    }
)


def trainer_argv(run: RunDir, *, options: RunOptions) -> list[str]:  # noqa: ARG001 - as any engine
    """The trainer: goes on from the newest checkpoint of the run folder, if there is one."""
    return [*_PYTHON, "odapi_runner.backends.automl.train", "--run-dir", str(run.root)]


def evaluator_argv(
    run: RunDir,
    *,
    options: RunOptions,  # noqa: ARG001 - as any engine
    checkpoints: Sequence[int] = (),
) -> list[str]:
    """The evaluator of everything pending, until the queue is closed; or of these checkpoints."""
    chosen = [word for number in checkpoints for word in ("--checkpoint", str(number))]
    program = "odapi_runner.backends.automl.evaluate"
    return [*_PYTHON, program, "--run-dir", str(run.root), *chosen]


def settle(options: RunOptions) -> RunOptions:
    """With the places of checkout and interpreter; where it takes turns, no second process.

    Raises:
        RunError: one of them is not there.
    """
    settled = checkout.settle(options)
    return replace(settled, evaluate=False) if options.alternate else settled


def read_versions(options: RunOptions) -> dict[str, str]:
    """Of the checkout, and of what runs it.

    Raises:
        RunError: the interpreter cannot be asked.
    """
    found = checkout.ask_surroundings(options)
    told = {
        "google/automl": read_commit(Path(str(options.automl_dir))),
        "tensorflow": found.tensorflow,
        "python of the engine": found.python,
    }
    return {name: version for name, version in told.items() if version}


def refuse_options(config: Any, options: RunOptions) -> None:
    """Refuse before the start what main.py would refuse after it, or not even then.

    Raises:
        ConfigError: the checkout does not know a hyperparameter, or cannot do what is asked.
        RunError: the interpreter cannot run it.
    """
    if options.precision == BFLOAT16:
        raise ConfigError(
            "google/automl has mixed_bfloat16 on TPUs only",
            fix="--precision mixed_float16, or float32",
        )
    folder = checkout.find_checkout(options.automl_dir)
    # As if an epoch were one image: which names there are does not depend on it.
    hparams_for(config, options, examples=1)
    if config.model.ssd.freeze_batchnorm and checkout.trains_batchnorm_always(folder):
        raise ConfigError(
            f"{folder / 'det_model_fn.py'} trains batch norm always, whatever is_training_bn says",
            fix="-s model.ssd.freeze_batchnorm=false, or --engine builtin",
        )
    checkout.refuse_surroundings(options)


def automl_honours_every_field(subject: Subject) -> Iterator[Finding]:
    """google/automl's main.py does what each field says, or the training is refused.

    It trains EfficientDets alone, and has much built in that a pipeline.config can say otherwise.
    """
    yield from list(refusals(subject.config)) or refused_patterns(subject.config)


def automl_can_start_from_it(subject: Subject) -> Iterator[Finding]:
    """The checkpoint to start from is one of google/automl's own.

    Its variables have other names than the Object Detection API's, and what fits nothing is
    skipped without a word: such a training would begin from random weights.
    """
    path = "train_config.fine_tune_checkpoint"
    start = subject.config.train_config.fine_tune_checkpoint
    if not start:
        return
    prefix = subject.workspace.resolve(start)
    fix = (
        "Unpack one of those that its README lists and name it, as in "
        f"-s fine_tune_checkpoint=model_zoo/{model_name(subject.config) or 'efficientdet-d0'}/model"
        "; or --from-scratch"
    )
    if not prefix.name or not files.is_file(index_file(prefix)):
        yield Finding(_START, "error", path, f"{start}: there is no such checkpoint", fix)
        return
    try:
        is_other = read_index(prefix).is_object_based
    except CheckpointError as error:
        yield Finding(_START, "error", path, error.what, error.fix)
        return
    if is_other:
        what = f"{start}: a checkpoint of the Object Detection API, or of TF2's Keras"
        yield Finding(_START, "error", path, what, fix)


RULES = (
    Rule(
        RULE,
        automl_honours_every_field,
        engine=AUTOML,
        api="It honours other fields than odapi --engine automl does.",
        fails="feature_extractor { type: 'ssd_mobilenet_v2_keras' }",
        passes="feature_extractor { type: 'ssd_efficientnet-b0_bifpn_keras' }",
    ),
    Rule(
        _START,
        automl_can_start_from_it,
        engine=AUTOML,
        api="Its checkpoints are for odapi's other engines.",
        fails='fine_tune_checkpoint: "model_zoo/efficientdet_d0_coco17_tpu-32/checkpoint/ckpt-0"',
        passes='fine_tune_checkpoint: "model_zoo/efficientdet-d0/model"',
    ),
)
