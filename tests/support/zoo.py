"""What the Object Detection API published: its 40 sample configs for TF2, and figures of each.

Read off object_detection/configs/tf2 (The TensorFlow Authors, Apache-2.0).
"""

from __future__ import annotations

from typing import NamedTuple


class Sample(NamedTuple):
    """A sample config, by what tells it from the others."""

    file: str
    extractor: str
    size: tuple[int, int]  # height and width, or the shorter and the longer side
    batch: int
    steps: int
    rate: float  # the base learning rate


# By the preset that reproduces it.
# fmt: off
ZOO = {
    "centernet-deepmac-1024": Sample(
        "center_net_deepmac_1024x1024_coco_tpu-128.config",
        "hourglass_104", (1024, 1024), 128, 50000, 0.001,
    ),
    "centernet-deepmac-1024-non-voc-only": Sample(
        "center_net_deepmac_1024x1024_non_voc_only_tpu-128.config",
        "hourglass_104", (1024, 1024), 128, 50000, 0.001,
    ),
    "centernet-deepmac-1024-voc-only": Sample(
        "center_net_deepmac_1024x1024_voc_only_tpu-128.config",
        "hourglass_104", (1024, 1024), 128, 50000, 0.001,
    ),
    "centernet-deepmac-512-voc-only": Sample(
        "center_net_deepmac_512x512_voc_only_tpu-32.config",
        "hourglass_104", (512, 512), 128, 50000, 0.001,
    ),
    "centernet-hourglass104-1024": Sample(
        "centernet_hourglass104_1024x1024_coco17_tpu-32.config",
        "hourglass_104", (1024, 1024), 128, 50000, 0.001,
    ),
    "centernet-hourglass104-1024-keypoints": Sample(
        "centernet_hourglass104_1024x1024_kpts_coco17_tpu-32.config",
        "hourglass_104", (1024, 1024), 128, 250000, 0.001,
    ),
    "centernet-hourglass104-512": Sample(
        "centernet_hourglass104_512x512_coco17_tpu-8.config",
        "hourglass_104", (512, 512), 128, 140000, 0.001,
    ),
    "centernet-hourglass104-512-keypoints": Sample(
        "centernet_hourglass104_512x512_kpts_coco17_tpu-32.config",
        "hourglass_104", (512, 512), 128, 250000, 0.001,
    ),
    "centernet-resnet101-v1-fpn-512": Sample(
        "centernet_resnet101_v1_fpn_512x512_coco17_tpu-8.config",
        "resnet_v2_101", (512, 512), 128, 140000, 0.001,
    ),
    "centernet-resnet50-v1-fpn-512-keypoints": Sample(
        "centernet_resnet50_v1_fpn_512x512_kpts_coco17_tpu-8.config",
        "resnet_v1_50_fpn", (512, 512), 128, 250000, 0.001,
    ),
    "centernet-resnet50-v2-512-keypoints": Sample(
        "centernet_resnet50_v2_512x512_kpts_coco17_tpu-8.config",
        "resnet_v2_50", (512, 512), 128, 250000, 0.001,
    ),
    "efficientdet-d0": Sample(
        "ssd_efficientdet_d0_512x512_coco17_tpu-8.config",
        "ssd_efficientnet-b0_bifpn_keras", (512, 512), 128, 300000, 0.08,
    ),
    "efficientdet-d1": Sample(
        "ssd_efficientdet_d1_640x640_coco17_tpu-8.config",
        "ssd_efficientnet-b1_bifpn_keras", (640, 640), 128, 300000, 0.08,
    ),
    "efficientdet-d2": Sample(
        "ssd_efficientdet_d2_768x768_coco17_tpu-8.config",
        "ssd_efficientnet-b2_bifpn_keras", (768, 768), 128, 300000, 0.08,
    ),
    "efficientdet-d3": Sample(
        "ssd_efficientdet_d3_896x896_coco17_tpu-32.config",
        "ssd_efficientnet-b3_bifpn_keras", (896, 896), 128, 300000, 0.08,
    ),
    "efficientdet-d4": Sample(
        "ssd_efficientdet_d4_1024x1024_coco17_tpu-32.config",
        "ssd_efficientnet-b4_bifpn_keras", (1024, 1024), 128, 300000, 0.08,
    ),
    "efficientdet-d5": Sample(
        "ssd_efficientdet_d5_1280x1280_coco17_tpu-32.config",
        "ssd_efficientnet-b5_bifpn_keras", (1280, 1280), 128, 300000, 0.08,
    ),
    "efficientdet-d6": Sample(
        "ssd_efficientdet_d6_1408x1408_coco17_tpu-32.config",
        "ssd_efficientnet-b6_bifpn_keras", (1408, 1408), 128, 300000, 0.08,
    ),
    "efficientdet-d7": Sample(
        "ssd_efficientdet_d7_1536x1536_coco17_tpu-32.config",
        "ssd_efficientnet-b6_bifpn_keras", (1536, 1536), 128, 300000, 0.08,
    ),
    "faster-rcnn-resnet101-1024": Sample(
        "faster_rcnn_resnet101_v1_1024x1024_coco17_tpu-8.config",
        "faster_rcnn_resnet101_keras", (1024, 1024), 64, 100000, 0.04,
    ),
    "faster-rcnn-resnet101-640": Sample(
        "faster_rcnn_resnet101_v1_640x640_coco17_tpu-8.config",
        "faster_rcnn_resnet101_keras", (640, 640), 64, 25000, 0.04,
    ),
    "faster-rcnn-resnet101-800x1333": Sample(
        "faster_rcnn_resnet101_v1_800x1333_coco17_gpu-8.config",
        "faster_rcnn_resnet101_keras", (800, 1333), 16, 200000, 0.01,
    ),
    "faster-rcnn-resnet152-1024": Sample(
        "faster_rcnn_resnet152_v1_1024x1024_coco17_tpu-8.config",
        "faster_rcnn_resnet152_keras", (1024, 1024), 64, 100000, 0.04,
    ),
    "faster-rcnn-resnet152-640": Sample(
        "faster_rcnn_resnet152_v1_640x640_coco17_tpu-8.config",
        "faster_rcnn_resnet152_keras", (640, 640), 64, 25000, 0.04,
    ),
    "faster-rcnn-resnet152-800x1333": Sample(
        "faster_rcnn_resnet152_v1_800x1333_coco17_gpu-8.config",
        "faster_rcnn_resnet152_keras", (800, 1333), 16, 200000, 0.01,
    ),
    "faster-rcnn-resnet50-1024": Sample(
        "faster_rcnn_resnet50_v1_1024x1024_coco17_tpu-8.config",
        "faster_rcnn_resnet50_keras", (1024, 1024), 64, 100000, 0.04,
    ),
    "faster-rcnn-resnet50-640": Sample(
        "faster_rcnn_resnet50_v1_640x640_coco17_tpu-8.config",
        "faster_rcnn_resnet50_keras", (640, 640), 64, 25000, 0.04,
    ),
    "faster-rcnn-resnet50-800x1333": Sample(
        "faster_rcnn_resnet50_v1_800x1333_coco17_gpu-8.config",
        "faster_rcnn_resnet50_keras", (800, 1333), 16, 200000, 0.01,
    ),
    "faster-rcnn-resnet50-fpn-640": Sample(
        "faster_rcnn_resnet50_v1_fpn_640x640_coco17_tpu-8.config",
        "faster_rcnn_resnet50_fpn_keras", (640, 640), 64, 25000, 0.04,
    ),
    "mask-rcnn-inception-resnet-v2-1024": Sample(
        "mask_rcnn_inception_resnet_v2_1024x1024_coco17_gpu-8.config",
        "faster_rcnn_inception_resnet_v2_keras", (1024, 1024), 16, 200000, 0.008,
    ),
    "ssd-mobilenet-v1-fpn-640": Sample(
        "ssd_mobilenet_v1_fpn_640x640_coco17_tpu-8.config",
        "ssd_mobilenet_v1_fpn_keras", (640, 640), 64, 25000, 0.04,
    ),
    "ssd-mobilenet-v2-320": Sample(
        "ssd_mobilenet_v2_320x320_coco17_tpu-8.config",
        "ssd_mobilenet_v2_keras", (300, 300), 512, 50000, 0.8,
    ),
    "ssd-mobilenet-v2-fpnlite-320": Sample(
        "ssd_mobilenet_v2_fpnlite_320x320_coco17_tpu-8.config",
        "ssd_mobilenet_v2_fpn_keras", (320, 320), 128, 50000, 0.08,
    ),
    "ssd-mobilenet-v2-fpnlite-640": Sample(
        "ssd_mobilenet_v2_fpnlite_640x640_coco17_tpu-8.config",
        "ssd_mobilenet_v2_fpn_keras", (640, 640), 128, 50000, 0.08,
    ),
    "ssd-resnet101-fpn-1024": Sample(
        "ssd_resnet101_v1_fpn_1024x1024_coco17_tpu-8.config",
        "ssd_resnet101_v1_fpn_keras", (1024, 1024), 64, 100000, 0.04,
    ),
    "ssd-resnet101-fpn-640": Sample(
        "ssd_resnet101_v1_fpn_640x640_coco17_tpu-8.config",
        "ssd_resnet101_v1_fpn_keras", (640, 640), 64, 25000, 0.04,
    ),
    "ssd-resnet152-fpn-1024": Sample(
        "ssd_resnet152_v1_fpn_1024x1024_coco17_tpu-8.config",
        "ssd_resnet152_v1_fpn_keras", (1024, 1024), 64, 100000, 0.04,
    ),
    "ssd-resnet152-fpn-640": Sample(
        "ssd_resnet152_v1_fpn_640x640_coco17_tpu-8.config",
        "ssd_resnet152_v1_fpn_keras", (640, 640), 64, 25000, 0.04,
    ),
    "ssd-resnet50-fpn-1024": Sample(
        "ssd_resnet50_v1_fpn_1024x1024_coco17_tpu-8.config",
        "ssd_resnet50_v1_fpn_keras", (1024, 1024), 64, 100000, 0.04,
    ),
    "ssd-resnet50-fpn-640": Sample(
        "ssd_resnet50_v1_fpn_640x640_coco17_tpu-8.config",
        "ssd_resnet50_v1_fpn_keras", (640, 640), 64, 25000, 0.04,
    ),
}
# fmt: on
