from __future__ import annotations

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from packed_images import pack, quadrants
from PIL import Image

from pixelrefer_ros.errors import UnsupportedEncodingError
from pixelrefer_ros.streams.compressed_image import compressed_size, compressed_to_rgb
from pixelrefer_ros.streams.images import CompressedImage


def compress(pixels: np.ndarray, kind: str, **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def png_of_size(width: int, height: int) -> bytes:
    """Return a PNG whose header announces any size; its pixel data is empty."""

    def chunk(name: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


JPEG = compress(quadrants(96, 128), "JPEG", quality=95)
PNG = compress(quadrants(96, 128), "PNG")


@pytest.mark.parametrize(
    "text", ["jpeg", "jpg", "", "rgb8; jpeg compressed bgr8", "bgr8; jpeg compressed bgr8", "png"]
)
def test_jpeg_of_known_colours(text):
    rgb = compressed_to_rgb(CompressedImage(text, JPEG))
    assert rgb.shape == (96, 128, 3)
    assert rgb.dtype == np.uint8
    expected = quadrants(96, 128).astype(int)
    inside = np.zeros((96, 128), bool)  # away from the lines where the colours meet
    inside[4:40, 4:56] = inside[56:92, 4:56] = inside[4:40, 72:124] = inside[56:92, 72:124] = True
    assert np.abs(rgb - expected)[inside].max() <= 4


@pytest.mark.parametrize("text", ["png", "", "bgr8; png compressed bgr8", "bgr8; png compressed "])
def test_png_is_exact(text):
    rgb = compressed_to_rgb(CompressedImage(text, PNG))
    assert np.array_equal(rgb, quadrants(96, 128))


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_monochrome(kind):
    grey = np.full((40, 50), 90, np.uint8)
    image = CompressedImage("mono8; jpeg compressed ", compress(grey, kind))
    assert compressed_size(image) == (40, 50)
    rgb = compressed_to_rgb(image)
    assert rgb.shape == (40, 50, 3)
    assert np.abs(rgb.astype(int) - 90).max() <= 1


def test_alpha_is_dropped():
    rgba = np.dstack([quadrants(), np.zeros((24, 32), np.uint8)])
    rgb = compressed_to_rgb(CompressedImage("png", compress(rgba, "PNG")))
    assert np.array_equal(rgb, quadrants())


def test_16_bits_become_8():
    values = np.array([[0, 255, 257, 25700], [32767, 32896, 65000, 65535]], np.uint16)
    image = CompressedImage("mono16; png compressed ", compress(values, "PNG"))
    assert compressed_to_rgb(image)[..., 0].tolist() == [[0, 1, 1, 100], [127, 128, 253, 255]]
    colour = cv2.imencode(".png", quadrants()[..., ::-1].astype(np.uint16) * 257)[1].tobytes()
    assert np.array_equal(compressed_to_rgb(CompressedImage("png", colour)), quadrants())


@pytest.mark.parametrize("pattern", ["bayer_rggb8", "bayer_grbg8", "bayer_bggr16"])
@pytest.mark.parametrize("target", ["", "same"])
def test_untouched_bayer_mosaic_becomes_colour(pattern, target):
    rgb = np.full((24, 32, 3), (200, 60, 20), np.uint8)
    raw = pack(rgb, pattern)
    mosaic = np.frombuffer(raw.data, np.uint16 if pattern.endswith("16") else np.uint8)
    target = pattern if target == "same" else ""
    image = CompressedImage(
        f"{pattern}; png compressed {target}", compress(mosaic.reshape(24, 32), "PNG")
    )
    assert np.array_equal(compressed_to_rgb(image), rgb)


def test_bayer_that_was_converted_before_compression_is_left_alone():
    colour = CompressedImage("bayer_rggb8; png compressed bgr8", compress(quadrants(), "PNG"))
    assert np.array_equal(compressed_to_rgb(colour), quadrants())
    grey = np.arange(24 * 32, dtype=np.uint8).reshape(24, 32)
    mono = CompressedImage("bayer_rggb8; png compressed mono8", compress(grey, "PNG"))
    assert np.array_equal(compressed_to_rgb(mono), np.dstack([grey] * 3))


def test_exif_rotation_is_left_alone():
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: rotated by 90 degrees
    image = CompressedImage("jpeg", compress(quadrants(96, 128), "JPEG", exif=exif))
    assert compressed_size(image) == (96, 128)
    assert compressed_to_rgb(image).shape == (96, 128, 3)


@pytest.mark.parametrize("options", [{"progressive": True}, {"comment": b"\xff\xd9" * 9}])
def test_size_of_unusual_jpegs(options):
    image = CompressedImage("jpeg", compress(quadrants(96, 128), "JPEG", **options))
    assert compressed_size(image) == (96, 128)
    assert compressed_to_rgb(image).shape == (96, 128, 3)


@pytest.mark.parametrize("data", [JPEG, PNG])
def test_size_needs_only_the_header(data):
    assert compressed_size(CompressedImage("", data[:700])) == (96, 128)


@pytest.mark.parametrize("data", [JPEG, PNG])
@pytest.mark.parametrize("kept", [0.999, 0.9, 0.6, 0.3, 0.05, 0.01])
def test_truncated_data_is_refused(data, kept):
    cut = data[: int(len(data) * kept)]
    with pytest.raises(UnsupportedEncodingError, match=r"data is truncated|data of format"):
        compressed_to_rgb(CompressedImage("", cut))


def test_zero_padding_after_the_picture_is_ignored():
    for data in (JPEG, PNG):
        padded = CompressedImage("", data + bytes(1000))
        assert compressed_to_rgb(padded).shape == (96, 128, 3)


def test_lost_middle_of_a_png_is_refused():
    broken = bytearray(PNG)
    broken[len(PNG) // 2] ^= 0xFF
    with pytest.raises(UnsupportedEncodingError, match="damaged"):
        compressed_to_rgb(CompressedImage("png", bytes(broken)))


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (CompressedImage("16UC1; png compressed ", PNG), "encoding '16UC1' holds depth"),
        (CompressedImage("32FC1; compressedDepth png", PNG), "encoding '32FC1' holds depth"),
        (CompressedImage("compressedDepth", PNG), "format 'compressedDepth' holds depth"),
        (CompressedImage("jpeg", b""), "format 'jpeg' is neither JPEG nor PNG: its 0 bytes"),
        (CompressedImage("h264", b"\0\0\0\1abc"), "its 7 bytes start with '00 00 00 01 61 62 63'"),
        (CompressedImage("", png_of_size(50_000, 50_000)), "height is 50000, must be 1 to 16384"),
        (CompressedImage("", png_of_size(16_000, 16_000)), "is 256000000 pixels"),
        (CompressedImage("", png_of_size(0, 5)), "width is 0"),
        (CompressedImage("", png_of_size(8, 6)), "picture of 8 x 6 pixels"),
        (CompressedImage("", b"\xff\xd8\xff\xda\0\0"), "the JPEG has no frame header"),
        (CompressedImage("", b"\xff\xd8\xff\xe0\0\2xx"), "byte 6 of the JPEG header is 120"),
        (CompressedImage("", PNG.replace(b"IHDR", b"IDAT")), "PNG does not start with its header"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(image, message):
    with pytest.raises(UnsupportedEncodingError) as error:
        compressed_to_rgb(image)
    assert message in str(error.value)
