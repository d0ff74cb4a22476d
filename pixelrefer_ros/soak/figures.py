"""What a soak counts, and what it must not show."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np

from pixelrefer_ros.errors import ErrorCode
from pixelrefer_ros.soak.processor_wait import STARVED

EXPECTED_CODES = {
    ErrorCode.NONE, ErrorCode.BUSY, ErrorCode.TIMEOUT, ErrorCode.CANCELED, ErrorCode.INVALID_REGION,
}  # fmt: skip
"""What the questions of a soak provoke; anything else is a fault of the node."""

GROWTH = 0.1
GROWTH_BYTES = 32_000_000
"""Memory may differ by so much: the heap breathes. Descriptors must not grow at all."""

LATE_GROWTH = 0.05
LONG_MINUTES = 4.0
"""In the second half of a run of at least so long it may grow by a smaller share: what is filled
once, caches and pools, is full by then."""


class FrameCount(NamedTuple):
    """Frames of one camera."""

    sent: int
    received: int


@dataclass(frozen=True)
class ClientCounts:
    """Of one client: requests sent, answers that came, their codes, seconds each with words took.

    tracks: how many of the requests were to watch an object. They are what `ros/soak_client.py`
    prints.
    """

    requests: int
    answered: int
    tracks: int
    by_code: dict[str, int]
    seconds: list[float]


@dataclass(frozen=True)
class Usage:
    """What the node's process holds."""

    rss_bytes: int
    fds: int


@dataclass(frozen=True)
class Figures:
    """The figures of a soak. Memory and descriptors: after warm-up and at the end, of the node;
    memory halfway, too.

    results: those that the node published, one for each time it answered a question; `tracks` of
    the requests were to watch an object, which the node answers without publishing a result.
    cpu_wait: most seconds in a second that a thread of the node which takes frames was kept from a
    processor; from `STARVED` on, lost frames tell of the computer as much as of the node.
    starved_s: for how many seconds that was so.
    """

    minutes: float
    frames_sent: int
    frames_received: int
    requests: int
    answered: int
    tracks: int
    results: int
    by_code: dict[str, int]
    p50_s: float
    p95_s: float
    rss_start_bytes: int
    rss_middle_bytes: int
    rss_end_bytes: int
    fds_start: int
    fds_end: int
    cpu_wait: float
    starved_s: float
    problems: list[str]

    def to_json(self) -> str:
        """Write one object."""
        return json.dumps(asdict(self), indent=2) + "\n"

    def to_text(self) -> str:
        """Write a line for each figure."""
        figures = {name: value for name, value in asdict(self).items() if name != "problems"}
        return "".join(f"{name:<16} {value}\n" for name, value in figures.items())


def sum_up(
    minutes: float,
    frames: dict[str, FrameCount],
    clients: Sequence[ClientCounts],
    results: int,
    start: Usage,
    middle: Usage,
    end: Usage,
    cpu_wait: float,
    starved_s: float,
) -> Figures:
    """Put together what the processes counted; `frames` by the name of the camera.

    results: heard of those that the node published.
    """
    by_code = sum((Counter(client.by_code) for client in clients), Counter[str]())
    seconds = [second for client in clients for second in client.seconds] or [0.0]
    requests = sum(client.requests for client in clients)
    answered = sum(client.answered for client in clients)
    tracks = sum(client.tracks for client in clients)
    problems = [
        f"camera {name}: {count.sent - count.received} of {count.sent} frames were lost "
        f"(taking them waited up to {cpu_wait:.2f} s in a second for a processor, "
        f"{STARVED:.2f} s do no harm)"
        for name, count in frames.items()
        if count.received != count.sent
    ]
    problems += [
        f"camera {name} sent no frames" for name, count in frames.items() if not count.sent
    ]
    if answered != requests:
        problems.append(f"{requests - answered} of {requests} requests were not answered")
    if results > requests - tracks:
        problems.append(f"{results} results came of {requests - tracks} questions")
    if not by_code[ErrorCode.NONE.name]:
        problems.append("no question was answered with words")
    unexpected = {name: n for name, n in by_code.items() if ErrorCode[name] not in EXPECTED_CODES}
    if unexpected:
        problems.append(f"error codes that nobody provoked: {unexpected}")
    problems += _growth("", start, end, GROWTH)
    if minutes >= LONG_MINUTES:
        problems += _growth(" in the second half", middle, end, LATE_GROWTH)
    if end.fds > start.fds:
        problems.append(f"file descriptors grew from {start.fds} to {end.fds}")
    return Figures(
        minutes=minutes,
        frames_sent=sum(count.sent for count in frames.values()),
        frames_received=sum(count.received for count in frames.values()),
        requests=requests,
        answered=answered,
        tracks=tracks,
        results=results,
        by_code=dict(sorted(by_code.items())),
        p50_s=float(np.percentile(seconds, 50)),
        p95_s=float(np.percentile(seconds, 95)),
        rss_start_bytes=start.rss_bytes,
        rss_middle_bytes=middle.rss_bytes,
        rss_end_bytes=end.rss_bytes,
        fds_start=start.fds,
        fds_end=end.fds,
        cpu_wait=cpu_wait,
        starved_s=starved_s,
        problems=problems,
    )


def _growth(when: str, before: Usage, after: Usage, share: float) -> list[str]:
    """Return what is wrong with memory that was held before and after, if anything is."""
    grown = after.rss_bytes - before.rss_bytes
    allowed = share * before.rss_bytes + GROWTH_BYTES
    if grown <= allowed:
        return []
    return [f"memory grew by {grown / 1e6:.0f} MB{when}, {allowed / 1e6:.0f} MB are allowed"]
