"""Words for what is seen: tables of questions and answers, and how true attributes fill them.

In the tables {0}, {1} stand for regions; other names for what `Exchange` makers fill in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

Random = np.random.Generator

ADJECTIVES = {"plastic": "plastic", "metal": "metal", "wood": "wooden", "glass": "glass"}

ACCEPTED: dict[str, tuple[str, ...]] = {
    "wood": ("wooden",),
    "metal": ("metallic",),
    "grey": ("gray",),
    "standing": ("upright", "stands"),
    "lying": ("on its side", "lies"),
    "in front": ("front",),
    "still": ("not move", "not moving", "stationary", "at rest"),
    "falling": ("fall", "falls", "fell", "drops"),
    "rolling": ("roll", "rolls", "rolled"),
    "pushed": ("pushes", "push"),
    "carried": ("carries", "carry"),
    "cannot tell": ("hidden", "cannot be seen", "not visible"),
    "leaves": ("leaf",),
    "shade": ("lampshade",),
    "cap": ("lid",),
    "lid": ("cap", "top"),
    "wheel": ("wheels", "tyre", "tire"),
    "leg": ("legs",),
    "foot": ("base",),
    "base": ("foot",),
    "cup": ("bowl",),
    "weight": ("weights", "disc"),
    "shaft": ("blade",),
    "fingers": ("gripper",),
    "one": ("1",), "two": ("2",), "three": ("3",), "four": ("4",), "five": ("5",),
    "six": ("6",), "seven": ("7",), "eight": ("8",), "nine": ("9",), "ten": ("10",),
}  # fmt: skip
"""Other words that mean the expected answer."""

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")

QUESTIONS: dict[str, tuple[str, ...]] = {
    "caption": (
        "Describe {0} briefly.", "Please describe {0} in brief.", "Give a short caption for {0}.",
        "What is shown in {0}? Answer in a few words.", "Briefly, what is {0}?",
    ),
    "description": (
        "Describe {0} in detail.", "Please give a detailed description of {0}.",
        "Please describe {0} in detail. Do not describe anything else.",
        "What can you tell me about {0}?", "Tell me everything you see about {0}.",
    ),
    "phrase": (
        "Name {0} in a phrase.", "What would you call {0}?", "Which object is {0}?",
        "How would you refer to {0}?",
    ),
    "category": (
        "What is {0}?", "What kind of object is {0}?", "What is the category of {0}?",
        "What is the category of {0}? Using only one word or phrase.", "Name the object {0}.",
        "What object is this: {0}?",
    ),
    "colour": (
        "What colour is {0}?", "What is the colour of {0}?", "Which colour does {0} have?",
        "Name the colour of {0}.", "What color is {0}?",
    ),
    "material": (
        "What is {0} made of?", "What material is {0}?", "Which material is {0} made of?",
        "Is {0} made of plastic, metal, wood or glass?", "What does {0} consist of?",
    ),
    "size": (
        "How big is {0}?", "What size is {0}?", "Is {0} small, medium or large?",
    ),
    "state": (
        "Is {0} standing or lying?", "Does {0} stand or lie?", "What position is {0} in?",
        "Is {0} upright or on its side?",
    ),
    "use": (
        "What is {0} used for?", "What can one do with {0}?", "What is {0} good for?",
        "What is the purpose of {0}?",
    ),
    "part": (
        "What part is {0}?", "Which part of an object is {0}?", "Name the part {0}.",
        "What is the part in {0} called?", "Which part do you see in {0}?",
    ),
    "part_of": (
        "What does the part {0} belong to?", "Which object is {0} a part of?",
        "{0} is a part. Of what?",
    ),
    "count": (
        "How many {plural} are there, {0} included?",
        "{0} is a {category}. How many {plural} are in the picture?",
        "Counting {0}, how many {plural} do you see?",
    ),
    "relation": (
        "Where is {0} seen from {1}?", "Where is {0} relative to {1}?",
        "Is {0} to the left, to the right, in front of or behind {1}?",
        "What is the position of {0} with respect to {1}?",
        "How is {0} placed with respect to {1}?",
    ),
    "place": (
        "Where in the picture is {0}?", "In which part of the picture is {0}?",
        "Whereabouts in the image is {0}?",
    ),
    "across": (
        "How many tenths of the picture are left of {0}?",
        "How far from the left edge is {0}, in tenths of the picture?",
    ),
    "down": (
        "How many tenths of the picture are above {0}?",
        "How far from the top is {0}, in tenths of the picture?",
    ),
    "place_at": ("Where in the picture is {0} {moment}?", "Where is {0} in the image {moment}?"),
    "taller": ("Which is taller, {0} or {1}?", "Which one is higher: {0} or {1}?"),
    "larger": ("Which is larger, {0} or {1}?", "Which one is bigger: {0} or {1}?"),
    "closer": (
        "Which is closer to the camera, {0} or {1}?", "Which one is nearer: {0} or {1}?",
    ),
    "choice": (
        "What is {topic} {0}? {options}", "Choose {topic} {0}: {options}",
        "Which one is {topic} {0}? {options} Answer with the letter and the word.",
    ),
    "hidden": (
        "What is {0}?", "What kind of object is {0}?", "What is {0}, if you can tell?",
    ),
    "hidden_part": (
        "What does the {part} of {0} look like?", "Where is the {part} of {0}?",
        "What can you say about the {part} of {0}?",
    ),
    "hidden_start": (
        "Where is {0} at the beginning?", "Where is {0} at 0.0 s?", "What is {0} behind at first?",
    ),
    "motion": (
        "How does {0} move?", "What does {0} do?", "What is the motion of {0}?",
        "Which way does {0} move, if at all?", "What happens to {0}?",
    ),
    "manner": ("What makes {0} move?", "How is {0} moved?", "What does the hand do to {0}?"),
    "start": ("When does {0} start to move?", "At what time does {0} begin to move?"),
    "event": (
        "What happens to {0}, and when?", "Describe what {0} does over time.",
        "Tell with times what {0} does.",
    ),
    "appear": ("When does {0} appear?", "At what time does {0} come into view?"),
}  # fmt: skip

WORDLESS = {
    "image": "Please describe the region <region> in the image in detail. "
    "Do not describe anything else.",
    "video": "There is one object in the video: <region>.\n"
    "Please describe in detail the marked object in the video.",
}
"""What the model is asked when there is no question."""

ANSWERS: dict[str, tuple[str, ...]] = {
    "caption": ("{a_phrase}.", "{a_phrase} on a table.", "It is {a_phrase}.",
        "This is {a_phrase}."),
    "phrase": ("the {phrase}", "{a_phrase}", "{phrase}"),
    "category": ("{answer}", "{answer}", "It is {a_answer}.", "A {answer}.", "This is {a_answer}."),
    "colour": ("{answer}", "{answer}", "It is {answer}.", "The {category} is {answer}."),
    "material": ("{answer}", "{answer}", "It is made of {answer}.",
        "The {category} is made of {answer}."),
    "size": ("{answer}", "It is {answer}.", "The {category} is {answer}."),
    "state": ("{answer}", "It is {answer}.", "The {category} is {answer}."),
    "use": ("To {answer}.", "It is used to {answer}.", "One can use it to {answer}."),
    "part": ("{answer}", "{answer}", "It is the {answer}.", "The {answer} of {a_category}."),
    "part_of": ("{a_category}", "It belongs to {a_category}.", "It is a part of {a_category}."),
    "count": ("{answer}", "There are {answer}.", "I see {answer}."),
    "relation": ("{place}", "{place}", "It is {place} it.",
        "The {category} is {place} the {other}."),
    "place": ("{answer}", "{answer}", "It is at the {answer}."),
    "across": ("{answer}", "{answer} tenths", "About {answer} tenths."),
    "down": ("{answer}", "{answer} tenths", "About {answer} tenths."),
    "place_at": ("{answer}", "{answer}", "It is at the {answer}."),
    "comparison": ("the {answer}", "The {answer} one.", "The {answer} one, the {phrase}."),
    "choice": ("({letter}) {answer}", "({letter}) {answer}", "It is ({letter}) {answer}."),
    "hidden": ("I cannot tell, it is mostly hidden.", "One cannot tell, most of it is hidden.",
        "I cannot tell."),
    "hidden_part": ("I cannot tell, it cannot be seen here.",
        "I cannot tell, the {part} is hidden."),
    "hidden_start": ("It is hidden behind the {other}.", "Hidden, behind the {other}."),
    "motion": ("{motion}", "It {motion}.", "The {category} {motion}."),
    "manner": ("It is {answer} by a robot hand.", "A robot hand: it is {answer}.", "{answer}"),
    "start": ("At about {answer} s.", "{answer} s", "It starts to move at about {answer} s."),
    "event": ("The {phrase} {story}.", "It {story}."),
    "appear": ("At about {answer} s.", "At about {answer} s, from behind the {other}."),
    "yes": ("yes", "Yes.", "Yes, it is so.", "Yes, {saying}."),
    "no": ("no", "No.", "No, it is not so.", "No, {saying}."),
    "reason": ("{saying}: {answer}.", "{saying}, so {answer}."),
}  # fmt: skip

CLAIMS: dict[str, tuple[str, ...]] = {
    "category": ("Is {0} {a_value}?", "Is this {a_value}: {0}?", "Does {0} show {a_value}?"),
    "colour": ("Is {0} {value}?", "Is the colour of {0} {value}?", "Does {0} look {value}?"),
    "material": ("Is {0} made of {value}?", "Does {0} consist of {value}?"),
    "state": ("Is {0} {value}?", "Is it true that {0} is {value}?"),
    "part": ("Is the {value} of something seen in {0}?", "Is a {value} seen in {0}?"),
    "relation": ("Is {0} {value} {1}?", "Is it true that {0} is {value} {1}?"),
    "motion": ("Is it true that {0} {value}?", "Do you agree that {0} {value}?"),
}
"""Questions for yes or no."""

REASONS = (" Say why.", " Give the reason first.")
"""What is put behind a question for yes or no to hear the reason before the answer."""

SAYINGS = {
    "category": "it is {a_right}",
    "colour": "it is {right}",
    "material": "it is made of {right}",
    "state": "it is {right}",
    "relation": "it is {right} it",
    "motion": "it {right}",
}
"""What is true, by topic, as a reason for yes or no."""

PLACES = {
    "left": "to the left of",
    "right": "to the right of",
    "in front": "in front of",
    "behind": "behind",
}
OPPOSITES = {"left": "right", "right": "left", "in front": "behind", "behind": "in front"}

MOTIONS: dict[str, tuple[str, ...]] = {
    "still": ("stays still", "does not move", "stays where it is, still"),
    "left": ("moves to the left", "slides to the left", "goes left"),
    "right": ("moves to the right", "slides to the right", "goes right"),
    "falling": ("falls", "falls down", "is falling"),
    "rolling": ("rolls", "rolls along the table", "is rolling"),
}

TOPICS = {"category": "the name of", "colour": "the colour of", "material": "the material of"}

DETAILS: dict[str, tuple[str, ...]] = {
    "identity": ("This is {a_phrase}", "The region shows {a_phrase}", "One sees {a_phrase}"),
    "colour": ("Its colour is {colour}", "It is {colour}"),
    "look": ("It is made of {look}", "Its surface looks like {look}"),
    "state": ("It is {state} on the table", "It is {state}"),
    "size": ("It is {size}", "Its size is {size}"),
    "parts": ("Its {parts} can be seen", "One can see its {parts}"),
    "relation": ("It is {place} {a_other}", "{A_other} is near, and it is {place} that"),
    "cut": ("It is cut by the edge of the picture",),
    "covered": ("A part of it is covered",),
    "motion": ("It {motion}",),
}
"""The sentences of a detailed caption, in this order, each when it is known."""


@dataclass(frozen=True)
class Exchange:
    """A question and its answer.

    `regions` are what its <region> marks stand for: index of the object, and name of the part or
    "". `expected` is the answer itself and `accepted` all words that mean it. `positive` are the
    attributes of what is described, `negative` such as nothing in the picture has. `topic` is what
    a claim is about. Of a question of a quiz, `question_type` is its type, `choices` are what there
    is to choose from, and `shown` is how many frames are shown, 0 all.
    """

    task: str
    question: str
    answer: str
    expected: str
    accepted: tuple[str, ...]
    regions: tuple[tuple[int, str], ...]
    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()
    topic: str = ""
    question_type: str = ""
    choices: tuple[str, ...] = ()
    shown: int = 0


def ask(
    random: Random,
    task: str,
    regions: Sequence[tuple[int, str]],
    expected: str,
    *,
    wording: str = "",
    reply: str = "",
    accepted: Sequence[str] = (),
    **words: str,
) -> Exchange:
    """Draw the words of one exchange.

    `wording` and `reply` are the rows of `QUESTIONS` and `ANSWERS`, if not those of the task;
    `accepted` are further answers that mean the expected one.
    """
    words = {"answer": expected, "a_answer": with_article(expected), **words}
    question = pick(random, QUESTIONS[wording or task])
    answer = pick(random, ANSWERS[reply or wording or task]).format(**words)
    return Exchange(
        task,
        question.format(*marks(regions), **words),
        capital(answer) if answer.endswith(".") else answer,
        expected,
        meanings(expected, accepted),
        tuple(regions),
    )


def claim(
    random: Random,
    topic: str,
    regions: Sequence[tuple[int, str]],
    value: str,
    *,
    right: str,
    reason: bool = False,
) -> Exchange:
    """Draw a question for yes or no: is it `value`, where `right` is true?

    reason: whether the answer begins with what is true; a task of its own.
    """
    question = pick(random, CLAIMS[topic]).format(
        *marks(regions), value=value, a_value=with_article(value)
    )
    expected = "yes" if value == right else "no"
    saying = SAYINGS.get(topic, "").format(right=right, a_right=with_article(right))
    if reason:
        question += pick(random, REASONS)
        answer = pick(random, ANSWERS["reason"])
    else:
        answer = pick(random, [a for a in ANSWERS[expected] if saying or "{" not in a])
    text = answer.format(saying=saying, answer=expected)
    return Exchange(
        "reason" if reason else "yes_no",
        question,
        capital(text) if reason else text,
        expected,
        (expected,),
        tuple(regions),
        topic=topic,
    )


def without_mark(random: Random, exchange: Exchange, medium: str) -> Exchange:
    """Put a question about one region as it comes when a person wrote it without <region>.

    medium: "image" or "video". What is asked for in detail may come without any words.
    """
    if exchange.task == "description" and random.random() < 0.5:
        return replace(exchange, question=WORDLESS[medium])
    asked = exchange.question.replace("<region>", pick(random, ("this", "it")))
    return replace(
        exchange, question=f"There is one object in the {medium}: <region>.\n{capital(asked)}"
    )


def meanings(expected: str, further: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the expected answer and all words that mean the same, each once."""
    return tuple(dict.fromkeys([expected, *ACCEPTED.get(expected, ()), *further]))


