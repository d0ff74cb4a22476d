from __future__ import annotations

import cv2
import numpy as np

from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.image_codec import CompressedImage, RawImage
from pixelrefer_ros.streams.readability import Readability, encoding_of


def raw(encoding: str, channels: int = 3) -> Frame:
    data = bytes(4 * 6 * channels)
    return Frame("front", 0, "", RawImage(4, 6, encoding, False, 6 * channels, data))


def test_readable_frames_have_no_problem():
    assert Readability().problem(raw("rgb8")) == ""


def test_the_problem_of_a_kind_is_told_as_long_as_it_lasts():
    readability = Readability()
    for _ in range(2):
        assert "'16UC1' holds depth" in readability.problem(raw("16UC1", 2))
    assert readability.problem(raw("bgr8")) == ""
    assert "damaged" not in encoding_of(raw("bgr8"))


def test_damaged_compressed_frames_are_told():
    frame = Frame("front", 0, "", CompressedImage("jpeg", b"no picture"))
    assert "camera 'front'" in Readability().problem(frame)
    assert encoding_of(frame) == "jpeg"


def test_each_compressed_frame_is_looked_at():
    good = cv2.imencode(".jpg", np.zeros((8, 8, 3), np.uint8))[1].tobytes()
    readability = Readability()
    for data, is_good in ((good, True), (b"no picture", False), (good, True)):
        frame = Frame("front", 0, "", CompressedImage("jpeg", data))
        assert (readability.problem(frame) == "") is is_good


def test_a_raw_kind_gets_another_chance_after_a_problem():
    readability = Readability()
    short = Frame("front", 0, "", RawImage(4, 6, "rgb8", False, 18, bytes(10)))
    assert readability.problem(short)
    assert readability.problem(raw("rgb8")) == ""


def test_raw_frames_of_a_kind_are_decoded_once(monkeypatch):
    decoded = []
    rgb = Frame.rgb
    monkeypatch.setattr(Frame, "rgb", lambda frame: decoded.append(frame) or rgb(frame))
    readability = Readability()
    for _ in range(3):
        readability.problem(raw("rgb8"))
    readability.problem(raw("rgba8", 4))
    assert len(decoded) == 2
