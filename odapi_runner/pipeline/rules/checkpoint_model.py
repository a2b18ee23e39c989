"""Rules on whether a fine-tune checkpoint is of a model like the config's: extractor, sizes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from odapi_runner.pipeline.backbones import (
    RESNET_LAST_STAGE,
    backbone_kernels,
    backbone_of,
    name_backbone,
)
from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.rules.rule import Rule
from odapi_runner.pipeline.rules.start import Start, build_start
from odapi_runner.pipeline.rules.subject import Subject

_PLACE = "train_config.fine_tune_checkpoint"
_FIX = "Take the checkpoint that belongs to this model, or train with --from-scratch."
# The narrowest layer of a backbone: below it, min_depth changes nothing.
_NARROWEST = 16

_Figures = list[tuple[str, float, float]]  # name, in the checkpoint, in the config


def feature_extractor_is_of_the_same_kind(subject: Subject) -> Iterator[Finding]:
    """A feature extractor of another kind has none of the variables that are looked for."""
    start = build_start(subject)
    if start is None or (kinds := start.kinds_of_extractor) is None:
        return
    there, here = kinds
    ours = start.model.feature_extractor.type
    if there != here:
        what = f"the feature extractor in {start.written} has {there}, {ours} has {here}"
        yield Finding("checkpoint-extractor", "error", _PLACE, what, _FIX)


def backbone_has_the_same_size(subject: Subject) -> Iterator[Finding]:
    """A deeper, wider or other backbone has other kernels."""
    start = build_start(subject)
    if start is None or not start.is_alike or not _has_plain_width(start):
        return
    ours = backbone_of(start.model.feature_extractor.type)
    found = start.stored.kernels(*start.backbone)
    if ours is None or not found:
        return
    wanted: tuple[tuple[int, ...], ...] = backbone_kernels(ours)
    if start.backbone == start.extractor:
        wanted = wanted[:-RESNET_LAST_STAGE]
    theirs = name_backbone(found)
    if start.kind == "classification":  # what comes after the backbone is left alone
        found = found[: len(wanted)]
    count = max(len(found), len(wanted))
    unlike = [n for n in range(count) if found[n : n + 1] != wanted[n : n + 1]]
    if unlike:
        there, here = (_shown(kernels, unlike[0]) for kernels in (found, wanted))
        what = (
            f"{len(unlike)} of {count} kernels of the backbone in {start.written} are not those "
            f"of {ours}: number {unlike[0] + 1} is {there} there, {here} here"
        )
        fix = f"It is {theirs}. {_FIX}" if theirs else _FIX
        yield Finding("checkpoint-backbone", "error", _PLACE, what, fix)


def neck_has_the_same_size(subject: Subject) -> Iterator[Finding]:
    """BiFPN and FPN are restored with the backbone: their figures are those of the checkpoint."""
    start = build_start(subject)
    if start is None or not start.is_alike or start.kind == "classification":
        return
    extractor = start.model.feature_extractor
    for neck, read_figures in (("bifpn", _bifpn), ("fpn", _fpn)):
        if neck not in {field.name for field, _ in extractor.ListFields()}:
            continue
        unlike = [
            f"{name} is {there:g} there, {here:g} here"
            for name, there, here in read_figures(start, getattr(extractor, neck))
            if there != here
        ]
        if unlike:
            place = f"model.{start.family}.feature_extractor.{neck}"
            what = f"the {neck} in {start.written} has another size: {', '.join(unlike)}"
            yield Finding("checkpoint-neck", "error", place, what, _FIX)


def _bifpn(start: Start, bifpn: Any) -> _Figures:
    path = (*start.extractor, "_bifpn_stage", "node_post_combine_block")
    kernels = start.stored.kernels_below(*path)
    nodes = 2 * (bifpn.max_level - bifpn.min_level)  # of an iteration: down, then up
    if not kernels or nodes <= 0:
        return []
    found = len({path.partition("/")[0] for path in kernels})
    return [
        ("num_filters", next(iter(kernels.values()))[3], bifpn.num_filters),
        ("num_iterations", found / nodes, bifpn.num_iterations),
    ]


def _fpn(start: Start, fpn: Any) -> _Figures:
    mark = "" if start.family == "faster_rcnn" else "_"
    path = (*start.extractor, f"{mark}fpn_features_generator")
    kernels = start.stored.kernels_below(*path, "top_layers")
    if not kernels or not _has_plain_width(start):
        return []
    # Beside the topmost level one residual block each for those below, one layer each above.
    levels = 1 + len(start.stored.kernels_below(*path, "residual_blocks"))
    levels += len(start.stored.children(*start.extractor, f"{mark}coarse_feature_layers"))
    return [
        ("additional_layer_depth", next(iter(kernels.values()))[3], fpn.additional_layer_depth),
        ("the number of levels", levels, fpn.max_level - fpn.min_level + 1),
    ]


def _has_plain_width(start: Start) -> bool:
    """Whether the backbone is as wide as published: a multiplier changes most of its kernels."""
    extractor = start.model.feature_extractor
    fields = {field.name: value for field, value in extractor.ListFields()}
    narrowest: int = fields.get("min_depth", 0)
    return fields.get("depth_multiplier", 1.0) == 1.0 and narrowest <= _NARROWEST


def _shown(kernels: Sequence[tuple[int, ...]], number: int) -> str:
    return "x".join(map(str, kernels[number])) if number < len(kernels) else "absent"


RULES = (
    Rule(
        "checkpoint-extractor",
        feature_extractor_is_of_the_same_kind,
        api="An AssertionError that lists objects without values, after the model is built "
        "(model_lib_v2.py, `load_fine_tune_checkpoint`).",
        fails="ssd_mobilenet_v2_keras, with the checkpoint of an EfficientDet",
        passes="ssd_mobilenet_v2_keras, with the checkpoint of an SSD MobileNet V2",
    ),
    Rule(
        "checkpoint-backbone",
        backbone_has_the_same_size,
        api="A ValueError on the shapes of one variable or an AssertionError on objects without "
        "values; a deeper ResNet's first stages are restored without a word into the two of a "
        "Faster R-CNN (model_lib_v2.py, `load_fine_tune_checkpoint`).",
        fails="ssd_efficientnet-b1_bifpn_keras, with the checkpoint of EfficientDet-D0",
        passes="ssd_efficientnet-b0_bifpn_keras, with the checkpoint of EfficientDet-D0",
    ),
    Rule(
        "checkpoint-neck",
        neck_has_the_same_size,
        api="A ValueError on the shapes of one variable, or an AssertionError on objects without "
        "values (model_lib_v2.py, `load_fine_tune_checkpoint`).",
        fails="bifpn { num_filters: 88 }, with the checkpoint of EfficientDet-D0",
        passes="bifpn { num_filters: 64 }, with the checkpoint of EfficientDet-D0",
    ),
)
