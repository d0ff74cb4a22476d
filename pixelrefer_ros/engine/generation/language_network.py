"""The language model on rows that end at different places: prompts at once, then token by token.

The arithmetic is that of transformers, on its modules. Its own forward pass spends more time on
Python and on many small operations than on a small network itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence
from transformers import Qwen2ForCausalLM
from transformers.models.qwen2.modeling_qwen2 import Qwen2DecoderLayer, Qwen2RMSNorm

from pixelrefer_ros.engine.generation.key_value_cache import KeyValueCache, dtype_between_layers
from pixelrefer_ros.engine.generation.products import product_of, products_of

Attend = Callable[[int, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""From a layer's number, queries, keys and values [N, T, heads, width of a head], to what the
queries see, the same elements in the order [N, T, heads, width]."""


class LanguageNetwork:
    """Reads prompts and tokens into a cache and says what may come next.

    The weights of small layers that read the same rows are put side by side in memory, where the
    model's own become parts of them.
    """

    def __init__(self, model: Qwen2ForCausalLM) -> None:
        self.model = model
        self._layers = [_Layer(layer) for layer in model.model.layers]
        self._normalise = _norm(model.model.norm)
        self._choose = product_of(model.lm_head)
        self._dtype = dtype_between_layers(model)
        config = model.config
        assert config.num_key_value_heads is not None
        self._heads, self._key_heads = config.num_attention_heads, config.num_key_value_heads
        self._width = config.hidden_size // config.num_attention_heads

    def read_prompts(
        self, prompts: Sequence[torch.Tensor], cache: KeyValueCache, first: int
    ) -> torch.Tensor:
        """Read N prompts [length_i, width] into rows from `first` on of the cache.

        Returns the logits after each, [N, vocabulary]. Padding stands behind a prompt, where no
        token of it looks, so that it does not depend on its neighbours.
        """
        embeds = pad_sequence(list(prompts), batch_first=True)

        def attend(
            index: int, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor
        ) -> torch.Tensor:
            queries, keys, values = (t.transpose(1, 2) for t in (queries, keys, values))
            cache.put_prompts(index, first, keys, values)
            seen = functional.scaled_dot_product_attention(
                queries, keys, values, is_causal=True, enable_gqa=True
            )
            return seen.transpose(1, 2)

        positions = torch.arange(embeds.shape[1], device=embeds.device)[None]
        hidden = self._run(embeds, positions, attend)
        ends = torch.tensor([len(prompt) - 1 for prompt in prompts], device=embeds.device)
        return self._logits(hidden[torch.arange(len(prompts), device=embeds.device), ends])

    def read_tokens(
        self,
        token_ids: torch.Tensor,
        positions: torch.Tensor,
        cache: KeyValueCache,
        columns: int,
        *,
        all_end_together: bool,
    ) -> torch.Tensor:
        """Read the newest token of each of the first N rows, [N] ids at positions [N].

        columns: how many of the cache's are looked at, more than any position.
        all_end_together: no row ends before the last of these columns, so nothing has to be
            hidden.
        Returns the logits after them, [N, vocabulary].
        """
        rows, places = len(token_ids), cache.places(positions)
        visible = None
        if not all_end_together:
            visible = torch.arange(columns, device=positions.device) <= positions[:, None]
            visible = visible[:, None, None]

        def attend(
            index: int, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor
        ) -> torch.Tensor:
            cache.put_tokens(index, places, keys.flatten(1), values.flatten(1))
            # The query heads that share a key head take the place of its query tokens.
            return functional.scaled_dot_product_attention(
                queries.view(rows, self._key_heads, -1, self._width),
                *cache.first(index, rows, columns),
                attn_mask=visible,
            )

        embeds = self.model.model.embed_tokens(token_ids)[:, None]
        return self._logits(self._run(embeds, positions[:, None], attend)[:, 0])

    def _run(self, embeds: torch.Tensor, positions: torch.Tensor, attend: Attend) -> torch.Tensor:
        """Return the last hidden state [N, T, C] of N rows of T tokens, before the last norm."""
        network, shape = self.model.model, embeds.shape
        hidden = embeds.flatten(0, 1).to(self._dtype)
        cosines, sines = network.rotary_emb(hidden, positions)
        half = self._width // 2
        # A half turn of the channels is the rotation's partner, whose first half is negative.
        sines = torch.cat([-sines[..., :half], sines[..., half:]], -1)[:, :, None]
        cosines = cosines[:, :, None]
        for index, layer in enumerate(self._layers):
            queries, keys, values = layer.heads(layer.input_norm(hidden))
            turned = torch.cat([queries, keys], -1).view(*shape[:2], -1, self._width)
            turned = torch.addcmul(turned * cosines, turned.roll(half, -1), sines)
            queries, keys = torch.split(turned, [self._heads, self._key_heads], 2)
            values = values.view(*shape[:2], -1, self._width)
            seen = attend(index, queries, keys, values).reshape(hidden.shape)
            hidden = hidden + layer.output(seen)
            gate, up = layer.inner(layer.inner_norm(hidden))
            hidden = hidden + layer.down(layer.activation(gate) * up)
        return hidden.view(shape)

    def _logits(self, hidden: torch.Tensor) -> torch.Tensor:
        return self._choose(self._normalise(hidden))


class _Layer:
    """The parts of a decoder layer, each from rows [N, inputs] to rows [N, outputs].

    heads: queries, keys and values; inner: the gate and what it lets through.
    """

    def __init__(self, layer: Qwen2DecoderLayer) -> None:
        attention, mlp = layer.self_attn, layer.mlp
        self.input_norm = _norm(layer.input_layernorm)
        self.heads = products_of(attention.q_proj, attention.k_proj, attention.v_proj)
        self.output = product_of(attention.o_proj)
        self.inner_norm = _norm(layer.post_attention_layernorm)
        self.inner = products_of(mlp.gate_proj, mlp.up_proj)
        self.activation = mlp.act_fn
        self.down = product_of(mlp.down_proj)


def _norm(norm: Qwen2RMSNorm) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return what applies an RMS norm: in float32 one of fewer steps than torch's own."""
    weight, width = norm.weight, len(norm.weight)
    if weight.dtype != torch.float32:
        return norm
    epsilon = torch.tensor(norm.variance_epsilon, device=weight.device)

    def normalise(rows: torch.Tensor) -> torch.Tensor:
        length = torch.linalg.vector_norm(rows, dim=-1, keepdim=True)
        factor = torch.addcmul(epsilon, length, length, value=1 / width).rsqrt_()
        return torch.mul(rows, factor).mul_(weight)

    return normalise
