"""What the node must be allowed so that every query of a replay can be answered."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from pixelrefer_ros.live_replay.planner import Due
from pixelrefer_ros.replay.recording import Recording
from pixelrefer_ros.ros.parameters import PARAMETERS
from pixelrefer_ros.streams.stamps import NANOSECONDS

_PARAMETERS = {parameter.name: parameter for parameter in PARAMETERS}


def node_limits(recording: Recording, due: Sequence[Due]) -> dict[str, float]:
    """Return parameters of the node by name, each within its range and not below its default.

    The buffer has room for what any query looks back on and, besides, for what it holds by default:
    the frames that come until the query is asked.
    """
    looked_at = [
        recording.indices[recording.topic(one.query)].before(one.moment.place, one.query.history_ns)
        for one in due
    ]
    most_bytes = max(sum(place.nbytes for place in places) for places in looked_at)
    return {
        **_beyond("buffer.seconds", max(one.query.history_ns for one in due) / NANOSECONDS),
        **_beyond("buffer.frames", max(map(len, looked_at))),
        **_beyond("buffer.megabytes", ceil(most_bytes / 10**6)),
        **_at_least("request.max_regions", max(len(one.query.regions) for one in due)),
        **_at_least("request.max_frames", max(one.query.num_frames for one in due)),
    }


def _beyond(name: str, more: float) -> dict[str, float]:
    default, high = _default_and_high(name)
    return {name: min(default + more, high)}


def _at_least(name: str, value: float) -> dict[str, float]:
    default, high = _default_and_high(name)
    return {name: min(max(default, value), high)}


def _default_and_high(name: str) -> tuple[float, float]:
    """Return whole numbers for a parameter that is one."""
    parameter = _PARAMETERS[name]
    assert isinstance(parameter.default, int | float)
    assert parameter.high is not None
    return parameter.default, parameter.high
