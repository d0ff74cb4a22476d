"""Our codec against cv_bridge, wherever one that works is installed."""

from __future__ import annotations

import numpy as np
import pytest
from packed_images import ENCODINGS, pack, quadrants

from pixelrefer_ros.streams.image_codec import encode_jpeg, to_rgb

cv_bridge = pytest.importorskip(
    "cv_bridge", reason="no working cv_bridge is installed", exc_type=ImportError
)
messages = pytest.importorskip("sensor_msgs.msg", reason="sensor_msgs is not installed")


@pytest.fixture(scope="module")
def bridge():
    bridge = cv_bridge.CvBridge()
    rgb = quadrants()
    try:
        # The binaries of some distributions load but fail with numpy 2 or OpenCV 5.
        works = np.array_equal(bridge.imgmsg_to_cv2(bridge.cv2_to_imgmsg(rgb, "rgb8")), rgb)
    except Exception as error:
        pytest.skip(f"the cv_bridge installed does not work: {error}")
    if not works:
        pytest.skip("the cv_bridge installed does not work: rgb8 does not survive it")
    return bridge


@pytest.mark.parametrize("is_bigendian", [False, True])
@pytest.mark.parametrize("padding", [0, 24])  # cv_bridge wants whole pixels of any encoding
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_same_pixels_as_cv_bridge(bridge, encoding, padding, is_bigendian):
    # A slope in every channel shows interpolation too.
    slope = np.mgrid[0:24, 0:32].sum(axis=0)[..., None] * (1, 2, 3) % 256
    rgb = np.where(np.arange(32)[:, None] < 16, quadrants(), slope).astype(np.uint8)
    image = pack(rgb, encoding, padding=padding, is_bigendian=is_bigendian)
    message = messages.Image(
        height=image.height,
        width=image.width,
        encoding=encoding,
        is_bigendian=int(is_bigendian),
        step=image.step,
        data=image.data,
    )
    try:
        theirs = bridge.imgmsg_to_cv2(message, "rgb8")
    except (cv_bridge.CvBridgeError, AttributeError) as error:  # the latter: numpy 2, big-endian
        pytest.skip(f"cv_bridge does not convert {encoding}: {error}")
    assert np.abs(to_rgb(image).astype(int) - theirs).max() <= 1


def test_same_jpeg_as_cv_bridge(bridge):
    image = encode_jpeg(quadrants())
    message = messages.CompressedImage(format=image.format, data=image.data)
    theirs = bridge.compressed_imgmsg_to_cv2(message, "rgb8")
    assert np.array_equal(to_rgb(image), theirs)
