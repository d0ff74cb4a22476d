from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from pixelrefer_ros.errors import InvalidRegionError
from pixelrefer_ros.regions.parsing import load_mask, parse_box, parse_points, parse_polygon

DATA = struct.pack(">I4sI", 0, b"IDAT", zlib.crc32(b"IDAT"))
DRAWN = np.array([[0, 1, 0], [200, 0, 3]], np.uint8)


def test_box():
    assert parse_box("120,80, 64,48") == (120, 80, 64, 48)
    assert parse_box("-1,0,2,3") == (-1, 0, 2, 3)  # for `Region` to refuse, which knows the image


@pytest.mark.parametrize("text", ["", "1,2,3", "1,2,3,4,5", "1,2,3,x", "1.5,2,3,4", "1 2 3 4"])
def test_what_is_no_box(text):
    with pytest.raises(InvalidRegionError) as error:
        parse_box(text)
    assert f"box is '{text}', needs 4 whole numbers X,Y,W,H" in str(error.value)


def test_polygon():
    assert parse_polygon("10,10  90.5,10\n50,80") == [(10, 10), (90.5, 10), (50, 80)]
    assert parse_polygon("") == []


def test_points():
    assert parse_points("152.5,104") == [(152.5, 104)]
    with pytest.raises(InvalidRegionError, match=r"points\[1\] is 'x', needs 2 numbers"):
        parse_points("1,2 x")


@pytest.mark.parametrize("point", ["3", "1,2,3", "a,b", "4,", ","])
def test_what_is_no_point(point):
    with pytest.raises(InvalidRegionError) as error:
        parse_polygon(f"0,0 {point} 5,5")
    assert f"polygon[1] is '{point}', needs 2 numbers" in str(error.value)


def test_mask_of_grey_levels(tmp_path):
    for number, pixels in enumerate((DRAWN, DRAWN > 0, DRAWN.astype(np.uint16) * 257)):
        path = tmp_path / f"{number}.png"
        Image.fromarray(pixels).save(path)
        mask = load_mask(path)
        assert mask.dtype == np.bool_
        assert mask.tolist() == [[False, True, False], [True, False, True]]


@pytest.mark.parametrize("channel", [0, 1, 2])
@pytest.mark.parametrize("has_alpha", [False, True])
def test_mask_of_colours(tmp_path, channel, has_alpha):
    pixels = np.zeros((2, 3, 4 if has_alpha else 3), np.uint8)
    pixels[..., channel] = DRAWN
    if has_alpha:
        pixels[..., 3] = 255
    Image.fromarray(pixels).save(tmp_path / "mask.png")
    assert np.array_equal(load_mask(str(tmp_path / "mask.png")), DRAWN > 0)


def test_mask_of_a_palette(tmp_path):
    picture = Image.new("P", (3, 2))
    picture.putdata([0, 1, 0, 1, 0, 1])
    picture.putpalette([0, 0, 0, 128, 0, 0])
    picture.save(tmp_path / "mask.png")
    assert np.array_equal(load_mask(tmp_path / "mask.png"), DRAWN > 0)


def test_what_is_no_mask_file(tmp_path):
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("hello")
    Image.fromarray(DRAWN).save(tmp_path / "mask.jpg")
    for name, reason in (
        ("missing.png", "cannot be read: No such file or directory"),
        ("", "cannot be read: Is a directory"),
        ("empty.png", "of 0 bytes is not a picture"),
        ("text.png", "of 5 bytes is not a picture"),
        ("mask.jpg", "is a JPEG"),
    ):
        with pytest.raises(InvalidRegionError) as error:
            load_mask(tmp_path / name)
        assert f"mask '{tmp_path / name}' {reason}" in str(error.value)


@pytest.mark.parametrize("path", ["a\0b", "\ud800", "x" * 5000])
def test_a_mask_whose_path_is_none(path):
    with pytest.raises(InvalidRegionError, match="cannot be read"):
        load_mask(path)


def test_a_mask_that_announces_a_thousand_million_pixels(tmp_path):
    path = tmp_path / "giant.png"
    header = b"IHDR" + struct.pack(">IIBBBBB", 31623, 31623, 8, 0, 0, 0, 0)
    checksum = struct.pack(">I", zlib.crc32(header))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + checksum + DATA)
    with pytest.raises(InvalidRegionError, match="at most 67108864 pixels"):
        load_mask(path)
