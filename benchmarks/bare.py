"""A bare training loop of a config's network: same layers, same optimizer, dummy input, no engine.

    python benchmarks/bare.py pipeline.config --steps 20

One batch of noise, a loss that is the mean square of the predictions, and the optimizer: what a
step costs with nothing of odapi around the network. Prints one JSON object: seconds from the start
of the process to the end of the first step, seconds of each later step, peak memory.
"""

from __future__ import annotations

import time

import psutil

STARTED = psutil.Process().create_time()

import argparse  # noqa: E402 - the clock comes first
import json  # noqa: E402
import resource  # noqa: E402
from pathlib import Path  # noqa: E402


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--steps", type=int, default=20)
    arguments = parser.parse_args()

    import tensorflow as tf

    from odapi_runner.engine.meta_architectures import build_detector
    from odapi_runner.engine.optimizer import build_optimizer
    from odapi_runner.engine.read_config import build_spec
    from odapi_runner.engine.spec.resizer import input_size
    from odapi_runner.proto.text import read_pipeline

    spec = build_spec(read_pipeline(arguments.config))
    batch = spec.train.batch_size
    size = input_size(spec.model.resizer)
    if size is None:
        parser.error("the bare loop needs inputs of one size")
    network = build_detector(spec)
    optimizer = build_optimizer(spec.train, tf.Variable(1e-6), network.trainable_variables)
    images = tf.random.normal([batch, *size, 3])
    uniform = tf.random.uniform([batch, network.draws_per_example])

    @tf.function
    def step() -> tf.Tensor:
        with tf.GradientTape() as tape:
            predictions = network.predict_batch(images, training=True, uniform=uniform)
            loss = tf.reduce_mean(predictions.codes**2) + tf.reduce_mean(predictions.logits**2)
            if spec.train.regularize:
                loss += network.regularization_loss()
        variables = network.trainable_variables
        gradients = tape.gradient(loss, variables)
        optimizer.apply_gradients(
            [pair for pair in zip(gradients, variables, strict=True) if pair[0] is not None]
        )
        return loss

    step().numpy()
    first = time.time() - STARTED
    seconds = []
    for _ in range(arguments.steps):
        begun = time.perf_counter()
        step().numpy()
        seconds.append(time.perf_counter() - begun)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"first_step": first, "steps": seconds, "peak_mib": peak}))


if __name__ == "__main__":
    main()
