from __future__ import annotations

import pytest
from transformers import Qwen2Config

from pixelrefer_ros.engine.packed_attention import BUILT_IN, use_attention
from pixelrefer_ros.evaluation.flops import count_flops, paper_decode_flops, paper_prefill_flops
from pixelrefer_ros.evaluation.reference_path import prepare_questions
from pixelrefer_ros.evaluation.workload import Workload
from pixelrefer_ros.model.official import LANGUAGE_MODELS

TERA = 1e12


@pytest.mark.parametrize(
    ("size", "tokens", "published"),
    [
        # PixelRefer: image, video of 20 frames.
        ("2B", 1441, 1.51),
        ("7B", 1441, 7.08),
        ("2B", 7217, 11.15),
        ("7B", 7217, 43.83),
        # PixelRefer-Lite: 32 object tokens and a few of text.
        ("2B", 37, 0.03),
        ("7B", 37, 0.17),
        # Its video; for 2B the same number of tokens gives 0.12, the paper says 0.11.
        ("7B", 131, 0.61),
    ],
)
def test_the_figures_of_the_paper(size, tokens, published):
    found = paper_prefill_flops(Qwen2Config(**LANGUAGE_MODELS[size]), tokens)
    assert found / TERA == pytest.approx(published, abs=0.005)


def test_decoding_is_prefill_token_by_token():
    language = Qwen2Config(**LANGUAGE_MODELS["2B"])
    step_by_step = sum(paper_decode_flops(language, 50 + k, 1) for k in range(20))
    assert paper_decode_flops(language, 50, 20) == pytest.approx(step_by_step)
    # A prefill lets every token look at all n, decoding at those before it.
    assert paper_decode_flops(language, 0, 100) < paper_prefill_flops(language, 100)


@pytest.fixture(scope="module")
def counted(tiny_model):
    def count(regions: int, frames: int, tokens: int) -> dict[str, float]:
        workload = Workload(regions, frames, tokens, width=160, height=120)
        samples = list(prepare_questions(tiny_model, workload.query(0)))
        return count_flops(tiny_model, samples, new_tokens=tokens)

    return count


def test_torch_counts_the_language_model_as_worked_out_by_hand(tiny_model, counted):
    language = tiny_model.config.language
    width, inner = language.hidden_size, language.intermediate_size
    keys = width * language.num_key_value_heads // language.num_attention_heads
    [sample] = prepare_questions(tiny_model, Workload(1, 1, 5, 160, 120).query(0))
    n, found = len(sample.token_ids), counted(1, 1, 5)

    def layer(tokens: int, seen: int) -> int:
        products = 2 * width * width + 2 * width * keys + 3 * width * inner
        return 2 * tokens * (products + 2 * seen * width)

    layers, head = language.num_hidden_layers, 2 * width * language.vocab_size
    assert found["prefill"] == layers * layer(n, n) + head
    assert found["decode"] == sum(layers * layer(1, n + k) + head for k in range(1, 5))


def test_torch_counts_the_encoder_as_worked_out_by_hand(tiny_model, counted):
    vision = tiny_model.config.vision
    width, inner = vision.hidden_size, vision.intermediate_size
    [sample] = prepare_questions(tiny_model, Workload(1, 1, 1, 160, 120).query(0))
    expected = 0
    for view in sample.views():
        n = view.grid[0] * view.grid[1]
        layer = 2 * n * (4 * width * width + 2 * width * inner) + 4 * n * n * width
        expected += vision.num_hidden_layers * layer + 2 * n * 588 * width
    assert counted(1, 1, 1)["encode"] == expected


def test_the_global_view_is_encoded_once_for_all_regions(counted):
    one, four = counted(1, 1, 2), counted(4, 1, 2)
    assert four["encode"] < 4 * one["encode"]
    for stage in ("infuse", "prefill", "decode"):
        assert four[stage] == pytest.approx(4 * one[stage], rel=0.05)


def test_kernels_that_torch_cannot_count_count_the_same(tiny_model, counted):
    encoder, samples = (
        tiny_model.vision_encoder,
        [*prepare_questions(tiny_model, Workload(1, 1, 1, 160, 120).query(0))],
    )
    use_attention(encoder, BUILT_IN)  # of which the CPU has none, so it would fail
    try:
        found = count_flops(tiny_model, samples, new_tokens=1)
        assert encoder.config._attn_implementation == BUILT_IN
    finally:
        use_attention(encoder, "sdpa")
    assert found["encode"] == counted(1, 1, 1)["encode"]
