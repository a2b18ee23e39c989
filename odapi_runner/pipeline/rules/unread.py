"""Rules on fields that no training reads, and on what people mean by them."""

from __future__ import annotations

from collections.abc import Iterator

from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.rules.rule import Rule
from odapi_runner.pipeline.rules.subject import Subject
from odapi_runner.proto.unread import BUILTIN_ONLY, UNREAD, written_fields

_QUANTIZED = {"graph_rewriter": UNREAD["graph_rewriter"]}
_REST = {path: reason for path, reason in UNREAD.items() if path not in _QUANTIZED}


def fields_have_an_effect(subject: Subject) -> Iterator[Finding]:
    """A field that is set does something.

    Many fields of the language are TF1's: queues, `sync_replicas`, `max_evals`, drawings. TF2's
    trainer and evaluator read none of them. Published configs have some, so this is a hint.
    """
    for place, reason in written_fields(subject.config, _REST):
        what = f"it has no effect: {reason}"
        yield Finding("no-effect", "hint", place, what, f"Leave it out: -d {place}")


def frozen_layers_stay_frozen(subject: Subject) -> Iterator[Finding]:
    """Layers are to be frozen, or to learn more slowly, and TF2 trains them all alike.

    The builtin engine does what these fields say.
    """
    for place, reason in written_fields(subject.config, BUILTIN_ONLY):
        what = f"every layer is trained, and all alike: {reason}"
        fix = f"Train with --engine builtin, or leave it out: -d {place}"
        yield Finding("freezing", "warning", place, what, fix)


def quantization_is_trained(subject: Subject) -> Iterator[Finding]:
    """Training is to simulate quantisation, and TF2 trains as without it."""
    for place, reason in written_fields(subject.config, _QUANTIZED):
        fix = f"Quantise the exported model instead; -d {place}"
        yield Finding("quantization", "warning", place, reason, fix)


def bfloat16_is_of_tpus(subject: Subject) -> Iterator[Finding]:
    """`use_bfloat16` does something on a TPU only: on GPUs training stays in float32."""
    place = "train_config.use_bfloat16"
    if subject.config.train_config.use_bfloat16:
        what = "it has no effect on GPUs and CPUs: training stays in float32"
        yield Finding("bfloat16", "hint", place, what, f"Leave it out: -d {place}")


def variables_are_loaded_by_type(subject: Subject) -> Iterator[Finding]:
    """What of a checkpoint is restored is said by `fine_tune_checkpoint_type` only."""
    place = "train_config.load_all_detection_checkpoint_vars"
    if subject.config.train_config.load_all_detection_checkpoint_vars:
        what = "TF2 does not know it"
        fix = f"-d {place} -s train_config.fine_tune_checkpoint_type=full"
        yield Finding("load-all-variables", "error", place, what, fix)


RULES = (
    Rule(
        "no-effect",
        fields_have_an_effect,
        severity="hint",
        api="No code that TF2's loop calls reads the field (model_lib_v2.py).",
        fails="train_config { sync_replicas: true }",
        passes="train_config { }",
    ),
    Rule(
        "freezing",
        frozen_layers_stay_frozen,
        severity="warning",
        engine="tf-models",
        api="TF1's trainer alone filters variables (model_lib.py); model_lib_v2.py trains all.",
        fails='train_config { freeze_variables: ".*FeatureExtractor.*" }',
        passes="train_config { }",
    ),
    Rule(
        "quantization",
        quantization_is_trained,
        severity="warning",
        engine="tf-models",
        api="TF1's trainer alone builds the graph rewriter (model_lib.py, not model_lib_v2.py).",
        fails="graph_rewriter { quantization { delay: 48000 } }",
        passes="model { … }, and nothing of it",
    ),
    Rule(
        "bfloat16",
        bfloat16_is_of_tpus,
        severity="hint",
        api="mixed_bfloat16 is the policy where use_bfloat16 and --use_tpu are set "
        "(model_lib_v2.py, `train_loop`).",
        fails="train_config { use_bfloat16: true }",
        passes="train_config { }",
    ),
    Rule(
        "load-all-variables",
        variables_are_loaded_by_type,
        api="ValueError: train_pb2.load_all_detection_checkpoint_vars unsupported in TF2 "
        "(model_lib_v2.py, `train_loop`).",
        fails="train_config { load_all_detection_checkpoint_vars: true }",
        passes='train_config { fine_tune_checkpoint_type: "full" }',
    ),
)
