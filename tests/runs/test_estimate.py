"""The memory of a training: by batch, and what fits."""

from __future__ import annotations

import pytest

from odapi_runner.runs.estimate import MIB, Estimate, Step, parse_memory, rows

# As of EfficientDet-D0 at 512 x 512: 626 MiB an image, and 20.
D0 = Estimate(
    size=(512, 512),
    asked=4,
    weights=21 * MIB,
    optimizer=21 * MIB,
    averages=0,
    sums=0,
    program=449 * MIB,
    steps=(
        Step(4, 2492 * MIB, 28 * MIB, 12 * MIB),
        Step(2, 1246 * MIB, 24 * MIB, 6 * MIB),
    ),
)


def test_other_batches_lie_on_the_line_through_two() -> None:
    """Every part of a step grows evenly with its images."""
    assert D0.step(8) == Step(8, 4984 * MIB, 36 * MIB, 24 * MIB)
    assert D0.step(1) == Step(1, 623 * MIB, 22 * MIB, 3 * MIB)


def test_sums_of_the_parts() -> None:
    """A GPU holds what is kept, the step with its scratch space, its batch; the CPU more."""
    step = round((2492 + 28) * 1.05 * MIB)

    assert D0.on_gpu(4) == 42 * MIB + step + 12 * MIB
    assert D0.on_cpu(4) == 42 * MIB + step + 4 * 12 * MIB + 449 * MIB


def test_the_largest_batch_that_fits() -> None:
    """8 GiB less the 2.5 that are not for TensorFlow hold 8 images; 2 GiB none."""
    assert D0.largest(8 << 30) == 8
    assert D0.fits(8, 8 << 30)
    assert not D0.fits(9, 8 << 30)
    assert D0.largest(2 << 30) == 0


def test_the_table_shows_the_edge() -> None:
    """Powers of two to twice the config's batch, the largest that fits, and the next one."""
    table = rows(D0, 6 << 30)

    assert [(row["batch"], row["fits"]) for row in table] == [
        (1, "yes"), (2, "yes"), (4, "yes"), (5, "yes"), (6, "no"), (8, "no"),
    ]  # fmt: skip
    assert table[0] == {
        "batch": 1, "weights": 21, "optimizer": 21, "activations": 623, "gradients": 22,
        "input": 3, "cpu": 1180, "gpu": 722, "fits": "yes",
    }  # fmt: skip
    assert [row["fits"] for row in rows(D0, None, [3])] == [None]


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("8GB", 8 << 30),
        ("8 gib", 8 << 30),
        ("8", 8 << 30),
        ("7800MiB", 7800 * MIB),
        ("1.5G", 3 << 29),
    ],
)
def test_memory_is_read_as_it_is_sold(text: str, size: int) -> None:
    """8GB is what a GPU of 8 GB has: 8 GiB."""
    assert parse_memory(text) == size


@pytest.mark.parametrize("text", ["", "0GB", "viel", "8TB", "-8GB", "8GBit"])
def test_what_is_no_memory_is_refused(text: str) -> None:
    """With the text, and how it would be right."""
    with pytest.raises(ValueError, match="no size of a memory as in 8GB"):
        parse_memory(text)
