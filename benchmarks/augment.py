"""How long each step of augmentation takes for an image, against decoding it.

    python benchmarks/augment.py [CONFIG] [--images N]

Of a config the steps of `train_config.data_augmentation_options` are measured, each by itself; by
default all that the engine knows (`augment.config`). The image is a street scene of 480 x 640
pixels with its boxes. Figures are CPU time of one process, so that other programs hardly count.
"""

from __future__ import annotations

import io
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
SIZE_HW = (480, 640)
WARM_UP = 10


def milliseconds(call: Callable[[int], object], count: int) -> float:
    """CPU time of a call of a number, after some that do not count."""
    for number in range(WARM_UP):
        call(number)
    start = time.process_time()
    for number in range(count):
        call(number)
    return (time.process_time() - start) / count * 1000


def street(folder: Path) -> tuple[bytes, np.ndarray]:
    """A drawn scene as JPEG, and its boxes in shares of it."""
    from PIL import Image

    from odapi_runner.records.draw import draw_streets

    draw_streets(folder, images=1, seed=0, size_hw=SIZE_HW)
    (path,) = (folder / "training" / "image_2").iterdir()
    with Image.open(path) as image:
        stream = io.BytesIO()
        image.convert("RGB").save(stream, "jpeg", quality=90)
    words = [line.split() for line in (folder / "training" / "label_2" / f"{path.stem}.txt").open()]
    ends = np.array([[float(word) for word in line[4:8]] for line in words])  # xmin, ymin, …
    height, width = SIZE_HW
    size = np.array([width, height, width, height])
    return stream.getvalue(), (ends / size)[:, [1, 0, 3, 2]].astype(np.float32)


@click.command()
@click.argument(
    "config",
    type=click.Path(path_type=Path, exists=True),
    default=Path(__file__).with_name("augment.config"),
)
@click.option("--images", default=60, show_default=True)
def main(config: Path, images: int) -> None:
    """Print a row a step."""
    import tensorflow as tf

    from odapi_runner.engine.augment.apply import augment
    from odapi_runner.engine.augment.read import read_augmentation
    from odapi_runner.engine.fields import Reader
    from odapi_runner.engine.records import Sample
    from odapi_runner.proto.text import read_pipeline

    with tempfile.TemporaryDirectory() as folder:
        encoded, boxes = street(Path(folder))
    image = tf.io.decode_jpeg(encoded)
    count = len(boxes)
    sample = Sample(
        image=image,
        boxes=tf.constant(boxes),
        classes=tf.range(count),
        weights=tf.ones([count]),
        ignored=tf.zeros([count], tf.bool),
        scores=tf.zeros([count, 0]),
    )
    decoding = milliseconds(lambda _: tf.io.decode_jpeg(encoded), images)
    click.echo(f"{'decoding of the JPEG':42} {decoding:6.2f} ms")
    message = read_pipeline(config)
    train = Reader(message).message("train_config")
    steps = map(read_augmentation, train.messages("data_augmentation_options"))
    for place, own in enumerate(steps):
        options = message.train_config.data_augmentation_options[place]
        apply = tf.function(
            lambda seed, step=own: augment(sample, (step,), seed),
            input_signature=[tf.TensorSpec([2], tf.int64)],
            autograph=False,
        )
        taken = milliseconds(lambda e, f=apply: f(tf.constant([1, e], tf.int64)), images)
        name = options.WhichOneof("preprocessing_step")
        click.echo(f"{name:42} {taken:6.2f} ms {taken / decoding:6.2f} x decoding")


if __name__ == "__main__":
    main()
