"""What to ask about two objects of a picture: where one is seen from the other, and comparisons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations

import numpy as np

from pixelrefer_ros.simulation import wording
from pixelrefer_ros.simulation.object_questions import name_of
from pixelrefer_ros.simulation.observation import Seen, relation
from pixelrefer_ros.simulation.wording import Exchange, ask

Random = np.random.Generator

RATIO = 1.35
"""How much taller or larger something must be to be called so."""

CLOSER = 0.15
"""Metres by which something must be nearer to be called so."""

PAIRS_ASKED = 4


def about_pairs(random: Random, seen: Sequence[Seen]) -> Iterator[Exchange]:
    """Ask where one of two is seen from the other, both ways, and which is taller and the like."""
    clear = [index for index, one in enumerate(seen) if one.clear]
    pairs = [(i, j) for i in clear for j in clear if i < j]
    random.shuffle(pairs)
    placed = [pair for pair in pairs if relation(seen[pair[0]], seen[pair[1]])]
    for pair in placed[:PAIRS_ASKED]:
        for i, j in permutations(pair):
            place = relation(seen[i], seen[j])
            if place:
                yield ask(
                    random,
                    "relation",
                    [(i, ""), (j, "")],
                    place,
                    place=wording.PLACES[place],
                    category=seen[i].category,
                    other=seen[j].category,
                )
    for i, j in pairs[:PAIRS_ASKED]:
        kinds = _comparisons(seen[i], seen[j])
        if kinds:
            kind = wording.pick(random, list(kinds))
            winner = seen[i] if kinds[kind] == "first" else seen[j]
            yield ask(
                random,
                "comparison",
                [(i, ""), (j, "")],
                kinds[kind],
                wording=kind,
                reply="comparison",
                accepted=(winner.category,) if seen[i].category != seen[j].category else (),
                phrase=name_of(winner),
            )


def _comparisons(first: Seen, second: Seen) -> dict[str, str]:
    """Return which of two is taller, larger and closer, where that is clear."""
    results = {}
    sizes = {"larger": 0, "taller": 1}
    for kind, axis in sizes.items():
        ratio = first.extent[axis] / second.extent[axis]
        if max(ratio, 1 / ratio) > RATIO:
            results[kind] = "first" if ratio > 1 else "second"
    nearer = second.ground[1] - first.ground[1]
    if abs(nearer) > CLOSER:
        results["closer"] = "first" if nearer > 0 else "second"
    return results
