"""What is known to go wrong with a pipeline.config, and the rules that say so.

One entry for each fact about TF2's Object Detection API and for each complaint of its users: the
rules that find it, or why there is nothing that a check of a config could find.
"""

from __future__ import annotations

import pytest

from odapi_runner.backends.check import all_rules

NO_FIELD = "no field of a config decides it"
OURS = "odapi's own evaluator and trainer do otherwise, and no field of a config decides it"

Known = dict[str, tuple[str, ...] | str]

EVALUATION: Known = {
    "only the latest checkpoint is evaluated, others are skipped": OURS,
    "the untrained ckpt-1 is evaluated first": OURS,
    "a checkpoint that is rotated away while it is read": OURS,
    "only the first eval_input_reader": ("eval-readers",),
    "num_epochs is forced to 1": ("eval-epochs",),
    "the batch of evaluation is eval_config.batch_size": ("eval-batch-size", "batch-shapes"),
    "variables that a checkpoint lacks keep random values": NO_FIELD,
    "use_moving_averages needs the trainer's use_moving_average": (
        "averages-unused",
        "averages-missing",
    ),
    "an exception ends an evaluation early, and partial metrics are published": (
        "metrics-masks",
        "metrics-keypoints",
        "masks-missing",
        "keypoints-missing",
    ),
    "a corrupt image crashes the evaluator": ("image-undecodable", "record-unreadable"),
    "an empty source_id becomes a random number": ("source-id-empty",),
    "groundtruth of an equal source_id is dropped": ("source-id-twice",),
    "the loss of an evaluation is the mean over batches": NO_FIELD,
}

CHECKPOINT: Known = {
    "an empty type is classification, or detection with from_detection_checkpoint": (
        "checkpoint-type",
    ),
    "each type restores other objects, which the checkpoint has to have": (
        "checkpoint-contents",
        "checkpoint-extractor",
        "checkpoint-backbone",
        "checkpoint-neck",
    ),
    "full needs the same number of classes": ("checkpoint-classes",),
    "fine_tune is no type any more": ("checkpoint-type",),
    "the version is V1 unless it is set": ("checkpoint-version",),
    "a checkpoint without an object graph": ("checkpoint-tf1",),
    "the checkpoint lies in the folder that is trained into": ("checkpoint-rotates",),
    "the value is a prefix, no folder and no file": ("checkpoint",),
    "half of its files are missing, or cut short": ("checkpoint-damaged",),
    "run_fine_tune_checkpoint_dummy_computation builds the layers": NO_FIELD,
    "a published config pointed at a detection checkpoint": (
        "path-placeholder",
        "checkpoint-contents",
        "base-rate",
        "schedule-long",
    ),
}

INPUT: Known = {
    "a glob that matches nothing, alone or among others": ("records",),
    "a reader of another kind": ("input-reader",),
    "num_readers is cut to the number of files": ("tuning", "reading-sizes"),
    "one shuffle buffer of serialized records a data set": ("shuffle-memory", "shuffle-window"),
    "shuffle false is a little shuffled all the same": ("train-shuffle",),
    "num_epochs neither ends a training nor repeats an evaluation": ("train-epochs", "eval-epochs"),
    "sample_1_of_n_examples shards after the shuffle": ("eval-sample", "sample-1-of-n"),
    "as many weights as input_path entries; the error for it crashes": ("dataset-weights",),
    "a weight of 0 skips a data set": ("weight-zero",),
    "batch_size is of all replicas, and divided evenly": ("batch-devices",),
    "the rate is not scaled by the batch": ("base-rate",),
    "several workers share the files": ("shards-workers",),
    "boxes beyond max_number_of_boxes are dropped, in evaluation as well": (
        "max-boxes",
        "boxes-kept",
    ),
    "an unknown class/text is dropped": ("label-unknown",),
    "class/label counts where class/text is absent": ("label-id-unknown", "label-missing"),
    "an id beyond num_classes is background": ("num-classes",),
    "id 0 is refused": ("label-map", "label-id-zero"),
    "nothing compares num_classes with the label map": ("num-classes", "no-classes"),
    "evaluation names classes by its own label map": ("label-maps-differ",),
    "boxes that are NaN are removed": ("box-not-finite",),
    "inverted boxes crash": ("box-inverted",),
    "boxes beyond 1.0 are not clipped": ("box-out-of-range", "box-in-pixels"),
    "image/object/weight counts in the loss": NO_FIELD,
    "drop_remainder leaves images out": ("eval-remainder", "few-records"),
}

