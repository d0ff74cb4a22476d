"""Parameters set while the node runs, by another process."""

from __future__ import annotations

import pytest

from pixelrefer_ros.msg import RegionQuery, RegionResult
from pixelrefer_ros.ros.client import box_reference
from pixelrefer_ros.ros.parameter import Effect
from pixelrefer_ros.ros.parameters import PARAMETERS

AT_ONCE = [parameter for parameter in PARAMETERS if parameter.effect is Effect.AT_ONCE]


@pytest.fixture(scope="module")
def active(module_processes):
    module_processes.camera("--rate", "30", "--reliable")
    node = module_processes.node(request__max_new_tokens=4).start()
    node.wait_for_frames(10)
    return node


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("buffer.frames", 0, ["buffer.frames", "1", "100000", "value: 0"]),
        ("request.timeout", float("nan"), ["request.timeout", "0.01", "3600.0", "value: nan"]),
        ("request.timeout", "soon", ["expected", "DOUBLE", "STRING"]),
        ("request.max_regions", 256, ["request.max_regions", "255", "value: 256"]),
        ("camera_names", ["a", "a"], ["camera_names is ['a', 'a']", "each once"]),
        ("model.dtype", "float8", ["model.dtype is 'float8'", "one of auto, float32"]),
        ("cameras.camera.topic", "a b", ["cameras.camera.topic is 'a b'", "not a topic name"]),
    ],
)
def test_what_could_not_be_configured_is_refused_at_once_with_the_reason(
    active, name, value, words
):
    [reason] = active.refusals(**{name: value})
    for word in words:
        assert word in reason


@pytest.mark.parametrize(
    ("name", "value", "cure"),
    [
        ("model.threads", 2, "deactivate and clean up the node"),
        ("request.max_batch", 4, "deactivate and clean up the node"),
        ("cameras.camera.topic", "/elsewhere", "deactivate the node, set it, activate"),
        ("camera_names", ["front"], "deactivate the node, set it, activate"),
    ],
)
def test_what_needs_a_transition_is_refused_while_active(active, name, value, cure):
    [reason] = active.refusals(**{name: value})
    assert name in reason
    assert repr(value) in reason
    assert cure in reason


def test_setting_what_is_set_already_is_no_change(active):
    active.set(model__threads=1, camera_names=["camera"])


def test_limits_of_the_buffer_hold_at_once(active):
    active.set(buffer__frames=5)
    assert len(active.client.list_frames()) <= 5
    active.set(buffer__frames=300)
    assert len(active.wait_for_frames(10)) >= 10


def test_limits_of_requests_hold_at_once(active):
    box = box_reference(40, 30, 40, 30)
    active.set(request__max_regions=2)
    refused = active.client.describe([box] * 3)
    assert refused.error_code == RegionResult.TOO_MANY_REGIONS
    assert "at most 2 (request.max_regions)" in refused.error_msg
    active.set(request__max_regions=20)
    assert active.client.describe([box] * 17).error_code == RegionResult.NONE
    active.set(request__timeout=0.01)
    query = RegionQuery(regions=[box] * 16)
    assert active.client.describe_async(query).result(30).error_code == RegionResult.TIMEOUT
    active.set(request__timeout=30.0, request__max_frame_age=0.0)
    assert active.client.describe(box).error_code == RegionResult.FRAME_STALE
    active.set(request__max_frame_age=3600.0, request__max_new_tokens=1)
    [answer] = active.client.describe(box).answers
    assert answer.generated_tokens == 1


@pytest.mark.parametrize("parameter", AT_ONCE, ids=lambda parameter: parameter.name)
def test_what_takes_effect_at_once_is_set_within_its_limits(active, parameter):
    name, low, high = parameter.name, parameter.low, parameter.high
    for value, limit in ((low - 1, low), (high + 1, high)):
        [reason] = active.refusals(**{name: value})
        for word in (name, f"value: {value}", str(limit)):
            assert word in reason
    for value in (low, high, parameter.default):
        active.set(**{name: value})


def test_cameras_change_from_one_activation_to_the_next(active):
    assert active.change("deactivate")
    active.set(camera_names=["front"])
    active.set(cameras__front__topic="/camera/image_raw")
    assert active.change("activate")
    active.wait_for_frames(2, "front")
    assert active.client.list_frames("camera") == []
