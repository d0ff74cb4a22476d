from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from pixelrefer_ros.commands.frame_sources import BagFrames, ImageFiles
from pixelrefer_ros.errors import BagError, CommandError
from pixelrefer_ros.streams.bag_writer import write_bag
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.image_codec import from_rgb


def grey(level: int) -> np.ndarray:
    return np.full((4, 6, 3), level, np.uint8)


@pytest.fixture
def folder(tmp_path):
    for number in (2, 0, 1):  # the order of writing must not matter
        Image.fromarray(grey(10 * number)).save(tmp_path / f"{number:03}.png")
    (tmp_path / "notes.txt").write_text("not an image")
    return tmp_path


def test_a_folder_stands_for_its_images_by_name(folder):
    images = ImageFiles([folder / "002.png", folder], rate=2.0)
    frames = [images.frame(index) for index in range(4)]
    assert [frame.rgb()[0, 0, 0] for frame in frames] == [20, 0, 10, 20]
    assert [frame.stamp_ns for frame in frames] == [0, 500_000_000, 10**9, 1_500_000_000]
    assert frames[1].camera == str(folder / "000.png")


@pytest.mark.parametrize("index", [-1, 3])
def test_an_image_that_is_not_there(folder, index):
    with pytest.raises(CommandError, match=f"--frame is {index}, the images are 0 to 2"):
        ImageFiles([folder], rate=1.0).frame(index)


def test_files_that_are_no_images(tmp_path):
    (tmp_path / "text.jpg").write_text("hello")
    for path, message in (
        (tmp_path / "missing.jpg", "missing.jpg' cannot be read: No such file"),
        (tmp_path / "text.jpg", "text.jpg': data of format '.jpg' is neither JPEG nor PNG"),
    ):
        with pytest.raises(CommandError, match=message):
            ImageFiles([path], rate=1.0).frame(0)
    (tmp_path / "empty").mkdir()
    with pytest.raises(CommandError, match=r"empty' holds no \.jpg, \.jpeg, \.png file"):
        ImageFiles([tmp_path / "empty"], rate=1.0)


def test_frames_of_a_bag(tmp_path):
    frames = [Frame("", (9 + n) * 10**9, "", from_rgb(grey(n))) for n in (0, 2, 1)]
    write_bag(tmp_path / "bag", (("/image", frame) for frame in frames))
    bag = BagFrames(str(tmp_path / "bag"), "")
    assert bag.frame(None).rgb()[0, 0, 0] == 2  # the latest stamp, not the last message
    assert bag.frame(10 * 10**9 + 20_000_000).rgb()[0, 0, 0] == 1
    with pytest.raises(BagError, match="from the nearest frame"):
        bag.frame(10 * 10**9 + 20_000_001)
