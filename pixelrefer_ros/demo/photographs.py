"""A bag of real photographs, for whoever has no bag at hand, and what to ask about them."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pixelrefer_ros.demo.questions import Question
from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.regions.reference import Region
from pixelrefer_ros.streams.bag_writer import write_bag
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.image_codec import CompressedImage, encode_jpeg, to_rgb
from pixelrefer_ros.streams.stamps import NANOSECONDS

SOURCES = {
    "coffee.png": "CC0, Rachel Michetti",
    "chelsea.png": "CC0, Stefan van der Walt",
    "astronaut.png": "public domain, NASA",
    "rocket.jpg": "public domain, SpaceX",
}
"""Photographs inside the scikit-image package, in the order shown, and where they are from."""

TOPIC = "/camera/image_raw/compressed"
WIDTH, HEIGHT = 640, 480
FRAMES_PER_PHOTOGRAPH = 15
"""Each is shown for a second."""
PERIOD_NS = NANOSECONDS // FRAMES_PER_PHOTOGRAPH
FIRST_STAMP_NS = 1_735_689_600 * NANOSECONDS  # 2025-01-01


def write_photographs(path: Path) -> None:
    """Write the photographs as a camera would have recorded them, 640 x 480 JPEG at 15 Hz.

    Raises `CommandError` when scikit-image is not installed.
    """
    write_bag(path, ((TOPIC, frame) for frame in _record(_photograph_folder())))


def make_questions() -> list[Question]:
    """Point at objects on the photographs, by box, polygon and mask, all drawn by hand."""
    cup = Region(object_id="cup", box=(166, 20, 284, 348))
    spoon = Region(
        object_id="spoon",
        polygon=[
            (443, 82), (469, 84), (466, 110), (450, 170), (436, 230), (424, 268), (444, 300),
            (447, 330), (436, 366), (410, 389), (384, 388), (360, 368), (352, 344), (362, 315),
            (388, 290), (405, 278), (420, 235), (436, 180), (447, 120),
        ],
    )  # fmt: skip
    eye = Region(object_id="eye", mask=_ellipse(centre=(231, 185), axes=(57, 50), degrees=15))
    nose = Region(
        object_id="nose",
        polygon=[
            (330, 366),
            (365, 361),
            (427, 365),
            (415, 386),
            (390, 402),
            (371, 424),
            (357, 397),
        ],
    )
    patch = Region(object_id="patch", mask=_ellipse(centre=(212, 402), axes=(46, 46)))
    shuttle = Region(object_id="shuttle", box=(442, 10, 130, 268))
    rocket = Region(object_id="rocket", box=(308, 142, 32, 318))
    coffee, cat, astronaut, launch = (_middle_stamp(index) for index in range(len(SOURCES)))
    return [
        Question([cup], "What is this and what is in it?", coffee),
        Question([spoon], "What is it made of?", coffee),
        Question([cup, spoon], "Where does <region> stand relative to <region>?", coffee),
        Question([eye], "What colour is it?", cat),
        Question([nose], "", cat),
        Question([patch], "Where is this patch sewn on?", astronaut),
        Question([shuttle], "Is this the real vehicle or a model?", astronaut),
        Question([rocket], "Has it been launched already?", launch),
    ]


def _photograph_folder() -> Path:
    package = find_spec("skimage")
    if package is None or package.origin is None:
        raise CommandError(
            "the photographs of the demo come with scikit-image, which is not installed: "
            "pip install scikit-image, or give a bag of your own with --bag"
        )
    return Path(package.origin).parent / "data"


def _record(folder: Path) -> Iterator[Frame]:
    for index, name in enumerate(SOURCES):
        data = (folder / name).read_bytes()
        image = encode_jpeg(_fill(to_rgb(CompressedImage(Path(name).suffix, data))))
        for number in range(FRAMES_PER_PHOTOGRAPH):
            stamp_ns = FIRST_STAMP_NS + (index * FRAMES_PER_PHOTOGRAPH + number) * PERIOD_NS
            yield Frame(TOPIC, stamp_ns, "camera_optical_frame", image)


def _middle_stamp(index: int) -> int:
    middle = index * FRAMES_PER_PHOTOGRAPH + FRAMES_PER_PHOTOGRAPH // 2
    return FIRST_STAMP_NS + middle * PERIOD_NS


def _fill(photograph: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Scale uint8 RGB [h, w, 3] to fill the frame, and cut off evenly what is too much."""
    height, width = photograph.shape[:2]
    scale = max(WIDTH / width, HEIGHT / height)
    size = (round(width * scale), round(height * scale))
    scaled = cv2.resize(photograph, size, interpolation=cv2.INTER_CUBIC)
    left, top = (size[0] - WIDTH) // 2, (size[1] - HEIGHT) // 2
    return np.ascontiguousarray(scaled[top : top + HEIGHT, left : left + WIDTH], np.uint8)


def _ellipse(
    *, centre: tuple[int, int], axes: tuple[int, int], degrees: float = 0.0
) -> NDArray[np.uint8]:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.ellipse(mask, centre, axes, degrees, 0, 360, 255, cv2.FILLED)
    return mask
