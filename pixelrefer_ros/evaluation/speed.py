"""How long a call of a describer takes, beside a straightforward implementation's time for it.

Timed is the call of a describer from the question to the answers in hand: masks, the way through
the queue, cutting out and scaling, the vision encoder, SAOT and OCI, and exactly so many tokens for
each region, whatever the model would have liked to say. The reference path answers the same
question right after it, so both meet the same neighbours on the machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import count
from typing import TypeVar

import numpy as np
import torch

from pixelrefer_ros.engine.describer import Describer
from pixelrefer_ros.engine.generation.key_value_cache import dtype_between_layers
from pixelrefer_ros.engine.query import Query
from pixelrefer_ros.engine.weight_quantization import weight_bytes, weight_types
from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.evaluation.flops import (
    count_flops,
    key_width,
    paper_decode_flops,
    paper_prefill_flops,
)
from pixelrefer_ros.evaluation.machine_limits import MachineLimits
from pixelrefer_ros.evaluation.peak_memory import PeakMemory
from pixelrefer_ros.evaluation.reference_path import (
    ReferenceAnswers,
    answer_one_by_one,
    prepare_questions,
)
from pixelrefer_ros.evaluation.worker_thread import compute_on_worker
from pixelrefer_ros.evaluation.workload import Workload
from pixelrefer_ros.model.pixelrefer import PixelRefer
from pixelrefer_ros.model.preprocessing import PreparedSample

Result = TypeVar("Result")

WARM_UP = 1


@dataclass(frozen=True)
class CallSpeed:
    """What `runs` calls of one kind took; seconds are of a whole call, about all its regions.

    dtype: of the weights, such as `float32` or, with quantised ones, `float32+int8`.
    image: width x height of the frames; frames: on which each of the regions lies.
    tokens: new tokens of each answer; prompt_tokens: what the language model reads before it.
    speedup: reference_median_s / median_s.
    same_answers: share of the answers in which the engine and the reference path agree.
    stages, reference_stages: median seconds of each stage; stages_p95: their 95th percentile.
    tokens_per_s: new tokens of all answers in a second of decoding; regions_per_s: of the call.
    peak_bytes: most memory during the engine's calls, the weights included.
    flops: operations of a call as torch counts them; flops_by_stage: where.
    paper_flops: operations of the same prompts (Eq. 9) and new tokens (Eq. 10), see `flops.py`.
    shares: of the machine's limits. Encoding and prefill: operations in a second, of a product of
        matrices. Decoding: bytes of weights, keys and values that must be read, of a copy.
    """

    model: str
    device: str
    dtype: str
    image: str
    regions: int
    frames: int
    tokens: int
    prompt_tokens: int
    runs: int
    median_s: float
    p95_s: float
    reference_median_s: float
    reference_p95_s: float
    speedup: float
    same_answers: float
    stages: dict[str, float]
    stages_p95: dict[str, float]
    reference_stages: dict[str, float]
    tokens_per_s: float
    regions_per_s: float
    peak_bytes: int
    reference_peak_bytes: int
    flops: float
    flops_by_stage: dict[str, float]
    paper_flops: dict[str, float]
    shares: dict[str, float]


class SpeedTest:
    """Times the calls of one describer; no two of them are about the same frame.

    plain_model: in which the reference path answers, for a describer of quantised weights the same
        as they were; by default the describer's own.
    """

    def __init__(
        self, describer: Describer, limits: MachineLimits, plain_model: PixelRefer | None = None
    ) -> None:
        self._describer = describer
        self._model = describer.model
        self._plain_model = plain_model or describer.model
        self._limits = limits
        self._numbers = count()

    def measure(self, workload: Workload, *, runs: int) -> CallSpeed:
        """Let the engine and the reference path answer in turn, after a call that does not count.

        Raises `CommandError` for more tokens than the model has room for, the errors of
        `Describer.submit` and of the request.
        """
        engine, reference = self._times()
        same = 0
        with _speaking_on(self._model), _speaking_on(self._plain_model):
            samples = self._compute(
                lambda: list(prepare_questions(self._model, self._query(workload)))
            )
            self._require_room(samples, workload.tokens)
            flops = self._compute(
                lambda: count_flops(self._plain_model, samples, new_tokens=workload.tokens)
            )
            for _ in range(WARM_UP + runs):
                query = self._query(workload)
                with engine.call():
                    answers = self._describer.submit(query).result()
                engine.stages.append(asdict(answers[0].timing))
                plain = self._compute(partial(self._answer_plainly, query, workload, reference))
                reference.stages.append(plain.stages)
                pairs = zip(answers, plain.texts, strict=True)
                same += sum(answer.text == text for answer, text in pairs)
        language = self._model.config.language
        lengths = [len(sample.token_ids) for sample in samples]
        stages = engine.stage_percentiles(50)
        new_tokens = workload.regions * (workload.tokens - 1)
        return CallSpeed(
            model=self._model.model_id,
            device=str(self._model.language_model.device),
            dtype=weight_types(self._model),
            image=workload.image,
            regions=workload.regions,
            frames=workload.frames,
            tokens=workload.tokens,
            prompt_tokens=max(lengths),
            runs=runs,
            median_s=engine.median(),
            p95_s=engine.percentile_95(),
            reference_median_s=reference.median(),
            reference_p95_s=reference.percentile_95(),
            speedup=reference.median() / engine.median(),
            same_answers=same / (workload.regions * (WARM_UP + runs)),
            stages=stages,
            stages_p95=engine.stage_percentiles(95),
            reference_stages=reference.stage_percentiles(50),
            tokens_per_s=_rate(new_tokens, stages["decode_s"]),
            regions_per_s=_rate(workload.regions, engine.median()),
            peak_bytes=engine.peak_bytes,
            reference_peak_bytes=reference.peak_bytes,
            flops=sum(flops.values()),
            flops_by_stage=flops,
            paper_flops={
                "prefill": sum(paper_prefill_flops(language, n) for n in lengths),
                "decode": sum(paper_decode_flops(language, n, workload.tokens) for n in lengths),
            },
            shares=self._shares(flops, stages, lengths, workload.tokens),
        )

    def _compute(self, work: Callable[[], Result]) -> Result:
        return compute_on_worker(self._describer, work)

    def _answer_plainly(self, query: Query, workload: Workload, times: _Times) -> ReferenceAnswers:
        with times.call():
            return answer_one_by_one(self._plain_model, query, max_new_tokens=workload.tokens)

    def _times(self) -> tuple[_Times, _Times]:
        """Return those of engine and reference path, each without what only the other holds."""
        models = self._model, self._plain_model
        device = self._model.language_model.device
        if models[0] is models[1]:
            return _Times(device), _Times(device)
        ours, plain = map(weight_bytes, models)
        return _Times(device, plain), _Times(device, ours)

    def _require_room(self, samples: Sequence[PreparedSample], tokens: int) -> None:
        room = self._model.config.max_sequence_length - max(len(s.token_ids) for s in samples)
        if tokens > room:
            raise CommandError(
                f"tokens is {tokens}, must be at most {room}: that is left of what the model reads"
            )

    def _query(self, workload: Workload) -> Query:
        return workload.query(next(self._numbers))

    def _shares(
        self,
        flops: Mapping[str, float],
        stages: Mapping[str, float],
        lengths: Sequence[int],
        tokens: int,
    ) -> dict[str, float]:
        read = (tokens - 1) * decode_step_bytes(self._model, [n + tokens / 2 for n in lengths])
        possible, copied = self._limits.matmul_flops_per_s, self._limits.copy_bytes_per_s
        return {
            "encode": _rate(flops["encode"], stages["encode_s"]) / possible,
            "prefill": _rate(flops["prefill"], stages["prefill_s"]) / possible,
            "decode": _rate(read, stages["decode_s"]) / copied,
        }


def decode_step_bytes(model: PixelRefer, lengths: Sequence[float]) -> float:
    """Return the bytes a step of decoding must read: all weights once, and what each row has seen.

    lengths: tokens of each row, whose keys and values are kept.
    """
    network = model.language_model
    # Of an embedding that is not also the head a step reads a few rows.
    weights = weight_bytes(network.model.layers) + weight_bytes(network.lm_head)
    layers, width = model.config.language.num_hidden_layers, key_width(model.config.language)
    kept = 2 * layers * width * dtype_between_layers(network).itemsize
    return weights + sum(lengths) * kept


@dataclass
class _Times:
    """The seconds, stages and memory of calls; the first `WARM_UP` count for the memory alone.

    others_bytes: held meanwhile by what takes no part in the calls.
    """

    device: torch.device
    others_bytes: int = 0
    seconds: list[float] = field(default_factory=list)
    stages: list[dict[str, float]] = field(default_factory=list)
    peak_bytes: int = 0

    @contextmanager
    def call(self) -> Iterator[None]:
        memory = PeakMemory(self.device)
        memory.restart()
        started = time.perf_counter()
        yield
        self.seconds.append(time.perf_counter() - started)
        self.peak_bytes = max(self.peak_bytes, memory.bytes() - self.others_bytes)

    def median(self) -> float:
        return float(np.median(self.seconds[WARM_UP:]))

    def percentile_95(self) -> float:
        return float(np.percentile(self.seconds[WARM_UP:], 95))

    def stage_percentiles(self, percent: float) -> dict[str, float]:
        counted = self.stages[WARM_UP:]
        return {
            name: float(np.percentile([s[name] for s in counted], percent)) for name in counted[0]
        }


@contextmanager
def _speaking_on(model: PixelRefer) -> Iterator[None]:
    """Let no token end an answer meanwhile."""
    ends, model.eos_token_ids = model.eos_token_ids, frozenset()
    try:
        yield
    finally:
        model.eos_token_ids = ends


def _rate(amount: float, seconds: float) -> float:
    return amount / seconds if seconds > 0 else 0.0
