"""google/automl's main.py as a process that tells of its course (`inside`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from odapi_runner import files
from odapi_runner.backends.automl.checkout import read_known_hparams, refuse_unknown
from odapi_runner.backends.automl.hparams import HParams, Training, build_hparams, model_name
from odapi_runner.backends.automl.yaml_text import merged, read_hparams, render_hparams
from odapi_runner.backends.interpreter import interpreter
from odapi_runner.errors import ConfigError
from odapi_runner.rundir import RunDir
from odapi_runner.runs.options import RunOptions
from odapi_runner.training import FLOAT32

INSIDE = Path(__file__).with_name("inside.py")

# What odapi counts and promises by, and how it is told; other values would contradict the run.
_DECIDED: Final = {
    "num_classes": "-s num_classes=N, without the background's, which is added by itself.",
    "num_epochs": "--num-steps N",
    "max_instances_per_image": "-s train_input_reader.max_number_of_boxes=N",
    "is_training_bn": "-s model.ssd.freeze_batchnorm=true, or false",
    "var_freeze_expr": "-s 'train_config.freeze_variables+=\"PATTERN\"'",
    "mixed_precision": "--precision mixed_float16, or float32",
    "grad_checkpoint": "--recompute",
    "strategy": "--gpu 0,1",
    "regenerate_source_id": "Leave it out: images are numbered where their names are no numbers.",
}


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
        ConfigError: the checkout does not know one, or `--hparams` names no readable file, or says
            another value of what odapi decides.
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
    for name, fix in _DECIDED.items():
        if name in told and told[name] != values.get(name):
            raise ConfigError(f"{where}: {name} is for odapi to say", fix=fix)
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


def program_argv(
    run: RunDir, options: RunOptions, messages: int, flags: Sequence[str]
) -> list[str]:
    """The program's command line; `messages` is the descriptor that it tells its words by."""
    checkout, boxes = str(options.automl_dir), str(places_of(run).boxes)
    return [interpreter(options), "-u", str(INSIDE), str(messages), checkout, boxes, *flags]
