"""Keras 2 where the program looks for it: TensorFlow of today has it beside itself, if at all."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import sys

from . import standins

_PRIVATE = "tensorflow.python.keras"  # a part of TensorFlow up to 2.5, and some of it after that
_MODULES = ("applications", "applications.resnet", "applications.imagenet_utils")
_OLD_VISION = "official.vision.image_classification"
_NEW_VISION = "official.legacy.image_classification"


def is_keras_3() -> bool:
    """Whether tf.keras is Keras 3: from TensorFlow 2.16 on, unless one asks for the older one."""
    return _has_keras_3() and os.environ.get("TF_USE_LEGACY_KERAS") != "1"


def use_keras_2() -> None:
    """Ask for the older one; only before TensorFlow is imported."""
    if not standins.is_there("tf_keras"):
        sys.exit(
            "This TensorFlow has Keras 3, on which the Object Detection API does not run.\n"
            f"  Install Keras 2 beside it: {sys.executable} -m pip install tf-keras"
        )
    os.environ["TF_USE_LEGACY_KERAS"] = "1"


def are_applications_gone() -> bool:
    """Whether `from tensorflow.python.keras.applications import resnet` fails."""
    return not standins.is_there(f"{_PRIVATE}.applications")


def move_applications() -> None:
    """Have them found there."""
    standins.move({f"{_PRIVATE}.{name}": f"{_keras_2()}.{name}" for name in _MODULES})


def is_backend_gone() -> bool:
    """Whether `from tensorflow.python.keras import backend` fails."""
    return not standins.is_there(f"{_PRIVATE}.backend")


def move_backend() -> None:
    """Have it found there."""
    standins.move({f"{_PRIVATE}.backend": f"{_keras_2()}.backend"})


def has_efficientnet_moved() -> bool:
    """Whether `official.vision.image_classification.efficientnet` is where it is no longer."""
    old, new = f"{_OLD_VISION}.efficientnet", f"{_NEW_VISION}.efficientnet"
    return not standins.is_there(old) and standins.is_there(new)


def move_efficientnet() -> None:
    """Have it found there."""
    names = ("", ".efficientnet", ".efficientnet.efficientnet_model")
    standins.move({_OLD_VISION + name: _NEW_VISION + name for name in names})


def _keras_2() -> str:
    return "tf_keras" if _has_keras_3() else "keras"


def _has_keras_3() -> bool:
    try:
        version = importlib.metadata.version("tensorflow")
    except importlib.metadata.PackageNotFoundError:  # another build: tensorflow-cpu, …
        version = importlib.import_module("tensorflow").__version__
    major, minor = version.split(".")[:2]
    return (int(major), int(minor)) >= (2, 16)
