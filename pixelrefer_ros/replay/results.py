"""What came of a query: words, or why there are none; and, apart from that, how long it took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from pixelrefer_ros.engine.query import Answer
from pixelrefer_ros.errors import ErrorCode, PixelReferError
from pixelrefer_ros.replay.queries import ReplayQuery

PASSING = (
    ErrorCode.NOT_ACTIVE, ErrorCode.BUSY, ErrorCode.TIMEOUT, ErrorCode.CANCELED,
    ErrorCode.OUT_OF_MEMORY, ErrorCode.INFERENCE_ERROR,
)  # fmt: skip
"""Reasons that may be gone the next time: who goes on with a run asks again."""

STAGES = ("read", "find", "queue", "preprocess", "encode", "generate", "transport")
"""Where time can go, in order."""


@dataclass(frozen=True)
class Words:
    """An answer about the regions `objects`, numbered from "1"; confidence is 0 to 1."""

    objects: tuple[str, ...]
    text: str
    confidence: float
    truncated: bool
    generated_tokens: int

    @classmethod
    def of_answer(cls, answer: Answer) -> Words:
        """Take over what the engine says; digits of no meaning are left away."""
        return cls(
            answer.object_ids,
            answer.text,
            round(answer.confidence, 4),
            answer.truncated,
            answer.generated_tokens,
        )


@dataclass(frozen=True)
class Result:
    """What came of a query. The same each time the same is asked offline.

    stamp_ns: of the frame pointed at, or the one wanted where there is none.
    frames_ns: stamps of all frames the answer speaks of, oldest first.
    error: name of an `ErrorCode`, "" where the query was answered.
    distance_s: how far the frame is from the time asked about, where one is missing there.
    """

    id: str
    fingerprint: str
    topic: str
    stamp_ns: int
    prompt: str
    model_id: str = ""
    frames_ns: tuple[int, ...] = ()
    answers: tuple[Words, ...] = ()
    error: str = ""
    error_msg: str = ""
    distance_s: float = 0.0

    @classmethod
    def of_error(
        cls,
        query: ReplayQuery,
        topic: str,
        stamp_ns: int,
        error: PixelReferError,
        distance_s: float = 0.0,
    ) -> Result:
        """Say why there is no answer."""
        return cls(
            query.id,
            query.fingerprint,
            topic,
            stamp_ns,
            query.prompt,
            error=error.code.name,
            error_msg=str(error),
            distance_s=distance_s,
        )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Result:
        """Read what `to_dict` wrote. Raises `KeyError`, `TypeError` for anything else."""
        values = {"distance_s": 0.0, **values}
        known = {name: values[name] for name in cls.__dataclass_fields__}
        known["frames_ns"] = tuple(values["frames_ns"])
        known["answers"] = tuple(
            Words(**{**words, "objects": tuple(words["objects"])}) for words in values["answers"]
        )
        return cls(**known)

    def to_dict(self) -> dict[str, Any]:
        """Return what is written to `results.jsonl`, `distance_s` only where there is any."""
        values = asdict(self)
        if not self.distance_s:
            del values["distance_s"]
        return values

    @property
    def is_passing(self) -> bool:
        """Tell whether it failed for a reason that may be gone the next time."""
        return self.error in {code.name for code in PASSING}


@dataclass(frozen=True)
class Timing:
    """How long a query took, in seconds of the monotonic clock.

    latency_s: from asking to the answer, all that who asks has to wait for.
    stages_s: parts of that by name, some of `STAGES`.
    age_s: how old the frame pointed at was when the answer came, in ROS time; None offline.
    """

    id: str
    latency_s: float
    stages_s: Mapping[str, float] = field(default_factory=dict)
    age_s: float | None = None

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Timing:
        """Read what `to_dict` wrote. Raises `TypeError` for anything else."""
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Return what is written to `timings.jsonl`, in tenths of a millisecond."""
        return {
            "id": self.id,
            "latency_s": round(self.latency_s, 4),
            "stages_s": {name: round(seconds, 4) for name, seconds in self.stages_s.items()},
            "age_s": None if self.age_s is None else round(self.age_s, 4),
        }


@dataclass(frozen=True)
class Outcome:
    """All that came of a query; `picture` is a JPEG, None where there is no frame to show."""

    result: Result
    timing: Timing
    picture: bytes | None


def answered(results: Sequence[Result]) -> list[Result]:
    """Return those that hold answers."""
    return [result for result in results if not result.error]
