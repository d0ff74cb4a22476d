"""From a planner's `RegionQuery` to a query of the engine, and from its answers to a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pixelrefer_ros.engine.query import Answer, Query
from pixelrefer_ros.errors import (
    ErrorCode,
    FrameEvictedError,
    FrameStaleError,
    InvalidRegionError,
    PixelReferError,
    TooManyRegionsError,
    UnknownCameraError,
)
from pixelrefer_ros.msg import RegionQuery, RegionReference, RegionResult
from pixelrefer_ros.ros.conversions import (
    set_timing,
    to_answer_message,
    to_nanoseconds,
    to_reference,
    to_region,
)
from pixelrefer_ros.ros.parameters import Settings
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.frame_buffer import FrameBuffer
from pixelrefer_ros.streams.stamps import NANOSECONDS


@dataclass(frozen=True)
class Inquiry:
    """A checked `RegionQuery` with the frames it speaks of, taken out of the buffer."""

    buffer: FrameBuffer
    frames: tuple[Frame, ...]
    query: Query
    timeout_s: float
    return_masks: bool


def read_query(
    message: RegionQuery,
    buffers: Mapping[str, FrameBuffer],
    settings: Settings,
    now_ns: int,
) -> Inquiry:
    """Check a message and look its frames up; `now_ns` is ROS time.

    Raises `UnknownCameraError`, `TooManyRegionsError`, `InvalidRegionError`,
    `UnsupportedEncodingError`, `NoFrameError`, `FrameEvictedError` or `FrameStaleError`.
    """
    buffer = _find_buffer(message.camera, buffers)
    if len(message.regions) > settings.max_regions:
        raise TooManyRegionsError(
            f"regions has {len(message.regions)} entries, "
            f"at most {settings.max_regions} (request.max_regions) are answered"
        )
    if message.num_frames > 1:
        raise InvalidRegionError(
            f"num_frames is {message.num_frames}, the limit is 1: point at the object on each "
            "frame yourself, with one entry of regions per frame under the same object_id"
        )
    max_age = to_nanoseconds(message.max_frame_age) or round(settings.max_frame_age * NANOSECONDS)
    frames: list[Frame] = []
    regions = []
    for index, reference in enumerate(message.regions):
        frame = _find_frame(buffer, reference, max_age, now_ns, name=f"regions[{index}]")
        if frame not in frames:
            frames.append(frame)
        regions.append(to_region(reference, frames.index(frame), name=f"regions[{index}]"))
    return Inquiry(
        buffer=buffer,
        frames=tuple(frames),
        query=Query(
            frames=frames,
            regions=regions,
            prompt=message.prompt,
            max_new_tokens=message.max_new_tokens or settings.max_new_tokens,
        ),
        timeout_s=to_nanoseconds(message.timeout) / NANOSECONDS or settings.timeout,
        return_masks=message.return_masks,
    )


def build_result(inquiry: Inquiry, answers: Sequence[Answer]) -> RegionResult:
    """Put answers, the regions as used and the timing into a message."""
    result = RegionResult(error_code=ErrorCode.NONE.value)
    result.answers = [to_answer_message(answer) for answer in answers]
    for region in inquiry.query.regions:
        frame = inquiry.frames[region.frame]
        mask = region.to_mask(*frame.size)
        result.regions.append(
            to_reference(mask, region.object_id, frame, with_mask=inquiry.return_masks)
        )
    if answers:
        set_timing(result, answers[0].timing)
    return result


def build_canceled(inquiry: Inquiry, partial: Sequence[Answer]) -> RegionResult:
    """Put what was said before the client withdrew its request into a message."""
    result = build_result(inquiry, partial)
    result.error_code = ErrorCode.CANCELED.value
    result.error_msg = "the client canceled the request"
    return result


def build_error(error: PixelReferError) -> RegionResult:
    """Put an error into a message."""
    return RegionResult(error_code=error.code.value, error_msg=str(error))


def _find_buffer(camera: str, buffers: Mapping[str, FrameBuffer]) -> FrameBuffer:
    if camera in buffers:
        return buffers[camera]
    if not camera and len(buffers) == 1:
        return next(iter(buffers.values()))
    raise UnknownCameraError(
        f"camera is '{camera}', must be one of {', '.join(sorted(buffers))} (camera_names)"
    )


def _find_frame(
    buffer: FrameBuffer, reference: RegionReference, max_age_ns: int, now_ns: int, *, name: str
) -> Frame:
    stamp = to_nanoseconds(reference.header.stamp)
    if stamp:
        try:
            return buffer.at(stamp)
        except FrameEvictedError as error:
            raise FrameEvictedError(f"{name}.header.stamp: {error}") from error
    newest = buffer.newest()
    age = now_ns - newest.stamp_ns
    if age > max_age_ns:
        raise FrameStaleError(
            f"{name}.header.stamp is zero (newest frame), but the newest frame is "
            f"{age / NANOSECONDS:.3f} s old; max_frame_age is {max_age_ns / NANOSECONDS:.3f} s"
        )
    return newest
