from __future__ import annotations

import os
import sys
from typing import Any

import pytest
import torch

from pixelrefer_ros.engine.describer import Describer
from pixelrefer_ros.engine.dynamic_int8 import can_multiply
from pixelrefer_ros.engine.thread_priority import BACKGROUND_NICENESS
from pixelrefer_ros.engine.weight_quantization import resolve_quantization, weight_bytes
from pixelrefer_ros.evaluation import speed
from pixelrefer_ros.evaluation.machine_limits import MachineLimits
from pixelrefer_ros.evaluation.reference_path import answer_one_by_one
from pixelrefer_ros.evaluation.speed import CallSpeed, SpeedTest, decode_step_bytes
from pixelrefer_ros.evaluation.workload import Workload
from pixelrefer_ros.model.pixelrefer import PixelRefer
from pixelrefer_ros.model.random_weights import make_random_model

STAGES = {"preprocess_s", "encode_s", "infuse_s", "prefill_s", "decode_s"}


def measure(model, *, regions: int = 2, frames: int = 1, tokens: int = 5) -> CallSpeed:
    limits = MachineLimits(matmul_flops_per_s=1e15, copy_bytes_per_s=1e15)
    workload = Workload(regions, frames, tokens, width=160, height=120)
    with Describer(model) as describer:
        return SpeedTest(describer, limits).measure(workload, runs=2)


def test_a_call_is_timed_beside_the_reference_path(endless_model):
    found = measure(endless_model)
    assert (found.image, found.regions, found.frames, found.tokens) == ("160x120", 2, 1, 5)
    assert (found.device, found.dtype, found.runs) == ("cpu", "float32", 2)
    assert 0 < found.median_s <= found.p95_s
    assert 0 < found.reference_median_s <= found.reference_p95_s
    assert found.speedup == found.reference_median_s / found.median_s
    assert set(found.stages) == {"queue_s"} | STAGES
    assert set(found.stages_p95) == set(found.stages)
    assert all(found.stages_p95[name] >= found.stages[name] for name in found.stages)
    assert set(found.reference_stages) == STAGES
    assert all(
        seconds > 0 for seconds in (*found.stages.values(), *found.reference_stages.values())
    )
    assert sum(found.reference_stages.values()) < 1.5 * found.reference_p95_s
    assert found.same_answers == 1.0
    assert found.regions_per_s == 2 / found.median_s
    assert found.tokens_per_s == 2 * 4 / found.stages["decode_s"]
    assert found.peak_bytes > 100e6
    assert found.reference_peak_bytes > 100e6


def test_quantised_weights_are_compared_with_those_they_were(endless_model_path):
    cpu = torch.device("cpu")
    if not can_multiply(cpu):
        pytest.skip("this processor has no VNNI")
    plain, model = (PixelRefer.from_pretrained(endless_model_path) for _ in range(2))
    resolve_quantization("int8_dynamic", cpu, torch.float32).apply(model)
    limits = MachineLimits(matmul_flops_per_s=1e15, copy_bytes_per_s=1e15)
    workload = Workload(2, 1, 5, width=160, height=120)
    with Describer(model) as describer:
        test = SpeedTest(describer, limits, plain)
        found = test.measure(workload, runs=2)
    assert found.dtype == "float32+int8_dynamic"
    # As many operations as before, which torch could not count in int8.
    before = measure(plain)
    assert found.flops_by_stage == before.flops_by_stage
    assert found.shares["decode"] > 0
    engine, reference = test._times()
    assert (engine.others_bytes, reference.others_bytes) == (
        weight_bytes(plain),
        weight_bytes(model),
    )
    assert all(times.others_bytes == 0 for times in SpeedTest(describer, limits)._times())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="niceness is of a thread there")
def test_the_reference_path_stands_back_as_the_engine_does(endless_model, monkeypatch):
    seen: set[int] = set()

    def watched(*given: Any, **named: Any) -> Any:
        seen.add(os.getpriority(os.PRIO_PROCESS, 0))
        return answer_one_by_one(*given, **named)

    monkeypatch.setattr(speed, "answer_one_by_one", watched)
    before = os.getpriority(os.PRIO_PROCESS, 0)
    measure(endless_model)
    # That the engine's thread has this niceness is tested with the engine.
    assert seen == {before + BACKGROUND_NICENESS}
    assert os.getpriority(os.PRIO_PROCESS, 0) == before


