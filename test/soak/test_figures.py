"""What a soak must not show is said, and nothing else."""

from __future__ import annotations

import json

import pytest

from pixelrefer_ros.soak.figures import ClientCounts, Figures, FrameCount, Usage, sum_up

FRAMES = {"front": FrameCount(100, 100), "wide": FrameCount(90, 90)}
CLIENTS = [
    ClientCounts(4, 4, 1, {"NONE": 2, "BUSY": 1, "CANCELED": 1}, [0.1, 0.3]),
    ClientCounts(2, 2, 0, {"NONE": 1, "TIMEOUT": 1}, [0.2]),
]
START, MIDDLE, END = (Usage(megabytes * 1_000_000, 20) for megabytes in (1000, 1050, 1100))


def figures(
    minutes=1.0, frames=FRAMES, clients=CLIENTS, results=5, middle=MIDDLE, end=END
) -> Figures:
    return sum_up(
        minutes, frames, clients, results, START, middle, end, cpu_wait=0.25, starved_s=2.0
    )


def test_the_figures_are_those_of_all_processes_together():
    found = json.loads(figures().to_json())
    assert found == {
        "minutes": 1.0,
        "frames_sent": 190,
        "frames_received": 190,
        "requests": 6,
        "answered": 6,
        "tracks": 1,
        "results": 5,
        "by_code": {"BUSY": 1, "CANCELED": 1, "NONE": 3, "TIMEOUT": 1},
        "p50_s": pytest.approx(0.2),
        "p95_s": pytest.approx(0.29),
        "rss_start_bytes": 1_000_000_000,
        "rss_middle_bytes": 1_050_000_000,
        "rss_end_bytes": 1_100_000_000,
        "fds_start": 20,
        "fds_end": 20,
        "cpu_wait": 0.25,
        "starved_s": 2.0,
        "problems": [],
    }
    assert "frames_sent      190\n" in figures().to_text()


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        (
            {"frames": {"wide": FrameCount(90, 88)}},
            "camera wide: 2 of 90 frames were lost "
            "(taking them waited up to 0.25 s in a second for a processor, 0.18 s do no harm)",
        ),
        ({"frames": {"wide": FrameCount(0, 0)}}, "camera wide sent no frames"),
        (
            {"clients": [ClientCounts(5, 4, 0, {"NONE": 4}, [0.1])]},
            "1 of 5 requests were not answered",
        ),
        (
            {"clients": [ClientCounts(5, 5, 0, {"BUSY": 5}, [])]},
            "no question was answered with words",
        ),
        (
            {"clients": [ClientCounts(5, 5, 0, {"NONE": 4, "INFERENCE_ERROR": 1}, [0.1])]},
            "error codes that nobody provoked: {'INFERENCE_ERROR': 1}",
        ),
        ({"results": 6}, "6 results came of 5 questions"),
        (
            {"end": Usage(1_150_000_000, 20)},
            "memory grew by 150 MB, 132 MB are allowed",
        ),
        (
            {"minutes": 4.0, "middle": START, "end": Usage(1_090_000_000, 20)},
            "memory grew by 90 MB in the second half, 82 MB are allowed",
        ),
        ({"end": Usage(1_000_000_000, 21)}, "file descriptors grew from 20 to 21"),
    ],
)
def test_each_problem_is_named(changed, problem):
    assert figures(**changed).problems == [problem]


@pytest.mark.parametrize(
    ("minutes", "middle", "end"),
    [
        (3.9, 1000, 1090),  # too short to tell
        (4.0, 1000, 1080),
        (10.0, 1100, 1100),
        (10.0, 1100, 1000),
    ],
)
def test_memory_may_breathe_and_fill_up_early(minutes, middle, end):
    usages = {"middle": Usage(middle * 1_000_000, 20), "end": Usage(end * 1_000_000, 20)}
    assert figures(minutes=minutes, **usages).problems == []
