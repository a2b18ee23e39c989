"""What each step of augmentation is to do, as plain values (no TensorFlow here).

A class is named in its docstring by its field of preprocessor.proto. Values are in the units of
that file; labels alone are the engine's classes, from 0.
"""

from __future__ import annotations

from dataclasses import dataclass

Range = tuple[float, float]  # the smallest and the largest


@dataclass(frozen=True, slots=True)
class HorizontalFlip:
    """`random_horizontal_flip`."""

    probability: float


@dataclass(frozen=True, slots=True)
class VerticalFlip:
    """`random_vertical_flip`."""

    probability: float


@dataclass(frozen=True, slots=True)
class Rotation90:
    """`random_rotation90`."""

    probability: float


@dataclass(frozen=True, slots=True)
class NormalizeImage:
    """`normalize_image`."""

    original: Range
    target: Range


@dataclass(frozen=True, slots=True)
class SubtractChannelMean:
    """`subtract_channel_mean`."""

    means: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class PixelValueScale:
    """`random_pixel_value_scale`."""

    scale: Range


@dataclass(frozen=True, slots=True)
class RgbToGray:
    """`random_rgb_to_gray`, and `rgb_to_gray` with probability 1."""

    probability: float


@dataclass(frozen=True, slots=True)
class AdjustGamma:
    """`adjust_gamma`."""

    gamma: float
    gain: float


@dataclass(frozen=True, slots=True)
class AdjustBrightness:
    """`random_adjust_brightness`."""

    max_delta: float


@dataclass(frozen=True, slots=True)
class AdjustContrast:
    """`random_adjust_contrast`."""

    factor: Range


@dataclass(frozen=True, slots=True)
class AdjustHue:
    """`random_adjust_hue`."""

    max_delta: float


@dataclass(frozen=True, slots=True)
class AdjustSaturation:
    """`random_adjust_saturation`."""

    factor: Range


@dataclass(frozen=True, slots=True)
class DistortColor:
    """`random_distort_color`; with `contrast_first` contrast comes before saturation and hue."""

    contrast_first: bool


@dataclass(frozen=True, slots=True)
class BlackPatches:
    """`random_black_patches`."""

    max_patches: int
    probability: float
    size_to_image_ratio: float


@dataclass(frozen=True, slots=True)
class JpegQuality:
    """`random_jpeg_quality`; `random_coef` is the probability to do nothing, here as below."""

    random_coef: float
    min_quality: int
    max_quality: int


@dataclass(frozen=True, slots=True)
class PatchGaussian:
    """`random_patch_gaussian`."""

    random_coef: float
    min_patch_size: int
    max_patch_size: int
    stddev: Range


@dataclass(frozen=True, slots=True)
class ImageScale:
    """`random_image_scale`."""

    ratio: Range


@dataclass(frozen=True, slots=True)
class ResizeImage:
    """`resize_image`; the method is AREA, BICUBIC, BILINEAR or NEAREST_NEIGHBOR."""

    height: int
    width: int
    method: str


@dataclass(frozen=True, slots=True)
class ResizeMethod:
    """`random_resize_method`."""

    height: int
    width: int


@dataclass(frozen=True, slots=True)
class DownscaleToTargetPixels:
    """`random_downscale_to_target_pixels`."""

    random_coef: float
    min_pixels: int
    max_pixels: int


@dataclass(frozen=True, slots=True)
class ScaleBoxesToPixels:
    """`scale_boxes_to_pixel_coordinates`."""


@dataclass(frozen=True, slots=True)
class JitterBoxes:
    """`random_jitter_boxes`; the mode is one of its enum's names."""

    ratio: float
    mode: str


@dataclass(frozen=True, slots=True)
class DropLabel:
    """`drop_label_probabilistically`."""

    label: int
    probability: float


@dataclass(frozen=True, slots=True)
class RemapLabels:
    """`remap_labels`."""

    original_labels: tuple[int, ...]
    new_label: int


