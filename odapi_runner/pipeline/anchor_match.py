"""How well the anchors of a config fit boxes: the IoU of each box with the best anchor there is.

Nobody needs all anchors for that. Of the anchors of one size on one feature map, the one whose
centre is nearest overlaps a box most: the overlap of two intervals shrinks with the distance of
their centres, in height as in width.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from odapi_runner.anchors import SsdAnchors

# What becomes of anchors that reach over the border of the input.
Border = Literal["keep", "drop", "clip"]


@dataclass(frozen=True, slots=True, eq=False)
class AnchorMap:
    """The anchors of one feature map: some sizes around each place of a grid.

    All in pixels of the input; n is the number of inputs, or 1 where all are alike.
    """

    sizes_hw: NDArray[np.float64]  # [n, k, 2] heights and widths
    stride_hw: NDArray[np.float64]  # [n, 1, 2]
    offset_hw: NDArray[np.float64]  # [n, 1, 2] centre of the first place
    places_hw: NDArray[np.float64]  # [n, 1, 2] rows and columns


def match_boxes(
    model: Any, boxes_yxyx_px: NDArray[np.float64], inputs_hw: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    """The IoU of each box with the best anchor of a model.

    Args:
        model: a DetectionModel.
        boxes_yxyx_px: float64 [n, 4] (ymin, xmin, ymax, xmax) in pixels of the input; high and
            wide above 0.
        inputs_hw: float64 [n, 2] height and width of the input that each box is on.

    Returns:
        float64 [n], 0..1; None for a model without anchors, or with some that are not known here.
    """
    border = find_border(model)
    best = [
        _best_iou(item, boxes_yxyx_px, inputs_hw, border)
        for item in build_maps(model, inputs_hw)
        if item.sizes_hw.shape[1] and (item.stride_hw > 0).all()
    ]
    return np.stack(best).max(axis=0) if best else None


def find_border(model: Any) -> Border:
    """Faster R-CNN trains without the anchors that reach over the border, or clips them.

    Source: object_detection/meta_architectures/faster_rcnn_meta_arch.py, `_predict_first_stage`.
    """
    if model.WhichOneof("model") != "faster_rcnn":
        return "keep"
    return "clip" if model.faster_rcnn.clip_anchors_to_image else "drop"


def find_generator(model: Any) -> tuple[str, Any]:
    """The path of the anchor generator's member that is set, and it; "" and None: there is none."""
    family = model.WhichOneof("model")
    names = {"ssd": "anchor_generator", "faster_rcnn": "first_stage_anchor_generator"}
    if family not in names:
        return "", None
    generator = getattr(getattr(model, family), names[family])
    kind = generator.WhichOneof("anchor_generator_oneof")
    if kind is None:
        return "", None
    return f"model.{family}.{names[family]}.{kind}", getattr(generator, kind)


def build_maps(model: Any, inputs_hw: NDArray[np.float64]) -> Iterator[AnchorMap]:
    """The feature maps of a model with their anchors, finest first.

    A map has a place for each stride of the input that is begun. SSD's maps without a pyramid have
    strides of 16, 32, 64 …; a pyramid's level l has one of 2^l; the only map of a Faster R-CNN has
    that of its anchors.

    Source: object_detection/builders/anchor_generator_builder.py, anchor_generators/*.py.
    """
    path, generator = find_generator(model)
    kind = path.rpartition(".")[2]
    inputs = inputs_hw[:, None, :]
    if kind == "multiscale_anchor_generator":
        for level in range(generator.min_level, generator.max_level + 1):
            stride = np.full((1, 1, 2), 2.0**level)
            octaves = np.arange(generator.scales_per_octave) / generator.scales_per_octave
            scales = 2.0**level * generator.anchor_scale * 2.0**octaves
            offset = np.where(inputs % stride == 0, stride / 2, 0.0)
            sizes = _sizes(scales, generator.aspect_ratios)
            yield AnchorMap(sizes, stride, offset, np.ceil(inputs / stride))
    elif kind == "grid_anchor_generator":
        stride = np.array([[[generator.height_stride, generator.width_stride]]], np.float64)
        offset = np.array([[[generator.height_offset, generator.width_offset]]], np.float64)
        base = np.array([generator.height, generator.width], np.float64)
        sizes = _sizes(np.array(generator.scales), generator.aspect_ratios) * base
        yield AnchorMap(sizes, stride, offset, np.ceil(inputs / np.maximum(stride, 1)))
    elif kind == "ssd_anchor_generator":
        yield from _ssd_maps(generator, inputs)


