from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from pixelrefer_ros.live_replay.node_limits import node_limits
from pixelrefer_ros.live_replay.planner import Due
from pixelrefer_ros.regions.reference import Region
from pixelrefer_ros.replay.queries import HISTORY_S, ReplayQuery
from pixelrefer_ros.replay.recording import Recording
from pixelrefer_ros.streams.stamps import NANOSECONDS

sys.path.insert(0, str(Path(__file__).parents[1] / "replay"))
from replay_bag import HEIGHT, RAW, START_NS, WIDTH, write


@pytest.fixture(scope="module")
def bag(tmp_path_factory) -> Path:
    """A bag of 80 raw frames, 2.9 million bytes."""
    return write(tmp_path_factory.mktemp("limits") / "bag", range(80))


def query(name: str, *, regions: int = 1, **others: int) -> ReplayQuery:
    boxes = tuple(Region(box=(0, 0, 9, 9)) for _ in range(regions))
    return ReplayQuery(name, RAW, START_NS + 7 * NANOSECONDS, False, boxes, name, **others)


def limits(bag: Path, *queries: ReplayQuery) -> dict[str, float]:
    recording = Recording.open(str(bag), queries)
    return node_limits(recording, [Due(one, "camera", recording.find(one)) for one in queries])


def test_the_buffer_holds_the_longest_history_and_all_are_asked(bag):
    several = query("several", num_frames=20, history_ns=6 * NANOSECONDS)
    assert limits(bag, query("many", regions=17), several) == {
        "buffer.seconds": 10.0 + 6.0,
        "buffer.frames": 300 + 61,
        "buffer.megabytes": 512 + -(-61 * HEIGHT * WIDTH * 3 // 10**6),
        "request.max_regions": 17,
        "request.max_frames": 20,
    }


def test_they_stay_within_the_ranges_of_the_parameters(bag):
    found = limits(bag, query("q", regions=256, num_frames=255, history_ns=3600 * NANOSECONDS))
    assert found["buffer.seconds"] == 3600.0
    assert found["request.max_regions"] == found["request.max_frames"] == 255


def test_what_needs_no_more_has_the_defaults(bag):
    found = limits(bag, query("q"))
    assert found["buffer.seconds"] == 10.0
    assert found["request.max_regions"] == found["request.max_frames"] == 16
    assert found["buffer.seconds"] == HISTORY_S, "how far back is looked where no query says"
