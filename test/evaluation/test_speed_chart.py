from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pixelrefer_ros.evaluation.speed import CallSpeed
from pixelrefer_ros.evaluation.speed_chart import draw_chart

CALL = CallSpeed(
    model="a model", device="cpu", dtype="float32", image="640x480", regions=1, frames=1,
    tokens=4, prompt_tokens=50, runs=3, median_s=0.1, p95_s=0.1, reference_median_s=0.3,
    reference_p95_s=0.3, speedup=3.0, same_answers=1.0, stages={}, stages_p95={},
    reference_stages={},
    tokens_per_s=1.0, regions_per_s=1.0, peak_bytes=1, reference_peak_bytes=1, flops=1.0,
    flops_by_stage={}, paper_flops={}, shares={},
)  # fmt: skip


@pytest.fixture
def calls() -> list[CallSpeed]:
    return [
        replace(CALL, image=image, regions=regions, frames=frames, median_s=0.1 * regions * frames)
        for image in ("640x480", "1920x1080")
        for regions in (1, 2, 8)
        for frames in (1, 4)
    ]


def drawn(calls: list[CallSpeed], path) -> np.ndarray:
    import cv2

    draw_chart(calls, path)
    return cv2.imread(str(path))


def test_a_chart_is_drawn(calls, tmp_path):
    picture = drawn(calls, tmp_path / "chart.png")
    assert picture.shape[1] > 800
    slower = [replace(call, reference_median_s=2.0 * call.regions) for call in calls]
    assert not np.array_equal(drawn(slower, tmp_path / "slower.png"), picture)


def test_only_lines_that_can_be_compared_are_drawn(calls, tmp_path):
    picture = drawn(calls, tmp_path / "chart.png")
    # Eight regions on four frames belong to neither side.
    corner = [replace(c, median_s=99.0) if c.regions * c.frames == 32 else c for c in calls]
    assert np.array_equal(drawn(corner, tmp_path / "corner.png"), picture)


def test_a_number_that_never_changes_gets_no_chart(calls, tmp_path):
    both = drawn(calls, tmp_path / "both.png")
    frames = drawn([call for call in calls if call.regions == 1], tmp_path / "frames.png")
    assert frames.shape[0] < 0.6 * both.shape[0]


def test_operations_are_drawn(calls, tmp_path):
    few = [replace(call, flops=1e9 * call.frames) for call in calls]
    uneven = [replace(call, flops=1e9 * call.frames**3) for call in calls]
    assert not np.array_equal(drawn(few, tmp_path / "1.png"), drawn(uneven, tmp_path / "2.png"))
