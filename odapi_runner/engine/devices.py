"""What TensorFlow says of itself and of the devices that it sees, as one line of JSON.

Its text is given to any interpreter that has a TensorFlow; nothing of odapi is needed there.
"""

from __future__ import annotations

import json

import tensorflow as tf


def main() -> None:
    """Print it."""
    built = tf.sysconfig.get_build_info()
    has_cuda = bool(built.get("is_cuda_build"))
    gpus = tf.config.list_physical_devices("GPU")
    told = {
        "tensorflow": tf.__version__,
        "keras": tf.keras.__version__,
        "cuda": built.get("cuda_version") if has_cuda else None,
        "cudnn": built.get("cudnn_version") if has_cuda else None,
        "gpus": [tf.config.experimental.get_device_details(gpu) for gpu in gpus],
    }
    print(json.dumps(told, default=list))


if __name__ == "__main__":
    main()
