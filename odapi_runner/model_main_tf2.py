"""`python -m odapi_runner.model_main_tf2`: the flags of the Object Detection API's own script.

    training     --pipeline_config_path=FILE --model_dir=DIR
    evaluation   the same and --checkpoint_dir=DIR: every checkpoint that appears there

Both work in this process, on odapi's engine; paths are relative to the current folder, as ever.
A flag that asks for what the engine cannot do is refused, one that changes nothing is named.

Source: object_detection/model_main_tf2.py (names, defaults and meaning of the flags).
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from absl import flags
from absl import logging as _absl_logging  # noqa: F401 - defines --alsologtostderr and its like

from odapi_runner.errors import CheckpointError, ConfigError, OdapiError
from odapi_runner.formats.cluster import read_cluster
from odapi_runner.proto.text import read_pipeline, render_pipeline

_FLAGS = flags.FlagValues()
_FLAGS.append_flag_values(flags.FLAGS)

flags.DEFINE_string(
    "pipeline_config_path", None, "Path to pipeline config file.", flag_values=_FLAGS
)
flags.DEFINE_string(
    "model_dir", None, "Where event and checkpoint files are written.", flag_values=_FLAGS
)
flags.DEFINE_integer(
    "num_train_steps", None, "Train to this step instead of the config's.", flag_values=_FLAGS
)
flags.DEFINE_string(
    "checkpoint_dir", None, "Evaluate the checkpoints of this folder only.", flag_values=_FLAGS
)
flags.DEFINE_integer(
    "eval_timeout", 3600, "Seconds without a new checkpoint, then exit.", flag_values=_FLAGS
)
flags.DEFINE_integer("checkpoint_every_n", 1000, "Steps between checkpoints.", flag_values=_FLAGS)
flags.DEFINE_integer(
    "sample_1_of_n_eval_examples", None, "Evaluate every Nth example.", flag_values=_FLAGS
)
flags.DEFINE_integer(
    "num_workers", 1, "How many machines train together; TF_CONFIG names them.", flag_values=_FLAGS
)
flags.DEFINE_bool("use_tpu", False, "Not built.", flag_values=_FLAGS)
flags.DEFINE_string("tpu_name", None, "Nothing without --use_tpu.", flag_values=_FLAGS)
flags.DEFINE_bool("record_summaries", True, "Always so here.", flag_values=_FLAGS)
flags.DEFINE_bool("eval_on_train_data", False, "Never read, here and there.", flag_values=_FLAGS)
flags.DEFINE_integer(
    "sample_1_of_n_eval_on_train_examples", 5, "Never read, here and there.", flag_values=_FLAGS
)

_HELP = "The flags: python -m odapi_runner.model_main_tf2 --help"
_REQUIRED = ("pipeline_config_path", "model_dir")
_WITHOUT_EFFECT = {
    "record_summaries": "images and losses are always recorded",
    "eval_on_train_data": "nor has it in the Object Detection API's script",
    "sample_1_of_n_eval_on_train_examples": "nor has it in the Object Detection API's script",
    "tpu_name": "it belongs to --use_tpu",
}


def main(argv: Sequence[str]) -> None:
    """Train or evaluate as the flags say; `argv` begins with the program.

    Raises:
        click.UsageError: an unknown flag, a value of the wrong kind, a required one missing.
        OdapiError: config, data or checkpoint cannot be used, or a flag asks for what is not
            built.
    """
    if {"--help", "-help", "-h"} & set(argv[1:]):
        click.echo(f"{__doc__}\n{_FLAGS.get_help()}")
        return
    try:
        rest = _FLAGS(list(argv))[1:]
    except flags.Error as error:
        raise click.UsageError(f"{error}\n  {_HELP}") from error
    absent = [f"--{name}" for name in _REQUIRED if not _FLAGS[name].value]
    if absent or rest:
        wrong = f"missing {' and '.join(absent)}" if absent else f"unexpected: {' '.join(rest)}"
        raise click.UsageError(f"{wrong}\n  {_HELP}")
    _refuse_what_is_not_built()
    evaluates = bool(_FLAGS["checkpoint_dir"].value)
    if _FLAGS["num_workers"].value > 1 and not evaluates:
        read_cluster(_FLAGS["num_workers"].value)
    # Read before TensorFlow is imported: a wrong path or field is said at once.
    config = read_pipeline(Path(_FLAGS["pipeline_config_path"].value))
    if evaluates:
        _evaluate(config)
    else:
        _refuse_own_checkpoint(config.train_config.fine_tune_checkpoint)
        _train()


def _refuse_own_checkpoint(prefix: str) -> None:
    """A training goes on from the newest checkpoint of its folder, whatever it begins with.

    Source: object_detection/utils/variables_helper.py, `ensure_checkpoint_supported`.
    """
    folder = _FLAGS["model_dir"].value
    if prefix and Path(prefix).parent.resolve() == Path(folder).resolve():
        raise CheckpointError(
            f"--model_dir={folder}: fine_tune_checkpoint {prefix} lies in that folder",
            fix="Train into another folder.",
        )


def _refuse_what_is_not_built() -> None:
    if _FLAGS["use_tpu"].value:
        raise ConfigError("--use_tpu: there is no TPU support", fix="Train on a GPU or a CPU.")
    for name, why in _WITHOUT_EFFECT.items():
        if _FLAGS[name].present:
            click.echo(f"Warning: --{name} has no effect here: {why}", err=True)


def _train() -> None:
    from odapi_runner.engine import train

    for name in ("eval_timeout", "sample_1_of_n_eval_examples"):
        if _FLAGS[name].present:
            click.echo(f"Warning: --{name} has no effect without --checkpoint_dir", err=True)
    steps = _FLAGS["num_train_steps"].value
    train.main(
        [
            *("--config", _FLAGS["pipeline_config_path"].value),
            *("--run-dir", _FLAGS["model_dir"].value),
            *("--checkpoint-every", str(_FLAGS["checkpoint_every_n"].value)),
            *("--workers", str(_FLAGS["num_workers"].value)),
            *(() if steps is None else ("--num-steps", str(steps))),
        ]
    )


def _evaluate(config: Any) -> None:
    from odapi_runner.engine import evaluate

    path = Path(_FLAGS["pipeline_config_path"].value)
    every = _FLAGS["sample_1_of_n_eval_examples"].value
    with tempfile.TemporaryDirectory() as folder:
        if every is not None:
            for reader in config.eval_input_reader:
                reader.sample_1_of_n_examples = every
            path = Path(folder) / path.name
            path.write_text(render_pipeline(config), encoding="utf-8")
        evaluate.main(
            [
                *("--config", str(path)),
                *("--run-dir", _FLAGS["model_dir"].value),
                *("--watch", _FLAGS["checkpoint_dir"].value),
                *("--timeout", str(_FLAGS["eval_timeout"].value)),
            ]
        )


if __name__ == "__main__":
    try:
        main(sys.argv)
    except (click.UsageError, OdapiError) as problem:
        problem.show()
        sys.exit(problem.exit_code)
