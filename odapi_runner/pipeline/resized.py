"""What a config's resizer makes of images: their size, and that of the network's input."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def resize(
    resizer: Any, sizes_hw: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """The sizes of resized images, and of the inputs that hold them in their upper left corner.

    Args:
        resizer: an ImageResizer.
        sizes_hw: int64 [n, 2] height and width of images in pixels.

    Returns:
        float64 [n, 2] twice: image and input; None where no resizer is set.

    Source: object_detection/builders/image_resizer_builder.py, core/preprocessor.py.
    """
    kind = resizer.WhichOneof("image_resizer_oneof")
    if kind is None:
        return None
    sizes = sizes_hw.astype(np.float64)
    options = getattr(resizer, kind)
    if kind == "fixed_shape_resizer":
        resized = np.full_like(sizes, (options.height, options.width))
    elif kind == "keep_aspect_ratio_resizer":
        resized = _resize_to_range(sizes, options.min_dimension, options.max_dimension)
        if options.pad_to_max_dimension:
            return resized, np.full_like(sizes, options.max_dimension)
    elif kind == "conditional_shape_resizer":
        resized = _resize_on_condition(sizes, options)
    elif kind == "pad_to_multiple_resizer":
        multiple = max(1, options.multiple)
        return sizes, np.ceil(sizes / multiple) * multiple
    else:
        resized = sizes
    return resized, resized


def _resize_to_range(
    sizes: NDArray[np.float64], shorter: float, longer: float
) -> NDArray[np.float64]:
    """The shorter side becomes `shorter`, but the longer one at most `longer`."""
    scale = np.minimum(shorter / sizes.min(axis=1), longer / sizes.max(axis=1))
    resized: NDArray[np.float64] = np.round(sizes * scale[:, None])
    return resized


def _resize_on_condition(sizes: NDArray[np.float64], options: Any) -> NDArray[np.float64]:
    """Only images that are larger than a threshold, or only those that are smaller."""
    threshold = options.size_threshold
    if options.condition == options.SMALLER:
        scale = np.maximum(1, threshold / sizes.min(axis=1))
    else:
        scale = np.minimum(1, threshold / sizes.max(axis=1))
    resized: NDArray[np.float64] = np.floor(sizes * scale[:, None])
    return resized
