"""The thread that owns the device: takes what is waiting and answers it in one batch."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch

from pixelrefer_ros.engine.batching import Request, RequestQueue
from pixelrefer_ros.engine.device import free_memory
from pixelrefer_ros.engine.generation import Row, generate
from pixelrefer_ros.engine.query import Answer, FrameStamp, Timing
from pixelrefer_ros.engine.questions import make_sample
from pixelrefer_ros.engine.streaming import TextStream
from pixelrefer_ros.errors import InferenceError, OutOfMemoryError, PixelReferError
from pixelrefer_ros.model.pixelrefer import PixelRefer
from pixelrefer_ros.model.preprocessing import PreparedSample

logger = logging.getLogger(__name__)


@dataclass(eq=False)
class _Job:
    """A request being answered, with its prompts and the time each stage took."""

    request: Request
    started: float
    samples: list[PreparedSample] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    preprocess_s: float = 0.0
    encode_s: float = 0.0
    infuse_s: float = 0.0


class Worker:
    """Runs until its queue is closed. An error fails the requests it belongs to, never the loop."""

    def __init__(self, model: PixelRefer, queue: RequestQueue, *, max_batch: int) -> None:
        self._model = model
        self._queue = queue
        self._max_batch = max_batch

    def run(self) -> None:
        """Answer batch after batch."""
        while batch := self._queue.take(self._max_batch):
            self._answer(batch)

    def _answer(self, batch: Sequence[Request]) -> None:
        started = time.monotonic()
        jobs = [
            job for request in batch for job in self._run(self._prepare, [_Job(request, started)])
        ]
        jobs = self._run(self._embed, jobs)
        self._run(self._generate, jobs)

    def _run(self, stage: Callable[[Sequence[_Job]], None], jobs: Sequence[_Job]) -> list[_Job]:
        """Take the jobs somebody still waits for through a stage together; return those it passed.

        Where that fails, one of them spoils it or they are too large together: each then stands
        for itself. Once the first word of one is told, all fail together.
        """
        wanted = [job for job in jobs if job.request.is_wanted()]
        if not wanted:
            return []
        try:
            stage(wanted)
            return wanted
        except Exception as error:
            trace = traceback.format_exc()
            failure = error.with_traceback(None)  # it would keep the device's memory
        if len(wanted) == 1 or any(row.token_ids for job in wanted for row in job.rows):
            reported = _as_reported(failure, trace)
            for job in wanted:
                job.request.fail(reported)
            return []
        logger.warning("%d requests failed together, answering singly: %s", len(wanted), failure)
        free_memory(self._model.language_model.device)
        return [passed for job in wanted for passed in self._run(stage, [job])]

    def _prepare(self, jobs: Sequence[_Job]) -> None:
        """Decode the frames, cut the views out of them, tokenise the prompts."""
        for job in jobs:
            begin = time.monotonic()
            query = job.request.query
            images = [frame.rgb() for frame in query.frames]
            stamps = [frame.stamp_ns for frame in query.frames]
            job.samples = [
                self._model.prepare(make_sample(question, images, stamps))
                for question in job.request.questions
            ]
            job.preprocess_s = time.monotonic() - begin

    @torch.inference_mode()
    def _embed(self, jobs: Sequence[_Job]) -> None:
        """Run the vision encoder, SAOT and OCI over all regions of all jobs at once."""
        begin = time.monotonic()
        samples = [sample for job in jobs for sample in job.samples]
        views = self._model.encode(samples)
        self._synchronize()
        encoded = time.monotonic()
        embeds = iter(self._model.infuse(samples, views))
        self._synchronize()
        infused = time.monotonic()
        for job in jobs:
            job.encode_s, job.infuse_s = encoded - begin, infused - encoded
            job.rows = [self._row(job, index, next(embeds)) for index in range(len(job.samples))]

    def _row(self, job: _Job, index: int, embeds: torch.Tensor) -> Row:
        request = job.request
        row = Row(
            embeds=embeds,
            max_new_tokens=request.max_new_tokens,
            sampling=request.query.sampling,
            is_wanted=request.is_wanted,
        )
        if request.on_token is not None:
            row.on_token = TextStream(self._model.tokenizer, request.teller(index)).put
        return row

    def _generate(self, jobs: Sequence[_Job]) -> None:
        """Decode all prompts together; each request is answered when its last row ends."""
        unfinished = {id(row): (job, row) for job in jobs for row in job.rows}

        def row_finished(row: Row) -> None:
            job, _ = unfinished.pop(id(row))
            if row.broken:
                job.request.fail(
                    InferenceError(
                        "the model computed a number that is not finite: its weights are damaged "
                        f"or overflow in {self._model.language_model.dtype}: try dtype float32"
                    )
                )
            elif not any(id(other) in unfinished for other in job.rows):
                job.request.resolve(self._answers(job))

        generate(
            self._model.language_model,
            [row for job in jobs for row in job.rows],
            eos_token_ids=self._model.eos_token_ids,
            repetition_penalty=self._model.repetition_penalty,
            on_finished=row_finished,
        )

    def _answers(self, job: _Job) -> list[Answer]:
        request = job.request
        timing = Timing(
            queue_s=job.started - request.submitted,
            preprocess_s=job.preprocess_s,
            encode_s=job.encode_s,
            infuse_s=job.infuse_s,
            prefill_s=max(row.prefill_s for row in job.rows),
            decode_s=max(row.decode_s for row in job.rows),
        )
        answers = []
        for question, row in zip(request.questions, job.rows, strict=True):
            used = sorted({frame for track in question.tracks for frame, _ in track})
            frames = [request.query.frames[index] for index in used]
            text = self._model.tokenizer.decode(row.token_ids, skip_special_tokens=True)
            answers.append(
                Answer(
                    object_ids=question.object_ids,
                    text=text.strip(),
                    confidence=sum(row.probabilities) / len(row.probabilities),
                    truncated=not row.ended,
                    generated_tokens=len(row.token_ids),
                    frames=tuple(FrameStamp(frame.camera, frame.stamp_ns) for frame in frames),
                    model_id=self._model.model_id,
                    timing=timing,
                )
            )
        return answers

    def _synchronize(self) -> None:
        """Wait for the device, so that a stage's time is its own."""
        if self._model.language_model.device.type == "cuda":
            torch.cuda.synchronize(self._model.language_model.device)


def _as_reported(error: Exception, trace: str) -> PixelReferError:
    """Give every failure a code; unexpected ones are logged whole and reported in one line."""
    if isinstance(error, PixelReferError):
        return error
    if _is_out_of_memory(error):
        return OutOfMemoryError(
            f"out of memory: {error}. Ask about fewer regions, or lower request.max_regions and "
            "request.max_batch"
        )
    logger.error("inference failed\n%s", trace)
    return InferenceError(f"inference failed: {type(error).__name__}: {error}")


def _is_out_of_memory(error: Exception) -> bool:
    """Recognise it on any device; torch and OpenCV have no type of their own for it on the CPU."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or any(
        words in str(error) for words in ("can't allocate memory", "Insufficient memory")
    )
