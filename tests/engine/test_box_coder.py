"""Boxes as offsets from anchors."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from odapi_runner.engine.box_coder import decode_boxes, encode_boxes
from odapi_runner.engine.spec.boxes import (
    BoxCoder,
    FasterRcnnCoder,
    MeanStddevCoder,
    SquareCoder,
)

SCALE = FasterRcnnCoder(y=10.0, x=10.0, height=5.0, width=5.0)
ANCHOR = [0.0, 0.0, 10.0, 20.0]  # centre (5, 10), 10 high, 20 wide


@pytest.mark.parametrize(
    ("box", "code"),
    [
        (ANCHOR, [0.0, 0.0, 0.0, 0.0]),
        # Centre (5, 14), 6 high, 20 wide: 10 * 4 / 20; 5 * ln 0.6.
        ([2.0, 4.0, 8.0, 24.0], [0.0, 2.0, 5 * math.log(0.6), 0.0]),
        # Centre (15, 0), 20 high, 20 wide: 10 * 10 / 10; 10 * -10 / 20; 5 * ln 2.
        ([5.0, -10.0, 25.0, 10.0], [10.0, -5.0, 5 * math.log(2), 0.0]),
    ],
)
def test_codes_and_boxes(box: list[float], code: list[float]) -> None:
    """Offsets in sizes of the anchor, sizes as logarithms, each times its factor."""
    anchors = tf.constant([ANCHOR])

    assert encode_boxes(tf.constant([box]), anchors, SCALE)[0].numpy() == pytest.approx(
        code, abs=1e-5
    )
    assert decode_boxes(tf.constant([code]), anchors, SCALE)[0].numpy() == pytest.approx(
        box, abs=1e-4
    )


@pytest.mark.parametrize(
    ("coder", "code", "decoded"),
    [
        # Centre (5, 14), 6 by 20: by the anchor's length sqrt 200; sqrt(120 / 200) as long.
        (
            SquareCoder(y=1.0, x=2.0, length=3.0),
            [0.0, 2 * 4 / math.sqrt(200), 3 * math.log(math.sqrt(0.6))],
            [5 - math.sqrt(30), 14 - math.sqrt(30), 5 + math.sqrt(30), 14 + math.sqrt(30)],
        ),
        (MeanStddevCoder(0.5), [4.0, 8.0, -4.0, 8.0], [2.0, 4.0, 8.0, 24.0]),
    ],
    ids=["square", "corners"],
)
def test_the_other_coders(coder: BoxCoder, code: list[float], decoded: list[float]) -> None:
    """A square keeps centre and area of a box; corners are counted in deviations."""
    found = encode_boxes(tf.constant([[2.0, 4.0, 8.0, 24.0]]), tf.constant([ANCHOR]), coder)

    assert found[0].numpy() == pytest.approx(code, abs=1e-6)
    assert len(code) == coder.code_size
    assert decode_boxes(found, tf.constant([ANCHOR]), coder)[0].numpy() == pytest.approx(
        decoded, abs=1e-5
    )


def test_each_code_has_its_own_factor() -> None:
    """In the order y, x, height, width."""
    codes = [
        encode_boxes(
            tf.constant([[2.0, 4.0, 12.0, 44.0]]), tf.constant([ANCHOR]), FasterRcnnCoder(*factors)
        )[0].numpy()
        for factors in ((1, 1, 1, 1), (2, 3, 4, 5))
    ]

    # Centre (7, 24), 10 high, 40 wide.
    assert codes[0] == pytest.approx([0.2, 0.7, 0.0, math.log(2)], abs=1e-6)
    assert codes[1] == pytest.approx([0.4, 2.1, 0.0, 5 * math.log(2)], abs=1e-6)


def test_a_box_without_size_has_a_code() -> None:
    """Its logarithm is of the small number that is added: 5 * ln(1e-8 / 10)."""
    code = encode_boxes(tf.constant([[5.0, 10.0, 5.0, 10.0]]), tf.constant([ANCHOR]), SCALE)[0]

    assert code.numpy() == pytest.approx(
        [0.0, 0.0, 5 * math.log(1e-9), 5 * math.log(5e-10)], rel=1e-5
    )


@given(
    st.lists(
        st.tuples(
            *[st.floats(0.0, 0.875, width=32)] * 2, *[st.floats(0.0078125, 1.0, width=32)] * 2
        ),
        min_size=1,
        max_size=5,
    )
)
@settings(max_examples=20, deadline=None)
def test_decoding_undoes_encoding(corners: list[tuple[float, float, float, float]]) -> None:
    """For any box of some size, with a batch in front."""
    rows = [[ymin, xmin, ymin + height, xmin + width] for ymin, xmin, height, width in corners]
    boxes = tf.constant([rows, rows[::-1]])
    anchors = tf.constant([[0.4, 0.4, 0.6, 0.7]] * len(rows))

    codes = encode_boxes(boxes, anchors, SCALE)

    assert codes.shape == boxes.shape
    assert np.allclose(decode_boxes(codes, anchors, SCALE), boxes, atol=1e-5)
