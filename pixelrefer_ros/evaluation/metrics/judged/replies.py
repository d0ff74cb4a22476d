"""What is read out of a judge's reply: a JSON object, wherever in the text it stands."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from pixelrefer_ros.errors import MetricError

LONGEST = 20_000
"""Characters at the end of a reply that are looked at."""


class ReplyError(MetricError):
    """A reply from which no score can be read."""


def read_object(text: str) -> dict[str, Any]:
    """Return the last JSON object of a text: before it a model may think, or quote the form.

    Raises `ReplyError` if there is none.
    """
    text = text[-LONGEST:]
    decoder, found, place = json.JSONDecoder(), None, text.find("{")
    while place >= 0:
        try:
            value, end = decoder.raw_decode(text, place)
            found = value
        except (ValueError, RecursionError):
            end = place + 1
        place = text.find("{", end)
    if not isinstance(found, dict):
        raise ReplyError(f"no JSON object in '{' '.join(text.split())[:80]}'")
    return found


def number(values: Mapping[str, Any], name: str, low: float, high: float) -> float:
    """Return a number, also one in quotes. Raises `ReplyError` naming value and limits."""
    value = values.get(name)
    try:
        found = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        found = math.nan
    if not low <= found <= high:
        raise ReplyError(f"'{name}' is {json.dumps(value)[:40]}, must be {low:g} to {high:g}")
    return found


def word(values: Mapping[str, Any], name: str, allowed: Sequence[str]) -> str:
    """Return one of some words. Raises `ReplyError` naming value and words."""
    value = values.get(name)
    if isinstance(value, str) and value.strip().lower() in allowed:
        return value.strip().lower()
    raise ReplyError(f"'{name}' is {json.dumps(value)[:40]}, must be one of {', '.join(allowed)}")
