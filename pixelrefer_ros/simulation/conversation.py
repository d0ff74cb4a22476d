"""Choose what to ask about a picture or a clip, and answer from what was measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pixelrefer_ros.simulation import wording
from pixelrefer_ros.simulation.claims import claims, facts, motion_facts
from pixelrefer_ros.simulation.object_questions import (
    about_counts,
    about_hidden,
    about_object,
    about_parts,
)
from pixelrefer_ros.simulation.observation import Seen
from pixelrefer_ros.simulation.pair_questions import about_pairs
from pixelrefer_ros.simulation.track_questions import about_track
from pixelrefer_ros.simulation.tracking import Track
from pixelrefer_ros.simulation.wording import Exchange

Random = np.random.Generator

UNMARKED = 0.3
"""Share of the questions about one region that do not say <region> themselves."""


def talk_about_picture(random: Random, seen: Sequence[Seen]) -> list[Exchange]:
    """Draw the exchanges about a still picture."""
    exchanges = [
        *(
            exchange
            for i, one in enumerate(seen)
            if one.clear
            for exchange in about_object(random, i, seen)
        ),
        *about_parts(random, seen),
        *about_hidden(random, seen),
        *about_pairs(random, seen),
        *about_counts(random, seen),
        *claims(random, facts(seen)),
    ]
    return _as_people_ask(random, exchanges, "image")


def talk_about_clip(
    random: Random, times: Sequence[float], tracks: Sequence[Track]
) -> list[Exchange]:
    """Draw the exchanges about a clip: about all that moves, and one thing that does not."""
    clear = [index for index, track in enumerate(tracks) if track.clear]
    moving = [index for index in clear if tracks[index].moves is not None]
    resting = [index for index in clear if tracks[index].moves is None]
    asked = (
        moving + random.permutation(resting)[: 1 - bool(moving and random.random() < 0.7)].tolist()
    )
    exchanges: list[Exchange] = []
    for index in asked:
        exchanges += about_track(random, index, times, tracks)
    known = [fact for index in asked for fact in motion_facts(index, tracks)]
    exchanges += claims(random, known, pairs=1)
    return _as_people_ask(random, exchanges, "video")


def _as_people_ask(random: Random, exchanges: Sequence[Exchange], medium: str) -> list[Exchange]:
    """Leave the mark of the region out of some of the questions about one."""
    return [
        wording.without_mark(random, exchange, medium)
        if len(exchange.regions) == 1 and random.random() < UNMARKED
        else exchange
        for exchange in exchanges
    ]
