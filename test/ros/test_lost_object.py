"""An object that is watched and then taken away, through real DDS."""

from __future__ import annotations

import moving_square

from pixelrefer_ros.msg import RegionResult
from pixelrefer_ros.ros.client import box_reference
from pixelrefer_ros.ros.conversions import to_nanoseconds

HIDDEN_AFTER_S = 15.0


def test_an_object_that_goes_out_of_sight_ends_its_track(processes):
    node = processes.node(tracks__lost_after=1.0).start()
    processes.camera("--moving", "--rate", "15", "--reliable", "--hide-after", str(HIDDEN_AFTER_S))
    node.wait_for_frames(5)
    stamp = node.client.list_frames()[-1].stamp
    box = moving_square.box_at(to_nanoseconds(stamp) / 1e9)
    with node.client.track(box_reference(*box, stamp=stamp, object_id="square")) as track:
        track.wait_until_seen(10)
        result = track.ended.result(2 * HIDDEN_AFTER_S)
    assert result.error_code == RegionResult.OBJECT_LOST
    assert "not seen for more than 1 s (tracks.lost_after)" in result.error_msg
    assert result.region.object_id == "square"
    assert result.region.roi.width > 0, "where it was last seen"
