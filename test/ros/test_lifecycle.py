"""Starting, stopping, and configurations that cannot work."""

from __future__ import annotations

import shutil
import signal

import pytest

from pixelrefer_ros.msg import RegionQuery, RegionResult
from pixelrefer_ros.ros.client import box_reference


def ask(node, **fields: object) -> RegionResult:
    query = RegionQuery(regions=[box_reference(40, 30, 40, 30)], **fields)
    return node.client.describe_async(query).result(30)


def test_the_node_goes_round_its_lifecycle_and_survives_illegal_transitions(
    start_node, start_camera
):
    start_camera()
    node = start_node(request__max_new_tokens=4).wait()
    assert node.state() == "unconfigured"
    assert ask(node).error_code == RegionResult.NOT_ACTIVE
    assert not node.change("activate"), "activation of an unconfigured node must be refused"
    assert node.change("configure")
    assert not node.change("configure"), "a second configuration must be refused"
    for _ in range(3):
        assert node.change("activate")
        node.wait_for_frames(2)
        assert ask(node).error_code == RegionResult.NONE
        assert node.change("deactivate")
        assert ask(node).error_code == RegionResult.NOT_ACTIVE
    assert node.change("cleanup")
    assert node.state() == "unconfigured"
    assert node.change("configure")
    assert node.change("activate")
    node.wait_for_frames(2)
    assert ask(node).error_code == RegionResult.NONE
    assert node.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_request_on_its_way_is_answered_before_the_process_ends(start_node, start_camera, number):
    start_camera()
    node = start_node().start()
    node.wait_for_frames(2)
    future = node.client.describe_async(
        RegionQuery(regions=[box_reference(40, 30, 40, 30)], max_new_tokens=2000)
    )
    with pytest.raises(TimeoutError):
        future.result(0.3)
    node.process.send_signal(number)
    assert future.result(10).error_code == RegionResult.NOT_ACTIVE
    assert node.stop(number) == 0


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"model__device": "cuda:7"}, "device is 'cuda:7'"),
        ({"model__device": "tpu"}, "device is 'tpu'"),
        ({"model__dtype": "float16", "model__device": "cpu"}, "dtype is 'float16'"),
        ({"model__path": "/no/such/folder"}, "/no/such/folder"),
        ({"camera_names": "[a, a]"}, "camera_names"),
        ({"cameras__camera__transport": "h264"}, "cameras.camera.transport is 'h264'"),
    ],
)
def test_what_cannot_work_is_said_at_configure_and_the_node_lives(start_node, parameters, message):
    node = start_node(**parameters).wait()
    assert not node.change("configure")
    assert node.state() == "unconfigured"
    assert message in node.log()
    node.stop()


def test_damaged_model_folders_are_named_at_configure(start_node, tiny_model_path, tmp_path):
    folder = tmp_path / "truncated"
    shutil.copytree(tiny_model_path, folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    node = start_node(model__path=folder).wait()
    assert not node.change("configure")
    assert "model.safetensors" in node.log()
    node.stop()


def test_a_parameter_out_of_range_ends_the_process_with_one_sentence(start_node):
    node = start_node(request__queue_size=0)
    assert node.process.wait(30) == 2
    assert "request.queue_size" in node.log()
    assert "Traceback" not in node.log()
