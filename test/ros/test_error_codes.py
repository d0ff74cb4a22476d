"""Every error code, reached through a real call from another process."""
# ruff: noqa: E501  (a table reads better in long lines)

from __future__ import annotations

import resource
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from builtin_interfaces.msg import Duration, Time
from geometry_msgs.msg import Point32
from safetensors.numpy import load_file, save_file
from sensor_msgs.msg import Image, RegionOfInterest

from pixelrefer_ros.engine.pending import Stage
from pixelrefer_ros.errors import ErrorCode
from pixelrefer_ros.msg import RegionQuery, RegionReference, RegionResult
from pixelrefer_ros.ros.client import (
    box_reference,
    mask_reference,
    object_reference,
    point_reference,
    polygon_reference,
)

REACHED: set[int] = set()
BOX = (40, 30, 40, 30)


@pytest.fixture(scope="module")
def node(module_processes, endless_model_path):
    module_processes.camera("--topic", "/front")
    module_processes.camera("--topic", "/depth", "--encoding", "16UC1")
    module_processes.camera("--topic", "/broken", "--truncated")
    module_processes.camera("--topic", "/old", "--start", "1000.0")
    node = module_processes.node(
        model__path=endless_model_path,
        camera_names="[front, depth, broken, old, silent]",
        cameras__front__topic="/front",
        cameras__depth__topic="/depth",
        cameras__broken__topic="/broken",
        cameras__old__topic="/old",
        cameras__silent__topic="/silent",
        buffer__seconds=3600.0,
        buffer__frames=100_000,
        request__max_new_tokens=4,
        request__queue_size=2,
        request__max_batch=1,
    ).start()
    for camera in ("front", "depth", "broken", "old"):
        node.wait_for_frames(5, camera)
    return node


def ask(node, *regions: RegionReference, **fields: object) -> RegionResult:
    query = RegionQuery(**{"camera": "front", "regions": list(regions), **fields})
    result = node.client.describe_async(query).result(60)
    REACHED.add(result.error_code)
    return result


def sized(width: int, height: int) -> RegionReference:
    reference = RegionReference(roi=RegionOfInterest(width=width, height=height))
    reference.mask = Image(height=5, width=5, encoding="mono8", step=5, data=bytes([255] * 25))
    return reference


def mask_of(**fields: object) -> RegionReference:
    image = {"height": 120, "width": 160, "encoding": "mono8", "step": 160, "data": bytes(19200)}
    return RegionReference(mask=Image(**{**image, **fields}))


def rectified() -> RegionReference:
    reference = box_reference(*BOX)
    reference.roi.do_rectify = True
    return reference


def box_and_polygon() -> RegionReference:
    reference = box_reference(*BOX)
    reference.polygon.points = [Point32(x=1.0, y=1.0), Point32(x=9.0, y=1.0), Point32(x=9.0, y=9.0)]
    return reference


def points_and_polygon() -> RegionReference:
    reference = polygon_reference([(1, 1), (9, 1), (9, 9)])
    reference.points = [Point32(x=5.0, y=4.0)]
    return reference


def at(seconds: float) -> Time:
    return Time(sec=int(seconds), nanosec=0)