def marks(regions: Sequence[tuple[int, str]]) -> list[str]:
    """Return one <region> for each region."""
    return ["<region>"] * len(regions)


def phrase(
    category: str, colour: str | None = None, look: str | None = None, size: str | None = None
) -> str:
    """Name an object by what is known of it: "small red wooden mug"."""
    words = [size, colour, ADJECTIVES[look] if look else None, category]
    return " ".join(word for word in words if word)


def details(random: Random, **words: str) -> str:
    """Write a detailed caption of the sentences whose words are given."""
    known = {name: word for name, word in words.items() if word}
    sentences = []
    for row, forms in DETAILS.items():
        form = pick(random, forms)
        needed = {"identity": "a_phrase", "relation": "place"}.get(row, row)
        if needed in known:
            sentences.append(capital(form.format(**known)) + ".")
    return " ".join(sentences)


def plural(name: str) -> str:
    """Return the plural of a category."""
    return name + ("es" if name.endswith(("s", "x", "sh", "ch")) else "s")


def with_article(name: str) -> str:
    """Put "a" or "an" before a name."""
    return f"{'an' if name[:1] in 'aeio' else 'a'} {name}"


def listing(names: Sequence[str]) -> str:
    """Join names with commas and "and"."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def capital(text: str) -> str:
    """Make the first letter a capital."""
    return text[:1].upper() + text[1:]


def pick(random: Random, choices: Sequence[str]) -> str:
    """Draw one of several."""
    return choices[int(random.integers(len(choices)))]
