"""Answers for people and programs: one table and one JSON form for every command."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pixelrefer_ros.engine.query import Answer
from pixelrefer_ros.errors import ErrorCode

RANDOM_WEIGHTS = "(random weights)"
"""How the id of a model ends that was never trained."""

WIDTH_WITHOUT_TERMINAL = 140


@dataclass(frozen=True)
class Entry:
    """One answer, or the reason why there is none.

    `stamp_ns` is the stamp of the latest frame spoken of, `confidence` the mean probability of the
    generated tokens, 0 to 1; times are seconds, `encode_s` holds the object tokens too.
    """

    camera: str
    stamp_ns: int
    object_ids: list[str]
    prompt: str
    text: str = ""
    confidence: float = 0.0
    error_code: int = ErrorCode.NONE
    error_msg: str = ""
    queue_s: float = 0.0
    preprocess_s: float = 0.0
    encode_s: float = 0.0
    generate_s: float = 0.0
    model_id: str = ""

    @classmethod
    def of_answer(cls, answer: Answer, prompt: str) -> Entry:
        """Tell what the engine answered to `prompt`."""
        latest = max(answer.frames, key=lambda frame: frame.stamp_ns)
        timing = answer.timing
        return cls(
            camera=latest.camera,
            stamp_ns=latest.stamp_ns,
            object_ids=list(answer.object_ids),
            prompt=prompt,
            text=answer.text,
            confidence=answer.confidence,
            queue_s=timing.queue_s,
            preprocess_s=timing.preprocess_s,
            encode_s=timing.encode_s + timing.infuse_s,
            generate_s=timing.generate_s,
            model_id=answer.model_id,
        )


def to_json(entries: Sequence[Entry]) -> str:
    """Write a list of objects with the fields of `Entry`."""
    return json.dumps([asdict(entry) for entry in entries], indent=2, ensure_ascii=False) + "\n"


def print_table(entries: Sequence[Entry], expected: Sequence[str] = ()) -> None:
    """Print objects, questions, answers and where the time went to standard output.

    `expected` are the right answers, one for each entry, in a column of their own if any is known.
    """
    console = make_console()
    table = Table(show_lines=True)
    headings = ["object", "question", "answer"]
    if any(expected):
        headings.insert(2, "expected")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    table.add_column("confi-\ndence", justify="right", no_wrap=True)
    for stage in ("queue", "prepare", "encode", "generate"):
        table.add_column(f"{stage}\nms", justify="right", no_wrap=True)
    for index, entry in enumerate(entries):
        cells = _cells(entry)
        if any(expected):
            cells.insert(2, Text(printable(expected[index])))
        table.add_row(*cells)
    console.print(table)
    for notice in sorted({notice for entry in entries if (notice := noise_notice(entry.model_id))}):
        console.print(Text(notice, style="yellow"))


def make_console() -> Console:
    """Make a console for standard output; without a terminal, wide enough for the table."""
    console = Console(highlight=False)
    return (
        console if console.is_terminal else Console(highlight=False, width=WIDTH_WITHOUT_TERMINAL)
    )


def noise_notice(model_id: str) -> str:
    """Say that the words mean nothing; empty for a trained model."""
    if not model_id.endswith(RANDOM_WEIGHTS):
        return ""
    name = model_id.removesuffix(RANDOM_WEIGHTS).strip()
    return (
        f"The model '{name}' has random weights. Its words are noise: they answer nothing and only "
        "show that cameras, calls and timing work."
    )


def caption(entries: Sequence[Entry]) -> str:
    """Write what goes below a picture: the answers, and whether they mean anything."""
    lines = [printable(entry.text) for entry in entries]
    if any(noise_notice(entry.model_id) for entry in entries):
        lines.insert(0, "Random weights, the words are noise:")
    return "\n".join(lines)


def printable(text: str) -> str:
    """Replace what a terminal or a font could stumble over, line ends excepted."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def objects_of(entry: Entry) -> str:
    """Name the objects of an entry, in the order of their `<region>`."""
    return ", ".join(object_id or "unnamed" for object_id in entry.object_ids)


def _cells(entry: Entry) -> list[Text]:
    asked = [
        Text(printable(objects_of(entry))),
        Text(printable(entry.prompt) or "(describe in detail)"),
    ]
    if entry.error_code:
        code = ErrorCode(entry.error_code).name
        failure = Text(f"{code}: {printable(entry.error_msg)}", style="red")
        return [*asked, failure, *[Text("-")] * 5]
    times = (entry.queue_s, entry.preprocess_s, entry.encode_s, entry.generate_s)
    return [
        *asked,
        Text(printable(entry.text)),
        Text(f"{entry.confidence:.2f}"),
        *[Text(f"{1000 * seconds:.0f}") for seconds in times],
    ]
