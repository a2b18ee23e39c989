"""The anchor generator."""

from __future__ import annotations

from collections.abc import Callable

from odapi_runner.anchors import (
    AnchorGrid,
    Anchors,
    FlexibleAnchors,
    MultiscaleAnchors,
    SsdAnchors,
    anchors_per_location,
)
from odapi_runner.engine.fields import Reader
from odapi_runner.engine.spec.backbone import Backbone, BiFpnNeck, FpnNeck, SmallerMapsNeck

PLACES = ("height_stride", "width_stride", "height_offset", "width_offset")


def read_anchors(generator: Reader, backbone: Backbone, *, shared: bool) -> Anchors:
    """The anchor generator, which has to have the feature extractor's maps.

    Args:
        generator: the message `anchor_generator`.
        backbone: which maps there are.
        shared: whether all maps have one predictor, and so one number of anchors at a place.
    """
    why = {"grid_anchor_generator": "it is Faster R-CNN's, and takes one map of unknown image size"}
    kind, made = generator.member("anchor_generator_oneof", tuple(_READERS), why=why)
    spec = _READERS[kind](made)
    if generator.choice("anchor_generator_oneof") != kind:
        return spec  # refused already
    counts = anchors_per_location(spec)
    maps = _num_maps(backbone)
    if isinstance(spec, MultiscaleAnchors) and isinstance(backbone.neck, BiFpnNeck | FpnNeck):
        _require_levels(made, backbone.neck)
    elif len(counts) != maps:
        generator.refuse(
            kind, f"is for {len(counts)} feature maps, and there are {maps}", (f"{maps} of them",)
        )
    if 0 in counts:
        generator.refuse(kind, "has no anchor at a place", ("aspect_ratios: 1.0",))
    elif shared and len(set(counts)) > 1:
        generator.refuse(
            kind,
            "has not as many anchors on every map, which a shared box predictor needs",
            ("reduce_boxes_in_lowest_layer: false",),
        )
    return spec


def _num_maps(backbone: Backbone) -> int:
    neck = backbone.neck
    if isinstance(neck, SmallerMapsNeck):
        return neck.num_maps
    return neck.max_level - neck.min_level + 1


def _require_levels(made: Reader, neck: BiFpnNeck | FpnNeck) -> None:
    """The anchors of a level are as large as its stride."""
    pyramid = "bifpn" if isinstance(neck, BiFpnNeck) else "fpn"
    for name, level in (("min_level", neck.min_level), ("max_level", neck.max_level)):
        made.require(name, (level,), f"{pyramid} has {level}")


def _multiscale(made: Reader) -> Anchors:
    made.require("normalize_coordinates", (True,), "boxes are in units of the image")
    return MultiscaleAnchors(
        min_level=made.value("min_level"),
        max_level=made.value("max_level"),
        anchor_scale=made.value("anchor_scale"),
        aspect_ratios=made.value("aspect_ratios"),
        scales_per_octave=made.value("scales_per_octave"),
        normalize=True,
    )


def _ssd(made: Reader) -> Anchors:
    layers = made.value("num_layers")
    scales = made.value("scales")
    if not scales:
        low, high = made.value("min_scale"), made.value("max_scale")
        if layers < 2:
            made.refuse("num_layers", f"{layers} leaves no step between two scales", (6,))
        steps = max(layers - 1, 1)
        scales = tuple(low + (high - low) * number / steps for number in range(layers))
    height_stride, width_stride, height_offset, width_offset = map(made.value, PLACES)
    for name in PLACES:
        if made.value(name) and len(made.value(name)) != layers:
            made.refuse(name, f"has not {layers} values", (f"{layers} of them",))
    return SsdAnchors(
        scales=(*scales, 1.0)[: layers + 1],
        aspect_ratios=made.value("aspect_ratios"),
        interpolated_ratio=made.value("interpolated_scale_aspect_ratio"),
        reduce_lowest=made.value("reduce_boxes_in_lowest_layer"),
        base_hw=(made.value("base_anchor_height"), made.value("base_anchor_width")),
        strides_hw=tuple(zip(height_stride, width_stride, strict=False)) or None,
        offsets_hw=tuple(zip(height_offset, width_offset, strict=False)) or None,
    )


def _flexible(made: Reader) -> Anchors:
    made.require("normalize_coordinates", (True,), "boxes are in units of the image")
    grids = []
    for grid in made.messages("anchor_grid"):
        sizes, ratios = grid.value("base_sizes"), grid.value("aspect_ratios")
        if len(sizes) != len(ratios):
            grid.refuse("aspect_ratios", f"are not {len(sizes)}, as base_sizes", ("as many",))
        height_stride, width_stride, height_offset, width_offset = map(grid.value, PLACES)
        grids.append(
            AnchorGrid(sizes, ratios, (height_stride, width_stride), (height_offset, width_offset))
        )
    return FlexibleAnchors(tuple(grids))


_READERS: dict[str, Callable[[Reader], Anchors]] = {
    "multiscale_anchor_generator": _multiscale,
    "ssd_anchor_generator": _ssd,
    "flexible_grid_anchor_generator": _flexible,
}
