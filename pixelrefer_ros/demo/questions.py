"""What the demo asks: read from a file, or one question when nobody has any."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pixelrefer_ros.errors import CommandError, InvalidRegionError
from pixelrefer_ros.regions.parsing import load_mask
from pixelrefer_ros.regions.reference import Region

QUESTION_FIELDS = {"stamp_ns", "prompt", "expected"}
REGION_FIELDS = {"box", "polygon", "mask", "object_id"}


@dataclass(frozen=True)
class Question:
    """Regions on one frame and what is asked about them; no stamp means the last frame.

    `expected` is the right answer in short, "" where nobody knows it; it is only shown.
    """

    regions: Sequence[Region]
    prompt: str = ""
    stamp_ns: int | None = None
    expected: str = ""


def read_questions(path: Path) -> list[Question]:
    """Read a JSON list of questions.

    Each is `{"box": [x, y, w, h]}`, `{"polygon": [[x, y], ...]}` or `{"mask": "file.png"}` (the
    file relative to the list), with `prompt`, `stamp_ns`, `expected` and `object_id` if wanted; or,
    about several objects, `{"regions": [{"box": ...}, ...], "prompt": "Is <region> on <region>?"}`.
    Raises `CommandError` naming the entry and the field.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CommandError(f"queries '{path}' cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise CommandError(f"queries '{path}' is not JSON: {error}") from error
    if not isinstance(entries, list) or not entries:
        raise CommandError(f"queries '{path}' must hold a list of at least one query")
    try:
        return [
            _read_question(entry, f"[{index}]", path.parent) for index, entry in enumerate(entries)
        ]
    except CommandError as error:
        raise CommandError(f"queries '{path}': {error}") from error


def middle_of(height: int, width: int) -> Question:
    """Ask about the middle half of the last frame."""
    box = (width // 4, height // 4, max(width // 2, 1), max(height // 2, 1))
    return Question(regions=[Region(box=box)])


def _read_question(entry: Any, name: str, folder: Path) -> Question:
    if not isinstance(entry, dict):
        raise CommandError(f'{name} is {json.dumps(entry)}, must be an object like {{"box": ...}}')
    if "regions" in entry:
        _check_fields(entry, QUESTION_FIELDS | {"regions"}, name)
        listed = entry["regions"]
        if not isinstance(listed, list) or not listed:
            raise CommandError(f"{name}.regions must be a list of at least one region")
        regions = []
        for index, region in enumerate(listed):
            _check_fields(region, REGION_FIELDS, f"{name}.regions[{index}]")
            regions.append(_read_region(region, f"{name}.regions[{index}]", folder))
    else:
        _check_fields(entry, QUESTION_FIELDS | REGION_FIELDS, name)
        regions = [_read_region(entry, name, folder)]
    stamp_ns = entry.get("stamp_ns")
    if stamp_ns is not None and not (_is_whole(stamp_ns) and 0 < stamp_ns < 2**61):
        raise CommandError(f"{name}.stamp_ns is {stamp_ns!r}, must be whole nanoseconds above 0")
    prompt, expected = (_read_text(entry, field, name) for field in ("prompt", "expected"))
    return Question(regions, prompt, stamp_ns, expected)


def _read_region(entry: Any, name: str, folder: Path) -> Region:
    shapes = [shape for shape in ("box", "polygon", "mask") if shape in entry]
    if len(shapes) != 1:
        raise CommandError(
            f"{name} has {' and '.join(shapes) or 'no region'}, needs one of box, polygon, mask"
        )
    shape, value = shapes[0], entry[shapes[0]]
    object_id = _read_text(entry, "object_id", name)
    if shape == "mask":
        try:
            mask = load_mask(folder / _read_text(entry, "mask", name))
        except InvalidRegionError as error:
            raise CommandError(f"{name}.mask: {error}") from error
        return Region(mask=mask, object_id=object_id)
    if shape == "polygon":
        if not isinstance(value, list) or not all(_is_point(point) for point in value):
            raise CommandError(f"{name}.polygon is {value!r}, must be a list of [x, y] in pixels")
        return Region(polygon=[(float(x), float(y)) for x, y in value], object_id=object_id)
    if not isinstance(value, list) or len(value) != 4 or not all(map(_is_pixel, value)):
        raise CommandError(f"{name}.box is {value!r}, must be 4 whole pixels [x, y, w, h]")
    x, y, width, height = value
    return Region(box=(x, y, width, height), object_id=object_id)


def _read_text(entry: Any, field: str, name: str) -> str:
    text = entry.get(field, "")
    if not isinstance(text, str):
        raise CommandError(f"{name}.{field} is {text!r}, must be text")
    return text


def _check_fields(entry: Any, allowed: set[str], name: str) -> None:
    if not isinstance(entry, dict):
        raise CommandError(f"{name} is {json.dumps(entry)}, must be an object")
    for field in entry:
        if field not in allowed:
            raise CommandError(
                f"{name}.{field} is unknown, fields are {', '.join(sorted(allowed))}"
            )


def _is_point(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(isinstance(n, (int, float)) and not isinstance(n, bool) for n in value)
    )


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_pixel(value: Any) -> bool:
    return _is_whole(value) and 0 <= value < 2**31