CASES = {
    "unknown camera": ([box_reference(*BOX)], {"camera": "rear"}, "UNKNOWN_CAMERA", "camera is 'rear'"),
    "no camera named of five": ([box_reference(*BOX)], {"camera": ""}, "UNKNOWN_CAMERA", "front"),
    "silent camera": ([box_reference(*BOX)], {"camera": "silent"}, "NO_FRAME", "silent"),
    "stamp before the buffer": ([box_reference(*BOX, stamp=at(5))], {}, "FRAME_EVICTED", "regions[0].header.stamp: stamp 5.000000000 of camera 'front' is"),
    "stamp in the future": ([box_reference(*BOX, stamp=at(2**31 - 1))], {}, "FRAME_EVICTED", "newer"),
    "newest frame is old": ([box_reference(*BOX)], {"camera": "old"}, "FRAME_STALE", "max_frame_age"),
    "no regions": ([], {}, "INVALID_REGION", "regions is empty"),
    "nothing pointed at": ([RegionReference()], {}, "INVALID_REGION", "regions[0]"),
    "zero box": ([box_reference(10, 10, 0, 0)], {}, "INVALID_REGION", "regions[0]"),
    "box outside": ([box_reference(*BOX), box_reference(150, 0, 20, 20)], {}, "INVALID_REGION", "regions[1]"),
    "box far outside": ([box_reference(4_000_000_000, 0, 20, 20)], {}, "INVALID_REGION", "4000000000"),
    "rectified box": ([rectified()], {}, "INVALID_REGION", "do_rectify"),
    "polygon of two points": ([polygon_reference([(1, 1), (9, 9)])], {}, "INVALID_REGION", "2"),
    "polygon of NaN": ([polygon_reference([(1, 1), (9, 9), (float("nan"), 4)])], {}, "INVALID_REGION", "nan"),
    "polygon outside": ([polygon_reference([(1, 1), (900, 9), (5, 4)])], {}, "INVALID_REGION", "900"),
    "box and polygon": ([box_and_polygon()], {}, "INVALID_REGION", "polygon"),
    "mask of another size": ([mask_reference(np.ones((60, 80)))], {}, "INVALID_REGION", "160"),
    "mask unlike its box": ([sized(9, 9)], {}, "INVALID_REGION", "9"),
    "one object twice": ([box_reference(*BOX, object_id="a")] * 2, {}, "INVALID_REGION", "regions[1]"),
    "num_frames": ([box_reference(*BOX)], {"num_frames": 40}, "INVALID_REGION", "num_frames is 40, at most 16 (request.max_frames)"),
    "history": ([box_reference(*BOX)], {"num_frames": 4, "history": Duration(sec=-1)}, "INVALID_REGION", "history is -1.000 s"),
    "point outside": ([point_reference([(900, 9)])], {}, "INVALID_REGION", "regions[0]: points[0] is (900, 9)"),
    "points of a polygon": ([points_and_polygon()], {}, "INVALID_REGION", "regions[0]: points are given together"),
    "nobody watched": ([object_reference("cup")], {}, "INVALID_REGION", "regions[0]: no box, polygon, mask or points are given, and object_id is 'cup'"),
    "empty mask": ([mask_of()], {}, "EMPTY_MASK", "regions[0]"),
    "coloured mask": ([mask_of(encoding="rgb8")], {}, "UNSUPPORTED_ENCODING", "rgb8"),
    "truncated mask": ([mask_of(data=bytes(100))], {}, "UNSUPPORTED_ENCODING", "100"),
    "fewer placeholders": ([box_reference(*BOX)] * 2, {"prompt": "What is <region>?"}, "INVALID_PROMPT", "2"),
    "more placeholders": ([box_reference(*BOX)], {"prompt": "<region> or <region>?"}, "INVALID_PROMPT", "2"),
    "image placeholder": ([box_reference(*BOX)], {"prompt": "<image> <region>"}, "INVALID_PROMPT", "<image>"),
    "endless prompt": ([box_reference(*BOX)], {"prompt": "why " * 100_000}, "INVALID_PROMPT", "prompt"),
    "300 regions": ([box_reference(*BOX)] * 300, {}, "TOO_MANY_REGIONS", "300"),
    "depth camera": ([box_reference(*BOX)], {"camera": "depth"}, "UNSUPPORTED_ENCODING", "camera 'depth': encoding '16UC1'"),
    "truncated frames": ([box_reference(*BOX)], {"camera": "broken"}, "UNSUPPORTED_ENCODING", "data"),
    "no time": ([box_reference(*BOX)], {"timeout": Duration(sec=-1)}, "TIMEOUT", "timeout is -1"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_malformed_calls_get_their_code_and_a_helpful_message(node, name):
    regions, fields, code, message = CASES[name]
    result = ask(node, *regions, **fields)
    assert ErrorCode(result.error_code).name == code, result.error_msg
    assert message in result.error_msg
    assert not result.answers


def test_the_node_lives_on_after_all_of_them(node):
    assert ask(node, box_reference(*BOX)).error_code == RegionResult.NONE


def test_a_watched_object_is_nowhere_before_it_was_watched(node):
    *_, earlier, _, _, _, newest = node.client.list_frames("front")
    reference = box_reference(*BOX, stamp=newest.stamp, object_id="cup")
    with node.client.track(reference, camera="front") as track:
        track.wait_until_seen()
        result = ask(node, object_reference("cup", stamp=earlier.stamp))
    assert result.error_code == RegionResult.OBJECT_LOST
    assert "regions[0]: watched object 'cup' was not seen at " in result.error_msg


def test_timeout_while_the_model_thinks(node):
    started = time.monotonic()
    result = ask(
        node,
        box_reference(*BOX),
        max_new_tokens=20_000,
        timeout=Duration(nanosec=300_000_000),
    )
    assert result.error_code == RegionResult.TIMEOUT
    assert "timeout is 0.300 s" in result.error_msg
    assert time.monotonic() - started < 25.0


def test_a_full_queue_is_busy_at_once(node):
    slow = {"camera": "front", "max_new_tokens": 20_000}
    running = node.client.describe_streaming(box_reference(*BOX), **slow)
    next(feedback for feedback in running if feedback.stage == Stage.GENERATING)
    waiting = [node.client.describe_streaming(box_reference(*BOX), **slow) for _ in range(2)]
    next(feedback for feedback in waiting[1] if feedback.queue_position == 1)
    started = time.monotonic()
    result = node.client.describe_streaming(box_reference(*BOX), camera="front").result()
    REACHED.add(result.error_code)
    assert result.error_code == RegionResult.BUSY
    assert "the queue holds 2" in result.error_msg
    assert time.monotonic() - started < 25.0
    for stream in (running, *waiting):
        stream.cancel()
        assert stream.result().error_code == RegionResult.CANCELED


def test_memory_that_cannot_be_had(node):
    """Cap the memory of the running node, ask for more than is left, lift the cap, ask again.

    A box of 2x2 pixels is enlarged to thousands of patches; sixteen of them need 300 MB at once.
    """
    pid = node.process.pid
    used = int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.prlimit(pid, resource.RLIMIT_AS)
    resource.prlimit(pid, resource.RLIMIT_AS, (used + 150_000_000, before[1]))
    result = ask(node, *[box_reference(9 * k, 60, 2, 2) for k in range(16)])
    resource.prlimit(pid, resource.RLIMIT_AS, before)
    assert result.error_code == RegionResult.OUT_OF_MEMORY, result.error_msg
    assert ask(node, box_reference(*BOX)).error_code == RegionResult.NONE


def test_requests_on_their_way_are_canceled_by_deactivation(node):
    slow = RegionQuery(camera="front", regions=[box_reference(*BOX)], max_new_tokens=20_000)
    future = node.client.describe_async(slow)
    node.wait_for_calls()
    assert node.change("deactivate")
    result = future.result(30)
    REACHED.add(result.error_code)
    assert result.error_code == RegionResult.CANCELED
    assert ask(node, box_reference(*BOX)).error_code == RegionResult.NOT_ACTIVE
    assert node.change("activate")


def test_damaged_weights_are_an_inference_error(
    node, module_processes, tiny_model_path, tmp_path_factory
):
    node.stop()
    folder = tmp_path_factory.mktemp("models") / "damaged"
    shutil.copytree(tiny_model_path, folder)
    tensors = load_file(folder / "model.safetensors")
    tensors["model.norm.weight"][:] = np.nan
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    damaged = module_processes.node(
        model__path=folder,
        camera_names="[front]",
        cameras__front__topic="/front",
        request__max_new_tokens=4,
    ).start()
    damaged.wait_for_frames(2)
    result = ask(damaged, box_reference(*BOX))
    assert result.error_code == RegionResult.INFERENCE_ERROR
    assert "not finite" in result.error_msg
    assert damaged.process.poll() is None


def test_every_code_was_reached(request):
    if request.session.testscollected < len(CASES):
        pytest.skip("counts only in a run of the whole file")
    assert {code.value for code in ErrorCode} - REACHED == set()
