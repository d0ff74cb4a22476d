"""A language model as judge: asked in parallel, and never again what it has answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

from pixelrefer_ros.errors import MetricError
from pixelrefer_ros.evaluation.metrics.judged.endpoint import (
    Endpoint,
    Message,
    RequestRefusedError,
)
from pixelrefer_ros.evaluation.metrics.judged.replies import ReplyError
from pixelrefer_ros.evaluation.metrics.judged.reply_cache import ReplyCache

PARALLEL = 4
TRIES = 3
"""How often a model may reply, until the reply can be read."""

AGAIN = (
    "That cannot be used: {reason}. Reply with nothing but the JSON object described in the "
    "instructions."
)

Check = Callable[[str], object]
"""Raises `ReplyError` for a reply that cannot be read."""

Progress = Callable[[int, int], None]


class JudgeModel:
    """Asks an endpoint what is not in the cache.

    progress: called with how many questions are answered, and how many there are.
    """

    def __init__(self, endpoint: Endpoint, cache: ReplyCache) -> None:
        self._endpoint = endpoint
        self._cache = cache
        self.progress: Progress | None = None

    def body(self, messages: Sequence[Message]) -> dict[str, Any]:
        """Return what would be sent for messages."""
        return self._endpoint.body(messages)

    def knows(self, messages: Sequence[Message]) -> bool:
        """Tell whether the reply is in the cache, so that nothing would be sent."""
        return self._cache.get(self._question(messages)) is not None

    def ask(
        self, questions: Sequence[Sequence[Message]], checks: Sequence[Check]
    ) -> list[str | MetricError]:
        """Return the reply to each question, or why there is none that can be read.

        Raises `MetricError` when the endpoint does not work; what was answered is in the cache.
        """
        replies: list[str | MetricError] = [MetricError("not asked")] * len(questions)
        pool = ThreadPoolExecutor(PARALLEL)
        try:
            waiting = {
                pool.submit(self._ask, messages, check): place
                for place, (messages, check) in enumerate(zip(questions, checks, strict=True))
            }
            for done, future in enumerate(as_completed(waiting), 1):
                try:
                    replies[waiting[future]] = future.result()
                except (ReplyError, RequestRefusedError) as error:
                    replies[waiting[future]] = error
                if self.progress is not None:
                    self.progress(done, len(questions))
        except BaseException:
            self._endpoint.stop()
            raise
        finally:
            pool.shutdown(cancel_futures=True)
        return replies

    def _ask(self, messages: Sequence[Message], check: Check) -> str:
        question = self._question(messages)
        known = self._cache.get(question)
        if known is not None:
            check(known)
            return known
        talk = list(messages)
        for attempt in range(1, TRIES + 1):
            reply = self._endpoint.ask(talk)
            try:
                check(reply)
            except ReplyError as error:
                if attempt == TRIES:
                    raise
                talk += [
                    {"role": "assistant", "content": reply},
                    {"role": "user", "content": AGAIN.format(reason=error)},
                ]
            else:
                self._cache.put(question, reply)
                return reply
        raise AssertionError("not reached")

    def _question(self, messages: Sequence[Message]) -> dict[str, Any]:
        return {"url": self._endpoint.url, **self._endpoint.body(messages)}
