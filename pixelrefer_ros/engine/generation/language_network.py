"""The language model on rows that end at different places: prompts at once, then token by token.

Prompts go through the forward pass of transformers. Of a single token per row, that pass spends
more time on Python and on many small operations than on the network itself; `next_logits` is the
same arithmetic on the same modules, without them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence
from transformers import Qwen2ForCausalLM

from pixelrefer_ros.engine.generation.key_value_cache import KeyValueCache
from pixelrefer_ros.engine.generation.products import product


def prompt_logits(
    model: Qwen2ForCausalLM, prompts: Sequence[torch.Tensor], cache: KeyValueCache, first: int
) -> torch.Tensor:
    """Read N prompts [length_i, width] into rows from `first` on of the cache.

    Returns the logits after each, [N, vocabulary]. Padding stands behind a prompt, where no token
    of it looks, so that it does not depend on its neighbours.
    """
    embeds = pad_sequence(list(prompts), batch_first=True)
    hidden = model.model(
        inputs_embeds=embeds,
        position_ids=torch.arange(embeds.shape[1], device=embeds.device)[None],
        attention_mask={"full_attention": None},  # none but the causal one
        past_key_values=_Listener(cache, first),
        use_cache=False,
    ).last_hidden_state
    ends = torch.tensor([len(prompt) - 1 for prompt in prompts], device=embeds.device)
    rows = torch.arange(len(prompts), device=embeds.device)
    logits: torch.Tensor = model.lm_head(hidden[rows, ends])
    return logits


def next_logits(
    model: Qwen2ForCausalLM,
    token_ids: torch.Tensor,
    positions: torch.Tensor,
    cache: KeyValueCache,
    columns: int,
    *,
    all_end_together: bool,
) -> torch.Tensor:
    """Read the newest token of each of the first N rows, [N] ids at positions [N].

    columns: how many of the cache's are looked at, more than any position.
    all_end_together: no row ends before the last of these columns, so nothing has to be hidden.
    Returns the logits after them, [N, vocabulary].
    """
    network = model.model
    hidden = network.embed_tokens(token_ids)
    cosines, sines = network.rotary_emb(hidden, positions[:, None])
    rows, width = len(token_ids), cosines.shape[-1]
    half = width // 2
    # A half turn of the channels stands for the rotation's partner, whose first half is negative.
    sines = torch.cat([-sines[..., :half], sines[..., half:]], -1)
    places = cache.places(positions)
    visible = None
    if not all_end_together:
        visible = torch.arange(columns, device=positions.device) <= positions[:, None]
        visible = visible[:, None, None]
    for index, layer in enumerate(network.layers):
        attention = layer.self_attn
        normed = layer.input_layernorm(hidden)
        queries, keys = product(attention.q_proj, normed), product(attention.k_proj, normed)
        both = torch.cat([queries, keys], -1).view(rows, -1, width)
        both = torch.addcmul(both * cosines, both.roll(half, -1), sines)
        heads = queries.shape[-1] // width
        values = product(attention.v_proj, normed)
        cache.put_tokens(index, places, both[:, heads:].flatten(1), values)
        # The query heads that share a key head take the place of its query tokens.
        seen = functional.scaled_dot_product_attention(
            both[:, :heads].view(rows, both.shape[1] - heads, -1, width),
            *cache.first(index, rows, columns),
            attn_mask=visible,
            scale=attention.scaling,
        )
        hidden = hidden + product(attention.o_proj, seen.flatten(1))
        normed, mlp = layer.post_attention_layernorm(hidden), layer.mlp
        gated = mlp.act_fn(product(mlp.gate_proj, normed)) * product(mlp.up_proj, normed)
        hidden = hidden + product(mlp.down_proj, gated)
    return product(model.lm_head, network.norm(hidden))


class _Listener:
    """Takes the place of a cache in the forward pass of transformers."""

    def __init__(self, cache: KeyValueCache, first: int) -> None:
        self._cache = cache
        self._first = first

    def update(
        self, keys: torch.Tensor, values: torch.Tensor, layer: int, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write down the keys and values of a layer, [N, heads, tokens, width]."""
        self._cache.put_prompts(layer, self._first, keys, values)
        return keys, values
