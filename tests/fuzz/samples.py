"""What the mutations start from: right inputs of each kind, small."""

from __future__ import annotations

import functools
import io
import struct
import tempfile
from pathlib import Path

from PIL import Image

from odapi_runner.formats.crc32c import masked_crc32c
from odapi_runner.formats.detections import write_detections
from odapi_runner.formats.example import encode_example
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.presets import preset_names
from odapi_runner.pipeline.render import build_pipeline
from odapi_runner.proto.text import render_pipeline
from odapi_runner.workspace import Workspace, shipped
from support.checkpoints import write_checkpoint
from support.detectors import ssd
from support.examples import LABEL_MAP, annotated, encoded
from support.rule_cases import make_base
from support.scenes import random_scenes

PATCHES = (
    """\
7
  = 0.71
  set
    train_config: {
      batch_size: 32
      data_augmentation_options {
        ssd_random_crop {
          operations { min_object_covered: 1.0 max_aspect_ratio: 2.0 }
        }
      }
      optimizer {
        momentum_optimizer {
          learning_rate: { constant_learning_rate { learning_rate: 0.002 } }
        }
      }
    }
    train_input_reader {
      tf_record_input_reader {
        input_path: "data/a/train.record"
        input_path: "data/b/train.record"
      }
      sample_from_datasets_weights: 1.0
      sample_from_datasets_weights: 1.5
    }
  note
    왜 분류를 잘못하지? 일단 보류.
6
  set
    optimizer {
          adam_optimizer ...
    }
  remove
    data_augmentation_options { random_scale_crop_and_pad_to_square {} }
""",
    "set { train config { batch_size: 4 num_steps: 300 } }\nremove { eval_config }\n",
    "set\n  data_augmentation_options {\n    random_horizontal_flip {} }\n  }\n  optimizer {\n",
)
OVERRIDES = (
    ("-s", "batch_size=8"),
    ("-s", "num_steps=300"),
    ("-s", "learning_rate=0.02"),
    ("-s", "image_size=640x512"),
    ("-s", "num_classes=3"),
    ("-s", "train_records=data/a/*.record,data/b/*.record"),
    ("-s", "train_config.optimizer.momentum_optimizer.momentum_optimizer_value=0.8"),
    ("-s", "train_config.optimizer.adam_optimizer={ learning_rate { } }"),
    ("-s", "train_config.data_augmentation_options+={ ssd_random_crop { } }"),
    ("-s", "train_config.data_augmentation_options[random_horizontal_flip].probability=0.25"),
    ("-s", "train_config.data_augmentation_options[0].random_horizontal_flip={}"),
    ("-s", "eval_input_reader[0].shuffle=true"),
    ("-s", "eval_config.metrics_set=[coco_detection_metrics, coco_mask_metrics]"),
    ("-s", "eval_config.super_categories[animals]=cat,dog"),
    ("-s", "model.ssd.feature_extractor.bifpn.combine_method='sum'"),
    ("-s", "train_config.fine_tune_checkpoint_version=V2"),
    ("-d", "train_config.fine_tune_checkpoint"),
    ("-d", "train_config.data_augmentation_options[0]"),
    ("-d", "eval_input_reader"),
)
LOG = """\
INFO:tensorflow:Step 100 per-step time 0.813s loss=1.396
I0912 11:40:27.956218 139735407601536 model_lib_v2.py:652] Step 100 per-step time 0.813s loss=1.396
INFO:tensorflow:{'Loss/classification_loss': 0.82733643,
 'Loss/localization_loss': np.float32(0.53),
 'Loss/total_loss': nan,
 'learning_rate': 0.1666635}
 Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.211
 Average Recall     (AR) @[ IoU=0.50:0.95 | area= large | maxDets=100 ] = -1.000
INFO:tensorflow:Eval metrics at step 2000
INFO:tensorflow:\t+ DetectionBoxes_Precision/mAP: 0.086089
I1223 23:31:42.470360 140361518614400 model_lib_v2.py:1015] #011+ Loss/total_loss: 1.500000
"""
KITTI = """\
Car 0.00 0 -1.58 10.0 12.0 40.0 30.0 1.50 1.60 3.70 -2.00 1.50 9.00 -1.30
Pedestrian 0.20 1 0.21 42.0 5.5 50.0 30.0 1.80 0.50 0.90 1.80 1.50 8.40 0.01
DontCare -1 -1 -10 60.0 1.0 70.0 20.0 -1 -1 -1 -1000 -1000 -1000 -10
"""
VOC = """\
<annotation>
  <filename>one.png</filename>
  <size><width>80</width><height>40</height><depth>3</depth></size>
  <object>
    <name>car</name><truncated>0</truncated><difficult>1</difficult>
    <bndbox><xmin>10</xmin><ymin>12</ymin><xmax>40</xmax><ymax>30.5</ymax></bndbox>
  </object>
</annotation>
"""
LABEL_MAPS = (
    LABEL_MAP,
    (
        'item {\n  id: 1\n  name: "/m/01g317"\n  display_name: "person"\n}\n# 사람\n'
        "item { id: 2 name: '승용차' keypoints { id: 1 label: 'nose' } }\n"
    ),
)
TOML_PRESET = """\
# odapi render --preset mine
extends = "efficientdet-d0"
description = "하나"

[values]
num_classes = 3

[set]
batch_size = 4
"train_config.num_steps" = 300
"""


