"""How the processes of a run work, and what is to happen while nobody looks."""

from __future__ import annotations

import dataclasses

from odapi_runner.runs.policies.early_stop import parse_early_stop
from odapi_runner.runs.policies.metric import parse_column
from odapi_runner.runs.policies.plateau import parse_plateau
from odapi_runner.runs.slurm.words import parse_extra, parse_time
from odapi_runner.settings import names_of, setting
from odapi_runner.training import TrainerOptions

STOP = "stop"
HALVE, ACCUMULATE = "halve-batch", "accumulate"
ROLLBACK = "rollback"
SLURM = "slurm"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions(TrainerOptions):
    """What `odapi train` is told beside its config; kept in run.json."""

    evaluate: bool = True
    eval_backlog: int = setting(
        10, "Let at most N checkpoints wait; the oldest is skipped then.", minimum=1
    )
    best: str = setting(
        "mAP",
        "The metric by which the best checkpoint is kept, in RUN/best: a column of metrics.csv.",
        parse=parse_column,
        metavar="METRIC",
    )
    early_stop: str | None = setting(
        None,
        "Stop when a metric has not become better in so many evaluations: "
        "mAP:patience=5,min-delta=0.002,min-steps=2000.",
        parse=parse_early_stop,
        metavar="METRIC[:…]",
    )
    reduce_on_plateau: str | None = setting(
        None,
        "Lower the learning rate then: loss_total:patience=3,factor=0.1,min-delta=0.0001,"
        "cooldown=0,min-factor=0.0001.",
        parse=parse_plateau,
        metavar="METRIC[:…]",
    )
    on_oom: str = setting(
        STOP,
        "Where the memory does not suffice, as the trainer says or the kernel that killed it (a "
        "kill by somebody else is none): stop; go on with half the batch and the rates for it; or "
        "with half the batch and twice the batches a step, which changes no figure but speed.",
        choices=(STOP, HALVE, ACCUMULATE),
    )
    on_nan: str = setting(
        STOP,
        "Where the loss is not finite: stop; or go on from the last finite checkpoint with half "
        "the learning rate.",
        choices=(STOP, ROLLBACK),
    )
    retries: int = setting(
        3, "Go on by itself at most N times after a failure that something can be done about.",
        minimum=0,
    )  # fmt: skip
    eval_retries: int = setting(
        2, "Evaluate a checkpoint again at most N times after the evaluator has crashed on it.",
        minimum=0,
    )  # fmt: skip
    max_hours: float | None = setting(
        None,
        "Save and stop after so many hours at work, building and compiling included; `odapi "
        "resume` goes on for as long again, what goes on by itself (queue, job) for the rest.",
        minimum=0.001,
        real=True,
        metavar="HOURS",
    )
    notify: str | None = setting(
        None,
        "Call a program when the run has ended, in its folder: a path from the current folder on, "
        "or a name in PATH, with words of its own behind it, if any; its last words are the run's "
        "name, how it ended (finished, stopped, failed; lost, where its supervisor was killed and "
        "the queue or a job sees that) and why.",
        metavar="PROGRAM",
    )
    cluster: str | None = setting(
        None,
        "Train and evaluate in a job of Slurm, and not on this machine; where its time ends, or it "
        "is preempted, it is queued again and goes on.",
        choices=(SLURM,),
    )
    slurm_partition: str | None = setting(
        None, "Of the job [default: Slurm's own].", metavar="NAME"
    )
    slurm_gpus: int = setting(
        1, "How many GPUs the job gets; with --gpu none it gets none.", minimum=0
    )
    slurm_time: str = setting(
        "1-00:00:00", "How long the job may take: MINUTES, HH:MM:SS or DAYS-HH:MM:SS.",
        parse=parse_time,
        metavar="TIME",
    )  # fmt: skip
    slurm_extra: str | None = setting(
        None,
        "Further options of sbatch between spaces: 'account=vision cpus-per-task=8 mem=32G'.",
        parse=parse_extra,
        metavar="NAME=VALUE…",
    )
    python: str | None = setting(
        None,
        "The interpreter that has what the engine needs, such as an older TensorFlow; odapi itself "
        "stays in its own.",
        metavar="PATH",
    )
    models_dir: str | None = setting(
        None,
        "The clone of tensorflow/models that --engine tf-models runs; else $ODAPI_MODELS_DIR, else "
        "the object_detection that can be imported.",
        metavar="DIR",
    )
    automl_dir: str | None = setting(
        None,
        "The checkout of google/automl for --engine automl [default: $ODAPI_AUTOML_DIR].",
        metavar="DIR",
    )
    hparams: str | None = setting(
        None,
        "Hyperparameters of google/automl beside those that the config gives; names that the "
        "checkout does not know are refused.",
        metavar="NAME=VALUE,…|FILE.yaml",
    )
    alternate: bool = setting(
        False,
        "With --engine automl: train and evaluate by turns, an epoch each, in one process on the "
        "trainer's device (its --mode=train_and_eval).",
    )


RUN_OPTIONS = names_of(RunOptions)
# Of the job in which a run is supervised, whatever its engine.
JOB_OPTIONS = frozenset({"slurm_partition", "slurm_gpus", "slurm_time", "slurm_extra"})
CLUSTER_OPTIONS = JOB_OPTIONS | {"cluster"}
# Of engines that are programs of their own.
FOREIGN_OPTIONS = frozenset({"python", "models_dir", "automl_dir", "hparams", "alternate"})
