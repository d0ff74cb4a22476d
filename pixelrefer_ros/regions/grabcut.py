"""Find the object in a box, or around points, by its colours: OpenCV's GrabCut, without weights.

The time is bounded (`cutting.py`, `point_search.py`). Where GrabCut finds next to nothing in a box,
or everything, the box is taken as it is.
"""

from __future__ import annotations

import numpy as np

from pixelrefer_ros.regions.cutting import BACKGROUND, PERHAPS_OBJECT, cut_out
from pixelrefer_ros.regions.point_search import find_at_points
from pixelrefer_ros.regions.reference import Image, Mask, Region
from pixelrefer_ros.regions.windows import Window

MARGIN, SMALLEST_MARGIN = 0.25, 8
"""Around the box: in its longer side, and pixels."""
SMALLEST_SHARE = 0.15
"""Of the box, below which what was found is not believed."""


class GrabCut:
    """Cuts objects out by colour. Masks and polygons are returned as they are."""

    def segment(self, image: Image, region: Region, *, name: str = "region") -> Mask:
        """Return the mask of the object; see `Segmenter`."""
        height, width = image.shape[:2]
        points = region.check_points(height, width, name=name)
        if region.polygon is not None or region.mask is not None:
            return region.to_mask(height, width, name=name)
        if len(points) and region.box is None:
            return find_at_points(image, points)
        given = region.to_mask(height, width, name=name)
        box = Window.around(given)
        margin = max(SMALLEST_MARGIN, round(MARGIN * max(box.width, box.height)))
        field = box.grown(margin).within(height, width)
        marks = np.where(field.cut(given), PERHAPS_OBJECT, BACKGROUND).astype(np.uint8)
        found = np.zeros_like(given)
        field.paste(cut_out(field.cut(image), marks, points - (field.left, field.top)), found)
        found &= given
        return found if found.sum() >= SMALLEST_SHARE * given.sum() else given