def test_the_work_of_a_call(endless_model):
    one, two = measure(endless_model, regions=1), measure(endless_model, regions=2)
    assert set(one.flops_by_stage) == {"encode", "infuse", "prefill", "decode"}
    assert one.flops == sum(one.flops_by_stage.values())
    assert two.paper_flops["prefill"] == 2 * one.paper_flops["prefill"]
    assert two.paper_flops["decode"] == 2 * one.paper_flops["decode"]
    # torch counts a multiplication and an addition each, and more products.
    assert one.flops_by_stage["prefill"] > 2 * one.paper_flops["prefill"]
    assert one.shares["encode"] == pytest.approx(
        one.flops_by_stage["encode"] / one.stages["encode_s"] / 1e15
    )
    assert 0 < one.shares["decode"] < 1


def test_frames_make_the_prompt_longer(endless_model):
    tokens = endless_model.config.region_tokens
    one, three = measure(endless_model), measure(endless_model, frames=3)
    assert three.prompt_tokens > one.prompt_tokens + 2 * tokens


def test_no_token_ends_an_answer_while_it_is_timed(tiny_model, monkeypatch):
    ends = frozenset(range(tiny_model.config.language.vocab_size))
    monkeypatch.setattr(tiny_model, "eos_token_ids", ends)
    assert measure(tiny_model, tokens=4).stages["decode_s"] > 0
    assert tiny_model.eos_token_ids == ends


def test_a_single_token_has_no_decoding(endless_model):
    found = measure(endless_model, tokens=1)
    assert found.tokens_per_s == 0
    assert found.shares["decode"] == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_step_reads_all_weights_and_what_was_kept(dtype):
    model = make_random_model("tabletop", dtype=dtype)
    network, size = model.language_model, dtype.itemsize
    weights = sum(parameter.numel() for parameter in network.parameters())
    unread = network.model.norm.weight.numel()  # of no account
    assert decode_step_bytes(model, []) == (weights - unread) * size
    # 4 layers, keys and values of 2 heads of 32
    kept = decode_step_bytes(model, [100, 50]) - decode_step_bytes(model, [])
    assert kept == 150 * 4 * 2 * 2 * 32 * size


def test_a_step_reads_weights_in_int8():
    if not can_multiply(torch.device("cpu")):
        pytest.skip("this processor has no VNNI")
    model = make_random_model("tabletop")
    before = decode_step_bytes(model, [])
    resolve_quantization("int8_dynamic", torch.device("cpu"), torch.float32).apply(model)
    # A quarter, and a scale for each row, of which the smallest have 192 weights.
    assert 0.25 < decode_step_bytes(model, []) / before < 0.26


@pytest.mark.parametrize(("name", "bits"), [("int8", 8), ("int4", 5)])
def test_a_step_reads_quantised_weights_as_they_are_stored(name, bits):
    pytest.importorskip("torchao")
    model = make_random_model("tabletop", dtype=torch.bfloat16)
    before = decode_step_bytes(model, [])
    quantized = sum(
        layer.weight.numel()
        for layer in model.language_model.model.layers.modules()
        if isinstance(layer, torch.nn.Linear)
    )
    resolve_quantization(name, torch.device("cpu"), torch.bfloat16).apply(model)
    saved = quantized * (16 - bits) / 8
    assert before - decode_step_bytes(model, []) == pytest.approx(saved, rel=0.03)


def test_an_embedding_that_is_not_the_head_is_not_read(tiny_model):
    network = tiny_model.language_model
    embedding = network.model.embed_tokens.weight
    assert embedding is not network.lm_head.weight
    everything = sum(parameter.nbytes for parameter in network.parameters())
    assert decode_step_bytes(tiny_model, []) == pytest.approx(
        everything - embedding.nbytes, rel=0.01
    )
