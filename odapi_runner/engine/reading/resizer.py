"""The resizer of the images."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from odapi_runner.engine.fields import Reader
from odapi_runner.engine.reading.network import COARSEST_LEVEL
from odapi_runner.engine.spec.backbone import Backbone, BiFpnNeck, FpnNeck
from odapi_runner.engine.spec.resizer import (
    ConditionalShape,
    FixedShape,
    KeepAspect,
    PadToMultiple,
    Resizer,
    input_size,
)


def read_resizer(resizer: Reader, backbone: Backbone) -> Resizer:
    """The resizer; a pyramid needs sides that can be halved as often as it doubles its maps."""
    kind, made = resizer.member("image_resizer_oneof", tuple(_READERS))
    spec = _READERS[kind](made)
    for name, side in _sides(spec):
        _require_halves(made, name, side, backbone)
    if input_size(spec) is None and not _any_size_fits(spec, backbone):
        what, padded = "gives sides that do not fit the pyramid", made.path("pad_to_max_dimension")
        fix = f"-s {padded}=true" if isinstance(spec, KeepAspect) else ""
        resizer.refuse(kind, what, ("fixed_shape_resizer",), fix)
    return spec


def _sides(spec: Resizer) -> tuple[tuple[str, int], ...]:
    """The fields that are sides of all inputs."""
    if isinstance(spec, FixedShape):
        return ("height", spec.height), ("width", spec.width)
    if isinstance(spec, KeepAspect) and spec.pad_value is not None:
        return (("max_dimension", spec.max_dimension),)
    return ()


def _fixed_shape(made: Reader) -> Resizer:
    return FixedShape(made.value("height"), made.value("width"), _method(made))


def _keep_aspect(made: Reader) -> Resizer:
    low, high = made.value("min_dimension"), made.value("max_dimension")
    if low > high:
        made.refuse("min_dimension", f"is above max_dimension ({high})", (high,))
    pad_value = None
    if made.value("pad_to_max_dimension"):
        pad_value = made.value("per_channel_pad_value") or (0.0, 0.0, 0.0)
        if len(pad_value) != 3:
            made.refuse("per_channel_pad_value", "has not three values", ("one for each channel",))
    return KeepAspect(low, high, pad_value, _method(made))


def _conditional_shape(made: Reader) -> Resizer:
    condition = made.require("condition", ("GREATER", "SMALLER"))
    return ConditionalShape(made.value("size_threshold"), condition == "GREATER", _method(made))


def _pad_to_multiple(made: Reader) -> Resizer:
    _require_colours(made)
    if made.value("multiple") < 1:
        made.refuse("multiple", "is below 1", (32,))
    return PadToMultiple(made.value("multiple"))


_READERS: dict[str, Callable[[Reader], Resizer]] = {
    "fixed_shape_resizer": _fixed_shape,
    "keep_aspect_ratio_resizer": _keep_aspect,
    "conditional_shape_resizer": _conditional_shape,
    "identity_resizer": lambda _: PadToMultiple(1),
    "pad_to_multiple_resizer": _pad_to_multiple,
}


def _method(made: Reader) -> str:
    _require_colours(made)
    return made.enum("resize_method")


def _require_colours(made: Reader) -> None:
    made.require(
        "convert_to_grayscale", (False,), "the networks of the Object Detection API take colours"
    )


def _require_halves(made: Reader, name: str, side: int, backbone: Backbone) -> None:
    """Refuse a side of which a pyramid's maps would not be twice as large as the next."""
    neck = backbone.neck
    padded = side + -side % backbone.pad_to_multiple
    if isinstance(neck, BiFpnNeck):
        multiple = 2**neck.max_level
        fits = padded >= multiple and padded % multiple == 0
    elif isinstance(neck, FpnNeck) and not backbone.explicit_padding:
        top = min(neck.max_level, COARSEST_LEVEL)
        multiple = 2**top
        sizes = [-(-padded // 2**level) for level in range(neck.min_level, top + 1)]
        fits = all(fine == 2 * coarse for fine, coarse in pairwise(sizes))
    else:
        return
    if not fits:
        made.refuse(name, f"{side} does not fit the pyramid", (f"n * {multiple}",))


def _any_size_fits(spec: Resizer, backbone: Backbone) -> bool:
    """Whether inputs of different sizes suit the neck, whatever the images are."""
    neck = backbone.neck
    if not isinstance(neck, FpnNeck):
        # EfficientDet's pyramid is built for one size.
        return not isinstance(neck, BiFpnNeck)
    coarsest = 2 ** min(neck.max_level, COARSEST_LEVEL)
    multiple = spec.multiple if isinstance(spec, PadToMultiple) else 1
    padded = multiple % coarsest == 0 or backbone.pad_to_multiple % coarsest == 0
    return backbone.explicit_padding or padded
