from __future__ import annotations

from array import array
from dataclasses import replace

import numpy as np
import packed_images
import pytest
from packed_images import BAYER, ENCODINGS, GREY, YUV420_ORDER, YUV422_ORDER, pack, quadrants

from pixelrefer_ros.errors import UnsupportedEncodingError
from pixelrefer_ros.streams.images import MAX_SIDE, RawImage
from pixelrefer_ros.streams.raw_image import raw_to_rgb, to_mask


def assert_pixels(rgb: np.ndarray, encoding: str, expected: np.ndarray) -> None:
    """Compare with what `encoding` can carry of `expected`."""
    assert rgb.dtype == np.uint8
    assert rgb.shape == expected.shape
    if encoding in GREY:
        expected = np.repeat(expected[..., :1], 3, axis=2)
    difference = np.abs(rgb.astype(int) - expected)
    if encoding in BAYER:  # colours mix where two fields meet
        height, width = expected.shape[:2]
        rows, columns = np.mgrid[:height, :width]
        difference[(abs(rows - height // 2 + 0.5) < 2) | (abs(columns - width // 2 + 0.5) < 2)] = 0
    tolerance = 3 if encoding in (*YUV422_ORDER, *YUV420_ORDER) else 0
    assert difference.max() <= tolerance


@pytest.mark.parametrize("padding", [0, 6])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_known_colours_survive(encoding, padding):
    rgb = quadrants()
    assert_pixels(raw_to_rgb(pack(rgb, encoding, padding=padding)), encoding, rgb)


@pytest.mark.parametrize("encoding", [name for name in ENCODINGS if name.endswith("16")])
def test_byte_order_is_honoured(encoding):
    rgb = quadrants()
    image = pack(rgb, encoding, is_bigendian=True)
    assert image.data != pack(rgb // 2, encoding).data
    assert_pixels(raw_to_rgb(image), encoding, rgb)


def test_low_byte_does_not_leak_from_16_bits():
    data = np.array([[0x0000, 0x00FF, 0x0100], [0x7FFF, 0x8080, 0xFFFF]])
    for is_bigendian, order in ((False, "<u2"), (True, ">u2")):
        image = RawImage(2, 3, "mono16", is_bigendian, 6, data.astype(order).tobytes())
        assert raw_to_rgb(image)[..., 0].tolist() == [[0, 1, 1], [127, 128, 255]]


def test_rows_of_16_bits_may_be_unaligned():
    rgb = quadrants()
    assert_pixels(raw_to_rgb(pack(rgb, "bgr16", padding=3)), "bgr16", rgb)


@pytest.mark.parametrize("encoding", YUV420_ORDER)
def test_step_counting_the_bytes_of_both_planes_is_understood(encoding):
    rgb = quadrants()
    image = pack(rgb, encoding)
    divided = replace(image, step=image.width * 3 // 2)
    assert divided.step * divided.height == len(divided.data)
    assert_pixels(raw_to_rgb(divided), encoding, rgb)


@pytest.mark.parametrize("encoding", YUV420_ORDER)
def test_rows_padded_by_half_are_not_mistaken_for_that(encoding):
    rgb = quadrants()
    image = pack(rgb, encoding, padding=16)
    assert image.step == image.width * 3 // 2
    assert_pixels(raw_to_rgb(image), encoding, rgb)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 1)])
@pytest.mark.parametrize("encoding", ["rgb8", "bgr8", "bgra8", "mono8", "bgr16"])
def test_smallest_images(encoding, size):
    rgb = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    assert_pixels(raw_to_rgb(pack(rgb, encoding, padding=2)), encoding, rgb)


@pytest.mark.parametrize(
    "container",
    [bytes, bytearray, memoryview, lambda data: array("B", data), lambda d: np.frombuffer(d, "u1")],
)
def test_data_may_be_any_bytes(container):
    rgb = quadrants()
    image = pack(rgb, "bgr8", padding=4)
    assert_pixels(raw_to_rgb(replace(image, data=container(image.data))), "bgr8", rgb)


def test_rgb8_without_padding_is_not_copied():
    data = bytearray(pack(quadrants(), "rgb8").data)
    rgb = raw_to_rgb(RawImage(24, 32, "rgb8", False, 96, data))
    data[0] = 255
    assert rgb[0, 0, 0] == 255


def test_surplus_data_is_ignored():
    image = pack(quadrants(), "rgb8")
    assert_pixels(raw_to_rgb(replace(image, data=image.data + b"tail")), "rgb8", quadrants())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"encoding": "foo"}, "encoding 'foo' is not one of rgb8, bgr8"),
        ({"encoding": ""}, "encoding '' is not one of"),
        ({"encoding": "16UC1"}, "encoding '16UC1' holds depth"),
        ({"encoding": "32FC1"}, "encoding '32FC1' holds depth"),
        ({"height": 0}, f"height is 0, must be 1 to {MAX_SIDE}"),
        ({"width": 0}, f"width is 0, must be 1 to {MAX_SIDE}"),
        ({"width": 4_000_000_000}, f"width is 4000000000, must be 1 to {MAX_SIDE}"),
        ({"height": 16000, "width": 16000}, "is 256000000 pixels, at most 67108864"),
        ({"step": 10}, "step is 10, width 32 in rgb8 needs at least 96"),
        ({"step": 0}, "step is 0, width 32 in rgb8 needs at least 96"),
        ({"step": 4_000_000_000}, "height 24 x step 4000000000 needs 96000000000"),
        ({"data": bytes(100)}, "data holds 100 bytes, height 24 x step 96 needs 2304"),
        ({"data": b""}, "data holds 0 bytes"),
        ({"data": [1, 2, 3]}, "data is of type list, contiguous bytes are needed"),
        ({"encoding": "yuyv", "width": 31}, "width is 31, must be even in yuyv"),
        ({"encoding": "nv12", "width": 31}, "width is 31, must be even in nv12"),
        ({"encoding": "nv12", "height": 23}, "height is 23, must be even in nv12"),
        ({"encoding": "nv12", "data": bytes(2304)}, "1.5 x height 24 x step 96 needs 3456"),
        ({"encoding": "bayer_rggb8", "height": 2}, "height 2 x width 32 is too small"),
    ],
)
def test_what_cannot_be_read_is_refused_with_field_value_and_limit(change, message):
    with pytest.raises(UnsupportedEncodingError) as error:
        raw_to_rgb(replace(pack(quadrants(), "rgb8"), **change))
    assert message in str(error.value)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_one_byte_too_few_is_noticed(encoding):
    image = pack(quadrants(), encoding)
    with pytest.raises(UnsupportedEncodingError, match=f"data holds {len(image.data) - 1} bytes"):
        raw_to_rgb(replace(image, data=image.data[:-1]))


