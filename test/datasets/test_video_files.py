from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from pixelrefer_ros.datasets.video_files import PictureReader, frame_count, frame_rate, is_video
from pixelrefer_ros.errors import DatasetError

sys.path.insert(0, str(Path(__file__).parents[1] / "evaluation" / "benchmarks"))
import samples


@pytest.fixture
def film(tmp_path) -> Path:
    return samples.write_video(tmp_path / "film.avi")


def grey(image: np.ndarray) -> int:
    return round(float(image.mean()), -1)


def test_frames_have_numbers_forwards_and_backwards(film):
    reader = PictureReader()
    assert [grey(reader(Path(f"{film}#{frame}"))) for frame in (3, 11, 1)] == [60, 220, 20]


def test_a_film_tells_its_length_and_rate(film):
    assert (frame_count(film), frame_rate(film)) == (12, 8.0)


def test_a_picture_may_have_such_a_name_itself(tmp_path):
    path = tmp_path / "clip.avi#3.png"
    cv2.imwrite(str(path), np.full((4, 4, 3), 40, np.uint8))
    assert grey(PictureReader()(path.rename(tmp_path / "clip.avi#3"))) == 40


def test_missing_films_are_films_and_folders_never_are(tmp_path, film):
    (tmp_path / "folder.mp4").mkdir()
    assert is_video(film)
    assert is_video(tmp_path / "none.MP4")
    assert not is_video(tmp_path / "folder.mp4")
    assert not is_video(tmp_path / "none")
    assert not is_video(tmp_path / (5000 * "a"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.avi#3", "none.avi': no such video"),
        ("no\0ne.avi#3", "no.x00ne.avi': no such video"),
        (f"{5000 * 'a'}.avi#3", "a.avi': no such video"),
        ("text.avi#0", "text.avi: not a video"),
        ("film.avi#12", "film.avi: has no frame 12, it ends before"),
        ("film.avi#" + 5000 * "9", "File name too long"),
    ],
)
def test_what_is_of_no_use_is_named(tmp_path, film, name, message):
    (tmp_path / "text.avi").write_text("no film")
    with pytest.raises(DatasetError, match=message):
        PictureReader()(tmp_path / name)


@pytest.mark.parametrize("read", [frame_count, frame_rate])
def test_headers_of_no_use_are_named(tmp_path, read):
    with pytest.raises(DatasetError, match=r"none\.avi': no such video"):
        read(tmp_path / "none.avi")
    (tmp_path / "text.avi").write_text("no film")
    with pytest.raises(DatasetError, match=r"text\.avi: not a video"):
        read(tmp_path / "text.avi")
