"""Whether the frames of a camera can be decoded, found out before anybody asks about one."""

from __future__ import annotations

from collections.abc import Hashable

from pixelrefer_ros.errors import UnsupportedEncodingError
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.image_codec import CompressedImage


class Readability:
    """Decodes one frame of each kind in a row: as long as they stay alike, one tells of all."""

    def __init__(self) -> None:
        self._kind: Hashable = None
        self._problem = ""

    def problem(self, frame: Frame) -> str:
        """Say why frames like this one cannot be read; empty if they can."""
        kind = _kind_of(frame)
        if kind != self._kind:
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
    image = frame.image
    if isinstance(image, CompressedImage):
        return image.format
    return image.encoding, image.height, image.width, image.step, image.is_bigendian, frame.nbytes
