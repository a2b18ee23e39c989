"""Headers of images, against what Pillow says of them."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from odapi_runner.formats.image_header import parse_usual_header


def encode(mode: str, kind: str, **options: object) -> bytes:
    """An image 30 wide and 20 high."""
    stream = io.BytesIO()
    Image.new(mode, (30, 20)).save(stream, kind, **options)
    return stream.getvalue()


USUAL = [
    *(encode(mode, "PNG") for mode in ("RGB", "L", "P", "1", "RGBA", "I;16")),
    *(encode(mode, "JPEG") for mode in ("RGB", "L", "CMYK")),
    encode("RGB", "JPEG", progressive=True, optimize=True, comment="주석"),
    encode("RGB", "JPEG", icc_profile=bytes(150_000), exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0"),
]


@pytest.mark.parametrize("number", range(len(USUAL)))
def test_usual_images(number: int) -> None:
    """Format, height and width, from bytes and from a view, whatever stands before the frame."""
    expected = ("png" if number < 6 else "jpeg", 20, 30)

    assert parse_usual_header(USUAL[number]) == expected
    assert parse_usual_header(memoryview(USUAL[number])) == expected


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xd8\xff",
        b"no image at all, but some words that are long enough",
        encode("RGB", "BMP"),
        encode("RGB", "GIF"),
        USUAL[0][:20],
        USUAL[0][:16] + b"\xff" + USUAL[0][17:],  # a width that its checksum does not have
        USUAL[6][:100],  # cut before the frame
        USUAL[6].replace(b"\xff\xc0\x00\x11\x08", b"\xff\xc0\x00\x11\x0c"),  # 12 bits
        USUAL[6].replace(b"\xff\xc0\x00\x11\x08\x00\x14", b"\xff\xc0\x00\x11\x08\x00\x00"),
        b"\xff\xd8\xff\xd9" + bytes(40),
    ],
)
def test_what_is_not_usual_is_left_to_pillow(data: bytes) -> None:
    """Another format, nothing whole, a precision or a height that few decoders know."""
    assert parse_usual_header(data) is None


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # of damaged Exif data
@settings(max_examples=300, deadline=None)
@given(
    number=st.integers(0, len(USUAL) - 1),
    damage=st.lists(st.tuples(st.integers(0, 700), st.integers(0, 255)), max_size=3),
    cut=st.integers(0, 800),
)
def test_damaged_headers_say_what_pillow_says(
    number: int, damage: list[tuple[int, int]], cut: int
) -> None:
    """Where both find a size, it is the same one."""
    data = bytearray(USUAL[number])
    for place, byte in damage:
        data[place % len(data)] = byte
    data = data[: cut or None]

    found = parse_usual_header(bytes(data))

    if found:
        try:
            with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as image:
                assert found[1:] == (image.height, image.width)
        except (OSError, SyntaxError, ValueError):
            pass  # it looks at more than the size
