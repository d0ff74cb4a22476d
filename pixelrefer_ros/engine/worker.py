"""The thread that owns the device: lets requests join those it is answering, token by token."""

from __future__ import annotations

import logging
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch

from pixelrefer_ros.engine.batching import Request, RequestQueue
from pixelrefer_ros.engine.device import free_memory, synchronize
from pixelrefer_ros.engine.failures import as_reported, is_out_of_memory, not_finite
from pixelrefer_ros.engine.feature_cache import FeatureCache
from pixelrefer_ros.engine.generation.choice import make_decoder
from pixelrefer_ros.engine.generation.row import Row
from pixelrefer_ros.engine.generation.token_choice import TokenChooser
from pixelrefer_ros.engine.job import Job
from pixelrefer_ros.engine.measurements import Measurements
from pixelrefer_ros.engine.pending import Stage
from pixelrefer_ros.engine.query import FrameStamp, Query, as_frames
from pixelrefer_ros.engine.questions import make_questions, make_sample
from pixelrefer_ros.engine.streaming import TextStream
from pixelrefer_ros.engine.watchdog import Watchdog
from pixelrefer_ros.model.pixelrefer import PixelRefer
from pixelrefer_ros.model.recently_prepared import RecentlyPrepared
from pixelrefer_ros.regions.reference import Region

logger = logging.getLogger(__name__)


