"""From the node's reply to the outcome of a query, in the form of the offline run."""

from __future__ import annotations

from dataclasses import replace

from pixelrefer_ros.errors import BagError, ErrorCode, FrameEvictedError, PixelReferError
from pixelrefer_ros.live_replay.planner import Reply
from pixelrefer_ros.replay.pictures import draw_pointed_at, draw_query
from pixelrefer_ros.replay.recording import Recording
from pixelrefer_ros.replay.results import Outcome, Result, Timing, Words
from pixelrefer_ros.ros.conversions import to_nanoseconds, to_region
from pixelrefer_ros.streams.stamps import NANOSECONDS

STAGES = ("queue", "preprocess", "encode", "generate")


def to_outcome(recording: Recording, reply: Reply) -> Outcome:
    """Return what came of a query, its picture left for later.

    Of the latency, `transport` is what the node's own stages do not explain: the way of question
    and answer between the processes, and what the node does besides.
    """
    query, moment = reply.due.query, reply.due.moment
    place, distance_s = moment.place, moment.distance_s
    topic = recording.topic(query)
    error = reply.error
    message = None if reply.pending is None else reply.pending.reply.result()
    if message is not None and message.error_code:
        error = PixelReferError(message.error_msg)
        error.code = ErrorCode(message.error_code)
    if error is not None or message is None:
        error = error or PixelReferError()
        result = Result.of_error(query, topic, place.stamp_ns, error, distance_s)
        return Outcome(result, Timing(query.id, reply.latency_s), None)
    stages = {
        name: to_nanoseconds(getattr(message, f"{name}_time")) / NANOSECONDS for name in STAGES
    }
    transport_s = max(reply.latency_s - sum(stages.values()), 0.0)
    age_s = (reply.answered_ns - place.stamp_ns) / NANOSECONDS
    result = Result(
        query.id,
        query.fingerprint,
        topic,
        place.stamp_ns,
        query.prompt,
        model_id=message.model_id,
        frames_ns=tuple(sorted({to_nanoseconds(r.header.stamp) for r in message.regions})),
        answers=tuple(
            Words(
                tuple(answer.object_ids),
                answer.text,
                round(answer.confidence, 4),
                answer.truncated,
                answer.generated_tokens,
            )
            for answer in message.answers
        ),
        distance_s=distance_s,
    )
    timing = Timing(query.id, reply.latency_s, {**stages, "transport": transport_s}, age_s)
    return Outcome(result, timing, None)


def draw_reply(recording: Recording, reply: Reply) -> bytes | None:
    """Draw the frames that the answer speaks of with the masks that were used.

    Where there is no answer, the region as it was pointed at.
    """
    index = recording.indices[recording.topic(reply.due.query)]
    references = [] if reply.pending is None else reply.pending.reply.result().regions
    if not references:
        return draw_pointed_at(recording, reply.due.query)
    try:
        of_each = [to_nanoseconds(reference.header.stamp) for reference in references]
        stamps = sorted(set(of_each))
        regions = [
            replace(to_region(reference, name="region"), frame=stamps.index(stamp))
            for reference, stamp in zip(references, of_each, strict=True)
        ]
        places = [index.nearest(stamp, tolerance_ns=0) for stamp in stamps]
        return draw_query(index.read(places), regions)
    except (BagError, FrameEvictedError):
        return None
