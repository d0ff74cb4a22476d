"""From a planner's `RegionQuery` to a query of the engine, and from its answers to a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pixelrefer_ros.engine.query import Answer, Query
from pixelrefer_ros.errors import (
    ErrorCode,
    InvalidRegionError,
    PixelReferError,
)
from pixelrefer_ros.msg import RegionQuery, RegionResult
from pixelrefer_ros.regions.reference import Region
from pixelrefer_ros.ros.call import Call
from pixelrefer_ros.ros.conversions import (
    set_timing,
    to_answer_message,
    to_nanoseconds,
    to_reference,
)
from pixelrefer_ros.ros.frame_choice import sample_frames
from pixelrefer_ros.ros.inquiry import Inquiry
from pixelrefer_ros.ros.parameters import Settings
from pixelrefer_ros.ros.pointing import Place, Pointer, find_buffer
from pixelrefer_ros.ros.request_limits import check_limits
from pixelrefer_ros.ros.tracks import Tracks
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.frame_buffer import FrameBuffer
from pixelrefer_ros.streams.stamps import NANOSECONDS


def read_query(
    message: RegionQuery,
    buffers: Mapping[str, FrameBuffer],
    tracks: Tracks,
    settings: Settings,
    now_ns: int,
) -> Inquiry:
    """Check a message and look its frames up; `now_ns` is ROS time.

    Raises `UnknownCameraError`, `TooManyRegionsError`, `InvalidRegionError`, `InvalidPromptError`,
    `ObjectLostError`, `UnsupportedEncodingError`, `NoFrameError`, `FrameEvictedError` or
    `FrameStaleError`.
    """
    buffer = find_buffer(message.camera, buffers)
    check_limits(message, settings)
    if message.num_frames > settings.max_frames:
        raise InvalidRegionError(
            f"num_frames is {message.num_frames}, at most {settings.max_frames} "
            "(request.max_frames) are looked at"
        )
    max_age_ns = to_nanoseconds(message.max_frame_age) or round(
        settings.max_frame_age * NANOSECONDS
    )
    pointer = Pointer(buffer, tracks, now_ns, max_age_ns)
    places = [
        pointer.look_up(reference, name=f"regions[{index}]")
        for index, reference in enumerate(message.regions)
    ]
    follow = message.num_frames > 1 and bool(places)
    frames = list(dict.fromkeys(place.frame for place in places))
    if follow:
        history_ns = to_nanoseconds(message.history)
        frames = sample_frames(buffer, frames, message.num_frames, history_ns)
    return Inquiry(
        buffer=buffer,
        frames=tuple(frames),
        query=Query(
            frames=frames,
            regions=[*_pointed_at(places, frames), *(_watched(places, frames) if follow else ())],
            prompt=message.prompt,
            max_new_tokens=message.max_new_tokens or settings.max_new_tokens,
        ),
        timeout_s=to_nanoseconds(message.timeout) / NANOSECONDS or settings.timeout,
        return_masks=message.return_masks,
        follow=follow,
    )


def build_result(inquiry: Inquiry, answers: Sequence[Answer]) -> RegionResult:
    """Put answers, the regions as used and the timing into a message."""
    result = RegionResult(error_code=ErrorCode.NONE.value)
    for answer in answers:
        names = tuple(map(inquiry.given_name, answer.object_ids))
        result.answers.append(to_answer_message(replace(answer, object_ids=names)))
    for region in inquiry.query.regions:
        frame = inquiry.frames[region.frame]
        mask = region.to_mask(*frame.size)
        result.regions.append(
            to_reference(
                mask,
                inquiry.given_name(region.object_id),
                frame,
                with_mask=inquiry.return_masks,
            )
        )
    if answers:
        timing = answers[0].timing
        timing = replace(
            timing,
            queue_s=timing.queue_s + inquiry.waiting_s,
            preprocess_s=timing.preprocess_s + inquiry.finding_s,
        )
        set_timing(result, timing)
    return result


def build_withdrawn(inquiry: Inquiry, call: Call) -> RegionResult:
    """Put what was said before a call was withdrawn into a message, with the regions if any was."""
    result = build_result(inquiry, call.partial) if call.partial else RegionResult()
    result.error_code = ErrorCode.CANCELED.value
    result.error_msg = call.withdrawn
    return result


def build_error(error: PixelReferError) -> RegionResult:
    """Put an error into a message."""
    return RegionResult(error_code=error.code.value, error_msg=str(error))


def _pointed_at(places: Sequence[Place], frames: Sequence[Frame]) -> list[Region]:
    return [replace(place.region, frame=frames.index(place.frame)) for place in places]


def _watched(places: Sequence[Place], frames: Sequence[Frame]) -> list[Region]:
    """Return watched objects where they were seen on frames they are not pointed at on."""
    known = {(place.region.object_id, place.frame) for place in places}
    regions = []
    for track in dict.fromkeys(place.track for place in places if place.track):
        for index, frame in enumerate(frames):
            sighting = track.on(frame) if (track.object_id, frame) not in known else None
            if sighting is not None and sighting.region is not None:
                regions.append(replace(sighting.region, frame=index))
    return regions
