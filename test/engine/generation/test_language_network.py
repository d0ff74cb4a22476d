"""One token at a time says what transformers says of the whole text at once."""

from __future__ import annotations

import pytest
import torch

from pixelrefer_ros.engine.generation.key_value_cache import KeyValueCache
from pixelrefer_ros.engine.generation.language_network import LanguageNetwork

IDS = torch.arange(7, 31).reshape(2, 12)
LENGTHS = (4, 9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@torch.inference_mode()
def test_logits_equal_transformers(random_language_model, dtype):
    model = random_language_model.to(dtype)
    network, cache = LanguageNetwork(model), KeyValueCache(model)
    cache.reserve(2, 13)
    embeds = model.get_input_embeddings()(IDS)
    prompts = [embeds[row, :length] for row, length in enumerate(LENGTHS)]
    found = [network.read_prompts(prompts, cache, 0)]
    for step in range(3):
        positions = torch.tensor([length + step for length in LENGTHS])
        newest = IDS.gather(1, positions[:, None])[:, 0]
        columns = int(positions.max()) + 1
        found.append(network.read_tokens(newest, positions, cache, columns, all_end_together=False))
    for row, length in enumerate(LENGTHS):
        expected = model(input_ids=IDS[row : row + 1, : length + 3]).logits[0, length - 1 :]
        ours = torch.stack([logits[row] for logits in found])
        scale = float(expected.abs().max())
        error = float((ours - expected).abs().max()) / scale
        assert error < (1e-5 if dtype == torch.float32 else 3e-2)


@pytest.fixture
def random_language_model():
    """Rotations, shared key heads and the order of channels all matter to these weights."""
    from transformers import Qwen2Config, Qwen2ForCausalLM

    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = Qwen2Config(
            vocab_size=64,
            hidden_size=48,
            intermediate_size=80,
            num_hidden_layers=3,
            num_attention_heads=6,
            num_key_value_heads=2,
            initializer_range=0.3,
        )
        model = Qwen2ForCausalLM(config).eval()
        for layer in model.model.layers:
            for projection in (layer.self_attn.q_proj, layer.self_attn.k_proj):
                torch.nn.init.normal_(projection.bias)
        return model


@torch.inference_mode()
def test_rows_that_end_together_need_no_mask(random_language_model):
    network, logits = LanguageNetwork(random_language_model), []
    for together in (True, False):
        cache = KeyValueCache(random_language_model)
        cache.reserve(2, 6)
        embeds = random_language_model.get_input_embeddings()(IDS[:, :5])
        network.read_prompts(list(embeds), cache, 0)
        positions = torch.tensor([5, 5])
        logits.append(
            network.read_tokens(IDS[:, 5], positions, cache, 6, all_end_together=together)
        )
    torch.testing.assert_close(*logits)
