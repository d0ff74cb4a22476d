"""Whether the frames of a camera can be decoded, found out before anybody asks about one."""

from __future__ import annotations

from collections.abc import Hashable

from pixelrefer_ros.errors import UnsupportedEncodingError
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.image_codec import CompressedImage


class Readability:
    """Decodes the frames shown to it; of raw ones that are read one tells of all that are alike."""

    def __init__(self) -> None:
        self._kind: Hashable = None
        self._problem = ""

    def problem(self, frame: Frame) -> str:
        """Say why a frame cannot be read; empty if it can."""
        kind = _kind_of(frame)
        if kind is None or kind != self._kind or self._problem:
            self._kind = kind
            try:
                frame.rgb()
                self._problem = ""
            except UnsupportedEncodingError as error:
                self._problem = str(error)
        return self._problem


def encoding_of(frame: Frame) -> str:
    """Return the encoding of a raw image, the format of a compressed one."""
    image = frame.image
    return image.format if isinstance(image, CompressedImage) else image.encoding


def _kind_of(frame: Frame) -> Hashable:
    """Return what decides whether a raw image can be read; each compressed one may be damaged."""
    image = frame.image
    if isinstance(image, CompressedImage):
        return None
    return image.encoding, image.height, image.width, image.step, image.is_bigendian, frame.nbytes
