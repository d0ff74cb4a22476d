"""Ask while the camera runs, as a planner does: about a frame as soon as the node has it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from pixelrefer_ros.demo.questions import Question
from pixelrefer_ros.errors import DeadlineError, NotActiveError
from pixelrefer_ros.report import Entry
from pixelrefer_ros.ros.asking import PendingEntries, ask
from pixelrefer_ros.ros.client import DescribeRegionClient
from pixelrefer_ros.ros.conversions import to_nanoseconds

CAMERA = "camera"
ANSWER_S = 600.0
"""Longest wait for an answer: a large model on a CPU takes its time."""
POLL_S = 0.1


class Interview:
    """Puts questions to a node; `check` raises when the node has ended."""

    def __init__(self, client: DescribeRegionClient, check: Callable[[], None]) -> None:
        self._client = client
        self._check = check

    def wait_until_ready(self, timeout_s: float) -> None:
        """Wait until the node has loaded its model. Raises `DeadlineError`."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            self._check()
            try:
                self._client.list_frames(CAMERA, timeout_s=1.0)
            except (NotActiveError, DeadlineError):
                time.sleep(POLL_S)
            else:
                return
        raise DeadlineError(f"the node was not ready within {timeout_s:.0f} s")

    def hold(
        self, questions: Sequence[Question], is_playing: Callable[[], bool]
    ) -> list[list[Entry]]:
        """Return the entries of each question, in the order of `questions`.

        A question with a stamp is asked as soon as the node has frames up to it, without waiting
        for earlier answers. When nothing is played any more the rest is asked: without a stamp
        about the newest frame, with a stamp that never came for the node to say so.
        """
        asked: dict[int, PendingEntries] = {}
        by_stamp = sorted(
            (question.stamp_ns, index)
            for index, question in enumerate(questions)
            if question.stamp_ns is not None
        )
        while len(asked) < len(questions) and is_playing():
            newest_ns = self._newest_stamp()
            for stamp_ns, index in by_stamp:
                if index not in asked and stamp_ns <= newest_ns:
                    asked[index] = self._ask(questions[index], stamp_ns)
            time.sleep(POLL_S)
        newest_ns = self._newest_stamp()
        for index, question in enumerate(questions):
            if index not in asked:
                asked[index] = self._ask(question, question.stamp_ns or newest_ns)
        return [self._wait(asked[index]) for index in range(len(questions))]

    def _newest_stamp(self) -> int:
        """Return the stamp of the newest frame the node holds, 0 when it holds none."""
        self._check()
        headers = self._client.list_frames(CAMERA)
        return max((to_nanoseconds(header.stamp) for header in headers), default=0)

    def _ask(self, question: Question, stamp_ns: int) -> PendingEntries:
        stamps_ns = [stamp_ns] * len(question.regions)
        return ask(
            self._client,
            question.regions,
            stamps_ns,
            camera=CAMERA,
            prompt=question.prompt,
            timeout_s=ANSWER_S,
        )

    def _wait(self, pending: PendingEntries) -> list[Entry]:
        deadline = time.monotonic() + ANSWER_S
        while not pending.reply.done():
            if time.monotonic() > deadline:
                raise DeadlineError(f"no reply from the node within {ANSWER_S:.0f} s")
            self._check()
            time.sleep(POLL_S)
        return pending.wait(timeout_s=0.0)
