"""Choose what to ask about a picture or a clip, and answer from what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations

import numpy as np

from pixelrefer_ros.simulation import wording
from pixelrefer_ros.simulation.attributes import PART_NAMES, false_attributes, true_attributes
from pixelrefer_ros.simulation.categories import CATEGORIES
from pixelrefer_ros.simulation.looks import COLOURS, LOOKS
from pixelrefer_ros.simulation.observation import (
    SMALLEST_PART,
    SMALLEST_REGION,
    Seen,
    count_of,
    named_parts,
    relation,
)
from pixelrefer_ros.simulation.scene import HEIGHT, WIDTH
from pixelrefer_ros.simulation.tracking import Track
from pixelrefer_ros.simulation.wording import Exchange, ask, claim, with_article

Random = np.random.Generator

MOSTLY_HIDDEN = 0.22
"""Share of an object below which nobody could say what it is."""

WHOLE = 0.85
"""Share of an object above which a part is hardly told from the whole."""

RATIO = 1.35
"""How much taller or larger something must be to be called so."""

CLOSER = 0.15
"""Metres by which something must be nearer to be called so."""

UNMARKED = 0.3
"""Share of the questions about one region that do not say <region> themselves."""

PARTS_ASKED, PAIRS_ASKED, CLAIM_PAIRS, REASON_PAIRS = 4, 4, 4, 1


def talk_about_picture(random: Random, seen: Sequence[Seen]) -> list[Exchange]:
    """Draw the exchanges about a still picture."""
    exchanges = [
        *(
            exchange
            for i, one in enumerate(seen)
            if one.clear
            for exchange in _alone(random, i, seen)
        ),
        *_parts(random, seen),
        *_hidden(random, seen),
        *_pairs(random, seen),
        *_counts(random, seen),
        *_claims(random, _facts(seen)),
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
        exchanges += _over_time(random, index, times, tracks)
    facts = [fact for index in asked for fact in _motion_facts(index, tracks)]
    exchanges += _claims(random, facts, pairs=1)
    return _as_people_ask(random, exchanges, "video")


def _as_people_ask(random: Random, exchanges: Sequence[Exchange], medium: str) -> list[Exchange]:
    """Leave the mark of the region out of some of the questions about one."""
    return [
        wording.without_mark(random, exchange, medium)
        if len(exchange.regions) == 1 and random.random() < UNMARKED
        else exchange
        for exchange in exchanges
    ]


def name_of(one: Seen) -> str:
    """Name an object by its colour, look and category, as far as they are known."""
    return wording.phrase(one.category, one.colour, one.look)


def _alone(random: Random, index: int, seen: Sequence[Seen]) -> Iterator[Exchange]:
    """Ask about one object: always what it is, its colour and material, and two more things."""
    one, region = seen[index], [(index, "")]
    category = one.thing.category
    words = {"category": one.category, "phrase": name_of(one)}
    words["a_phrase"] = with_article(words["phrase"])
    yield ask(random, "category", region, one.category, accepted=category.synonyms)
    if one.colour:
        yield ask(random, "colour", region, one.colour, **words)
    if one.look:
        yield ask(random, "material", region, one.look, **words)
    yield ask(random, str(random.choice(["caption", "phrase"])), region, name_of(one), **words)
    yield _place(random, region, one)
    further = ["description", "use", "choice"]
    further += ["size"] if one.size and not one.cut else []
    further += ["state"] if one.state else []
    for task in random.choice(further, 2, replace=False):
        if task == "description":
            yield _description(random, index, seen)
        elif task == "choice":
            yield _choice(random, index, one)
        else:
            answer = {"use": category.use, "size": one.size, "state": one.state}[task]
            yield ask(random, str(task), region, str(answer), **words)


def _place(random: Random, region: Sequence[tuple[int, str]], one: Seen) -> Exchange:
    """Ask where in the picture the middle of an object is, in words or in tenths."""
    kind = wording.pick(random, ("place", "across", "down"))
    if kind == "place":
        return ask(random, "place", region, place_of(one))
    share = one.row_column[1] / WIDTH if kind == "across" else one.row_column[0] / HEIGHT
    return ask(random, "place", region, wording.NUMBERS[round(10 * share)], wording=kind)


def place_of(one: Seen) -> str:
    """Tell in which ninth of the picture the middle of an object is: "top left"."""
    row, column = one.row_column
    rows, columns = ("top", "", "bottom"), ("left", "", "right")
    words = rows[int(3 * row / HEIGHT)], columns[int(3 * column / WIDTH)]
    return " ".join(filter(None, words)) or "middle"


def _description(random: Random, index: int, seen: Sequence[Seen], motion: str = "") -> Exchange:
    one = seen[index]
    near = [
        (np.hypot(*np.subtract(one.ground, other.ground)), place, other)
        for j, other in enumerate(seen)
        if j != index and other.clear and (place := relation(one, other))
    ]
    words = {
        "a_phrase": with_article(wording.phrase(one.category, one.colour, one.look, one.size)),
        "state": "" if motion else one.state or "",
        "parts": wording.listing(list(one.parts)),
        "cut": "cut" if one.cut else "",
        "covered": "covered" if one.visible < 0.9 else "",
        "motion": motion,
    }
    if near and not motion:
        _, place, other = min(near, key=lambda item: item[0])
        words["place"] = wording.PLACES[place]
        words["a_other"] = with_article(name_of(other))
        words["A_other"] = wording.capital(words["a_other"])
    question = wording.pick(random, wording.QUESTIONS["description"]).format("<region>")
    answer = wording.details(random, **words)
    return Exchange(
        "description",
        question,
        answer,
        answer,
        (answer,),
        ((index, ""),),
        positive=true_attributes(one),
        negative=false_attributes(index, seen),
    )


def _choice(random: Random, index: int, one: Seen) -> Exchange:
    known = {"category": one.category, "colour": one.colour, "material": one.look}
    topics = [topic for topic, value in known.items() if value]
    topic = wording.pick(random, topics)
    answer = str(known[topic])
    wrong = [value for value in _vocabulary(topic) if value != answer]
    options = [*random.choice(wrong, 3, replace=False), answer]
    random.shuffle(options)
    letter = "abcd"[options.index(answer)]
    listed = " ".join(f"({mark}) {option}" for mark, option in zip("abcd", options, strict=True))
    return ask(
        random,
        "choice",
        [(index, "")],
        f"({letter}) {answer}",
        accepted=(f"({letter})", letter, answer),
        topic=wording.TOPICS[topic],
        options=listed,
        letter=letter,
        answer=answer,
    )


def _vocabulary(topic: str) -> tuple[str, ...]:
    return {"category": tuple(CATEGORIES), "colour": tuple(COLOURS), "material": tuple(LOOKS)}[
        topic
    ]


def _parts(random: Random, seen: Sequence[Seen]) -> Iterator[Exchange]:
    found = [
        (index, name)
        for index, one in enumerate(seen)
        if one.clear
        for name, mask in one.parts.items()
        if SMALLEST_PART <= np.count_nonzero(mask) <= WHOLE * one.area
    ]
    for number in random.permutation(len(found))[:PARTS_ASKED]:
        index, name = found[number]
        words = {
            "category": seen[index].category,
            "a_category": with_article(seen[index].category),
        }
        yield ask(random, "part", [(index, name)], name, **words)
        if random.random() < 0.4:
            synonyms = seen[index].thing.category.synonyms
            yield ask(
                random, "part_of", [(index, name)], seen[index].category, accepted=synonyms, **words
            )


def _hidden(random: Random, seen: Sequence[Seen]) -> Iterator[Exchange]:
    """Ask what cannot be known: about things mostly covered, and about parts on the far side."""
    for index, one in enumerate(seen):
        region = [(index, "")]
        if one.area >= SMALLEST_REGION and one.visible < MOSTLY_HIDDEN:
            yield ask(random, "hidden", region, "cannot tell")
        if one.clear and not one.cut and one.hidden_parts and random.random() < 0.5:
            part = wording.pick(random, one.hidden_parts)
            yield ask(random, "hidden", region, "cannot tell", wording="hidden_part", part=part)


def _pairs(random: Random, seen: Sequence[Seen]) -> Iterator[Exchange]:
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


def _counts(random: Random, seen: Sequence[Seen]) -> Iterator[Exchange]:
    clear = [index for index, one in enumerate(seen) if one.clear]
    numbers = {index: count_of(seen, seen[index].category) for index in clear}
    several = [index for index in clear if (numbers[index] or 0) > 1]
    known = [index for index in clear if numbers[index]]
    # Where there are several, they are what is counted: one is the answer often enough.
    for index in random.permutation(several or known)[:1].tolist():
        category = seen[index].category
        answer = wording.NUMBERS[numbers[index] or 0]
        yield ask(
            random,
            "count",
            [(index, "")],
            answer,
            category=category,
            plural=wording.plural(category),
        )


Fact = tuple[str, tuple[tuple[int, str], ...], str, tuple[str, ...]]
"""Topic, regions, what is true, and what is false of them."""


def _facts(seen: Sequence[Seen]) -> list[Fact]:
    """List what can be claimed and denied. What is false is true of other things in the picture."""
    facts: list[Fact] = []
    clear = [(index, one) for index, one in enumerate(seen) if one.clear]
    for index, one in clear:
        region = ((index, ""),)
        values = {"category": one.category, "colour": one.colour, "material": one.look}
        for topic, value in values.items():
            around = {_value(other, topic) for _, other in clear} - {value, None}
            if value and around:
                facts.append((topic, region, value, tuple(sorted(filter(None, around)))))
        if one.state:
            facts.append(
                ("state", region, one.state, ("lying" if one.state == "standing" else "standing",))
            )
        large = [
            name for name, mask in one.parts.items() if np.count_nonzero(mask) >= SMALLEST_PART
        ]
        asked = [name for name in large if name in PART_NAMES]
        own = {word for name in named_parts(one.thing) for word in wording.meanings(name)}
        missing = tuple(name for name in PART_NAMES if name not in own)
        if asked:
            facts.append(("part", region, asked[0], missing))
        for other_index, other in clear:
            place = relation(one, other) if other_index != index else None
            if place:
                opposite = wording.PLACES[wording.OPPOSITES[place]]
                facts.append(
                    (
                        "relation",
                        ((index, ""), (other_index, "")),
                        wording.PLACES[place],
                        (opposite,),
                    )
                )
    return facts


def _value(one: Seen, topic: str) -> str | None:
    return {"category": one.category, "colour": one.colour, "material": one.look}[topic]


def _claims(random: Random, facts: Sequence[Fact], pairs: int = CLAIM_PAIRS) -> list[Exchange]:
    """Claim things, each once as it is and once as it is not; some with the reason."""
    exchanges = []
    topics = sorted({fact[0] for fact in facts})
    for number in range(pairs + REASON_PAIRS if topics else 0):
        reason = number >= pairs
        told = [topic for topic in topics if topic in wording.SAYINGS or not reason]
        if not told:
            continue
        topic = wording.pick(random, told)
        possible = [fact for fact in facts if fact[0] == topic]
        _, regions, right, wrong = possible[random.integers(len(possible))]
        for value in (right, wording.pick(random, wrong)):
            exchanges.append(claim(random, topic, regions, value, right=right, reason=reason))
    return exchanges


def _motion_facts(index: int, tracks: Sequence[Track]) -> Iterator[Fact]:
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


def _over_time(
    random: Random, index: int, times: Sequence[float], tracks: Sequence[Track]
) -> Iterator[Exchange]:
    track, region = tracks[index], [(index, "")]
    best = track.best
    motion = wording.pick(random, wording.MOTIONS[track.motion]) if track.motion else ""
    words = {"category": best.category, "phrase": name_of(best), "motion": motion}
    yield ask(random, "category", region, best.category, accepted=best.thing.category.synonyms)
    if best.colour:
        yield ask(random, "colour", region, best.colour, **words)
    seen = [frame for frame in track.frames if track.seen[frame].clear]
    for frame in {seen[0], seen[-1]} if seen else ():
        moment = {0: "at the beginning", len(times) - 1: "at the end"}.get(
            frame, f"at {times[frame]:.1f} s"
        )
        place = place_of(track.seen[frame])
        yield ask(random, "place", region, place, wording="place_at", moment=moment)
    if not track.motion:
        return
    yield ask(random, "motion", region, track.motion, **words)
    yield _description(random, index, [one.best for one in tracks], motion)
    if track.manner:
        yield ask(random, "manner", region, track.manner, **words)
    if track.moves is not None:
        story = _story(track, times)
        yield ask(random, "event", region, story, story=story, **words)
        if track.moves[0] > 0:
            yield _at_time(random, "start", region, track.moves[0], times)
    if track.appears is not None and track.behind is not None:
        other = name_of(tracks[track.behind].best)
        yield _at_time(random, "appear", region, track.appears, times, other=other)
        yield ask(
            random,
            "hidden",
            region,
            "hidden",
            wording="hidden_start",
            other=other,
            accepted=[tracks[track.behind].best.category],
        )


def _story(track: Track, times: Sequence[float]) -> str:
    assert track.moves is not None
    assert track.motion is not None
    begin, end = track.moves
    motion = wording.MOTIONS[track.motion][0]
    if track.manner:
        motion = f"is {track.manner} to the {track.direction}"
    elif track.direction and track.direction not in motion:
        motion = f"{motion} to the {track.direction}"
    before = f"is still until about {begin:.1f} s, then " if begin > 0 else ""
    after = f" until about {end:.1f} s" if end < times[-1] else ""
    return f"{before}{motion}{after}"


def _at_time(
    random: Random,
    task: str,
    region: Sequence[tuple[int, str]],
    time: float,
    times: Sequence[float],
    **words: str,
) -> Exchange:
    """Ask for a time; whatever is at most one frame off is accepted."""
    step = times[1] - times[0]
    tenths = range(round((time - step) * 10), round((time + step) * 10) + 1)
    near = [f"{tenth / 10:.1f}" for tenth in tenths if tenth >= 0]
    return ask(random, task, region, f"{time:.1f}", accepted=near, **words)