class Worker:
    """Runs until its queue is closed. An error fails the requests it belongs to, never the loop.

    Requests that come while others are being answered join them between two tokens, up to
    `max_batch` questions in all. Joining takes no more than half of the time: after it, the
    answers that are under way go on for at least as long as it took. With nobody to answer, a
    request waits up to `batch_window` seconds for others. `watchdog` sees every step.
    """

    def __init__(
        self,
        model: PixelRefer,
        queue: RequestQueue,
        feature_cache: FeatureCache,
        measurements: Measurements,
        watchdog: Watchdog,
        *,
        max_batch: int,
        batch_window: float,
    ) -> None:
        self._model = model
        self._queue = queue
        self._feature_cache = feature_cache
        self._measurements = measurements
        self._watchdog = watchdog
        self._max_batch = max_batch
        self.batch_window = batch_window
        self._decoder = make_decoder(
            model.language_model, max_rows=max_batch, reads_pictures=not model.config.is_lite
        )
        self._decoded: dict[Row, Job] = {}
        self._held: deque[Job] = deque()
        self._joining_s = self._stepping_s = 0.0
        if model.language_model.device.type == "cuda":
            self.warm_up()

    def warm_up(self) -> None:
        """Answer about an empty picture: a GPU loads its kernels when they are first needed."""
        started = time.monotonic()
        region = Region(box=(200, 150, 99, 99))
        query = Query(as_frames(np.zeros((480, 640, 3), np.uint8)), [region])
        masks = [region.to_mask(480, 640)]
        questions = make_questions(query, masks, is_lite=self._model.config.is_lite)
        job = Job(Request(query, questions, max_new_tokens=2), started)
        self._prepare(RecentlyPrepared(), [job])
        self._embed([job])
        finished = self._decoder.join(job.rows)
        while not finished:
            finished = self._decoder.step()
        logger.info("a first answer, to nobody, took %.1f s", time.monotonic() - started)

    def run(self) -> None:
        """Let requests join and step on, until the queue is closed."""
        while self._let_join():
            if self._decoded:
                self._step()

    def _let_join(self) -> bool:
        """Take what may join now; with nobody to answer, wait for it. False once closed."""
        if self._decoded:
            if self._held or self._stepping_s < self._joining_s:
                return True
            requests = self._queue.take_more(self._max_batch - len(self._decoded))
        elif self._held:
            self._join_alone(self._held.popleft())
            return True
        else:
            requests = self._queue.take(self._max_batch, self.batch_window)
            if not requests:
                return False
        if requests:
            started = time.monotonic()
            self._admit([Job(request, started) for request in requests])
            self._joining_s, self._stepping_s = time.monotonic() - started, 0.0
        return True

    def _admit(self, jobs: Sequence[Job]) -> None:
        prepare = partial(self._prepare, RecentlyPrepared())
        jobs = [passed for job in jobs for passed in self._run(prepare, [job])]
        self._run(self._join, self._run(self._embed, jobs))

    def _join_alone(self, job: Job) -> None:
        if job.rows:
            self._run(self._join, [job])
        else:
            self._admit([job])

    def _run(self, stage: Callable[[Sequence[Job]], None], jobs: Sequence[Job]) -> list[Job]:
        """Take the jobs somebody still waits for through a stage together; return those it passed.

        Where that fails, one of them spoils it or they are too large together: each then stands
        for itself. One that is too large beside those being answered is held until they are done.
        """
        wanted = [job for job in jobs if job.request.is_wanted()]
        if not wanted:
            return []
        try:
            with self._watchdog.watch("preparing, encoding or joining"):
                stage(wanted)
            return wanted
        except Exception as error:
            trace = traceback.format_exc()
            failure = error.with_traceback(None)  # it would keep the device's memory
        if len(wanted) > 1 or is_out_of_memory(failure):
            self._free_memory()
        if len(wanted) > 1:
            logger.warning(
                "%d requests failed together, each goes on alone: %s", len(wanted), failure
            )
            return [passed for job in wanted for passed in self._run(stage, [job])]
        if self._decoded and is_out_of_memory(failure):
            self._held += wanted
        else:
            wanted[0].request.fail(as_reported(failure, trace))
        return []

    def _step(self) -> None:
        """Choose one token for every row; where that fails, each request goes on alone."""
        started, rows = time.monotonic(), len(self._decoded)
        try:
            with self._watchdog.watch("choosing the next tokens"):
                finished = self._decoder.step()
        except Exception as error:
            trace = traceback.format_exc()
            failure = error.with_traceback(None)
        else:
            self._measurements.count_step(rows, time.monotonic() - started)
            self._let_leave(finished)
            self._stepping_s += time.monotonic() - started
            return
        jobs = list(dict.fromkeys(self._decoded.values()))
        self._decoded.clear()
        self._free_memory()
        if len(jobs) > 1:
            logger.warning("%d answers failed together, each goes on alone: %s", len(jobs), failure)
            self._held += jobs
        else:
            jobs[0].request.fail(as_reported(failure, trace))

    def _prepare(self, recent: RecentlyPrepared, jobs: Sequence[Job]) -> None:
        """Decode the frames, cut the views out of them, tokenise the prompts."""
        for job in jobs:
            job.request.advance(Stage.PREPARING)
            begin = time.monotonic()
            query = job.request.query
            images = [frame.rgb() for frame in query.frames]
            stamps = [FrameStamp(frame.camera, frame.stamp_ns) for frame in query.frames]
            job.stamps = dict(zip(map(id, images), stamps, strict=True))
            times = [stamp.stamp_ns for stamp in stamps]
            job.samples = [
                self._model.prepare(make_sample(question, images, times), recent)
                for question in job.request.questions
            ]
            job.preprocess_s = time.monotonic() - begin

    @torch.inference_mode()
    def _embed(self, jobs: Sequence[Job]) -> None:
        """Run the vision encoder, SAOT and OCI over all regions of all jobs at once."""
        for job in jobs:
            job.request.advance(Stage.ENCODING)
        begin = time.monotonic()
        samples = [sample for job in jobs for sample in job.samples]
        stamps = {picture: stamp for job in jobs for picture, stamp in job.stamps.items()}
        views = [view for sample in samples for view in sample.views()]
        features = self._feature_cache.encode(self._model, views, stamps)
        synchronize(self._model.language_model.device)
        encoded = time.monotonic()
        embeds = iter(self._model.infuse(samples, features))
        synchronize(self._model.language_model.device)
        infused = time.monotonic()
        for job in jobs:
            job.encode_s, job.infuse_s = encoded - begin, infused - encoded
            job.rows = [self._row(job, index, next(embeds)) for index in range(len(job.samples))]
            job.samples, job.stamps = [], {}  # pictures are large, and decoding needs none

    def _row(self, job: Job, index: int, embeds: torch.Tensor) -> Row:
        request = job.request
        room = self._model.config.max_sequence_length - len(embeds)
        row = Row(
            embeds=embeds,
            max_new_tokens=max(1, min(request.max_new_tokens, room)),
            eos_token_ids=self._model.eos_token_ids,
            chooser=TokenChooser(request.query.sampling, self._model.repetition_penalty),
            is_wanted=request.is_wanted,
        )
        if request.on_token is not None:
            row.on_token = TextStream(self._model.tokenizer, request.teller(index)).put
        return row

    def _join(self, jobs: Sequence[Job]) -> None:
        """Let prompts join those that are decoded; one that was decoded before goes on."""
        for job in jobs:
            job.request.advance(Stage.GENERATING)
            job.request.show(partial(job.answers, self._model))
        rows = {row: job for job in jobs for row in job.rows if not row.complete}
        finished = self._decoder.join(list(rows))
        self._decoded |= rows
        self._let_leave(finished)

    def _let_leave(self, finished: Sequence[Row]) -> None:
        """Answer the requests whose last row has finished."""
        for row in finished:
            job = self._decoded.pop(row)
            if row.broken:
                job.request.fail(not_finite(self._model.language_model.dtype))
            elif job not in self._decoded.values():
                self._run(self._answer, [job])

    def _answer(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            answers = job.answers(self._model)
            self._measurements.count_answers(answers)
            job.request.resolve(answers)

    def _free_memory(self) -> None:
        """Give back all memory that is only kept for later, as far as the device still lets go."""
        self._feature_cache.clear()
        if not self._decoded:
            self._decoder.clear()
        try:
            free_memory(self._model.language_model.device)
        except Exception:
            logger.exception("memory of the device cannot be freed")
