"""Event files that TensorFlow has written, read without it."""

from __future__ import annotations

from pathlib import Path

import pytest
import tensorflow as tf

from odapi_runner.formats.event_file import event_files, read_last_step, read_scalars


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """What a trainer's writer leaves: numbers, a picture between them."""
    writer = tf.summary.create_file_writer(str(tmp_path / "train"))
    with writer.as_default():
        tf.summary.scalar("Loss/total_loss", 1.5, step=100)
        tf.summary.image("train_input_images", tf.zeros([1, 4, 4, 3]), step=100)
        tf.summary.scalar("learning_rate", 0.0, step=200)
    writer.close()
    (path,) = event_files(tmp_path)
    return path


def test_numbers_are_read_by_step_and_tag(written: Path) -> None:
    """Pictures are none; 0 is one."""
    assert list(read_scalars(written)) == [
        (100, "Loss/total_loss", 1.5),
        (200, "learning_rate", 0.0),
    ]
    assert read_last_step(written) == 200


def test_a_file_that_is_being_written_has_what_is_whole(written: Path) -> None:
    """As TensorBoard reads it."""
    written.write_bytes(written.read_bytes()[:-3])

    assert [step for step, _, _ in read_scalars(written)] == [100]
    assert read_last_step(written) == 100


@pytest.mark.parametrize("content", [b"", b"no event file at all, but text"])
def test_what_is_no_event_file_tells_nothing(tmp_path: Path, content: bytes) -> None:
    """Nor does it keep others from being read."""
    path = tmp_path / "events.out.tfevents.1.v2"
    path.write_bytes(content)

    assert list(read_scalars(path)) == []
    assert read_last_step(path) is None
