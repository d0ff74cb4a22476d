"""A picture of what was asked about: the frames with the regions as the model saw them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from io import BytesIO

import cv2
import numpy as np
from PIL import Image

from pixelrefer_ros.errors import BagError, FrameEvictedError, PixelReferError
from pixelrefer_ros.regions.drawing import draw_regions
from pixelrefer_ros.regions.reference import Mask, Region
from pixelrefer_ros.replay.queries import ReplayQuery
from pixelrefer_ros.replay.recording import Recording
from pixelrefer_ros.streams.frame import Frame

WIDTH = 640
COLUMNS = 4
QUALITY = 80


def draw_query(frames: Sequence[Frame], regions: Sequence[Region]) -> bytes | None:
    """Return a JPEG at most 640 pixels wide: one frame, or several side by side, oldest first.

    Where the regions do not fit, the bare frames; None where there are no pixels.
    """
    for drawn in (regions, ()) if frames else ():
        with suppress(PixelReferError):
            return _draw(frames, drawn)
    return None


def draw_pointed_at(recording: Recording, query: ReplayQuery) -> bytes | None:
    """Draw the frame a query points at, with its regions as they were given.

    None where there is no such frame, or none that can be read.
    """
    index = recording.indices[recording.topic(query)]
    try:
        return draw_query(index.read([recording.find(query).place]), query.regions)
    except (BagError, FrameEvictedError):
        return None


def _draw(frames: Sequence[Frame], regions: Sequence[Region]) -> bytes:
    columns = min(len(frames), COLUMNS)
    tiles = [
        _tile(frame, _on(regions, number), WIDTH // columns) for number, frame in enumerate(frames)
    ]
    height, width = (max(tile.shape[axis] for tile in tiles) for axis in (0, 1))
    rows = -(-len(tiles) // columns)
    sheet = np.full((rows * height, columns * width, 3), 255, np.uint8)
    for number, tile in enumerate(tiles):
        y, x = number // columns * height, number % columns * width
        sheet[y : y + tile.shape[0], x : x + tile.shape[1]] = tile
    file = BytesIO()
    Image.fromarray(sheet).save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def _on(regions: Sequence[Region], frame: int) -> list[Region]:
    return [region for region in regions if region.frame == frame]


def _tile(frame: Frame, regions: Sequence[Region], width: int) -> np.ndarray:
    """Draw on the frame at the size it will be shown in, so that lines stay thin."""
    image = frame.rgb()
    factor = min(1.0, width / image.shape[1])
    size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
    masks = [_resize(region.to_mask(*image.shape[:2]), size) for region in regions]
    names = [region.object_id for region in regions] if len(regions) > 1 else [""] * len(regions)
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    return draw_regions(small, masks, names)


def _resize(mask: Mask, size: tuple[int, int]) -> Mask:
    """Keep every region visible, be it smaller than a pixel of the picture."""
    covered = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return np.asarray(covered >= min(0.5, float(covered.max())), np.bool_)
