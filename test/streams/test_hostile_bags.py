"""A damaged bag: frames, or `BagError`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fuzzing import check_message, fuzz
from hypothesis import strategies as st

from pixelrefer_ros.errors import BagError, PixelReferError
from pixelrefer_ros.streams.bag_choice import choose_topic
from pixelrefer_ros.streams.bag_reader import BagReader
from pixelrefer_ros.streams.bag_writer import write_bag
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.image_codec import encode_jpeg, from_rgb

PICTURE = np.random.default_rng(0).integers(0, 255, (12, 16, 3), np.uint8)


@pytest.fixture(scope="module", params=["mcap", "sqlite3"])
def bag(request, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("bags") / request.param
    frames = [
        (topic, Frame("", 10**9 + number, "optical", image))
        for number in range(3)
        for topic, image in (("/raw", from_rgb(PICTURE)), ("/jpeg", encode_jpeg(PICTURE)))
    ]
    write_bag(folder, frames, storage=request.param)
    return folder


@fuzz(
    100,
    of_metadata=st.sampled_from([False, False, True]),
    place=st.integers(0, 2**20),
    piece=st.binary(min_size=1, max_size=6),
    length=st.sampled_from([None, None, None, 0, 8, 100, 1000]),
)
def test_a_damaged_bag(of_metadata, place, piece, length, bag):
    path = next(bag.glob("*.yaml" if of_metadata else "*.[md][cb]*"))
    right = path.read_bytes()
    place %= len(right)
    path.write_bytes((right[:place] + piece + right[place + len(piece) :])[:length])
    try:
        reader = BagReader(bag)
        topic = choose_topic(reader).name
        for frame in reader.frames(topic):
            frame.rgb()
    except PixelReferError as error:
        check_message(error)
    finally:
        path.write_bytes(right)


def test_a_bag_that_is_something_else(tmp_path):
    for name in ("bag.mcap", "bag.db3"):
        (tmp_path / name).write_bytes(b"not a bag")
        with pytest.raises(BagError, match="cannot be read"):
            BagReader(tmp_path / name)
