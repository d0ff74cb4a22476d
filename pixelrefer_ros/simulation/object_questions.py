"""What to ask about one object of a picture, and the answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from pixelrefer_ros.simulation import wording
from pixelrefer_ros.simulation.attributes import false_attributes, true_attributes
from pixelrefer_ros.simulation.categories import CATEGORIES
from pixelrefer_ros.simulation.looks import COLOURS, LOOKS
from pixelrefer_ros.simulation.observation import (
    SMALLEST_PART,
    SMALLEST_REGION,
    Seen,
    count_of,
    relation,
)
from pixelrefer_ros.simulation.scene import HEIGHT, WIDTH
from pixelrefer_ros.simulation.wording import Exchange, ask, with_article

Random = np.random.Generator

MOSTLY_HIDDEN = 0.22
"""Share of an object below which nobody could say what it is."""

WHOLE = 0.85
"""Share of an object above which a part is hardly told from the whole."""

PARTS_ASKED = 4


def name_of(one: Seen) -> str:
    """Name an object by its colour, look and category, as far as they are known."""
    return wording.phrase(one.category, one.colour, one.look)


def place_of(one: Seen) -> str:
    """Tell in which ninth of the picture the middle of an object is: "top left"."""
    row, column = one.row_column
    rows, columns = ("top", "", "bottom"), ("left", "", "right")
    words = rows[int(3 * row / HEIGHT)], columns[int(3 * column / WIDTH)]
    return " ".join(filter(None, words)) or "middle"


def about_object(random: Random, index: int, seen: Sequence[Seen]) -> Iterator[Exchange]:
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
            yield describe(random, index, seen)
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


def describe(random: Random, index: int, seen: Sequence[Seen], motion: str = "") -> Exchange:
    """Ask for all that is known of an object, or for what it does."""
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


def about_parts(random: Random, seen: Sequence[Seen]) -> Iterator[Exchange]:
    """Ask what some of the parts in sight are, and what they belong to."""
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


def about_hidden(random: Random, seen: Sequence[Seen]) -> Iterator[Exchange]:
    """Ask what cannot be known: about things mostly covered, and about parts on the far side."""
    for index, one in enumerate(seen):
        region = [(index, "")]
        if one.area >= SMALLEST_REGION and one.visible < MOSTLY_HIDDEN:
            yield ask(random, "hidden", region, "cannot tell")
        if one.clear and not one.cut and one.hidden_parts and random.random() < 0.5:
            part = wording.pick(random, one.hidden_parts)
            yield ask(random, "hidden", region, "cannot tell", wording="hidden_part", part=part)


def about_counts(random: Random, seen: Sequence[Seen]) -> Iterator[Exchange]:
    """Ask how many there are of the kind of one object."""
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
