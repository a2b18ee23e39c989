"""What a trainer is told beside its config, since the config language has no field for it.

Written once, here: the options of `odapi train`, those of the trainer's own command line and what
run.json keeps are made of the fields of `TrainerOptions`.
"""

from __future__ import annotations

import dataclasses

from odapi_runner.settings import Settings, names_of, setting

FLOAT32, BFLOAT16 = "float32", "mixed_bfloat16"
PRECISIONS = (FLOAT32, BFLOAT16, "mixed_float16")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TrainerOptions(Settings):
    """How a trainer works."""

    checkpoint_every: int = setting(1000, "Save, and so evaluate, every N steps.", minimum=1)
    keep: int = setting(7, "Keep the N newest checkpoints.", minimum=1)
    keep_every_hours: float | None = setting(
        None,
        "Beside them keep one of every N hours for good.",
        minimum=0.01,
        real=True,
        metavar="HOURS",
    )
    seed: int = setting(0, "Of the weights, the order of the data, and augmentation.", minimum=0)
    accumulate: int = setting(
        1,
        "Sum up N batches of the config's batch_size for each step, as N devices would, in the "
        "memory of one: a step sees N times the images. Neither num_steps nor the learning rate "
        "is changed for it: divide the one, multiply the other by N for what -s batch_size=… does.",
        minimum=1,
    )
    workers: int = setting(
        1,
        "Train together with N - 1 other machines, which TF_CONFIG names on each of them.",
        minimum=1,
    )
    precision: str = setting(
        FLOAT32,
        "What the network computes in; weights, losses and checkpoints stay float32. Half the "
        "memory and faster on GPUs that have it (bfloat16: from Ampere on), slower on a CPU.",
        choices=PRECISIONS,
    )
    recompute: bool = setting(
        False,
        "Forget what is inside of the network's blocks, and compute it again for their gradients: "
        "less memory for more time, the same training.",
    )
    max_bad_images: float = setting(
        0.01,
        "Go on without images that cannot be decoded as long as they are no larger a share of all, "
        "0 to 1: each is named, the next one of the same data takes its place. 0 takes none.",
        share=True,
    )
    xla: bool = setting(
        False,
        "Compile the step for the device: on a GPU faster after a start of minutes; not for a CPU.",
    )


TRAINER_OPTIONS = names_of(TrainerOptions)
