"""Where `pixelrefer describe` finds the frames that regions point at."""

from __future__ import annotations

from pathlib import Path

from pixelrefer_ros.errors import CommandError, UnsupportedEncodingError
from pixelrefer_ros.streams.bag_choice import choose_topic, last_frame
from pixelrefer_ros.streams.bag_reader import BagReader
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.image_codec import CompressedImage
from pixelrefer_ros.streams.stamps import NANOSECONDS, STAMP_TOLERANCE_NS

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")


class ImageFiles:
    """Images as frames 0, 1, ...; a folder stands for the JPEG and PNG files in it, by name.

    Their stamps are counted from 0 at `rate` frames per second. Raises `CommandError` for a path
    that is neither.
    """

    def __init__(self, paths: list[Path], rate: float) -> None:
        self._files = [file for path in paths for file in _list_images(path)]
        self._rate = rate

    def frame(self, index: int) -> Frame:
        """Read one image, undecoded. Raises `CommandError`."""
        if not 0 <= index < len(self._files):
            raise CommandError(f"--frame is {index}, the images are 0 to {len(self._files) - 1}")
        file = self._files[index]
        frame = Frame(
            camera=str(file),
            stamp_ns=round(index * NANOSECONDS / self._rate),
            frame_id="",
            image=CompressedImage(format=file.suffix, data=_read(file)),
        )
        try:
            frame.size  # noqa: B018  (reads the header)
        except UnsupportedEncodingError as error:
            raise CommandError(f"image '{file}': {error}") from error
        return frame


class BagFrames:
    """Frames of an image topic of a bag; the first readable topic when none is named."""

    def __init__(self, bag: str, topic: str) -> None:
        self._bag = BagReader(bag)
        self._topic = choose_topic(self._bag, topic).name

    def frame(self, stamp_ns: int | None) -> Frame:
        """Read the frame at a header stamp, or the last one. Raises `BagError`."""
        if stamp_ns is not None:
            return self._bag.frame_at(self._topic, stamp_ns, tolerance_ns=STAMP_TOLERANCE_NS)
        return last_frame(self._bag, self._topic)


def _list_images(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    images = sorted(file for file in path.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES)
    if not images:
        raise CommandError(f"folder '{path}' holds no {', '.join(IMAGE_SUFFIXES)} file")
    return images


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CommandError(f"image '{file}' cannot be read: {error.strerror}") from error
