from __future__ import annotations

from argparse import ArgumentTypeError

import pytest

from pixelrefer_ros.commands.argument_types import (
    frame_count,
    image_sizes,
    node_name,
    positive_count,
    positive_counts,
    positive_number,
    stamp,
    timeout,
)


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1700000000250000000", 1700000000250000000),
        ("1700000000.25", 1700000000250000000),
        ("1700000000.000000001", 1700000000000000001),
        ("0.5", 500_000_000),
        ("7", 7),
    ],
)
def test_stamp(text, nanoseconds):
    assert stamp(text) == nanoseconds


@pytest.mark.parametrize(
    "text", ["", ".", ".5", "12.", "-1", "1e9", "1.0000000001", "now", "1.5s", "²"]
)
def test_what_is_no_stamp(text):
    with pytest.raises(ArgumentTypeError) as error:
        stamp(text)
    assert f"'{text}' is no stamp" in str(error.value)


def test_numbers_and_counts():
    assert positive_number("0.5") == 0.5
    assert positive_count("12") == 12
    assert frame_count("255") == 255
    assert positive_counts("8,1,8,20") == (8, 1, 20)
    assert timeout("3600") == 3600.0


@pytest.mark.parametrize(
    ("read", "text"),
    [
        *[(positive_number, text) for text in ("0", "-1", "nan", "inf", "many")],
        *[(positive_count, text) for text in ("0", "-1", "1.5", "many", "")],
        *[(frame_count, text) for text in ("0", "256")],
        *[(positive_counts, text) for text in ("0", "")],
        *[(image_sizes, text) for text in ("640", "640x", "63x480", "640x99999", "a", "")],
        *[(timeout, text) for text in ("0", "3601", "1e12")],
        *[(node_name, text) for text in ("", "/", "a b", "/a/", "/1a", "a//b")],
    ],
)
def test_what_is_refused_is_named(read, text):
    with pytest.raises(ArgumentTypeError) as error:
        read(text)
    assert f"'{text}'" in str(error.value)


def test_image_sizes():
    assert image_sizes("640x480") == ((640, 480),)
    assert image_sizes("1920x1080,64x64") == ((1920, 1080), (64, 64))


def test_a_wrong_part_of_a_list_is_named():
    with pytest.raises(ArgumentTypeError, match="'x'"):
        positive_counts("1,x,3")
    with pytest.raises(ArgumentTypeError, match="'1x1'"):
        image_sizes("640x480,1x1")


def test_node_names():
    assert [node_name(name) for name in ("/pixelrefer", "pixelrefer", "/robot1/pixelrefer")]