_FOLDER = tempfile.TemporaryDirectory(prefix="odapi-fuzz-")  # removed when the process ends


@functools.cache
def base() -> Workspace:
    """A workspace with small records, a label map and a checkpoint; nobody changes it."""
    return make_base(Path(_FOLDER.name))


@functools.cache
def messages() -> tuple[object, ...]:
    """The configs of the presets as messages."""
    names = preset_names(base())
    return tuple(build_pipeline(name, Changes(), base()).message for name in names)


@functools.cache
def configs() -> tuple[str, ...]:
    """The configs of the presets as text."""
    return tuple(render_pipeline(message) for message in messages())


@functools.cache
def templates() -> tuple[str, ...]:
    """The shipped templates and their macros."""
    folder = shipped("templates")
    return tuple(path.read_text("utf-8") for path in sorted(folder.rglob("*.j2")))


@functools.cache
def presets() -> tuple[str, ...]:
    """The shipped presets, and one that extends another."""
    folder = shipped("templates") / "presets"
    return (TOML_PRESET, *(path.read_text("utf-8") for path in sorted(folder.glob("*.toml"))))


@functools.cache
def payloads() -> tuple[bytes, ...]:
    """Examples as they lie in records: png and jpeg, with and without boxes."""
    image = Image.new("RGB", (8, 6), "red")
    return (
        encode_example(annotated("one", image=encoded(image), height=6, width=8)),
        encode_example(annotated("둘", [], image=encoded(image, "jpeg"), image_format="jpeg")),
        encode_example(annotated("three", [(0, 0, 1, 1), (0.1, 0.2, 0.3, 0.4)], ["Car", "Van"])),
    )


def framed(payload: bytes) -> bytes:
    """A record around a payload, with right checksums."""
    length = struct.pack("<Q", len(payload))
    ends = (struct.pack("<I", masked_crc32c(part)) for part in (length, payload))
    return length + next(ends) + payload + next(ends)


@functools.cache
def checkpoint() -> tuple[bytes, bytes]:
    """The two files of a detector's checkpoint."""
    with tempfile.TemporaryDirectory() as folder:
        prefix = Path(folder) / "ckpt-0"
        shapes = {
            path: shape
            for number, (path, shape) in enumerate(ssd("efficientnet-b0", classes=3).items())
            if number % 8 == 0 or "box_predictor" in path
        }
        write_checkpoint(prefix, shapes, step=7, slots=("momentum",))
        data = prefix.with_name("ckpt-0.data-00000-of-00001").read_bytes()
        return prefix.with_name("ckpt-0.index").read_bytes(), data.rstrip(b"\0")[:200_000]


@functools.cache
def picture() -> bytes:
    """A png of 80 x 40 pixels."""
    stream = io.BytesIO()
    Image.new("RGB", (80, 40), "green").save(stream, "png")
    return stream.getvalue()


@functools.cache
def evaluation() -> bytes:
    """A checkpoint's detections with their metrics, as `detections/step-N.npz` has them."""
    with tempfile.TemporaryDirectory() as folder:
        write_detections(Path(folder) / "step-1.npz", random_scenes(0)[1])
        return (Path(folder) / "step-1.npz").read_bytes()
