"""A request on its way through the worker."""

from __future__ import annotations

from dataclasses import dataclass, field

from pixelrefer_ros.engine.batching import Request
from pixelrefer_ros.engine.generation.row import Row
from pixelrefer_ros.engine.query import Answer, FrameStamp, Timing
from pixelrefer_ros.model.pixelrefer import PixelRefer
from pixelrefer_ros.model.preprocessing import PreparedSample


@dataclass(eq=False)
class Job:
    """A request being answered, with its prompts and the time each stage took.

    started: when it was taken out of the queue, seconds of the monotonic clock.
    stamps: of its pictures, by their identity.
    samples, rows: one for each of its questions; samples until they are embedded.
    """

    request: Request
    started: float
    stamps: dict[int, FrameStamp] = field(default_factory=dict)
    samples: list[PreparedSample] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    preprocess_s: float = 0.0
    encode_s: float = 0.0
    infuse_s: float = 0.0

    def answers(self, model: PixelRefer) -> list[Answer]:
        """Put the tokens of all rows into words, also while they grow; none before the first."""
        if not all(row.probabilities for row in self.rows):
            return []
        request = self.request
        timing = Timing(
            queue_s=self.started - request.submitted,
            preprocess_s=self.preprocess_s,
            encode_s=self.encode_s,
            infuse_s=self.infuse_s,
            prefill_s=max(row.prefill_s for row in self.rows),
            decode_s=max(row.decode_s for row in self.rows),
        )
        answers = []
        for question, row in zip(request.questions, self.rows, strict=True):
            used = sorted({frame for track in question.tracks for frame, _ in track})
            frames = [request.query.frames[index] for index in used]
            probabilities = list(row.probabilities)  # of this moment
            token_ids = row.token_ids[: len(probabilities)]
            text = model.tokenizer.decode(token_ids, skip_special_tokens=True)
            answers.append(
                Answer(
                    object_ids=question.object_ids,
                    text=text.strip(),
                    confidence=sum(probabilities) / len(probabilities),
                    truncated=not row.ended,
                    generated_tokens=len(token_ids),
                    frames=tuple(FrameStamp(frame.camera, frame.stamp_ns) for frame in frames),
                    model_id=model.model_id,
                    timing=timing,
                )
            )
        return answers
