"""Between ROS messages and the types of the core, nowhere else."""

from __future__ import annotations

import numpy as np
from builtin_interfaces.msg import Duration, Time
from numpy.typing import NDArray
from sensor_msgs.msg import CompressedImage as CompressedImageMessage
from sensor_msgs.msg import Image as ImageMessage
from sensor_msgs.msg import RegionOfInterest
from std_msgs.msg import Header

from pixelrefer_ros.engine.query import Answer, Timing
from pixelrefer_ros.errors import (
    InvalidRegionError,
    PixelReferError,
    UnsupportedEncodingError,
)
from pixelrefer_ros.msg import RegionAnswer, RegionReference, RegionResult
from pixelrefer_ros.regions.reference import Region, bounding_box
from pixelrefer_ros.streams.frame import Frame
from pixelrefer_ros.streams.image_codec import CompressedImage, RawImage, to_mask
from pixelrefer_ros.streams.stamps import NANOSECONDS


def to_nanoseconds(value: Time | Duration) -> int:
    """Join seconds and nanoseconds."""
    return int(value.sec) * NANOSECONDS + int(value.nanosec)


def to_time(nanoseconds: int) -> Time:
    """Split nanoseconds since the epoch of the clock."""
    return Time(sec=nanoseconds // NANOSECONDS, nanosec=nanoseconds % NANOSECONDS)


def to_duration(seconds: float) -> Duration:
    """Round seconds to nanoseconds and split them."""
    nanoseconds = round(seconds * NANOSECONDS)
    return Duration(sec=nanoseconds // NANOSECONDS, nanosec=nanoseconds % NANOSECONDS)


def to_header(frame: Frame) -> Header:
    """Copy stamp and frame id of the source image."""
    return Header(stamp=to_time(frame.stamp_ns), frame_id=frame.frame_id)


def to_frame(message: ImageMessage | CompressedImageMessage, camera: str) -> Frame:
    """Wrap an image message without copying or decoding its data.

    Raises `UnsupportedEncodingError` for a stamp that no other header could carry.
    """
    stamp = message.header.stamp
    if stamp.nanosec >= NANOSECONDS:
        raise UnsupportedEncodingError(
            f"header.stamp.nanosec is {stamp.nanosec}, must be below {NANOSECONDS}"
        )
    image: RawImage | CompressedImage
    if isinstance(message, CompressedImageMessage):
        image = CompressedImage(format=message.format, data=message.data)
    else:
        image = to_raw_image(message)
    return Frame(
        camera=camera,
        stamp_ns=to_nanoseconds(stamp),
        frame_id=message.header.frame_id,
        image=image,
    )


def to_raw_image(message: ImageMessage) -> RawImage:
    """Wrap an uncompressed image message without copying its data."""
    return RawImage(
        height=message.height,
        width=message.width,
        encoding=message.encoding,
        is_bigendian=bool(message.is_bigendian),
        step=message.step,
        data=message.data,
    )


def to_image_message(image: RawImage, header: Header) -> ImageMessage:
    """Turn an image of the core into a message."""
    return ImageMessage(
        header=header,
        height=image.height,
        width=image.width,
        encoding=image.encoding,
        is_bigendian=int(image.is_bigendian),
        step=image.step,
        data=bytes(image.data),  # rclpy copies bytes a hundred times faster than other types
    )


def has_shape(reference: RegionReference) -> bool:
    """Tell whether a box, polygon, mask or point is given."""
    return bool(
        _has_box(reference.roi)
        or _has_mask(reference.mask)
        or reference.polygon.points
        or reference.points
    )


def to_region(reference: RegionReference, *, name: str) -> Region:
    """Translate what a planner points at; `name` says which reference, for error messages.

    Raises `InvalidRegionError` or `UnsupportedEncodingError`.
    """
    roi = reference.roi
    if roi.do_rectify:
        raise InvalidRegionError(
            f"{name}.roi.do_rectify is true, must be false: boxes are pixels of the original image"
        )
    mask: NDArray[np.bool_] | None = None
    if _has_mask(reference.mask):
        try:
            mask = to_mask(to_raw_image(reference.mask))
        except PixelReferError as error:
            raise type(error)(f"{name}.mask: {error}") from error
    box = (roi.x_offset, roi.y_offset, roi.width, roi.height)
    return Region(
        object_id=reference.object_id,
        box=box if _has_box(roi) else None,
        polygon=[(point.x, point.y) for point in reference.polygon.points] or None,
        mask=mask,
        points=[(point.x, point.y) for point in reference.points] or None,
    )


def to_box_reference(
    box: tuple[int, int, int, int], object_id: str, frame: Frame
) -> RegionReference:
    """Describe a box on a frame."""
    x, y, width, height = box
    return RegionReference(
        header=to_header(frame),
        object_id=object_id,
        roi=RegionOfInterest(x_offset=x, y_offset=y, width=width, height=height, do_rectify=False),
    )


def to_reference(
    region_mask: NDArray[np.bool_], object_id: str, frame: Frame, *, with_mask: bool
) -> RegionReference:
    """Describe a region as it was used: header of its frame, tight box, mask of the box's size."""
    box = bounding_box(region_mask)
    reference = to_box_reference(box, object_id, frame)
    if with_mask:
        x, y, width, height = box
        inside = region_mask[y : y + height, x : x + width].astype(np.uint8) * 255
        reference.mask = to_image_message(
            RawImage(height, width, "mono8", False, width, inside.tobytes()), reference.header
        )
    return reference


def to_answer_message(answer: Answer) -> RegionAnswer:
    """Translate one answer. Strings of a message end at a NUL, so none may stand in the text."""
    return RegionAnswer(
        object_ids=list(answer.object_ids),
        text=answer.text.replace("\0", "\N{REPLACEMENT CHARACTER}"),
        confidence=answer.confidence,
        truncated=answer.truncated,
        generated_tokens=answer.generated_tokens,
    )


def set_timing(result: RegionResult, timing: Timing) -> None:
    """Write where the time went; the encoder and the infusion count as one stage here."""
    result.queue_time = to_duration(timing.queue_s)
    result.preprocess_time = to_duration(timing.preprocess_s)
    result.encode_time = to_duration(timing.encode_s + timing.infuse_s)
    result.generate_time = to_duration(timing.generate_s)


def _has_box(roi: RegionOfInterest) -> bool:
    return any((roi.x_offset, roi.y_offset, roi.width, roi.height))


def _has_mask(mask: ImageMessage) -> bool:
    return any((mask.height, mask.width, len(mask.data)))
