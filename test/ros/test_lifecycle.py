"""Starting, stopping, and configurations that cannot work."""

from __future__ import annotations

import shutil
import signal
import time

import pytest

from pixelrefer_ros.engine.pending import Stage
from pixelrefer_ros.msg import RegionQuery, RegionResult
from pixelrefer_ros.ros.client import box_reference, polygon_reference


def ask(node, **fields: object) -> RegionResult:
    query = RegionQuery(regions=[box_reference(40, 30, 40, 30)], **fields)
    return node.client.describe_async(query).result(30)


def test_the_node_goes_round_its_lifecycle_and_survives_illegal_transitions(processes):
    processes.camera()
    node = processes.node(request__max_new_tokens=4).wait()
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


ILLEGAL = {
    "unconfigured": ("activate", "deactivate", "cleanup", "shutdown active", "unknown"),
    "inactive": ("configure", "deactivate", "shutdown unconfigured", "unknown"),
    "active": ("configure", "activate", "cleanup", "shutdown inactive", "unknown"),
    "finalized": ("configure", "activate", "deactivate", "cleanup", "shutdown active", "unknown"),
}
WAY = {
    "unconfigured": (),
    "inactive": ("configure",),
    "active": ("configure", "activate"),
    "finalized": ("shutdown unconfigured",),
}


@pytest.mark.parametrize("state", ILLEGAL)
def test_illegal_transitions_are_refused_and_change_nothing(processes, state):
    if state == "active":
        processes.camera()
    node = processes.node(request__max_new_tokens=4).wait()
    for transition in WAY[state]:
        assert node.change(transition)
    for transition in ILLEGAL[state]:
        assert not node.change(transition), f"{transition} while {state}"
        assert node.state() == state
    if state == "active":
        node.wait_for_frames(2)
        assert ask(node).error_code == RegionResult.NONE
    else:
        assert ask(node).error_code == RegionResult.NOT_ACTIVE
    assert "Traceback" not in node.log()
    assert node.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_request_on_its_way_is_answered_before_the_process_ends(
    processes, endless_model_path, number
):
    processes.camera()
    node = processes.node(model__path=endless_model_path).start()
    node.wait_for_frames(2)
    future = node.client.describe_async(
        RegionQuery(regions=[box_reference(40, 30, 40, 30)], max_new_tokens=20_000)
    )
    node.wait_for_calls()
    time.sleep(0.3)
    assert not future.done(), future.result()
    node.process.send_signal(number)
    assert future.result(30).error_code == RegionResult.NOT_ACTIVE
    assert node.process.wait(60) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_all_that_is_on_its_way_is_answered_before_the_process_ends(
    processes, endless_model_path, number
):
    """Two requests are answered, three wait, one has its objects looked for, one is watched."""
    processes.camera("--moving")
    node = processes.node(
        model__path=endless_model_path, request__max_batch=2, request__queue_size=6
    ).start()
    node.wait_for_frames(16)
    track = node.client.track(box_reference(40, 30, 40, 30, object_id="thing"))
    track.wait_until_seen()
    # What is given as polygons goes to the model at once.
    polygon = polygon_reference([(40, 30), (80, 30), (60, 60)])
    query = RegionQuery(regions=[polygon], max_new_tokens=20_000)
    requests = [node.client.describe_async(query) for _ in range(5)]
    node.wait_for_calls()
    time.sleep(0.5)
    boxes = [box_reference(8 * k, 30, 40, 40) for k in range(12)]
    requests.append(node.client.describe_async(RegionQuery(regions=boxes, num_frames=16)))
    node.wait_for_calls()
    assert not [request.result() for request in requests if request.done()]
    assert not track.ended.done()
    node.process.send_signal(number)
    codes = [request.result(30).error_code for request in requests]
    assert codes == [RegionResult.NOT_ACTIVE] * len(requests)
    assert track.ended.result(30).error_code == RegionResult.CANCELED
    assert node.process.wait(60) == 0


def test_a_goal_on_its_way_is_answered_before_the_process_ends(processes, endless_model_path):
    processes.camera()
    node = processes.node(model__path=endless_model_path).start()
    node.wait_for_frames(2)
    stream = node.client.describe_streaming(box_reference(40, 30, 40, 30), max_new_tokens=20_000)
    next(feedback for feedback in stream if feedback.delta)
    node.process.send_signal(signal.SIGTERM)
    assert stream.result().error_code == RegionResult.NOT_ACTIVE
    assert node.process.wait(60) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_that_follow_do_not_spoil_the_way_out(processes, number):
    node = processes.node().start()
    while node.process.poll() is None:
        node.process.send_signal(number)
        time.sleep(0.02)
    assert node.process.returncode == 0


