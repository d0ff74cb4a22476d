"""Video files, and their frames as pictures with a number: `clip.mp4#36`, counted from 0."""

from __future__ import annotations

import os.path
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pixelrefer_ros.datasets.pictures import read_image
from pixelrefer_ros.errors import DatasetError
from pixelrefer_ros.model.image_processor import Image

VIDEOS = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".flv", ".wmv")
MOST_DIGITS = 9
"""Longest number of a frame."""


def frame_name(video: str, frame: int) -> str:
    """Name a frame of a video."""
    return f"{video}#{frame}"


def is_video(path: Path) -> bool:
    """Tell a video file, also a missing one, from a folder of frames."""
    # `Path.is_file` raises for a name that is too long.
    return os.path.isfile(path) or (path.suffix.lower() in VIDEOS and not os.path.isdir(path))


def frame_rate(path: Path) -> float:
    """Return the frames per second of a video. Raises `DatasetError`."""
    rate = _read_header(path, cv2.CAP_PROP_FPS)
    if not 0 < rate < 1000:
        raise DatasetError(f"{path}: says it has {rate} frames per second")
    return rate


def frame_count(path: Path) -> int:
    """Return how many frames a video says it has. Raises `DatasetError`."""
    count = _read_header(path, cv2.CAP_PROP_FRAME_COUNT)
    if not 1 <= count < 10**MOST_DIGITS:
        raise DatasetError(f"{path}: says it has {count:.0f} frames")
    return int(count)


class PictureReader:
    """Reads pictures, and frames of videos one after the other, without looking for key frames."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._video: Any = None
        self._next = 0

    def __call__(self, path: Path) -> Image:
        """Read uint8 RGB [height, width, 3]. Raises `DatasetError`."""
        video, _, number = str(path).rpartition("#")
        is_frame = video and number.isdecimal() and len(number) <= MOST_DIGITS
        if not is_frame or os.path.isfile(path):
            return read_image(path)
        return self._frame(Path(video), int(number))

    def _frame(self, path: Path, number: int) -> Image:
        if path != self._path or number < self._next:
            self._video, self._path, self._next = _open(path), path, 0
        while self._next < number and self._video.grab():
            self._next += 1
        read, frame = self._video.read() if self._next == number else (False, None)
        if not read or frame is None:
            self._path = None
            raise DatasetError(f"{path}: has no frame {number}, it ends before")
        self._next += 1
        return np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), np.uint8)


def _read_header(path: Path, field: int) -> float:
    video = _open(path)
    try:
        return float(video.get(field))
    finally:
        video.release()


def _open(path: Path) -> Any:
    if not os.path.isfile(path):
        raise DatasetError(f"{str(path)!a}: no such video")
    video = cv2.VideoCapture(str(path))
    if not video.isOpened():
        raise DatasetError(f"{path}: not a video")
    return video
