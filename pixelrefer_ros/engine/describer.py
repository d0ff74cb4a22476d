"""The public way to ask: `Describer`, one model behind one worker thread."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from pixelrefer_ros.engine.batching import OnToken, Request, RequestQueue
from pixelrefer_ros.engine.device import free_memory
from pixelrefer_ros.engine.feature_cache import FeatureCache, FeatureCacheCounts
from pixelrefer_ros.engine.loading import load_model
from pixelrefer_ros.engine.measurements import Measurements
from pixelrefer_ros.engine.memory_budget import MemoryBudget, bytes_of
from pixelrefer_ros.engine.pending import OnProgress, PendingAnswers
from pixelrefer_ros.engine.query import Answer, Frame, Image, Query, Sampling, as_frames
from pixelrefer_ros.engine.questions import Question, make_questions
from pixelrefer_ros.engine.thread_pools import compute_apart
from pixelrefer_ros.engine.thread_priority import stand_back
from pixelrefer_ros.engine.watchdog import Watchdog
from pixelrefer_ros.engine.worker import Worker
from pixelrefer_ros.errors import (
    InferenceError,
    InvalidRegionError,
    NotActiveError,
    TooManyRegionsError,
)
from pixelrefer_ros.model.pixelrefer import PixelRefer
from pixelrefer_ros.regions.reference import Region

FEATURE_CACHE_BYTES = 64_000_000
JOIN_S = 0.1

logger = logging.getLogger(__name__)
QUEUE_BYTES = 1_000_000_000


class Describer:
    """Answers questions about regions of frames.

    `describe` blocks; `submit` returns a future at once. All requests wait in one bounded queue
    of `queue_size`, and hold up to `queue_bytes` of masks until they are answered; one worker
    thread owns the device and answers up to `max_batch` questions together, which others join as
    soon as there is room; a larger request is answered by itself. On CUDA, decoding is made ready
    for `max_batch` rows before the engine starts. The features of frames with a stamp are kept in
    up to `feature_cache_bytes`, 0 keeps none: the next question about such a frame encodes only its
    own crops. With nothing to do, a request waits up to `batch_window` seconds for others to be
    answered with. A step of the model that takes longer than `watchdog` seconds (0, the default:
    however long) is a failure for good: see `failure`. Use as a context manager, or call `close`.
    """

    def __init__(
        self,
        model: PixelRefer,
        *,
        queue_size: int = 16,
        queue_bytes: int = QUEUE_BYTES,
        max_batch: int = 16,
        max_regions: int = 16,
        max_new_tokens: int = 64,
        feature_cache_bytes: int = FEATURE_CACHE_BYTES,
        batch_window: float = 0.0,
        watchdog: float = 0.0,
    ) -> None:
        self.model = model
        self._max_regions = max_regions
        self._max_new_tokens = max_new_tokens
        self._queue = RequestQueue(queue_size)
        self._memory = MemoryBudget(queue_bytes)
        self._feature_cache = FeatureCache(feature_cache_bytes)
        self.measurements = Measurements()
        self._failure = ""
        self._watchdog = Watchdog(watchdog, self._on_hang)
        self._worker = Worker(
            model,
            self._queue,
            self._feature_cache,
            self.measurements,
            self._watchdog,
            max_batch=max_batch,
            batch_window=batch_window,
        )
        self._thread = threading.Thread(target=self._work, name="pixelrefer", daemon=True)
        self._thread.start()

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str,
        *,
        device: str = "auto",
        dtype: str = "auto",
        quantization: str = "none",
        download: bool = False,
        encoder_backend: str = "torch",
        encoder_path: str = "",
        queue_size: int = 16,
        queue_bytes: int = QUEUE_BYTES,
        max_batch: int = 16,
        max_regions: int = 16,
        max_new_tokens: int = 64,
        feature_cache_bytes: int = FEATURE_CACHE_BYTES,
        batch_window: float = 0.0,
        watchdog: float = 0.0,
    ) -> Describer:
        """Load a model folder (or, with `download`, a hub id) and start the worker.

        quantization: of the weights, `none`, `int8`, `int4` or `int8_dynamic`.
        encoder_backend: `torch`, `onnxruntime` or `tensorrt`.
        encoder_path: folder that `pixelrefer export` wrote to; empty: the model's.
        Raises `CheckpointError`, `DeviceError` or, for an encoder of no use, `ExportError`.
        """
        load = partial(
            load_model,
            name_or_path,
            device=device,
            dtype=dtype,
            quantization=quantization,
            download=download,
            encoder_backend=encoder_backend,
            encoder_path=encoder_path,
        )
        return cls(
            compute_apart(load),
            queue_size=queue_size,
            queue_bytes=queue_bytes,
            max_batch=max_batch,
            max_regions=max_regions,
            max_new_tokens=max_new_tokens,
            feature_cache_bytes=feature_cache_bytes,
            batch_window=batch_window,
            watchdog=watchdog,
        )

    def describe(
        self,
        frames: Frame | Image | Sequence[Frame | Image],
        regions: Region | Sequence[Region],
        prompt: str = "",
        *,
        max_new_tokens: int | None = None,
        sampling: Sampling = Sampling(),  # noqa: B008  (frozen)
        timeout: float | None = None,
    ) -> list[Answer]:
        """Ask and wait: one answer per object, or one in all when `prompt` holds `<region>`.

        `frames` are uint8 RGB arrays [H, W, 3] or frames with camera and stamp; `timeout` in
        seconds counts waiting and inference. Raises the errors of `submit` and of the request.
        """
        query = Query(
            frames=as_frames(frames),
            regions=[regions] if isinstance(regions, Region) else regions,
            prompt=prompt,
            max_new_tokens=max_new_tokens,
            sampling=sampling,
        )
        deadline = None if timeout is None else time.monotonic() + timeout
        return self.submit(query, deadline=deadline).result()

    def submit(
        self,
        query: Query,
        *,
        on_token: OnToken | None = None,
        on_progress: OnProgress | None = None,
        deadline: float | None = None,
        client: str = "",
    ) -> PendingAnswers:
        """Check a query, queue it and return at once.

        `on_token(answer index, text)` is called from the worker thread as words come,
        `on_progress()` when the stage of the returned future or its place in the queue changes.
        Where several wait, each `client` has its turn, however many requests the others have.
        `future.cancel()` withdraws the request, also while it is being answered: it leaves the
        batch at the next token. At `deadline`, a moment of `time.monotonic()`, the future fails
        with `DeadlineError`, whatever the worker is doing.

        Raises at once: `TooManyRegionsError`, `InvalidRegionError`, `EmptyMaskError`,
        `InvalidPromptError`, `UnsupportedEncodingError` for a frame without a usable header,
        `BusyError` when the queue or the memory for masks is full, `NotActiveError` when closed,
        `InferenceError` after a failure for good.
        """
        if len(query.regions) > self._max_regions:
            raise TooManyRegionsError(
                f"regions has {len(query.regions)} entries, the limit is {self._max_regions}"
            )
        if not query.regions:
            raise InvalidRegionError("regions is empty, at least 1 is needed")
        sizes = [query.frame_size(k) for k in range(len(query.regions))]
        held = bytes_of(query, sizes)
        self._memory.take(held, client)
        try:
            questions = self._make_questions(query, sizes)
        except BaseException:
            self._memory.give_back(held, client)
            raise
        request = Request(
            query=query,
            questions=questions,
            max_new_tokens=query.max_new_tokens or self._max_new_tokens,
            on_token=on_token,
            on_progress=on_progress,
            client=client,
        )
        request.future.add_done_callback(lambda _: self._memory.give_back(held, client))
        try:
            if deadline is not None:
                request.expire_at(deadline)
            self._queue.put(request)
        except BaseException:
            request.future.cancel()
            raise
        return request.future

    @contextmanager
    def room_for(self, query: Query, *, frames: int = 1, client: str = "") -> Iterator[None]:
        """Refuse at once what could not be submitted now; hold the memory for its masks meanwhile.

        For what is done before a query is submitted, such as following its regions over `frames`.
        Raises `BusyError`, `TooManyRegionsError` and `NotActiveError`, as `submit`.
        """
        self._queue.check_room(client)
        sizes = [query.frame_size(k) for k in range(len(query.regions))]
        with self._memory.hold(bytes_of(query, sizes * frames), client):
            yield

    def change_limits(
        self,
        *,
        queue_size: int,
        queue_bytes: int,
        max_regions: int,
        max_new_tokens: int,
        feature_cache_bytes: int,
        batch_window: float,
    ) -> None:
        """Keep to other limits from the next request on."""
        self._queue.change_capacity(queue_size)
        self._memory.change(queue_bytes)
        self._max_regions = max_regions
        self._max_new_tokens = max_new_tokens
        self._feature_cache.change_capacity(feature_cache_bytes)
        self._worker.batch_window = batch_window

    def _make_questions(self, query: Query, sizes: Sequence[tuple[int, int]]) -> list[Question]:
        masks = [
            region.to_mask(*size, name=f"regions[{k}]")
            for k, (region, size) in enumerate(zip(query.regions, sizes, strict=True))
        ]
        questions = make_questions(query, masks, is_lite=self.model.config.is_lite)
        for question in questions:
            self.model.prompts.check_question(question.text, len(question.tracks))
        return questions

    @property
    def waiting(self) -> int:
        """Number of requests in the queue, not counting those being answered."""
        return len(self._queue)

    @property
    def failure(self) -> str:
        """Why nothing is answered any more, with the cure; empty while all is well."""
        return self._failure

    @property
    def feature_cache(self) -> FeatureCacheCounts:
        """How often the features of a whole picture were at hand, and the memory they take."""
        return self._feature_cache.counts

    def stop(self) -> None:
        """Fail every request with `NotActiveError` and let the worker end, without waiting for it.

        It ends with the step it is at, which can take as long as one pass of the encoder.
        """
        stopped = NotActiveError("the engine was closed before the answer was complete")
        for request in self._queue.close():
            request.fail(stopped)

    def close(self, timeout: float = math.inf) -> None:
        """Stop, wait for the worker, and give back all memory but that of the model.

        A worker that hangs, or takes longer than `timeout` seconds, is left behind; it ends, if
        ever, with the step it is at.
        """
        self.stop()
        if threading.current_thread() is not self._thread:
            until = time.monotonic() + timeout
            while self._thread.is_alive() and not self._failure and time.monotonic() < until:
                self._thread.join(JOIN_S)
        self._watchdog.close()
        self._feature_cache.clear()
        free_memory(self.model.language_model.device)

    def _work(self) -> None:
        stand_back()
        try:
            self._worker.run()
        except Exception as error:
            logger.exception("the worker ended")
            self._fail(f"the engine broke down: {type(error).__name__}: {error}")

    def _on_hang(self, what: str, limit_s: float) -> None:
        self._fail(
            f"the engine hangs: {what} has not ended within {limit_s:g} s (request.watchdog)"
        )

    def _fail(self, reason: str) -> None:
        """Answer nothing any more: a thread that hangs cannot be ended, only replaced."""
        self._failure = f"{reason}; clean up and configure the node to start a new engine"
        logger.error("%s", self._failure)
        for request in self._queue.close(InferenceError(self._failure)):
            request.fail(InferenceError(self._failure))

    def __enter__(self) -> Describer:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
