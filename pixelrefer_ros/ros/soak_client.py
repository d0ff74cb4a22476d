"""A client of a soak: asks mixed questions until it is told to stop, and counts.

python -m pixelrefer_ros.ros.soak_client NUMBER CAMERA ...
"""

from __future__ import annotations

import json
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from typing import Any

import numpy as np

from pixelrefer_ros.errors import DeadlineError, ErrorCode, NotActiveError
from pixelrefer_ros.msg import RegionQuery, RegionReference, RegionResult
from pixelrefer_ros.ros.client import (
    DescribeRegionClient,
    box_reference,
    mask_reference,
    object_reference,
    point_reference,
    polygon_reference,
)
from pixelrefer_ros.ros.conversions import to_duration

TIMEOUT_S = 20.0
PATIENCE_S = 30.0
"""A request without an answer for so long is one that was lost."""
PAUSE_S = 0.3
BURST = 6
WIDTH, HEIGHT = 200, 150
"""Of what is pointed at, pixels."""
WATCHER = 0
"""The number of the client that also watches objects."""
WATCHED = "watched"
QUESTIONS_WHILE_WATCHING = 3


class Asker:
    """Asks one kind of question after the other, in an order of its own, and counts.

    `requests` and `answered` are questions and objects to watch, `tracks` these alone. `seconds`
    has the time each question took that was answered with words.
    """

    def __init__(self, client: DescribeRegionClient, cameras: Sequence[str], number: int) -> None:
        self.requests = 0
        self.answered = 0
        self.tracks = 0
        self.by_code: Counter[str] = Counter()
        self.seconds: list[float] = []
        self._client = client
        self._cameras = cameras
        self._random = random.Random(number)
        self._kinds: list[Callable[[], None]] = [
            self._ask_about_one,
            self._ask_about_one,
            self._ask_about_several,
            self._ask_jointly,
            self._ask_over_time,
            self._point_with_a_mask,
            self._point_inside,
            self._listen,
            self._give_up,
            self._be_in_a_hurry,
            self._ask_nonsense,
            self._ask_in_a_burst,
        ]
        self._due: list[Callable[[], None]] = []
        if number == WATCHER:
            self._kinds.append(self._watch)
            self._due.append(self._watch)

    def ask(self) -> None:
        """Ask something and wait for what comes."""
        if not self._due:
            self._due = self._random.sample(self._kinds, len(self._kinds))
        self._due.pop()()

    def _ask_about_one(self) -> None:
        self._call(regions=[self._region()], prompt="What is this?")

    def _ask_about_several(self) -> None:
        self._call(regions=[self._region() for _ in range(4)], prompt="What colour is it?")

    def _ask_jointly(self) -> None:
        regions = [self._region() for _ in range(2)]
        self._call(regions=regions, prompt="Is <region> left of <region>?")

    def _ask_over_time(self) -> None:
        self._call(
            regions=[self._box()],
            prompt="What does <region> do?",
            num_frames=3,
            history=to_duration(1.0),
        )

    def _point_with_a_mask(self) -> None:
        region = self._box()
        region.mask = mask_reference(np.tri(HEIGHT, WIDTH)).mask
        self._call(regions=[region], prompt="What is this?", return_masks=True)

    def _point_inside(self) -> None:
        x, y = self._corner()
        point = x + WIDTH // 2, y + HEIGHT // 2
        self._call(regions=[point_reference([point])], prompt="What is this?")

    def _watch(self) -> None:
        """Ask about an object by its name while it is watched, then end that."""
        self.requests += 1
        self.tracks += 1
        camera = self._random.choice(self._cameras)
        region = self._box()
        region.object_id = WATCHED
        started = time.monotonic()
        track = self._client.track(region, camera=camera, timeout_s=TIMEOUT_S)
        with suppress(DeadlineError, NotActiveError), track:
            track.wait_until_seen(PATIENCE_S)
            for _ in range(QUESTIONS_WHILE_WATCHING):
                regions = [object_reference(WATCHED)]
                self._call(camera=camera, regions=regions, prompt="What is <region>?")
                time.sleep(PAUSE_S)
        self._wait(started, track.ended)

    def _be_in_a_hurry(self) -> None:
        query = self._query(regions=[self._region()])
        query.timeout.sec, query.timeout.nanosec = 0, 50_000_000
        self._wait(time.monotonic(), self._send(query))

    def _ask_nonsense(self) -> None:
        self._call(regions=[box_reference(100_000, 0, 5, 5)])

    def _ask_in_a_burst(self) -> None:
        started = time.monotonic()
        queries = [self._query(regions=[self._region()], prompt="What?") for _ in range(BURST)]
        for reply in [self._send(query) for query in queries]:
            self._wait(started, reply)

    def _listen(self) -> None:
        self._stream(cancel=False)

    def _give_up(self) -> None:
        self._stream(cancel=True)

    def _region(self) -> RegionReference:
        if self._random.random() < 0.5:
            x, y = self._corner()
            return polygon_reference([(x, y), (x + WIDTH, y), (x + WIDTH // 2, y + HEIGHT)])
        return self._box()

    def _box(self) -> RegionReference:
        return box_reference(*self._corner(), WIDTH, HEIGHT)

    def _corner(self) -> tuple[int, int]:
        """Choose one from which what is pointed at lies inside the pictures of every camera."""
        return self._random.randrange(400), self._random.randrange(300)

    def _query(self, **fields: object) -> RegionQuery:
        fields.setdefault("camera", self._random.choice(self._cameras))
        query = RegionQuery(max_new_tokens=24, **fields)
        query.timeout.sec = int(TIMEOUT_S)
        return query

    def _call(self, **fields: object) -> None:
        query = self._query(**fields)
        self._wait(time.monotonic(), self._send(query))

    def _send(self, query: RegionQuery) -> Future[RegionResult]:
        self.requests += 1
        return self._client.describe_async(query)

    def _wait(self, started: float, reply: Future[Any]) -> None:
        try:
            result = reply.result(PATIENCE_S)
        except FutureTimeoutError:
            reply.cancel()
            return
        self._count(started, result.error_code)

    def _stream(self, *, cancel: bool) -> None:
        self.requests += 1
        started = time.monotonic()
        query = self._query()
        with self._client.describe_streaming(
            self._region(), camera=query.camera, timeout_s=TIMEOUT_S, max_new_tokens=24
        ) as stream:
            try:
                for feedback in stream:
                    if cancel and feedback.delta:
                        stream.cancel()
                self._count(started, stream.result().error_code)
            except DeadlineError:
                return

    def _count(self, started: float, error_code: int) -> None:
        self.answered += 1
        self.by_code[ErrorCode(error_code).name] += 1
        if error_code == ErrorCode.NONE:
            self.seconds.append(round(time.monotonic() - started, 4))


def main(number: int, cameras: Sequence[str]) -> int:
    """Ask until SIGTERM, then print the counts as JSON."""
    stop = threading.Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, lambda *_: stop.set())
    with DescribeRegionClient() as client:
        if not client.wait_for_node(PATIENCE_S):
            print("no node", file=sys.stderr)
            return 1
        asker = Asker(client, cameras, number)
        while not stop.wait(PAUSE_S):
            asker.ask()
    counts = ("requests", "answered", "tracks", "by_code", "seconds")
    print(json.dumps({name: getattr(asker, name) for name in counts}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