def test_replies_leave_before_a_long_step_of_the_model_ends(processes):
    """Boxes of 2x2 pixels are enlarged to thousands of patches: the encoder takes its time."""
    processes.camera()
    node = processes.node().start()
    node.wait_for_frames(2)
    regions = [box_reference(9 * k, 60, 2, 2) for k in range(16)]
    stream = node.client.describe_streaming(regions, timeout_s=120.0)
    next(feedback for feedback in stream if feedback.stage == Stage.ENCODING)
    node.process.send_signal(signal.SIGTERM)
    assert stream.result().error_code == RegionResult.NOT_ACTIVE
    node.process.kill()


@pytest.fixture(scope="module")
def unconfigured(module_processes, tiny_model_path):
    return module_processes.node(model__path=tiny_model_path).wait()


@pytest.mark.parametrize(
    ("parameter", "wrong", "right", "message"),
    [
        ("model.device", "cuda:7", "auto", "device is 'cuda:7'"),
        ("cameras.camera.transport", "h264", "raw", "cameras.camera.transport is 'h264'"),
    ],
)
def test_what_cannot_work_is_said_at_configure_and_can_be_corrected(
    processes, parameter, wrong, right, message
):
    """What was given at the start; later it is refused when it is set."""
    node = processes.node(**{parameter: wrong}).wait()
    assert not node.change("configure")
    assert node.state() == "unconfigured"
    assert message in node.log()
    node.set(**{parameter: right})
    assert node.change("configure")


@pytest.mark.parametrize(
    ("parameter", "wrong", "message"),
    [
        ("model.device", "tpu", "model.device is 'tpu'"),
        ("model.device", "cuda:7", "model.device is 'cuda:7', but torch"),
        ("model.dtype", "float16", "model.dtype is 'float16'"),
        ("model.quantization", "int3", "model.quantization is 'int3'"),
        ("model.path", "/no/such/folder", "/no/such/folder"),
        ("camera_names", ["a", ""], "camera_names is ['a', '']"),
        ("cameras.camera.topic", "", "cameras.camera.topic is ''"),
    ],
)
def test_an_unconfigured_node_refuses_what_cannot_work(unconfigured, parameter, wrong, message):
    [reason] = unconfigured.refusals(**{parameter: wrong})
    assert message in reason


def test_damaged_model_folders_are_named_at_configure(unconfigured, tiny_model_path, tmp_path):
    folder = tmp_path / "truncated"
    shutil.copytree(tiny_model_path, folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    unconfigured.set(model__path=str(folder))
    assert not unconfigured.change("configure")
    assert str(weights) in unconfigured.log()


def test_weights_of_another_model_are_refused_by_the_name_of_a_tensor(
    unconfigured, tiny_model_path, tmp_path
):
    folder = tmp_path / "swapped"
    shutil.copytree(tiny_model_path, folder)
    other = tiny_model_path.with_name("pixelrefer-lite-tabletop") / "model.safetensors"
    shutil.copy(other, folder / "model.safetensors")
    unconfigured.set(model__path=str(folder))
    assert not unconfigured.change("configure")
    assert unconfigured.state() == "unconfigured"
    assert "swapped" in unconfigured.log()
    assert "Traceback" not in unconfigured.log()
    unconfigured.stop()


def test_model_files_that_are_damaged_or_removed_later_harm_nobody(
    processes, tiny_model_path, tmp_path
):
    """The weights are read whole at configure, and never again until the next."""
    folder = tmp_path / "model"
    shutil.copytree(tiny_model_path, folder)
    processes.camera()
    node = processes.node(model__path=folder, request__max_new_tokens=4).start()
    node.wait_for_frames(2)
    expected = ask(node)
    assert expected.error_code == RegionResult.NONE
    with (folder / "model.safetensors").open("r+b") as weights:
        weights.truncate(1000)
    stamp = expected.regions[0].header.stamp
    again = node.client.describe(box_reference(40, 30, 40, 30, stamp=stamp))
    assert again.answers == expected.answers
    shutil.rmtree(folder)
    assert ask(node).error_code == RegionResult.NONE
    assert node.change("deactivate")
    assert node.change("cleanup")
    assert not node.change("configure")
    assert str(folder) in node.log()


def test_a_parameter_out_of_range_ends_the_process_with_one_sentence(processes):
    node = processes.node(request__queue_size=0)
    assert node.process.wait(90) == 2
    assert "request.queue_size" in node.log()
    assert "Traceback" not in node.log()