def _ssd_maps(generator: Any, inputs: NDArray[np.float64]) -> Iterator[AnchorMap]:
    spec = _read_ssd(generator)
    # Scales are parts of the shorter side, and so are both sides of the base.
    unit = inputs.min(axis=2, keepdims=True) * np.array(spec.base_hw)
    for level, shapes in enumerate(spec.shapes()):
        scales, ratios = (np.array(values) for values in zip(*shapes, strict=True))
        roots = np.sqrt(ratios)
        sizes = np.stack([scales / roots, scales * roots], axis=-1)[None] * unit
        places = np.ceil(inputs / (16 * 2**level))
        stride = inputs / places if spec.strides_hw is None else _pair(spec.strides_hw[level])
        offset = stride / 2 if spec.offsets_hw is None else _pair(spec.offsets_hw[level])
        yield AnchorMap(sizes, stride, offset, places)


def _read_ssd(generator: Any) -> SsdAnchors:
    layers = generator.num_layers
    scales = (
        list(generator.scales)
        or np.linspace(generator.min_scale, generator.max_scale, layers).tolist()
    )
    strides = tuple(zip(generator.height_stride, generator.width_stride, strict=False))
    offsets = tuple(zip(generator.height_offset, generator.width_offset, strict=False))
    return SsdAnchors(
        scales=(*scales[:layers], *(scales[layers:] or [1.0])[:1]),
        aspect_ratios=tuple(generator.aspect_ratios),
        interpolated_ratio=generator.interpolated_scale_aspect_ratio,
        reduce_lowest=generator.reduce_boxes_in_lowest_layer,
        base_hw=(generator.base_anchor_height, generator.base_anchor_width),
        strides_hw=strides or None,
        offsets_hw=offsets or None,
    )


def _sizes(scales: NDArray[np.float64], aspect_ratios: Any) -> NDArray[np.float64]:
    """Heights and widths of every scale in every aspect ratio (width / height), [1, k, 2]."""
    roots = np.sqrt(np.array(aspect_ratios, np.float64))[:, None]
    return np.stack([scales / roots, scales * roots], axis=-1).reshape(1, -1, 2)


def _pair(values: tuple[int, int]) -> NDArray[np.float64]:
    return np.array([[values]], np.float64)


def _best_iou(
    of: AnchorMap,
    boxes_yxyx_px: NDArray[np.float64],
    inputs_hw: NDArray[np.float64],
    border: Border,
) -> NDArray[np.float64]:
    """The IoU of each box with the best anchor of one feature map, float64 [n]."""
    starts, ends = boxes_yxyx_px[:, None, :2], boxes_yxyx_px[:, None, 2:]
    half, window = of.sizes_hw / 2, inputs_hw[:, None, :]
    first, last = np.zeros_like(of.places_hw), of.places_hw - 1
    if border == "drop":
        first = np.maximum(first, np.ceil((half - of.offset_hw) / of.stride_hw))
        last = np.minimum(last, np.floor((window - half - of.offset_hw) / of.stride_hw))
    wanted = [np.round(((starts + ends) / 2 - of.offset_hw) / of.stride_hw)]
    if border == "clip":
        # An anchor cut off at one side fits best where its other side is the box's.
        for side in (ends - half, starts + half):
            place = np.floor((side - of.offset_hw) / of.stride_hw)
            wanted += [place, place + 1]
    shared, lengths = [], []  # in each direction: of each wanted place, [n, k, 2]
    for place in wanted:
        centre = of.offset_hw + np.clip(place, first, np.maximum(first, last)) * of.stride_hw
        low, high = centre - half, centre + half
        if border == "clip":
            low, high = np.maximum(low, 0), np.minimum(high, window)
        shared.append(np.maximum(0, np.minimum(ends, high) - np.maximum(starts, low)))
        lengths.append(high - low)
    there = (first <= last).all(axis=-1)
    area = (ends - starts).prod(axis=-1)
    best = np.zeros(np.broadcast_shapes(there.shape, area.shape, half.shape[:2]))
    for row, column in itertools.product(range(len(wanted)), repeat=2):
        both = shared[row][..., 0] * shared[column][..., 1]
        union = area + lengths[row][..., 0] * lengths[column][..., 1] - both
        best = np.maximum(best, np.where(there, both / union, 0))
    found: NDArray[np.float64] = best.max(axis=1)
    return found
