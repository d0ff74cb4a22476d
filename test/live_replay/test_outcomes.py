"""From the replies of a node to pictures."""

from __future__ import annotations

import sys
from concurrent.futures import Future
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("rclpy", reason="needs ROS 2")

from pixelrefer_ros.live_replay.outcomes import draw_reply
from pixelrefer_ros.live_replay.planner import Due, Reply
from pixelrefer_ros.msg import RegionQuery, RegionReference, RegionResult
from pixelrefer_ros.regions.reference import Region
from pixelrefer_ros.replay.queries import ReplayQuery
from pixelrefer_ros.replay.recording import Recording
from pixelrefer_ros.ros.asking import PendingEntries, ask
from pixelrefer_ros.ros.conversions import to_reference
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.image_codec import from_rgb

sys.path.insert(0, str(Path(__file__).parents[1] / "replay"))
from replay_bag import HEIGHT, PERIOD_NS, RAW, START_NS, WIDTH, picture, write

BOX = (20, 10, 60, 50)
QUERY = ReplayQuery("q", RAW, START_NS + PERIOD_NS, False, (Region(box=BOX),), "q")


@pytest.fixture(scope="module")
def recording(tmp_path_factory) -> Recording:
    path = write(tmp_path_factory.mktemp("outcomes") / "bag", range(4))
    return Recording.open(str(path), [QUERY])


def draw(recording: Recording, *regions: RegionReference, error_code: int = 0) -> np.ndarray:
    """Return the picture of a query whose reply has these regions, as int [height, width, 3]."""
    result: Future[RegionResult] = Future()
    result.set_result(RegionResult(error_code=error_code, regions=regions))
    due = Due(QUERY, "camera", recording.find(QUERY))
    found = draw_reply(recording, Reply(due, PendingEntries(RegionQuery(), result), None, 0.1, 1))
    assert found is not None
    return np.asarray(Image.open(BytesIO(found))).astype(int)


def used(number: int, columns: slice) -> RegionReference:
    """A region that the node used on frame `number`: the upper half of the image there."""
    mask = np.zeros((HEIGHT, WIDTH), np.bool_)
    mask[: HEIGHT // 2, columns] = True
    mask[0, 0] = True
    frame = Frame("camera", START_NS + number * PERIOD_NS, "optical", from_rgb(picture(number)))
    return to_reference(mask, "1", frame, with_mask=True)


def is_tinted(found: np.ndarray, number: int, row: int, column: int) -> bool:
    """Tell whether a pixel of the background of frame `number` is drawn upon."""
    return bool(found[row, column, 0] - picture(number)[row, column, 0] > 20)


def test_the_mask_that_was_used_is_drawn_and_not_what_was_pointed_at(recording):
    found = draw(recording, used(1, slice(90, 110)))
    assert found.shape == (HEIGHT, WIDTH, 3)
    assert is_tinted(found, 1, 20, 100)
    assert not is_tinted(found, 1, 20, 60), "in its box, not in the mask"
    assert not is_tinted(found, 1, 80, 100), "below"


def test_masks_on_several_frames_are_drawn_on_theirs(recording):
    found = draw(recording, used(3, slice(90, 110)), used(0, slice(60, 80)))
    assert found.shape == (HEIGHT, 2 * WIDTH, 3)
    assert is_tinted(found[:, :WIDTH], 0, 20, 70)
    assert not is_tinted(found[:, :WIDTH], 0, 20, 100)
    assert is_tinted(found[:, WIDTH:], 3, 20, 100)


def test_without_an_answer_what_was_pointed_at_is_drawn(recording):
    found = draw(recording, error_code=6)
    assert is_tinted(found, 1, 20, 70)
    assert not is_tinted(found, 1, 20, 100)


def test_masks_are_asked_for_where_they_are_wanted():
    asked: list[RegionQuery] = []
    client = SimpleNamespace(describe_async=asked.append)
    for wanted in (False, True):
        ask(
            client,
            QUERY.regions,
            [0],
            camera="",
            prompt="",
            timeout_s=1.0,
            return_masks=wanted,
        )
    assert [query.return_masks for query in asked] == [False, True]