@pytest.mark.parametrize("encoding", ["mono8", "8UC1"])
def test_mask_is_where_the_image_is_not_zero(encoding):
    rows = np.array([[0, 1, 255, 0], [7, 0, 0, 128]], np.uint8)
    padded = np.pad(rows, ((0, 0), (0, 3)), constant_values=9)
    mask = to_mask(RawImage(2, 4, encoding, False, 7, padded.tobytes()))
    assert mask.dtype == np.bool_
    assert mask.tolist() == [[False, True, True, False], [True, False, False, True]]


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (RawImage(2, 4, "rgb8", False, 12, bytes(24)), "mask encoding 'rgb8' is not one of mono8"),
        (RawImage(2, 4, "mono8", False, 4, bytes(7)), "data holds 7 bytes, height 2 x step 4"),
        (RawImage(0, 0, "mono8", False, 0, b""), "height is 0"),
    ],
)
def test_what_is_no_mask_is_refused(image, message):
    with pytest.raises(UnsupportedEncodingError, match=message):
        to_mask(image)


def test_every_encoding_is_tested():
    with pytest.raises(UnsupportedEncodingError) as error:
        raw_to_rgb(RawImage(1, 1, "unknown", False, 1, b"0"))
    listed = str(error.value).partition("is not one of ")[2].split(", ")
    assert sorted(listed) == sorted(packed_images.ENCODINGS)
