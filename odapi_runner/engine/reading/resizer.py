"""The resizer of the images."""

from __future__ import annotations

from odapi_runner.engine.fields import Reader
from odapi_runner.engine.spec import Resizer


def read_resizer(resizer: Reader, multiple: int) -> Resizer:
    """The resizer; the coarsest level of the pyramid needs a side in multiples of its stride."""
    _, keep = resizer.member("image_resizer_oneof", ("keep_aspect_ratio_resizer",))
    keep.require("pad_to_max_dimension", (True,), "EfficientDet needs inputs of one size")
    keep.require("resize_method", ("BILINEAR",))
    keep.require("convert_to_grayscale", (False,))
    size = keep.value("max_dimension")
    if keep.value("min_dimension") != size:
        keep.refuse("min_dimension", f"is not max_dimension ({size})", (size,))
    if size < multiple or size % multiple:
        keep.refuse("max_dimension", f"{size} does not fit the pyramid", (f"n * {multiple}",))
    pad_value = keep.value("per_channel_pad_value") or (0.0, 0.0, 0.0)
    if len(pad_value) != 3:
        keep.refuse("per_channel_pad_value", "has not three values", ("one for each channel",))
    return Resizer(size, pad_value)
