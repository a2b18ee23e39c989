"""Fields of pipeline.config that training under TF2 never reads, whatever the model.

They are in the language because TF1's trainer and evaluator read them, or nothing ever did. The
Object Detection API's TF2 loop (object_detection/model_lib_v2.py) and what it calls have no code
that looks at them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from odapi_runner.proto.messages import is_repeated

_TF1 = "the Object Detection API reads it under TF1 only"
_EVALUATOR = "the Object Detection API reads it in TF1's evaluator only"
_QUEUE = "it sized an input queue of TF1; TF2 reads files through tf.data"
_NOWHERE = "no code of the Object Detection API reads it"

_INPUT = {
    "queue_capacity": _QUEUE,
    "min_after_dequeue": _QUEUE,
    "prefetch_size": _NOWHERE,
}

UNREAD: Mapping[str, str] = {
    **{f"train_input_reader.{name}": reason for name, reason in _INPUT.items()},
    **{f"eval_input_reader.{name}": reason for name, reason in _INPUT.items()},
    "model.ssd.inplace_batchnorm_update": _TF1,
    "model.ssd.mask_head_config": _TF1,
    "model.ssd.loss.classification_loss.weighted_sigmoid_focal.anchorwise_output": _TF1,
    "model.ssd.loss.localization_loss.weighted_smooth_l1.anchorwise_output": _TF1,
    "train_config.sync_replicas": _TF1,
    "train_config.replicas_to_aggregate": _TF1,
    "train_config.startup_delay_steps": _TF1,
    "train_config.keep_checkpoint_every_n_hours": _TF1,
    "train_config.batch_queue_capacity": _QUEUE,
    "train_config.num_batch_queue_threads": _QUEUE,
    "train_config.prefetch_queue_capacity": _QUEUE,
    "train_config.summarize_gradients": _TF1,
    "train_config.max_number_of_boxes": "the input reader's field of that name took its place",
    "eval_config.num_examples": _EVALUATOR,
    "eval_config.eval_interval_secs": _EVALUATOR,
    "eval_config.max_evals": _EVALUATOR,
    "eval_config.save_graph": _EVALUATOR,
    "eval_config.visualization_export_dir": _EVALUATOR,
    "eval_config.eval_master": _EVALUATOR,
    "eval_config.export_path": _EVALUATOR,
    "eval_config.ignore_groundtruth": _EVALUATOR,
    "eval_config.eval_instance_masks": "the metrics of masks are chosen by metrics_set",
    "eval_config.skip_scores": _EVALUATOR,
    "eval_config.skip_labels": _EVALUATOR,
    "eval_config.visualize_groundtruth_boxes": _EVALUATOR,
    "eval_config.groundtruth_box_visualization_color": _EVALUATOR,
    "eval_config.keep_image_id_for_visualization_export": _EVALUATOR,
    "eval_config.use_dummy_loss_in_eval": _EVALUATOR,
    "graph_rewriter": "quantisation-aware training is TF1's; TF2 trains as without it",
}

# TF2's Object Detection API does not read these either; the builtin engine honours them.
BUILTIN_ONLY: Mapping[str, str] = dict.fromkeys(
    (
        "train_config.freeze_variables",
        "train_config.update_trainable_variables",
        "train_config.bias_grad_multiplier",
    ),
    _TF1,
)

_PLACE = re.compile(r"\[[^]]*\]")


def unread_reason(path: str) -> str | None:
    """Why a field has no effect under TF2; None where it may have one.

    Args:
        path: of a field, with or without list places: `eval_input_reader[0].queue_capacity`; what
            lies in a message without effect has none either.
    """
    bare = _PLACE.sub("", path)
    while bare:
        if bare in UNREAD:
            return UNREAD[bare]
        bare = bare.rpartition(".")[0]
    return None


def written_fields(message: Any, reasons: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Those of some fields that a message has set: each with its places, and its reason.

    Args:
        message: any, such as a TrainEvalPipelineConfig.
        reasons: by path without places, as `UNREAD` has them.
    """
    for path, reason in reasons.items():
        for place in _written(message, path.split("."), ""):
            yield place, reason


def _written(message: Any, names: Sequence[str], before: str) -> Iterator[str]:
    name, *rest = names
    field = message.DESCRIPTOR.fields_by_name[name]
    place = f"{before}{name}"
    if is_repeated(field):
        items = getattr(message, name)
        if rest:
            for number, item in enumerate(items):
                yield from _written(item, rest, f"{place}[{number}].")
        elif items:
            yield place
    elif message.HasField(name):
        if rest:
            yield from _written(getattr(message, name), rest, f"{place}.")
        else:
            yield place
