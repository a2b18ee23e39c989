"""A stand-in of a checkout of tensorflow/models, for tests on machines without one.

`PACKAGE` holds its files. On today's TensorFlow they fail where the real ones were seen to fail
(`FAILURES`), by the same imports and calls; where those are answered, its `model_main_tf2.py`
trains and evaluates, with the flags, functions and files of the real one, a detector of a single
number.

Seen on Python 3.11 with TensorFlow 2.20.0, tf_keras 2.20.1, tf-models-official 2.20.0, tf_slim
1.1.0, protobuf 7.36, Pillow 13, numpy 2.4; in SketchToCircuit/models 714bb5fcf1 of June 2022, whose
protos have not been compiled, and in vmdhhh/MobileNetV2 b136df7f1b of July 2021, whose protos an
older protobuf has. Both failed alike where nothing else is said.
"""

from __future__ import annotations

from pathlib import Path

_FILES = Path(__file__).parent / "research"

# Without a shim: the file that fails and how, in both checkouts (by the lines of the first).
FAILURES = {
    # core/freezable_sync_batch_norm.py:20
    "legacy-keras": "freezable_sync_batch_norm.py: AttributeError: module "
    "'keras._tf_keras.keras.layers' has no attribute 'experimental'",
    # utils/label_map_util.py:29; the second checkout: `OLD_PROTOS`
    "protos": "label_map_util.py: ImportError: cannot import name 'string_int_label_map_pb2' from "
    "'object_detection.protos'",
    # models/keras_models/resnet_v1.py:22
    "keras-applications": "resnet_v1.py: ModuleNotFoundError: No module named "
    "'tensorflow.python.keras.applications'",
    # models/ssd_efficientnet_bifpn_feature_extractor.py:34
    "efficientnet": "ssd_efficientnet_bifpn_feature_extractor.py: ModuleNotFoundError: No module "
    "named 'official.vision.image_classification'",
    # tf_slim/data/tfexample_decoder.py:453, called by data_decoders/tf_example_decoder.py
    "control-flow": "tfexample_decoder.py: AttributeError: module "
    "'tensorflow.python.ops.control_flow_ops' has no attribute 'case'",
    # utils/visualization_utils.py:219
    "font-size": "visualization_utils.py: AttributeError: 'FreeTypeFont' object has no attribute "
    "'getsize'",
    # utils/metrics.py:45
    "numpy-aliases": "__init__.py: AttributeError: module 'numpy' has no attribute 'float'",
    # metrics/coco_tools.py:305, at the end of an evaluation with metrics by class
    "category-stats": "coco_tools.py: ValueError: Category stats do not exist",
    # metrics/lvis_evaluation.py:23; then tensorflow_io, then tensorflow_addons
    "unused-packages": "lvis_evaluation.py: ModuleNotFoundError: No module named 'lvis'",
    # TensorFlow 2.20 still has it.
    "keras-backend": None,
    "none": None,
}
# protos/string_int_label_map_pb2.py:33, of protoc 3.15 and older
OLD_PROTOS = "Descriptors cannot be created directly."
_LABEL_MAP = Path("research", "object_detection", "protos", "string_int_label_map_pb2.py")


def write_checkout(folder: Path, *, old_protos: bool = False) -> Path:
    """Write it as a clone of tensorflow/models; returns its path.

    Args:
        folder: which gets it.
        old_protos: with such as protoc made before protobuf 3.19; with none otherwise.
    """
    for source in sorted(_FILES.rglob("*.txt")):
        target = folder / "research" / source.relative_to(_FILES).with_suffix(".py")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
        (target.parent / "__init__.py").touch()
    (folder / "research" / "slim").mkdir(exist_ok=True)
    protos = folder / "research" / "object_detection" / "protos"
    protos.mkdir()
    (protos / "__init__.py").touch()
    if old_protos:
        (folder / _LABEL_MAP).write_text(_OLD_PROTO, encoding="utf-8")
    return folder


def write_newer_protos(checkout: Path) -> None:
    """Write such into a checkout as a protoc makes that is newer than any protobuf here."""
    (checkout / _LABEL_MAP).write_text(_NEWER_PROTO, encoding="utf-8")


def write_older(folder: Path) -> Path:
    """Write one of 2020, whose loop cannot be told how many steps it makes at once."""
    source = write_checkout(folder) / "research" / "object_detection" / "model_lib_v2.py"
    text = source.read_text(encoding="utf-8")
    parameter = "    num_steps_per_iteration=NUM_STEPS_PER_ITERATION,\n"
    assert parameter in text
    source.write_text(text.replace(parameter, ""), encoding="utf-8")
    return folder


# What protoc 27 and newer begin such a file with: their number, major, minor and patch.
_NEWER_PROTO = """\
from google.protobuf import runtime_version as _runtime_version
_runtime_version.ValidateProtobufRuntimeVersion(
    _runtime_version.Domain.PUBLIC,
    99,
    0,
    0,
    '',
    'object_detection/protos/string_int_label_map.proto'
)
"""
# What protoc 3.15 begins such a file with; a newer protobuf refuses the first descriptor.
_OLD_PROTO = """\
from google.protobuf import descriptor as _descriptor

DESCRIPTOR = _descriptor.FileDescriptor(
  name='object_detection/protos/string_int_label_map.proto',
  package='object_detection.protos',
  syntax='proto2',
  serialized_options=None,
  create_key=_descriptor._internal_create_key,
  serialized_pb=b''
)
_KIND = _descriptor.EnumDescriptor(
  name='Kind',
  full_name='object_detection.protos.Kind',
  filename=None,
  file=DESCRIPTOR,
  create_key=_descriptor._internal_create_key,
  values=[
    _descriptor.EnumValueDescriptor(
      name='NONE', index=0, number=0,
      serialized_options=None,
      type=None,
      create_key=_descriptor._internal_create_key),
  ],
)
"""
