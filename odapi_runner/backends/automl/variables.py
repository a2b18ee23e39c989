"""The names of what google/automl's EfficientDet trains, known without its TensorFlow.

What is frozen there is chosen by name, and a pattern that none has freezes nothing: the program
warns in its log, and trains everything.

Source: efficientdet/backbone/efficientnet_model.py; tf2/efficientdet_keras.py; tf2/fpn_configs.py,
`bifpn_config`; efficientdet_arch.py, `freeze_vars`. Compared with a checkpoint of its D0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from odapi_runner.backends.automl.fields import RULE
from odapi_runner.backends.automl.hparams import HParams, Training, build_hparams, freezing
from odapi_runner.pipeline.backbones import backbone_kernels
from odapi_runner.pipeline.finding import Finding

_NORM: Final = ("gamma", "beta")
_STAGE_OF_LEVEL: Final = {1: 0, 2: 1, 3: 2, 4: 4, 5: 6}  # whose last block makes the level
_OUTPUT: Final = ":0"  # with which the program compares


def refused_patterns(config: Any) -> Iterator[Finding]:
    """An error for each of `freeze_variables` that freezes nothing, or where all do everything.

    Args:
        config: one of which google/automl can honour all else.
    """
    path = "train_config.freeze_variables"
    patterns = config.train_config.freeze_variables
    if not patterns:
        return
    names = [f"{name}{_OUTPUT}" for name in trained_names(build_hparams(config, Training(1)))]
    frozen: set[str] = set()
    for number, pattern in enumerate(patterns):
        try:
            re.compile(pattern)  # by itself, so that an error counts from its beginning
            matches = re.compile(freezing([pattern])).match
        except re.error as error:
            what = f'"{pattern}" is no regular expression ({error})'
            yield Finding(RULE, "error", f"{path}[{number}]", what, f"-d {path}[{number}]")
            return
        found = set(filter(matches, names))
        if not found:
            what = f'google/automl has no variable that is called like "{pattern}"'
            parts = {name.partition("/")[0]: name for name in reversed(names)}
            fix = f"It is searched for in names such as {', '.join(reversed(parts.values()))}."
            yield Finding(RULE, "error", f"{path}[{number}]", what, fix)
        frozen |= found
    if len(frozen) == len(names):
        what = f"of google/automl's {len(names)} variables none is left to train"
        yield Finding(RULE, "error", path, what, f"Take a pattern out: -d {path}")


def trained_names(values: HParams) -> list[str]:
    """The names of all variables that are trained where nothing is frozen."""
    conv = ("depthwise_kernel", "pointwise_kernel") if values["separable_conv"] else ("kernel",)
    return [
        *_backbone(values["backbone_name"]),
        *_neck(values, (*conv, "bias")),
        *_head("class", values, (*conv, "bias")),
        *_head("box", values, (*conv, "bias")),
    ]


def _backbone(name: str) -> Iterator[str]:
    yield f"{name}/stem/conv2d/kernel"
    yield from _parts(f"{name}/stem/tpu_batch_normalization", _NORM)
    for number, is_expanded in enumerate(_blocks(name)):
        block = f"{name}/blocks_{number}"
        convolutions = ("conv2d", "conv2d_1") if is_expanded else ("conv2d",)
        yield from (f"{block}/{one}/kernel" for one in convolutions)
        yield f"{block}/depthwise_conv2d/depthwise_kernel"
        for one in ("conv2d", "conv2d_1"):
            yield from _parts(f"{block}/se/{one}", ("kernel", "bias"))
        for one in ("", "_1", "_2") if is_expanded else ("", "_1"):
            yield from _parts(f"{block}/tpu_batch_normalization{one}", _NORM)


def _blocks(backbone: str) -> list[bool]:
    """For each block whether it begins by expanding: those whose depthwise kernel is their second.

    A block ends with two kernels of its attention, and one that projects.
    """
    _, *kernels, _ = backbone_kernels(backbone)
    depthwise = [place for place, kernel in enumerate(kernels) if kernel[0] > 1]
    ends = [-1, *(place + 3 for place in depthwise)]
    return [place - end == 2 for place, end in zip(depthwise, ends, strict=False)]


def _channels(backbone: str) -> dict[int, int]:
    """The channels of the backbone's levels."""
    _, *kernels, _ = backbone_kernels(backbone)
    projecting = [place + 3 for place, kernel in enumerate(kernels) if kernel[0] > 1]
    stages = list(dict.fromkeys(kernels[place][3] for place in projecting))
    return {level: stages[stage] for level, stage in _STAGE_OF_LEVEL.items()}


def _neck(values: HParams, conv: tuple[str, ...]) -> Iterator[str]:
    """The coarser levels, and a node for each step down and up again of each cell."""
    first, last, filters = values["min_level"], values["max_level"], values["fpn_num_filters"]
    channels = _channels(values["backbone_name"])
    if last > max(channels) and channels[max(channels)] != filters:
        yield from _resampling(f"resample_p{max(channels) + 1}")
    for cell in range(values["fpn_cell_repeats"]):
        inputs_of = {level: [level - first] for level in range(first, last + 1)}
        down = [(level, level + 1) for level in range(last - 1, first - 1, -1)]
        up = [(level, level - 1) for level in range(first + 1, last + 1)]
        for number, (level, other) in enumerate(down + up):
            node, features = f"fpn_cells/cell_{cell}/fnode{number}", last - first + 1 + number
            own = inputs_of[level][-1:] if number < len(down) else inputs_of[level]
            inputs = [*own, inputs_of[other][-1]]
            if values["fpn_weight_method"] != "sum":
                for place in range(len(inputs)):
                    yield f"{node}/WSM{f'_{place}' if place else ''}"
            for place, offset in enumerate(inputs):
                if cell == 0 and channels.get(first + offset, filters) != filters:
                    yield from _resampling(f"{node}/resample_{place}_{offset}_{features}")
            yield from _parts(f"{node}/op_after_combine{features}/conv", conv)
            yield from _parts(f"{node}/op_after_combine{features}/bn", _NORM)
            inputs_of[level].append(features)


def _resampling(name: str) -> Iterator[str]:
    yield from _parts(f"{name}/conv2d", ("kernel", "bias"))
    yield from _parts(f"{name}/bn", _NORM)


def _head(name: str, values: HParams, conv: tuple[str, ...]) -> Iterator[str]:
    """Convolutions that the levels share, and a batch norm of each for each level."""
    net = f"{name}_net/{name}"
    for number in range(values["box_class_repeats"]):
        yield from _parts(f"{net}-{number}", conv)
        for level in range(values["min_level"], values["max_level"] + 1):
            yield from _parts(f"{net}-{number}-bn-{level}", _NORM)
    yield from _parts(f"{net}-predict", conv)


def _parts(name: str, parts: tuple[str, ...]) -> Iterator[str]:
    return (f"{name}/{part}" for part in parts)
