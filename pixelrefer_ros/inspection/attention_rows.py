"""The attention of every decoder layer while an answer is chosen.

The network normally runs on kernels that never hold these weights. Only here, and only for the
few tokens of the answer, transformers' plain attention takes their place, which computes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import Qwen2ForCausalLM


@torch.inference_mode()
def attention_rows(
    language_model: Qwen2ForCausalLM, embeds: torch.Tensor, token_ids: Sequence[int]
) -> NDArray[np.float32]:
    """Return where the model looked when it chose each of A tokens, mean of the heads.

    embeds: the prompt [length, D]; token_ids: what was said after it.
    Returns [layers, A, length + A - 1]. Row a is the pass that chose token a: the first one is
    that of the last token of the prompt. Each row sums to 1, and is 0 on what came later.
    """
    network = language_model.model
    said = torch.tensor(token_ids[:-1], dtype=torch.long, device=embeds.device)
    choosing = torch.cat([embeds[-1:], network.embed_tokens(said).to(embeds.dtype)])
    read = network(inputs_embeds=embeds[None, :-1], use_cache=True)
    with _plain_attention(language_model), _listening(language_model) as layers:
        network(inputs_embeds=choosing[None], past_key_values=read.past_key_values, use_cache=True)
    return torch.stack(layers).cpu().numpy()


@contextmanager
def _plain_attention(language_model: Qwen2ForCausalLM) -> Iterator[None]:
    usual = language_model.config._attn_implementation
    language_model.set_attn_implementation("eager")
    try:
        yield
    finally:
        language_model.set_attn_implementation(usual)


@contextmanager
def _listening(language_model: Qwen2ForCausalLM) -> Iterator[list[torch.Tensor]]:
    """Collect [A, L] of each layer as it passes, so that its heads are not kept."""
    heard: list[torch.Tensor] = []

    def listen(module: torch.nn.Module, inputs: Any, output: Any) -> None:
        heard.append(output[1][0].float().mean(0))

    hooks = [layer.self_attn.register_forward_hook(listen) for layer in language_model.model.layers]
    try:
        yield heard
    finally:
        for hook in hooks:
            hook.remove()
