"""The errors a caller can meet, each with the code that `RegionResult.error_code` carries.

Every message names the field, its value and the limit, so that whoever reads it can act.
"""

from __future__ import annotations

from enum import IntEnum


class ErrorCode(IntEnum):
    """The constants of `msg/RegionResult.msg`."""

    NONE = 0
    NOT_ACTIVE = 1
    BUSY = 2
    TIMEOUT = 3
    CANCELED = 4
    UNKNOWN_CAMERA = 10
    NO_FRAME = 11
    FRAME_EVICTED = 12
    FRAME_STALE = 13
    INVALID_REGION = 20
    EMPTY_MASK = 21
    INVALID_PROMPT = 22
    TOO_MANY_REGIONS = 23
    UNSUPPORTED_ENCODING = 24
    OUT_OF_MEMORY = 30
    INFERENCE_ERROR = 31


class PixelReferError(Exception):
    """Base of all errors this package raises on purpose."""

    code: ErrorCode = ErrorCode.INFERENCE_ERROR


class NotActiveError(PixelReferError):
    """The node or engine is not running."""

    code = ErrorCode.NOT_ACTIVE


class BusyError(PixelReferError):
    """The request queue is full."""

    code = ErrorCode.BUSY


class DeadlineError(PixelReferError):
    """The deadline passed before the answer was complete."""

    code = ErrorCode.TIMEOUT


class CanceledError(PixelReferError):
    """The request was withdrawn by its caller, or the node was deactivated."""

    code = ErrorCode.CANCELED


class UnknownCameraError(PixelReferError):
    """No camera is configured under that name."""

    code = ErrorCode.UNKNOWN_CAMERA


class NoFrameError(PixelReferError):
    """The camera has not delivered any frame."""

    code = ErrorCode.NO_FRAME


class FrameEvictedError(PixelReferError):
    """The buffer holds no frame at that stamp."""

    code = ErrorCode.FRAME_EVICTED


class FrameStaleError(PixelReferError):
    """The newest frame is older than the caller accepts."""

    code = ErrorCode.FRAME_STALE


class InvalidRegionError(PixelReferError):
    """A box, polygon or mask does not describe a region of its frame."""

    code = ErrorCode.INVALID_REGION


class EmptyMaskError(PixelReferError):
    """A mask or polygon covers no pixel."""

    code = ErrorCode.EMPTY_MASK


class InvalidPromptError(PixelReferError):
    """The prompt does not fit the regions or holds reserved text."""

    code = ErrorCode.INVALID_PROMPT


class TooManyRegionsError(PixelReferError):
    """More regions than the configured limit."""

    code = ErrorCode.TOO_MANY_REGIONS


class UnsupportedEncodingError(PixelReferError):
    """The pixels of an image cannot be read: unknown encoding or data unlike its header."""

    code = ErrorCode.UNSUPPORTED_ENCODING


class OutOfMemoryError(PixelReferError):
    """The device ran out of memory; the engine goes on."""

    code = ErrorCode.OUT_OF_MEMORY


class InferenceError(PixelReferError):
    """The model failed on this request; the engine goes on."""

    code = ErrorCode.INFERENCE_ERROR


class CheckpointError(PixelReferError):
    """A model folder is missing, truncated, unsafe or of another architecture."""


class DeviceError(PixelReferError):
    """The requested device or number type is not available here."""


class ExportError(PixelReferError):
    """The vision encoder cannot be exported, or what was exported is of no use here."""


class DatasetError(PixelReferError):
    """A sample for training or evaluation is of no use, or too many of a data set are."""


class BagError(PixelReferError):
    """A bag cannot be opened or lacks the topic asked for."""


class CommandError(PixelReferError):
    """A command cannot run: a file or option is of no use, a process failed, or ROS is missing."""


class MetricError(PixelReferError):
    """A metric cannot be computed here, or what it is to be computed of is of no use."""
