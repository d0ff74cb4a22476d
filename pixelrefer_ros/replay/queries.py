"""What `pixelrefer replay` asks, read from a file that is checked against its schema."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from pixelrefer_ros.datasets.masks import decode_mask
from pixelrefer_ros.errors import DatasetError, InvalidRegionError, shown
from pixelrefer_ros.regions.parsing import load_mask
from pixelrefer_ros.regions.reference import Mask, Region
from pixelrefer_ros.replay.yaml_lines import Place, YamlFile
from pixelrefer_ros.streams.stamps import NANOSECONDS

EXPECTATIONS = ("references", "category", "choices", "answer", "positive", "negative")

KINDS = {
    "object": "fields like {box: [0, 0, 9, 9]}", "array": "a list", "string": "text",
    "integer": "a whole number", "number": "a number",
}  # fmt: skip


HISTORY_S = 10.0
"""How far back objects are followed where a query does not say: as far as the node's buffer reaches
by default, so that both ways of asking look at the same frames."""

MAX_MASK_BYTES = 2_000_000_000
"""Of all masks of a file, at the size of their images: they are held until all is asked."""


def _is_integer(_: object, value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(_: object, value: object) -> bool:
    return _is_integer(_, value) or (isinstance(value, float) and math.isfinite(value))


def _match_all(_: object, pattern: str, value: object, schema: object) -> Iterator[ValidationError]:
    if isinstance(value, str) and not re.fullmatch(pattern, value):
        yield ValidationError(f"does not match {pattern}")


# Stricter than JSON schema, to which 1.0 is a whole number, NaN is one at all, and "a\n" is an "a".
_Validator = extend(
    Draft202012Validator,
    {"pattern": _match_all},
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many(
        {"integer": _is_integer, "number": _is_number}
    ),
)


@dataclass(frozen=True, eq=False)
class ReplayQuery:
    """One question about one frame, and what is known of the right answer.

    topic: "" where the file names none. stamp_ns is absolute, or counted from the topic's first
    frame where `is_from_start`. Regions are numbered "1", "2", ... by their `object_id`.
    history_ns: 0 for the frame pointed at alone. fingerprint: changes with what is asked.
    """

    id: str
    topic: str
    stamp_ns: int
    is_from_start: bool
    regions: tuple[Region, ...]
    fingerprint: str
    prompt: str = ""
    num_frames: int = 1
    history_ns: int = 0
    references: tuple[str, ...] = ()
    category: str = ""
    choices: tuple[str, ...] = ()
    answer: str = ""
    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()

    @property
    def answer_count(self) -> int:
        """How many answers it gets: a prompt without `<region>` is asked of each region."""
        return 1 if "<region>" in self.prompt else len(self.regions)


@cache
def load_schema() -> dict[str, Any]:
    """Return the JSON schema of the file."""
    text = (files("pixelrefer_ros.replay") / "queries.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def read_queries(path: Path) -> list[ReplayQuery]:
    """Read a query file, its masks too. Raises `CommandError` naming the line and the field."""
    file = YamlFile.read(path)
    errors = list(_Validator(load_schema()).iter_errors(file.values))
    if errors:
        # A misspelt field explains a missing one.
        first = min(
            errors,
            key=lambda error: (file.line(_place(error)), error.validator != "additionalProperties"),
        )
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise file.error(_place(first), _explain(first) + more)
    queries: list[ReplayQuery] = []
    lines: dict[str, int] = {}
    mask_bytes = 0
    for index, values in enumerate(file.values["queries"]):
        place = ("queries", index)
        query = _read_query(values, file, place)
        if query.id in lines:
            reason = f" is '{query.id}', as in line {lines[query.id]}; each must be another"
            raise file.error((*place, "id"), reason)
        lines[query.id] = file.line((*place, "id"))
        mask_bytes += sum(region.mask.nbytes for region in query.regions if region.mask is not None)
        if mask_bytes > MAX_MASK_BYTES:
            reason = f" makes {mask_bytes} bytes of masks, at most {MAX_MASK_BYTES} are possible"
            raise file.error((*place, "regions"), f"{reason}: make it several files")
        queries.append(query)
    return queries


def _read_query(values: Mapping[str, Any], file: YamlFile, place: Place) -> ReplayQuery:
    regions = [
        replace(_read_region(region, file, (*place, "regions", number)), object_id=str(number + 1))
        for number, region in enumerate(values["regions"])
    ]
    stamp_ns = values.get("stamp_ns")
    digest = hashlib.sha256(json.dumps(dict(values), sort_keys=True).encode())
    for region in regions:
        digest.update(b"" if region.mask is None else region.mask.tobytes())
    query = ReplayQuery(
        id=values["id"],
        topic=values.get("topic", ""),
        stamp_ns=round(values["stamp"] * NANOSECONDS) if stamp_ns is None else stamp_ns,
        is_from_start=stamp_ns is None,
        regions=tuple(regions),
        fingerprint=digest.hexdigest()[:16],
        prompt=values.get("prompt", ""),
        num_frames=max(values.get("num_frames", 1), 1),
        history_ns=_history_ns(values),
        references=tuple(values.get("references", ())),
        category=values.get("category", ""),
        choices=tuple(values.get("choices", ())),
        answer=values.get("answer", ""),
        positive=tuple(values.get("positive", ())),
        negative=tuple(values.get("negative", ())),
    )
    if query.choices and query.answer not in query.choices:
        listing = shown(", ".join(query.choices))
        raise file.error(
            (*place, "answer"),
            f" is '{shown(query.answer)}', must be one of the choices: {listing}",
        )
    for field in EXPECTATIONS:
        if field in values and query.answer_count > 1:
            raise file.error(
                (*place, field),
                f" is one for {query.answer_count} answers: the prompt has no <region>, so each "
                "region gets an answer of its own; make it a query for each region",
            )
    return query


def _history_ns(values: Mapping[str, Any]) -> int:
    """Return how far back a query looks; what 0 stands for is as in the message RegionQuery."""
    if values.get("num_frames", 1) <= 1:
        return 0
    return round((values.get("history") or HISTORY_S) * NANOSECONDS)


def _read_region(values: Mapping[str, Any], file: YamlFile, place: Place) -> Region:
    if "box" in values:
        x, y, width, height = values["box"]
        return Region(box=(x, y, width, height))
    if "polygon" in values:
        return Region(polygon=[(float(x), float(y)) for x, y in values["polygon"]])
    try:
        if "mask" in values:
            return Region(mask=_load_mask(values["mask"], file.path.parent))
        height, width = values["rle"]["size"]
        return Region(mask=decode_mask(values["rle"], height, width))
    except (InvalidRegionError, DatasetError) as error:
        raise file.error((*place, *values), f": {error}") from error


def _load_mask(name: str, folder: Path) -> Mask:
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise InvalidRegionError(f"'{shown(name)}' leads out of the folder of this file")
    return load_mask(folder / name)


def _place(error: ValidationError) -> Place:
    """Return where it is: at the unknown or surplus field itself, where that is the trouble."""
    place = tuple(error.absolute_path)
    if error.validator == "additionalProperties":
        known = error.schema["properties"]
        return (*place, next(field for field in error.instance if field not in known))
    return place


def _explain(error: ValidationError) -> str:
    """Say in one line what is wrong, to stand behind the name of the field."""
    found, limit = error.instance, error.validator_value
    value = shown(json.dumps(found, ensure_ascii=False))
    match error.validator:
        case "required" | "dependentRequired":
            return f" lacks {_missing(error)}"
        case "oneOf":
            given = " and ".join(field for field in ("stamp", "stamp_ns") if field in found)
            return f" has {given or 'neither'}, needs one of stamp, stamp_ns"
        case "additionalProperties":
            return f" is unknown, fields are {', '.join(sorted(error.schema['properties']))}"
        case "minProperties" | "maxProperties":
            shapes = shown(" and ".join(found)) or "no shape"
            return f" has {shapes}, needs one of box, polygon, mask, rle"
        case "type":
            kinds = [limit] if isinstance(limit, str) else limit
            return f" is {value}, must be {' or '.join(KINDS[kind] for kind in kinds)}"
        case "minItems" | "maxItems":
            least, most = error.schema.get("minItems", 0), error.schema.get("maxItems")
            needed = f"{least}" if least == most else f"at least {least}"
            return f" has {len(found)} entries, needs {needed}"
        case "minLength":
            return " is empty"
        case "pattern":
            return f" is {value}, must be at most 100 letters, digits, '.', '_' and '-'"
        case "minimum" | "maximum" | "exclusiveMaximum":
            bound = {"minimum": "at least", "maximum": "at most", "exclusiveMaximum": "below"}[
                error.validator
            ]
            return f" is {value}, must be {bound} {limit}"
        case _:
            return f": {error.message}"


def _missing(error: ValidationError) -> str:
    """Name the field that is not there: jsonschema makes an error for each, and tells it last."""
    if error.validator == "required":
        needed: list[str] = error.validator_value
        return next(field for field in needed if error.message.startswith(f"'{field}'"))
    for field, needed in error.validator_value.items():
        for other in needed:
            if error.message.startswith(f"'{other}'") and field in error.instance:
                return f"{other}, which goes with {field}"
    raise AssertionError(error.message)
