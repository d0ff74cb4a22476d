from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from packed_images import ENCODINGS, pack, quadrants

from pixelrefer_ros.errors import UnsupportedEncodingError
from pixelrefer_ros.streams.image_codec import (
    CompressedImage,
    RawImage,
    encode_jpeg,
    from_rgb,
    image_size,
    to_mask,
    to_rgb,
)


@pytest.mark.parametrize("encoding", ["rgb8", "bgr8"])
def test_from_rgb_and_back(encoding):
    image = from_rgb(quadrants(), encoding)
    assert (image.height, image.width, image.step, image.encoding) == (24, 32, 96, encoding)
    first = (200, 10, 20) if encoding == "rgb8" else (20, 10, 200)
    assert tuple(image.data[:3]) == first
    assert np.array_equal(to_rgb(image), quadrants())


def test_from_rgb_takes_views():
    assert np.array_equal(to_rgb(from_rgb(quadrants()[:, ::-2])), quadrants()[:, ::-2])


def test_encode_jpeg_and_back():
    image = encode_jpeg(np.full((30, 40, 3), (250, 100, 10), np.uint8), quality=95)
    assert image.format == "rgb8; jpeg compressed bgr8"
    assert image_size(image) == (30, 40)
    assert np.abs(to_rgb(image).astype(int) - (250, 100, 10)).max() <= 3


def test_quality_matters():
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    assert len(encode_jpeg(noise, 20).data) < len(encode_jpeg(noise, 90).data) / 2


@pytest.mark.parametrize("convert", [from_rgb, encode_jpeg])
@pytest.mark.parametrize(
    "rgb",
    [np.zeros((4, 4)), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3), np.float32)],
)
def test_only_rgb_is_packed(convert, rgb):
    with pytest.raises(ValueError, match=r"expected uint8 \[height, width, 3\]"):
        convert(rgb)


@pytest.mark.parametrize("quality", [0, 101])
def test_quality_is_checked(quality):
    with pytest.raises(ValueError, match=f"quality is {quality}, must be 1 to 100"):
        encode_jpeg(quadrants(), quality)


@pytest.mark.parametrize("image", [pack(quadrants(), "rgb8"), pack(quadrants(), "bgr8")])
def test_pixels_are_read_only(image):
    with pytest.raises(ValueError, match="read-only"):
        to_rgb(image)[0, 0, 0] = 1


def test_image_size_reads_headers_only():
    assert image_size(RawImage(480, 640, "no such encoding", False, 0, b"")) == (480, 640)
    with pytest.raises(UnsupportedEncodingError, match="height is 0"):
        image_size(RawImage(0, 640, "rgb8", False, 1920, b""))
    with pytest.raises(UnsupportedEncodingError, match="neither JPEG nor PNG"):
        image_size(CompressedImage("jpeg", b"not a jpeg"))


encodings = st.sampled_from([*ENCODINGS, "16UC1", "32FC1", "yuv444", "", "RGB8"]) | st.text()
sizes = st.integers(0, 9) | st.integers(0, 2**32 - 1)
raw_images = st.builds(
    RawImage, sizes, sizes, encodings, st.booleans(), sizes, st.binary(max_size=600)
)


@settings(max_examples=500, deadline=None)
@given(raw_images)
@example(RawImage(3, 3, "bayer_gbrg16", True, 7, bytes(21)))
def test_any_raw_image_is_read_or_refused(image):
    try:
        rgb = to_rgb(image)
    except UnsupportedEncodingError:
        return
    assert rgb.shape == (*image_size(image), 3)
    assert rgb.dtype == np.uint8


@settings(max_examples=300, deadline=None)
@given(raw_images)
def test_any_mask_is_read_or_refused(image):
    try:
        mask = to_mask(image)
    except UnsupportedEncodingError:
        return
    assert mask.shape == (image.height, image.width)


PICTURES = [encode_jpeg(quadrants()).data, cv2.imencode(".png", quadrants())[1].tobytes()]


@settings(max_examples=500, deadline=None)
@given(
    st.sampled_from(["jpeg", "", "bayer_rggb8; png compressed ", "16UC1; png compressed "]),
    st.sampled_from(PICTURES),
    st.data(),
)
def test_any_damaged_picture_is_read_or_refused(text, picture, data):
    damaged = bytearray(picture[: data.draw(st.integers(0, len(picture)))])
    for _ in range(data.draw(st.integers(0, 4))):
        if damaged:
            place = data.draw(st.integers(0, len(damaged) - 1))
            damaged[place] = data.draw(st.integers(0, 255))
    image = CompressedImage(text, bytes(damaged))
    try:
        rgb = to_rgb(image)
    except UnsupportedEncodingError:
        return
    assert rgb.shape == (*image_size(image), 3)


@given(st.text(), st.binary(max_size=100))
def test_any_compressed_image_is_read_or_refused(text, data):
    with pytest.raises(UnsupportedEncodingError):
        to_rgb(CompressedImage(text, data))
