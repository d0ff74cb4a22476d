"""Any bytes as an image: pixels of the announced size, or `UnsupportedEncodingError`."""

from __future__ import annotations

import struct
import subprocess
import sys

import cv2
import numpy as np
import pytest
from fuzzing import check_message, fuzz
from hypothesis import strategies as st

from pixelrefer_ros.errors import UnsupportedEncodingError
from pixelrefer_ros.streams.image_codec import (
    CompressedImage,
    RawImage,
    image_size,
    to_mask,
    to_rgb,
)
from pixelrefer_ros.streams.raw_image import _ENCODINGS

ENCODINGS = st.one_of(
    st.sampled_from([*_ENCODINGS, "16UC1", "32FC1", "64FC3", "rgb8; jpeg", "RGB8", ""]),
    st.text(max_size=20),
)
SIDES = st.one_of(
    st.integers(0, 12), st.sampled_from([16384, 16385, 2**16, 2**31 - 1, 2**31, 2**32 - 1])
)
PICTURE = np.random.default_rng(0).integers(0, 255, (9, 12, 3), np.uint8)
FILES = [
    cv2.imencode(suffix, picture)[1].tobytes()
    for suffix in (".jpg", ".png")
    for picture in (PICTURE, PICTURE[..., 0], PICTURE.astype(np.uint16) * 257)
    if suffix == ".png" or picture.dtype == np.uint8
]
FORMATS = st.sampled_from(
    ["jpeg", "png", "rgb8; jpeg compressed bgr8", "bayer_rggb8; jpeg compressed bayer_rggb8",
     "16UC1; png compressed", "16UC1; compressedDepth", "h264", "\ud800", ";;;", "bayer_;"]
)  # fmt: skip


def check(image: RawImage | CompressedImage) -> None:
    try:
        size = image_size(image)
        pixels = to_rgb(image)
    except UnsupportedEncodingError as error:
        check_message(error)
        return
    assert pixels.dtype == np.uint8
    assert pixels.shape == (*size, 3)


@st.composite
def raw_images(draw: st.DrawFn) -> RawImage:
    height, width, encoding = draw(SIDES), draw(SIDES), draw(ENCODINGS)
    known = _ENCODINGS.get(encoding)
    row = width * (known.channels * known.bits // 8 if known else 3)
    step = draw(st.one_of(st.just(row), st.integers(0, 2**32 - 1), st.integers(row, row + 9)))
    needed = min(step * height * draw(st.sampled_from([1, 1.5])), 4000)
    length = max(0, int(needed) + draw(st.integers(-3, 3)))
    seed = draw(st.integers(0, 255))
    data = bytes([seed]) * length
    return RawImage(height, width, encoding, draw(st.booleans()), step, data)


@st.composite
def damaged_files(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(st.sampled_from(FILES)))
    for _ in range(draw(st.integers(0, 4))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    if draw(st.booleans()):
        start = draw(st.integers(0, len(data)))
        data[start : start + draw(st.integers(0, 40))] = draw(st.binary(max_size=40))
    return bytes(data[: draw(st.one_of(st.just(len(data)), st.integers(0, len(data))))])


@fuzz(1500, image=raw_images())
def test_raw_images(image):
    check(image)


@fuzz(400, image=raw_images())
def test_raw_masks(image):
    try:
        mask = to_mask(image)
    except UnsupportedEncodingError:
        return
    assert mask.shape == (image.height, image.width)


@fuzz(1000, data=damaged_files(), form=FORMATS)
def test_damaged_files(data, form):
    check(CompressedImage(form, data))


@fuzz(200, data=st.binary(max_size=200), form=st.text(max_size=30))
def test_any_bytes(data, form):
    check(CompressedImage(form, data))


def png_header(width: int, height: int) -> bytes:
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + bytes(4)


GIANT_JPEG = FILES[0][:20] + bytes.fromhex("ffc0000b08ffffffff01011100")
GIANTS = {
    "raw": "RawImage(31623, 31623, 'rgb8', False, 3 * 31623, b'')",
    "mask": "RawImage(31623, 31623, 'mono8', False, 31623, b'')",
    "png": f"CompressedImage('png', {png_header(31623, 31623)!r})",
    "jpeg": f"CompressedImage('jpeg', {GIANT_JPEG!r})",
}


@pytest.mark.parametrize("name", GIANTS)
def test_a_thousand_million_pixels_are_refused_before_anything_is_allocated(name):
    """In a process that may not take 100 MB more than it has."""
    program = f"""
import resource
from pathlib import Path
from pixelrefer_ros.errors import UnsupportedEncodingError
from pixelrefer_ros.streams.image_codec import CompressedImage, RawImage, to_mask, to_rgb
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + 100_000_000
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    ({"to_mask" if name == "mask" else "to_rgb"})({GIANTS[name]})
except UnsupportedEncodingError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "must be 1 to 16384 pixels" in done.stdout, done.stderr
