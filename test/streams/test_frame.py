from __future__ import annotations

import gc
import threading
from array import array

import numpy as np
import pytest
from packed_images import pack, quadrants

from pixelrefer_ros.errors import UnsupportedEncodingError
from pixelrefer_ros.streams import frame as frame_module
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.image_codec import CompressedImage, RawImage, encode_jpeg, to_rgb


def make_frame(image=None) -> Frame:
    return Frame("front", 12, "camera_optical", image or pack(quadrants(), "bgr8", padding=4))


def test_pixels_and_size():
    frame = make_frame()
    assert frame.size == (24, 32)
    assert frame.epoch == 0
    assert np.array_equal(frame.rgb(), quadrants())


def test_bytes_are_those_of_the_message():
    assert make_frame().nbytes == 24 * (32 * 3 + 4)
    assert make_frame(CompressedImage("jpeg", array("B", b"12345"))).nbytes == 5


def test_a_bad_image_fails_when_used_not_when_made():
    frame = make_frame(RawImage(0, 0, "foo", False, 0, b""))
    with pytest.raises(UnsupportedEncodingError):
        frame.rgb()
    with pytest.raises(UnsupportedEncodingError):
        _ = frame.size


def test_the_text_of_a_frame_leaves_out_its_data():
    assert "data" not in repr(make_frame())
    assert "front" in repr(make_frame())


@pytest.fixture
def decodings(monkeypatch) -> list[RawImage]:
    """The images decoded so far, by the real decoder."""
    seen = []

    def counting(image):
        seen.append(image)
        return to_rgb(image)

    monkeypatch.setattr(frame_module, "to_rgb", counting)
    return seen


def test_pixels_are_shared_while_in_use_and_forgotten_after(decodings):
    frame = make_frame()
    assert frame.size == (24, 32)
    assert not decodings
    first = frame.rgb()
    assert frame.rgb() is first
    corner = first[:4, :4]
    del first
    gc.collect()
    assert np.shares_memory(frame.rgb(), corner)
    assert len(decodings) == 1
    del corner
    gc.collect()
    frame.rgb()
    assert len(decodings) == 2


def test_many_threads_decode_once(decodings):
    frame = make_frame(encode_jpeg(np.zeros((480, 640, 3), np.uint8)))
    barrier = threading.Barrier(8)
    results = []

    def read():
        barrier.wait()
        results.append(frame.rgb())

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(decodings) == 1
    assert all(pixels is results[0] for pixels in results)
