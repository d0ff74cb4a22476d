"""OCI: object tokens look at their surroundings, so the image need not enter the LLM.

Algorithm 1, for the tokens T of an object in image I:
    T = T + Attention(query = LN(T), key = value = features of Resize(LocalCrop))
    T = T + Attention(query = LN(T), key = value = features of Resize(I))
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

from pixelrefer_ros.model.configuration import INFUSION_HEADS


class ContextAttention(nn.Module):
    """One step of Algorithm 1: t + Attention(query = LN(t), key = value = context)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, INFUSION_HEADS, batch_first=True)

    def forward(self, tokens: torch.Tensor, contexts: Sequence[torch.Tensor]) -> torch.Tensor:
        """Infuse M contexts, [L_m, C] each, into object tokens [M, n, C]."""
        return self._attend(tokens, contexts, need_weights=False)[0]

    def look(
        self, tokens: torch.Tensor, contexts: Sequence[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the same, and how much each token looks where, mean of the heads [M, n, L].

        L is the length of the longest context; shorter ones end in zeros.
        """
        infused, weights = self._attend(tokens, contexts, need_weights=True)
        assert weights is not None
        return infused, weights

    def _attend(
        self, tokens: torch.Tensor, contexts: Sequence[torch.Tensor], *, need_weights: bool
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        lengths = [len(context) for context in contexts]
        padding = None
        if min(lengths) < max(lengths):
            places = torch.arange(max(lengths), device=tokens.device)
            padding = places >= torch.tensor(lengths, device=tokens.device)[:, None]
        context = pad_sequence(list(contexts), batch_first=True)
        infused, weights = self.attention(
            self.norm(tokens), context, context, key_padding_mask=padding, need_weights=need_weights
        )
        return tokens + infused, weights


class ObjectCentricInfusion(nn.Module):
    """Object-centric infusion (Algorithm 1): local-to-object, then global-to-object attention."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.local_to_object = ContextAttention(width)
        self.global_to_object = ContextAttention(width)

    def forward(
        self,
        tokens: torch.Tensor,
        local_contexts: Sequence[torch.Tensor],
        global_contexts: Sequence[torch.Tensor],
    ) -> torch.Tensor:
        """Return [M, n, C] from object tokens [M, n, C] and the features of both contexts.

        local_contexts: per object [L_m, C], of its padded crop.
        global_contexts: per object [G_m, C], of its whole image.
        """
        tokens = self.local_to_object(tokens, local_contexts)
        infused: torch.Tensor = self.global_to_object(tokens, global_contexts)
        return infused
