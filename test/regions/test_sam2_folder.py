"""One folder of SAM 2 serves pictures and videos, as the parameter `regions.sam2_path` wants it."""

from __future__ import annotations

import numpy as np
from moving_pictures import picture
from small_sam2 import save_video_model

from pixelrefer_ros.regions.propagation import make_propagator
from pixelrefer_ros.regions.reference import Region
from pixelrefer_ros.regions.segmentation import make_segmenter


def test_the_folder_of_a_video_model_segments_pictures_too(tmp_path):
    folder = str(save_video_model(tmp_path))
    image = picture((60, 40, (30, 60, 220)))
    segmenter = make_segmenter("sam2", model=folder)
    found = segmenter.segment(image, Region(box=(50, 30, 40, 40)))
    assert found.shape == image.shape[:2]
    assert found.dtype == np.bool_
    assert found.any()
    [followed] = (
        make_propagator("sam2", model=folder, threshold=0.0).start(image, [found]).step(image)
    )
    assert 0.0 <= followed.score <= 1.0
