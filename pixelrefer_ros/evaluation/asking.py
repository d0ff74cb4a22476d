"""Ask many questions of a `Describer`, so that it always has some to answer together."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from functools import lru_cache
from typing import Protocol, TypeVar

from pixelrefer_ros.datasets.pictures import ReadImage
from pixelrefer_ros.datasets.video_files import PictureReader
from pixelrefer_ros.engine.describer import Describer
from pixelrefer_ros.engine.query import Answer, Query
from pixelrefer_ros.errors import (
    BusyError,
    DatasetError,
    EmptyMaskError,
    InvalidPromptError,
    InvalidRegionError,
    PixelReferError,
    TooManyRegionsError,
)

MAX_NEW_TOKENS = 32
PICTURES_IN_MEMORY = 64

UNUSABLE = (
    DatasetError, EmptyMaskError, InvalidPromptError, InvalidRegionError, TooManyRegionsError,
)  # fmt: skip
"""What is the fault of the question, not of the model."""


class Askable(Protocol):
    """A question that is read when its turn comes."""

    def query(self, read: ReadImage, max_new_tokens: int) -> Query:
        """Read its pictures with `read`. Raises an error of `UNUSABLE`."""


Asked = TypeVar("Asked", bound=Askable)


def ask(
    describer: Describer,
    items: Sequence[Asked],
    *,
    read: ReadImage | None = None,
    max_new_tokens: int = MAX_NEW_TOKENS,
) -> Iterator[tuple[Asked, Answer | PixelReferError]]:
    """Yield each question with the answer, or with why it is of no use.

    read: in place of a `PictureReader`.
    As many questions as the describer takes wait at any time. Pictures are read once for all the
    questions about them. Raises what the describer raises when the model fails.
    """
    remembered = lru_cache(PICTURES_IN_MEMORY)(read or PictureReader())
    waiting: deque[tuple[Asked, Future[list[Answer]]]] = deque()
    for item in items:
        try:
            query = item.query(remembered, max_new_tokens)
            while True:
                try:
                    waiting.append((item, describer.submit(query)))
                    break
                except BusyError:
                    if not waiting:
                        raise
                yield _receive(*waiting.popleft())
        except UNUSABLE as error:
            yield item, error
    for item, future in waiting:
        yield _receive(item, future)


def _receive(item: Asked, future: Future[list[Answer]]) -> tuple[Asked, Answer | PixelReferError]:
    try:
        [answer] = future.result()
    except UNUSABLE as error:
        return item, error
    return item, answer
