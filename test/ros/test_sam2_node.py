"""SAM 2 in the node: one folder finds objects and follows them. Small, with random weights."""

from __future__ import annotations

from pathlib import Path

import pytest
from safetensors.numpy import load_file, save_file
from small_sam2 import save_video_model

from pixelrefer_ros.msg import RegionResult
from pixelrefer_ros.ros.client import box_reference, point_reference
from pixelrefer_ros.ros.conversions import to_nanoseconds, to_raw_image
from pixelrefer_ros.streams.image_codec import to_mask

FRAMES = 3


def save_sure_video_model(folder: Path) -> Path:
    """Random weights see nothing; these are sure that there is an object on every frame."""
    weights = save_video_model(folder) / "model.safetensors"
    tensors = load_file(weights)
    tensors["mask_decoder.pred_obj_score_head.proj_out.bias"] += 4.0
    save_file(tensors, weights, metadata={"format": "pt"})
    return folder


@pytest.fixture(scope="module")
def node(module_processes, tmp_path_factory):
    module_processes.camera("--moving", "--rate", "10", "--reliable")
    node = module_processes.node(
        regions__segmenter="sam2",
        regions__propagator="sam2",
        regions__sam2_path=str(save_sure_video_model(tmp_path_factory.mktemp("sam2"))),
        request__max_new_tokens=4,
    ).start()
    node.wait_for_frames(10)
    return node


def answered(result: RegionResult) -> RegionResult:
    assert result.error_code == RegionResult.NONE, result.error_msg
    assert len(result.answers) == 1
    return result


@pytest.mark.parametrize(
    "region", [box_reference(40, 30, 40, 40), point_reference([(60, 50)])], ids=["box", "point"]
)
def test_an_object_is_found(node, region):
    [used] = answered(node.client.describe(region, "What is this?", return_masks=True)).regions
    assert to_mask(to_raw_image(used.mask)).any()


def test_an_object_is_followed(node):
    region = box_reference(40, 30, 40, 40, object_id="thing")
    result = answered(node.client.describe(region, "What does <region> do?", num_frames=FRAMES))
    stamps = [to_nanoseconds(used.header.stamp) for used in result.regions]
    assert {used.object_id for used in result.regions} == {"thing"}
    assert 1 < len(stamps) <= FRAMES
    assert stamps == sorted(stamps)
