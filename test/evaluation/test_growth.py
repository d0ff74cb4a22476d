"""What a question costs: in proportion to its frames, and the same however large they are."""

from __future__ import annotations

import pytest

from pixelrefer_ros.evaluation.flops import count_flops
from pixelrefer_ros.evaluation.reference_path import prepare_questions
from pixelrefer_ros.evaluation.workload import Workload

REGION_STAGES = ("encode", "infuse")
"""What happens to pictures and regions, before the language model reads a word."""


@pytest.fixture(scope="module")
def operations(tiny_model):
    def count(frames: int, width: int, height: int) -> dict[str, float]:
        workload = Workload(regions=1, frames=frames, tokens=1, width=width, height=height)
        samples = list(prepare_questions(tiny_model, workload.query(0)))
        counted = count_flops(tiny_model, samples, new_tokens=1)
        return {stage: counted[stage] for stage in REGION_STAGES}

    return count


def test_operations_grow_in_proportion_to_the_frames(operations):
    one = operations(1, 640, 480)
    for frames in (2, 4):
        many = operations(frames, 640, 480)
        for stage in REGION_STAGES:
            assert many[stage] == pytest.approx(frames * one[stage], rel=0.03)


def test_operations_do_not_grow_with_the_pictures(operations):
    """The object is a fifth of the shorter side of each, and its crop is scaled to a fixed size."""
    small, large = operations(1, 640, 480), operations(1, 1920, 1080)
    for stage in REGION_STAGES:
        assert large[stage] == pytest.approx(small[stage], rel=0.03)
