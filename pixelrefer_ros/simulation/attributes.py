"""What may be said of an object in a detailed caption, and what would be wrong.

Attributes are words as they stand in a caption: `wooden`, not `wood`. Wrong is only what nothing in
the picture has, because a caption may speak of what is near.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pixelrefer_ros.simulation.categories import CATEGORIES
from pixelrefer_ros.simulation.looks import COLOURS
from pixelrefer_ros.simulation.observation import Seen, named_parts
from pixelrefer_ros.simulation.wording import ADJECTIVES, meanings

PART_NAMES = ("handle", "lid", "wheel", "cap", "spout", "leg", "screen", "leaves", "pages", "shade")
"""Parts that are asked for where they may not be."""

STATES = ("standing", "lying")

OTHER_MEANINGS = ("can",)
"""Words that also mean something else: "one can see its lid"."""


def true_attributes(one: Seen) -> tuple[str, ...]:
    """List what a detailed caption can say of an object: all that is known of it."""
    return tuple(dict.fromkeys([*_values(one), *one.parts]))


def false_attributes(index: int, seen: Sequence[Seen]) -> tuple[str, ...]:
    """List what would be wrong of `seen[index]`, of each kind that is known of it."""
    one = seen[index]
    kinds: list[Sequence[str]] = [tuple(CATEGORIES)]
    kinds += [tuple(COLOURS)] if one.colour else []
    kinds += [tuple(ADJECTIVES.values())] if one.look else []
    kinds += [STATES] if one.state else []
    kinds.append(PART_NAMES)
    there = {word for other in seen for word in _words(other)}
    return tuple(word for kind in kinds for word in kind if word not in there)


def _values(one: Seen) -> Iterator[str]:
    """Yield colour, look, category and state, as far as they are known."""
    yield from filter(None, (one.colour, ADJECTIVES[one.look] if one.look else None))
    yield one.category
    if one.state:
        yield one.state


def _words(one: Seen) -> Iterator[str]:
    """Yield all words that are right of an object, of whatever of it is seen."""
    thing = one.thing
    values = (*_values(one), thing.colour, ADJECTIVES[thing.look], *named_parts(thing))
    for value in (*values, *OTHER_MEANINGS):
        yield from meanings(value)
    yield from thing.category.synonyms
