"""One picture of one camera at one time."""

from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pixelrefer_ros.errors import UnsupportedEncodingError
from pixelrefer_ros.streams.image_codec import CompressedImage, RawImage, image_size, to_rgb
from pixelrefer_ros.streams.images import byte_view


@dataclass(eq=False)
class Frame:
    """An image as it came, with the stamp and frame id of its header.

    Making one never fails and never decodes. `epoch` is set by the `FrameBuffer` that takes it in:
    stamps can be compared only within one epoch.
    """

    camera: str
    stamp_ns: int
    frame_id: str
    image: RawImage | CompressedImage
    epoch: int = 0
    _decoding: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _decoded: weakref.ref[NDArray[np.uint8]] | None = field(default=None, init=False, repr=False)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels, from the header alone.

        Raises `UnsupportedEncodingError`.
        """
        try:
            return image_size(self.image)
        except UnsupportedEncodingError as error:
            raise self._named(error) from error

    @property
    def nbytes(self) -> int:
        """Memory the frame holds, bytes: the image as it came."""
        return byte_view(self.image.data).nbytes

    def rgb(self) -> NDArray[np.uint8]:
        """Return the pixels, uint8 RGB [height, width, 3], read-only.

        Whoever asks while another still holds them gets the same array; after that they are
        forgotten, so a buffer of frames stays as small as the images that came in.
        Raises `UnsupportedEncodingError`.
        """
        with self._decoding:
            pixels = self._decoded() if self._decoded else None
            if pixels is None:
                try:
                    pixels = to_rgb(self.image)
                except UnsupportedEncodingError as error:
                    raise self._named(error) from error
                self._decoded = weakref.ref(pixels)
            return pixels

    def _named(self, error: UnsupportedEncodingError) -> UnsupportedEncodingError:
        return UnsupportedEncodingError(f"camera '{self.camera}': {error}")
