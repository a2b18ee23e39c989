"""The flags and modes of efficientdet/main.py, around an estimator that learns nothing."""

from __future__ import annotations

import argparse
import time

import hparams_config
import tensorflow.compat.v1 as tf

POLL_SECONDS = 0.05
TEXTS = (
    "mode", "model_name", "model_dir", "hparams", "ckpt", "strategy", "train_file_pattern",
    "val_file_pattern", "val_json_file",
)  # fmt: skip
NUMBERS = (
    "train_batch_size", "eval_batch_size", "eval_samples", "num_examples_per_epoch",
    "save_checkpoints_steps", "iterations_per_loop", "tf_random_seed", "min_eval_interval",
    "eval_timeout",
)  # fmt: skip


def read_flags() -> argparse.Namespace:
    """As absl: a flag that is none is an error."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in TEXTS:
        parser.add_argument(f"--{name}")
    for name in NUMBERS:
        parser.add_argument(f"--{name}", type=int)
    parser.add_argument("--use_xla", action="store_true")
    return parser.parse_args()


def main() -> None:
    """Train, evaluate, or both by turns."""
    flags = read_flags()
    values = hparams_config.read(flags.hparams)
    print(f"{flags.mode} {flags.model_name} from {flags.ckpt}", flush=True)
    estimator = tf.estimator.Estimator(flags)
    examples, batch = flags.num_examples_per_epoch, flags.train_batch_size
    train_steps = int(values["num_epochs"] * examples) // batch
    if flags.mode == "train":
        estimator.train(None, max_steps=train_steps)
    elif flags.mode == "eval":
        evaluate(estimator, flags, train_steps)
    else:
        epoch = (tf.latest_step(flags.model_dir) or 0) * batch // examples
        for e in range(epoch + 1, values["num_epochs"] + 1):
            estimator.train(None, max_steps=e * examples // batch)
            estimator.evaluate(None, steps=flags.eval_samples)


def evaluate(estimator: tf.estimator.Estimator, flags: argparse.Namespace, last: int) -> None:
    """Each new checkpoint, until the one of the last step; or until none came in time."""
    seen, since = None, time.monotonic()
    while seen is None or seen < last:
        newest = tf.latest_step(flags.model_dir)
        if newest not in (None, seen):
            seen = newest
            estimator.evaluate(None, steps=flags.eval_samples)
            since = time.monotonic()
        elif flags.eval_timeout is not None and time.monotonic() - since >= flags.eval_timeout:
            return
        else:
            time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    main()
