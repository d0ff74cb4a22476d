"""How large a `RegionQuery` may be, checked before anything of its size is made."""

from __future__ import annotations

from pixelrefer_ros.errors import (
    InvalidPromptError,
    InvalidRegionError,
    TooManyRegionsError,
)
from pixelrefer_ros.msg import RegionQuery, RegionReference
from pixelrefer_ros.regions.reference import MAX_POINTS
from pixelrefer_ros.ros.parameters import Settings

MAX_OBJECT_ID_CHARACTERS = 256


def check_limits(message: RegionQuery, settings: Settings) -> None:
    """Raise `InvalidPromptError`, `TooManyRegionsError` or `InvalidRegionError` beyond a limit."""
    if len(message.prompt) > settings.max_prompt_characters:
        raise InvalidPromptError(
            f"prompt has {len(message.prompt)} characters, "
            f"at most {settings.max_prompt_characters} (request.max_prompt_characters) are read"
        )
    if len(message.regions) > settings.max_regions:
        raise TooManyRegionsError(
            f"regions has {len(message.regions)} entries, "
            f"at most {settings.max_regions} (request.max_regions) are answered"
        )
    for index, reference in enumerate(message.regions):
        check_reference(reference, settings, name=f"regions[{index}]")


def check_reference(reference: RegionReference, settings: Settings, *, name: str) -> None:
    """Raise `InvalidRegionError` beyond a limit; `name` says which reference, for the message."""
    if len(reference.object_id) > MAX_OBJECT_ID_CHARACTERS:
        raise InvalidRegionError(
            f"{name}.object_id has {len(reference.object_id)} characters, "
            f"at most {MAX_OBJECT_ID_CHARACTERS} are possible"
        )
    if len(reference.mask.data) > settings.max_mask_megabytes * 10**6:
        raise InvalidRegionError(
            f"{name}.mask.data has {len(reference.mask.data)} bytes, at most "
            f"{settings.max_mask_megabytes} * 10^6 (request.max_mask_megabytes) are possible"
        )
    if len(reference.polygon.points) > settings.max_polygon_points:
        raise InvalidRegionError(
            f"{name}.polygon has {len(reference.polygon.points)} points, at most "
            f"{settings.max_polygon_points} (request.max_polygon_points) are possible"
        )
    if len(reference.points) > MAX_POINTS:
        raise InvalidRegionError(
            f"{name}.points has {len(reference.points)} points, at most {MAX_POINTS} are possible"
        )
