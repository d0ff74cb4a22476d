"""Ask the engine about the frames of a bag, without ROS."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import TracebackType

from pixelrefer_ros.engine.describer import Describer
from pixelrefer_ros.engine.device import resolve_device
from pixelrefer_ros.engine.query import Answer
from pixelrefer_ros.errors import PixelReferError
from pixelrefer_ros.regions.following import follow_regions
from pixelrefer_ros.regions.propagation import make_propagator
from pixelrefer_ros.regions.reference import Region
from pixelrefer_ros.regions.segmentation import make_segmenter
from pixelrefer_ros.replay.pictures import draw_query
from pixelrefer_ros.replay.queries import ReplayQuery
from pixelrefer_ros.replay.recording import Recording
from pixelrefer_ros.replay.results import Outcome, Result, Timing, Words
from pixelrefer_ros.streams.frame import Frame


@dataclass(frozen=True)
class AskingSettings:
    """Which model answers, where, and how objects are found in boxes and on several frames.

    segmenter and propagator: names of `regions.segmentation` and `regions.propagation`;
    sam2_path: folder of SAM 2's weights, for the two that are called so.
    """

    model: str
    device: str = "auto"
    dtype: str = "auto"
    quantization: str = "none"
    max_new_tokens: int = 64
    segmenter: str = "grabcut"
    propagator: str = "flow"
    sam2_path: str = ""


class Asker:
    """Asks one query after the other, each by itself, so that the same comes out every time.

    What is answered together with others, or from features that another query encoded, may differ
    in the last digit. However many regions one of the `queries` has, it is asked. Raises what
    `Describer.from_pretrained` raises.
    """

    def __init__(
        self, recording: Recording, queries: Sequence[ReplayQuery], settings: AskingSettings
    ) -> None:
        self._recording = recording
        self._settings = settings
        device, weights = str(resolve_device(settings.device)), settings.sam2_path
        self._segmenter = make_segmenter(settings.segmenter, model=weights, device=device)
        self._propagator = make_propagator(settings.propagator, model=weights, device=device)
        self._describer = Describer.from_pretrained(
            settings.model,
            device=settings.device,
            dtype=settings.dtype,
            quantization=settings.quantization,
            max_batch=1,
            max_regions=max(len(one.regions) * one.num_frames for one in queries),
            max_new_tokens=settings.max_new_tokens,
            feature_cache_bytes=0,
        )

    def ask(self, query: ReplayQuery) -> Outcome:
        """Ask; an error of this package is a result too."""
        recording = self._recording
        topic, stamp_ns = recording.topic(query), recording.stamp_ns(query)
        begun = time.monotonic()
        stages: dict[str, float] = {}
        frames: list[Frame] = []
        regions: list[Region] = []
        distance_s = 0.0
        try:
            moment = recording.find(query)
            stamp_ns, distance_s = moment.place.stamp_ns, moment.distance_s
            regions = [replace(region, frame=moment.pointed_at) for region in query.regions]
            frames = recording.read(query, moment)
            stages["read"] = time.monotonic() - begun
            find_from = time.monotonic()
            regions = self._find(frames, regions)
            stages["find"] = time.monotonic() - find_from
            answers = self._describer.describe(frames, regions, query.prompt)
        except PixelReferError as error:
            result = Result.of_error(query, topic, stamp_ns, error, distance_s)
        else:
            stages |= _stages(answers[0])
            result = Result(
                query.id,
                query.fingerprint,
                topic,
                stamp_ns,
                query.prompt,
                model_id=answers[0].model_id,
                frames_ns=_stamps(answers),
                answers=tuple(map(Words.of_answer, answers)),
                distance_s=distance_s,
            )
        latency_s = time.monotonic() - begun
        return Outcome(result, Timing(query.id, latency_s, stages), draw_query(frames, regions))

    def close(self) -> None:
        """End the engine."""
        self._describer.close()

    def __enter__(self) -> Asker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _find(self, frames: Sequence[Frame], regions: Sequence[Region]) -> list[Region]:
        followed = follow_regions(
            frames, regions, segmenter=self._segmenter, propagator=self._propagator
        )
        return [one.region for one in followed]


def _stages(answer: Answer) -> dict[str, float]:
    timing = answer.timing
    return {
        "queue": timing.queue_s,
        "preprocess": timing.preprocess_s,
        "encode": timing.encode_s + timing.infuse_s,
        "generate": timing.generate_s,
    }


def _stamps(answers: Sequence[Answer]) -> tuple[int, ...]:
    return tuple(sorted({frame.stamp_ns for answer in answers for frame in answer.frames}))
