"""What can be claimed and denied of what is seen: yes or no, with the reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from pixelrefer_ros.simulation import wording
from pixelrefer_ros.simulation.attributes import PART_NAMES
from pixelrefer_ros.simulation.observation import SMALLEST_PART, Seen, named_parts, relation
from pixelrefer_ros.simulation.tracking import Track
from pixelrefer_ros.simulation.wording import Exchange, claim

Random = np.random.Generator

CLAIM_PAIRS, REASON_PAIRS = 4, 1

Fact = tuple[str, tuple[tuple[int, str], ...], str, tuple[str, ...]]
"""Topic, regions, what is true, and what is false of them."""


def facts(seen: Sequence[Seen]) -> list[Fact]:
    """List what can be claimed and denied. What is false is true of other things in the picture."""
    found: list[Fact] = []
    clear = [(index, one) for index, one in enumerate(seen) if one.clear]
    for index, one in clear:
        region = ((index, ""),)
        values = {"category": one.category, "colour": one.colour, "material": one.look}
        for topic, value in values.items():
            around = {_value(other, topic) for _, other in clear} - {value, None}
            if value and around:
                found.append((topic, region, value, tuple(sorted(filter(None, around)))))
        if one.state:
            found.append(
                ("state", region, one.state, ("lying" if one.state == "standing" else "standing",))
            )
        large = [
            name for name, mask in one.parts.items() if np.count_nonzero(mask) >= SMALLEST_PART
        ]
        asked = [name for name in large if name in PART_NAMES]
        own = {word for name in named_parts(one.thing) for word in wording.meanings(name)}
        missing = tuple(name for name in PART_NAMES if name not in own)
        if asked:
            found.append(("part", region, asked[0], missing))
        for other_index, other in clear:
            place = relation(one, other) if other_index != index else None
            if place:
                opposite = wording.PLACES[wording.OPPOSITES[place]]
                found.append(
                    (
                        "relation",
                        ((index, ""), (other_index, "")),
                        wording.PLACES[place],
                        (opposite,),
                    )
                )
    return found


def _value(one: Seen, topic: str) -> str | None:
    return {"category": one.category, "colour": one.colour, "material": one.look}[topic]


def motion_facts(index: int, tracks: Sequence[Track]) -> Iterator[Fact]:
    """Tell how an object of a clip moves, and how it does not."""
    motion = tracks[index].motion
    if motion:
        # What rolls also goes left or right.
        open_to_doubt = ("left", "right") if motion == "rolling" else ()
        false = [other for other in wording.MOTIONS if other not in (motion, *open_to_doubt)]
        yield (
            "motion",
            ((index, ""),),
            wording.MOTIONS[motion][0],
            tuple(wording.MOTIONS[other][0] for other in false),
        )


def claims(random: Random, known: Sequence[Fact], pairs: int = CLAIM_PAIRS) -> list[Exchange]:
    """Claim things, each once as it is and once as it is not; some with the reason."""
    exchanges = []
    topics = sorted({fact[0] for fact in known})
    for number in range(pairs + REASON_PAIRS if topics else 0):
        reason = number >= pairs
        told = [topic for topic in topics if topic in wording.SAYINGS or not reason]
        if not told:
            continue
        topic = wording.pick(random, told)
        possible = [fact for fact in known if fact[0] == topic]
        _, regions, right, wrong = possible[random.integers(len(possible))]
        for value in (right, wording.pick(random, wrong)):
            exchanges.append(claim(random, topic, regions, value, right=right, reason=reason))
    return exchanges
