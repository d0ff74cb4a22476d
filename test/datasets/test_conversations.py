from __future__ import annotations

import json
import struct
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_shapes import run_lengths, shape

from pixelrefer_ros.datasets import conversations
from pixelrefer_ros.datasets.conversations import Turn, read_conversation
from pixelrefer_ros.datasets.records import Record
from pixelrefer_ros.errors import DatasetError

sys.path.insert(0, str(Path(__file__).parents[1] / "evaluation" / "benchmarks"))
import samples

IMAGE, MASK, _ = shape(0)
POLYGON = [10, 10, 20, 10, 20, 20, 10, 20]
RUNS = {"size": [*MASK.shape], "counts": run_lengths(MASK)}


def turns(*texts: str) -> list[dict]:
    return [{"from": ("human", "gpt")[k % 2], "value": text} for k, text in enumerate(texts)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    cv2.imwrite(str(tmp_path / "a.png"), IMAGE[..., ::-1])
    (tmp_path / "clip").mkdir()
    for number in range(6):
        cv2.imwrite(str(tmp_path / "clip" / f"{number:03}.png"), np.full_like(IMAGE, 10 * number))
    return tmp_path


def read(folder: Path, is_lite: bool = True, **values):
    return read_conversation(Record("r", folder, json.dumps(values)), is_lite=is_lite)


@pytest.mark.parametrize("name", ["annotation", "masks"])
def test_a_picture_with_several_turns_and_objects(folder, name):
    said = turns("<image>\nIs <region> left of <region>?", "Yes.", "And <region>?", "No.")
    found = read(folder, image="a.png", conversations=said, **{name: [RUNS, RUNS, [POLYGON]]})
    assert (found.images[0] == IMAGE).all()
    assert found.turns == [
        Turn("Is <region> left of <region>?", "Yes.", 2),
        Turn("And <region>?", "No.", 1),
    ]
    assert found.times is None
    assert [[index for index, _ in track] for track in found.objects] == [[0], [0], [0]]
    assert (found.objects[0][0][1] == MASK).all()
    assert found.objects[2][0][1][12, 12]


def test_the_mask_of_a_picture_may_name_its_only_frame(folder):
    said = turns("What is <region>?", "A disc.")
    found = read(folder, image="a.png", conversations=said, annotation=[{"0": RUNS}])
    assert (found.objects[0][0][1] == MASK).all()
    with pytest.raises(DatasetError, match="on frame 1, there are 1"):
        read(folder, image="a.png", conversations=said, annotation=[{"1": RUNS}])


def test_frames_may_stand_beside_their_folder(folder):
    said = turns("What is <region>?", "A disc.")
    names = ["clip/005.png", "clip/001.png"]
    track = [{"1": {"segmentation": RUNS}}]
    found = read(folder, video="clip", frames=names, conversations=said, annotation=track)
    assert [int(image[0, 0, 0]) for image in found.images] == [10]


def test_frames_and_times_of_a_video(folder):
    said = turns("<video>\nWhere goes <region>?", "left")
    names = sorted(f"clip/{path.name}" for path in (folder / "clip").iterdir())
    for video in ("clip", names):
        found = read(
            folder, video=video, conversations=said, annotation=[{"4": RUNS, "1": RUNS}], fps=2
        )
        assert [int(image[0, 0, 0]) for image in found.images] == [10, 40]
        assert [index for index, _ in found.objects[0]] == [0, 1]
        assert found.times == [0.5, 2.0]
    times = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    given = read(
        folder, video="clip", conversations=said, annotation=[{"4": RUNS, "1": RUNS}], times=times
    )
    assert given.times == [0.1, 0.4]


def test_one_frame_of_a_video_is_a_still_for_lite(folder):
    said = turns("What is <region>?", "A disc.")
    assert read(folder, video="clip", conversations=said, annotation=[{"3": RUNS}]).times is None


def test_the_full_model_sees_the_whole_video_and_the_masks(folder):
    names = sorted(f"clip/{path.name}" for path in (folder / "clip").iterdir()) * 4
    said = turns("<video>\nWhat is <region>?", "A disc.")
    found = read(folder, False, video=names, conversations=said, annotation=[{"2": RUNS}], fps=1)
    assert found.turns[0].question.startswith("<video>")
    assert len(found.times) == 16
    assert found.times[:3] == [0.0, 1.0, 3.0]
    assert len(found.images) == 17
    assert int(found.images[found.objects[0][0][0]][0, 0, 0]) == 20


def test_frames_of_a_film_are_read_and_timed(folder):
    samples.write_video(folder / "videos" / "film.avi", frames=12, rate=8)
    said = turns("<video>\nWhere goes <region>?", "left")
    film = {"video": "videos/film.avi", "conversations": said}
    found = read(folder, **film, annotation=[{"9": RUNS, "2": RUNS}])
    assert [round(float(image.mean()), -1) for image in found.images] == [40, 180]
    assert [index for index, _ in found.objects[0]] == [0, 1]
    assert found.times == [0.25, 1.125]
    assert read(folder, **film, annotation=[{"9": RUNS, "2": RUNS}], fps=2).times == [1.0, 4.5]
    still = read(folder, **film, annotation=[{"4": RUNS}])
    assert still.times is None
    assert [round(float(image.mean()), -1) for image in still.images] == [80]


def test_the_full_model_sees_a_film_from_end_to_end(folder, monkeypatch):
    monkeypatch.setattr(conversations, "FULL_MODEL_FRAMES", 4)
    samples.write_video(folder / "film.avi", frames=12, rate=10)
    said = turns("<video>\nWhat is <region>?", "A disc.")
    found = read(folder, False, video="film.avi", conversations=said, annotation=[{"5": RUNS}])
    assert found.times == [0.0, 0.3, 0.7, 1.1]
    assert [round(float(image.mean()), -1) for image in found.images] == [0, 60, 140, 220, 100]
    assert found.objects[0][0][0] == 4


GOOD = {"image": "a.png", "conversations": turns("What is <region>?", "Red."), "masks": [RUNS]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image": "none.png"}, "none.png: No such file"),
        ({"image": "clip"}, "clip: Is a directory"),
        ({"image": "a\0.png"}, "a.x00.png' is no path"),
        ({"image": "\ud800.png"}, "ud800.png' is no path"),
        ({"image": 5000 * "a"}, "File name too long"),
        ({"masks": [{"size": [3, 3], "counts": [4, 5]}]}, r"size \[3, 3\], its image \[84, 112\]"),
        ({"masks": []}, "1 <region> for 0 masks"),
        ({"masks": [RUNS, RUNS]}, "1 <region> for 2 masks"),
        ({"masks": {}}, "annotation is a dict"),
        ({"conversations": turns("What is <region>?", " ")}, r"conversations\[1\] is empty"),
        ({"conversations": turns("What is <region>?")}, "questions and answers in turn"),
        ({"conversations": turns("a", "b")[::-1]}, r"conversations\[0\] is not from human"),
        ({"conversations": None}, "questions and answers in turn"),
    ],
)
def test_what_is_wrong_is_said(folder, changes, message):
    with pytest.raises(DatasetError, match=message):
        read(folder, **(GOOD | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"video": "nowhere"}, "no such folder of frames"),
        ({"video": "cl\0ip"}, "no such folder of frames: embedded null byte"),
        ({"video": "\ud800"}, "no such folder of frames: .*surrogates"),
        ({"video": 5000 * "a"}, "no such folder of frames: .*too long"),
        ({"video": ["\0"] * 6}, "is no path"),
        ({"video": "none.mp4"}, "none.mp4': no such video"),
        ({"video": "\ud800.mp4"}, "ud800.mp4': no such video"),
        ({"video": "broken.mp4"}, "broken.mp4: not a video"),
        ({"video": "film.avi"}, "on frame 3, there are 3"),
        ({"annotation": [RUNS]}, "is on frame size"),
        ({"annotation": [{"6": RUNS}]}, "on frame 6, there are 6"),
        ({"annotation": [{5000 * "9": RUNS}]}, "on frame 99999999999999999999, there are 6"),
        ({"annotation": [{}]}, "object from frame numbers to masks"),
        ({"times": [0.0]}, "1 times for 6 frames"),
        ({"times": 6 * [float("nan")]}, r"frame 0 is at nan s, must be within 1e\+10 s"),
        ({"times": [0, 1, 2, float("inf"), 4, 5]}, "frame 3 is at inf s"),
        ({"times": 6 * [-1e11]}, "frame 0 is at -1"),
        ({"times": 6 * [10**400]}, "times or fps cannot be used"),
        ({"times": {str(k): k for k in range(6)}}, "times or fps cannot be used"),
        ({"fps": 0}, "fps cannot be used"),
        ({"fps": 10**400}, "fps cannot be used"),
        ({"fps": 1e-300}, "frame 3 is at 3e"),
    ],
)
def test_what_is_wrong_with_a_video_is_said(folder, changes, message):
    values = {
        "video": "clip",
        "conversations": turns("What is <region>?", "Red."),
        "annotation": [{"0": RUNS, "3": RUNS}],
    }
    (folder / "broken.mp4").write_bytes(b"no film")
    samples.write_video(folder / "film.avi", frames=3)
    with pytest.raises(DatasetError, match=message):
        read(folder, **(values | changes))


def test_a_picture_too_large_to_decode_is_said(folder):
    data = bytearray((folder / "a.png").read_bytes())
    header = data[12:16] + struct.pack(">II", 60000, 60000) + data[24:29]
    data[12:33] = header + struct.pack(">I", zlib.crc32(header))
    (folder / "a.png").write_bytes(data)
    with pytest.raises(DatasetError, match=r"a\.png: not a picture"):
        read(folder, **GOOD)