@dataclass(frozen=True, slots=True)
class SelfConcat:
    """`random_self_concat_image`."""

    vertical_probability: float
    horizontal_probability: float


@dataclass(frozen=True, slots=True)
class Crop:
    """What a random crop of an image must hold, and which boxes stay."""

    min_object_covered: float
    aspect_ratio: Range  # width / height
    area: Range  # shares of the image
    overlap_threshold: float  # the share of a box inside the crop from which on it stays
    clip_boxes: bool
    random_coef: float


@dataclass(frozen=True, slots=True)
class CropImage:
    """`random_crop_image`, or `ssd_random_crop`: one of its operations, drawn evenly."""

    operations: tuple[Crop, ...]


@dataclass(frozen=True, slots=True)
class Padding:
    """How far to pad, in sizes of the image (height, width), and with what; None: its mean."""

    min_ratio: Range
    max_ratio: Range
    color: tuple[float, float, float] | None


@dataclass(frozen=True, slots=True)
class CropPadImage:
    """`random_crop_pad_image`, or `ssd_random_crop_pad`: an operation and its padding."""

    operations: tuple[Crop, ...]
    paddings: tuple[Padding, ...]


@dataclass(frozen=True, slots=True)
class CropFixedAspectRatio:
    """`ssd_random_crop_fixed_aspect_ratio`."""

    operations: tuple[Crop, ...]
    aspect_ratio: float


@dataclass(frozen=True, slots=True)
class CropPadFixedAspectRatio:
    """`ssd_random_crop_pad_fixed_aspect_ratio`."""

    operations: tuple[Crop, ...]
    aspect_ratio: float
    min_ratio: Range
    max_ratio: Range


@dataclass(frozen=True, slots=True)
class CropToAspectRatio:
    """`random_crop_to_aspect_ratio`."""

    aspect_ratio: float
    overlap_threshold: float
    clip_boxes: bool


@dataclass(frozen=True, slots=True)
class PadImage:
    """`random_pad_image`; sizes are (height, width), None: once and twice the image's."""

    min_size: tuple[int, int] | None
    max_size: tuple[int, int] | None
    color: tuple[float, float, float] | None


@dataclass(frozen=True, slots=True)
class AbsolutePadImage:
    """`random_absolute_pad_image`."""

    max_padding: tuple[int, int]  # height, width
    color: tuple[float, float, float] | None


@dataclass(frozen=True, slots=True)
class SquareCropByScale:
    """`random_square_crop_by_scale`."""

    max_border: int
    scale: Range
    num_scales: int


@dataclass(frozen=True, slots=True)
class ScaleCropPad:
    """`random_scale_crop_and_pad_to_square`."""

    output_size: int
    scale_min: float
    scale_max: float


@dataclass(frozen=True, slots=True)
class AutoAugment:
    """`autoaugment_image`."""

    policy: str


@dataclass(frozen=True, slots=True)
class LogitsToSoftmax:
    """`convert_class_logits_to_softmax`."""

    temperature: float


Augmentation = (
    HorizontalFlip
    | VerticalFlip
    | Rotation90
    | NormalizeImage
    | SubtractChannelMean
    | PixelValueScale
    | RgbToGray
    | AdjustGamma
    | AdjustBrightness
    | AdjustContrast
    | AdjustHue
    | AdjustSaturation
    | DistortColor
    | BlackPatches
    | JpegQuality
    | PatchGaussian
    | ImageScale
    | ResizeImage
    | ResizeMethod
    | DownscaleToTargetPixels
    | ScaleBoxesToPixels
    | JitterBoxes
    | DropLabel
    | RemapLabels
    | SelfConcat
    | CropImage
    | CropPadImage
    | CropFixedAspectRatio
    | CropPadFixedAspectRatio
    | CropToAspectRatio
    | PadImage
    | AbsolutePadImage
    | SquareCropByScale
    | ScaleCropPad
    | AutoAugment
    | LogitsToSoftmax
)
