"""The side of the robot: it knows the time of the bag, asks in time, and hears the answers."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from pixelrefer_ros.errors import DeadlineError, PixelReferError
from pixelrefer_ros.replay.queries import ReplayQuery
from pixelrefer_ros.replay.recording import Moment
from pixelrefer_ros.ros.asking import PendingEntries, ask
from pixelrefer_ros.ros.bag_clock import BagClock
from pixelrefer_ros.ros.client import DescribeRegionClient
from pixelrefer_ros.ros.conversions import to_nanoseconds
from pixelrefer_ros.streams.bag_index import FramePlace

ANSWER_S = 60.0
"""Time the node has for an answer; afterwards it says TIMEOUT."""
MARGIN_S = 10.0
POLL_S = 0.005
LISTING_S = 0.25
"""How often the node is asked which frames it holds while none is waited for."""
ARRIVAL_POLL_S = 0.02
ARRIVAL_LISTINGS = 100
"""How often the node is asked for a frame that was played, before it is taken for lost: counted are
replies, at least `ARRIVAL_POLL_S` apart, since a computer may keep the node from running."""


@dataclass(frozen=True, eq=False)
class Due:
    """A query, its camera, and the frames it speaks of."""

    query: ReplayQuery
    camera: str
    moment: Moment


@dataclass(frozen=True, eq=False)
class Reply:
    """What came back: `pending` holds the reply, `error` why there is none.

    latency_s: from asking to the answer. answered_ns: ROS time then.
    """

    due: Due
    pending: PendingEntries | None
    error: PixelReferError | None
    latency_s: float
    answered_ns: int


class Planner:
    """Asks about each frame as soon as the node has it, without waiting for earlier answers.

    last: the frame of each camera that is played last.
    `received` grows by the stamps of the frames the node was seen to hold, camera by camera.
    """

    def __init__(
        self, client: DescribeRegionClient, clock: BagClock, last: Mapping[str, FramePlace]
    ) -> None:
        self.received: dict[str, set[int]] = {camera: set() for camera in last}
        self._client = client
        self._clock = clock
        self._last = last
        self._replies: SimpleQueue[Reply] = SimpleQueue()
        self._listed: dict[str, float] = dict.fromkeys(last, 0.0)
        self._looked: Counter[str] = Counter()
        self._asked: dict[str, float] = {}

    def hold(self, due: Sequence[Due], check: Callable[[], object]) -> Iterator[Reply]:
        """Yield a reply for each query, as they come; return after the last, when all is played.

        `check` is called all the time and raises where a process has ended. Raises `DeadlineError`
        when the node keeps silent.
        """
        waiting = sorted(due, key=lambda one: one.moment.place.receive_ns)
        until_ns = max(place.receive_ns for place in self._last.values())
        while waiting or self._asked or self._clock.now_ns < until_ns:
            check()
            self._check_patience()
            for camera in self._listed:
                self._list(camera, LISTING_S)
            while waiting and self._is_there(waiting[0]):
                self._ask(waiting.pop(0))
            try:
                reply = self._replies.get(timeout=POLL_S)
            except Empty:
                continue
            del self._asked[reply.due.query.id]
            yield reply
        self._await_last(check)

    def _await_last(self, check: Callable[[], object]) -> None:
        """List until the last frames are there, or should have been there long ago."""
        for _ in range(ARRIVAL_LISTINGS):
            check()
            for camera in self._last:
                self._list(camera, 0.0)
            if all(place.stamp_ns in self.received[camera] for camera, place in self._last.items()):
                return
            time.sleep(ARRIVAL_POLL_S)

    def _is_there(self, due: Due) -> bool:
        """Tell whether the node has the frame, or should have had it long ago."""
        place = due.moment.place
        if self._clock.now_ns < place.receive_ns:
            return False
        if place.stamp_ns not in self.received[due.camera]:
            self._looked[due.query.id] += self._list(due.camera, ARRIVAL_POLL_S)
        there = place.stamp_ns in self.received[due.camera]
        return there or self._looked[due.query.id] >= ARRIVAL_LISTINGS

    def _list(self, camera: str, period_s: float) -> bool:
        """Ask which frames the node holds, unless that was asked less than `period_s` ago.

        Returns whether it was asked.
        """
        if time.monotonic() - self._listed[camera] < period_s:
            return False
        headers = self._client.list_frames(camera)
        self.received[camera].update(to_nanoseconds(header.stamp) for header in headers)
        self._listed[camera] = time.monotonic()
        return True

    def _ask(self, due: Due) -> None:
        query = due.query
        begun = self._asked[query.id] = time.monotonic()

        def settle(pending: PendingEntries | None, error: PixelReferError | None) -> None:
            latency_s = time.monotonic() - begun
            self._replies.put(Reply(due, pending, error, latency_s, self._clock.now_ns))

        try:
            pending = ask(
                self._client,
                query.regions,
                [due.moment.place.stamp_ns] * len(query.regions),
                camera=due.camera,
                prompt=query.prompt,
                timeout_s=ANSWER_S,
                num_frames=query.num_frames,
                history_ns=query.history_ns,
                return_masks=True,
            )
        except PixelReferError as error:
            settle(None, error)
            return
        pending.reply.add_done_callback(lambda _: settle(pending, None))

    def _check_patience(self) -> None:
        for name, since in self._asked.items():
            if time.monotonic() - since > ANSWER_S + MARGIN_S:
                raise DeadlineError(f"no reply to '{name}' within {ANSWER_S + MARGIN_S:.0f} s")
