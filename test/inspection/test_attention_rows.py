from __future__ import annotations

import numpy as np
import pytest
import torch

from pixelrefer_ros.inspection.attention_rows import attention_rows

SAID = [5, 9, 7, 9]


def test_every_row_sums_to_one_and_sees_nothing_that_comes_later(asked):
    rows = attention_rows(asked.model.language_model, asked.embeds, SAID)
    length = len(asked.embeds)
    layers = asked.model.config.language.num_hidden_layers
    assert rows.shape == (layers, len(SAID), length + len(SAID) - 1)
    np.testing.assert_allclose(rows.sum(2), 1, atol=1e-5)
    for row in range(len(SAID)):
        assert (rows[:, row, : length + row] > 0).all()
        assert (rows[:, row, length + row :] == 0).all()


def test_the_rows_are_those_of_one_pass_over_everything(asked):
    network = asked.model.language_model
    said = network.get_input_embeddings()(torch.tensor(SAID[:-1]))
    everything = torch.cat([asked.embeds, said])[None]
    hidden = []  # what each layer reads, recorded in the usual pass
    hooks = [
        layer.input_layernorm.register_forward_hook(lambda _m, _i, out: hidden.append(out[0]))
        for layer in network.model.layers
    ]
    with torch.inference_mode():
        network.model(inputs_embeds=everything)
        cosine, sine = network.model.rotary_emb(everything, torch.arange(everything.shape[1])[None])
        expected = [
            by_hand(layer.self_attn, read, cosine[0], sine[0])
            for layer, read in zip(network.model.layers, hidden, strict=True)
        ]
    for hook in hooks:
        hook.remove()
    rows = attention_rows(network, asked.embeds, SAID)
    np.testing.assert_allclose(rows, np.stack(expected)[:, -len(SAID) :], atol=1e-5)


def by_hand(attention, read, cosine, sine) -> np.ndarray:
    """softmax(q k / sqrt(d)) of one layer, mean of its heads, [L, L]."""
    length, width = len(read), attention.head_dim
    query, key = (
        project(read).view(length, -1, width).transpose(0, 1)
        for project in (attention.q_proj, attention.k_proj)
    )
    query, key = (turned(vectors, cosine, sine) for vectors in (query, key))
    key = key.repeat_interleave(len(query) // len(key), 0)
    scores = query @ key.transpose(1, 2) / width**0.5
    later = torch.ones(length, length, dtype=torch.bool).triu(1)
    return scores.masked_fill(later, -torch.inf).softmax(-1).mean(0).numpy()


def turned(vectors, cosine, sine):
    """Rotate each vector by its position (RoPE)."""
    first, second = vectors.chunk(2, -1)
    return vectors * cosine + torch.cat([-second, first], -1) * sine


@pytest.mark.parametrize("fails", [False, True])
def test_the_model_is_left_as_it_was(asked, fails, monkeypatch):
    network = asked.model.language_model
    usual = network.config._attn_implementation
    assert usual != "eager"
    if fails:
        monkeypatch.setattr(network.model.layers[-1].mlp, "forward", lambda hidden: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            attention_rows(network, asked.embeds, SAID)
    else:
        attention_rows(network, asked.embeds, SAID)
    assert network.config._attn_implementation == usual
    assert not any(layer.self_attn._forward_hooks for layer in network.model.layers)