OPTIMIZER: Known = {
    "rms_prop, momentum or adam only": ("optimizer",),
    "total_steps is 4,000,000 unless it is set, and not tied to num_steps": (
        "schedule-long",
        "schedule-short",
    ),
    "total_steps below warmup_steps is refused": ("warmup-steps",),
    "the rate is 0 beyond total_steps": ("schedule-short",),
    "exponential decay with decay_steps beyond the training": ("decay-steps",),
    "manual steps that do not ascend, or are never reached": ("manual-steps", "manual-steps-late"),
    "freeze_variables, update_trainable_variables and bias_grad_multiplier are TF1's": (
        "freezing",
    ),
    "sync_replicas, max_evals, … are TF1's": ("no-effect",),
    "losses have no weights of classes": NO_FIELD,
    "RMSprop's decay slows the rate down": ("rmsprop-decay", "rmsprop-epsilon"),
    "learning_rate_base below warmup_learning_rate is refused": ("warmup-rate",),
    "which kernels L2 regularises": NO_FIELD,
    "how detections are clipped and counted": ("detection-limits",),
}

LOOP: Known = {
    "a hundred steps at a time": ("steps-hundred",),
    "num_steps 0 is a TypeError": ("num-steps",),
    "the fine-tune checkpoint has to stay for a resume": ("checkpoint-rotates",),
    "checkpoints by checkpoint_every_n, none at the end": ("steps-unsaved",),
    "keep_checkpoint_every_n_hours is ignored": ("no-effect",),
    "gradients are clipped above 0 only": ("gradient-clipping",),
    "bfloat16 on TPUs only": ("bfloat16",),
    "load_all_detection_checkpoint_vars is refused": ("load-all-variables",),
    "averages are kept unless use_moving_average is false": ("averages-unused",),
    "eval_on_train_data is defined and never read": NO_FIELD,
    "without a name in metrics_set the switches by category are ignored": ("metrics-by-category",),
    "the names of metrics": ("metrics",),
    "images drawn for TensorBoard are the first of the stream": ("eval-shuffle",),
}

COMPLAINTS: Known = {
    "mAP stays 0 or -1 while the loss falls": (
        "label-unknown",
        "label-missing",
        "num-classes",
        "augmentation-normalised",
        "class-unused",
    ),
    "the loss is constant or 0": ("no-boxes", "box-in-pixels", "augmentation-pixels"),
    "the loss is NaN": ("base-rate", "momentum", "learning-rate"),
    "a ParseError without context": ("config",),
    "paths of Windows": ("path-backslash", "path-elsewhere"),
    "no field named fine_tune_checkpoint_version": "odapi brings its own language",
    "a wrong path is found after minutes": (
        "label-map",
        "records",
        "checkpoint",
        "path-elsewhere",
        "path-placeholder",
    ),
    "the cosine does not decay": ("schedule-long",),
    "no output for a hundred steps": OURS,
    "ids begin with 0 or have gaps": ("label-map", "label-map-gaps", "label-id-zero"),
    "a checkpoint of the wrong type or version": (
        "checkpoint-type",
        "checkpoint-version",
        "checkpoint-contents",
    ),
    "shapes differ after the classes have changed": ("checkpoint-classes",),
    "host memory grows": ("shuffle-memory",),
    "layers are to be frozen": ("freezing",),
    "anchors do not fit small objects": ("anchors", "anchor-levels"),
}


@pytest.mark.parametrize(
    "known", [EVALUATION, CHECKPOINT, INPUT, OPTIMIZER, LOOP, COMPLAINTS], ids=range(6)
)
def test_what_goes_wrong_has_a_rule(known: Known) -> None:
    """Each entry names rules that there are, or a reason."""
    ids = {rule.id for rule in all_rules()}
    named = {id_ for entry in known.values() if isinstance(entry, tuple) for id_ in entry}

    assert sorted(named - ids) == []
    assert all(known.values())
