"""What is minimised: the cross-entropy of answers, or of words seen in objects."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from pixelrefer_ros.model.pixelrefer import PixelRefer
from pixelrefer_ros.training.feature_memory import FeatureMemory
from pixelrefer_ros.training.preparation import IGNORED, PreparedConversation


class Weighting(str, Enum):
    """What counts the same in the loss: every token of the answers, or every conversation."""

    TOKEN = "token"
    CONVERSATION = "conversation"


@dataclass(frozen=True)
class Totals:
    """Sums over a micro-batch, scalars on the device: divided by `weight` and `predictions` ..."""

    loss: torch.Tensor
    correct: torch.Tensor
    predictions: int


class Objective(nn.Module, ABC):
    """A network and what it is asked for; `forward` is all that training runs on a device."""

    def __init__(self, model: PixelRefer) -> None:
        super().__init__()
        self.model = model

    @abstractmethod
    def weight(self, conversation: PreparedConversation) -> float:
        """Return what a conversation adds to the number the summed loss is divided by."""

    def _words(self, conversation: PreparedConversation) -> NDArray[np.int64]:
        """Return the tokens of the answers, each once, without the ends of turns."""
        return np.setdiff1d(conversation.labels, [IGNORED, *self.model.eos_token_ids])


class AnswerObjective(Objective):
    """Next-token prediction of the answers; nothing else is supervised but, with `naming`, objects.

    memory: of a vision encoder that does not learn.
    naming: how much it counts that object tokens tell by themselves what the answer says: the mean
        of those of the only region of a conversation, or that of the first of two less that of the
        second, read as the LLM reads its last layer, spreads its probability over the words of the
        answer.
    """

    def __init__(
        self,
        model: PixelRefer,
        weighting: Weighting,
        memory: FeatureMemory | None = None,
        naming: float = 0.0,
    ) -> None:
        super().__init__(model)
        self.weighting = weighting
        self.memory = memory
        self.naming = naming

    def weight(self, conversation: PreparedConversation) -> float:
        """Return the number of supervised tokens, or 1."""
        if self.weighting is Weighting.CONVERSATION:
            return 1.0
        return float((conversation.labels != IGNORED).sum())

    def forward(self, conversations: Sequence[PreparedConversation]) -> Totals:
        """Return the weighted loss and how many tokens of the answers would be chosen."""
        samples = [conversation.sample for conversation in conversations]
        if self.memory is None:
            views = self.model.encode(samples)
        else:
            views = self.memory.encode(self.model, samples)
        embeds = self.model.infuse(samples, views)
        device = embeds[0].device
        lengths = torch.tensor([len(e) for e in embeds], device=device)
        places = torch.arange(max(len(e) for e in embeds), device=device)
        hidden = self.model.language_model.model(
            inputs_embeds=pad_sequence(embeds, batch_first=True),
            attention_mask=(places < lengths[:, None]).long(),
            use_cache=False,
        ).last_hidden_state
        labels = pad_sequence(
            [torch.from_numpy(conversation.labels) for conversation in conversations],
            batch_first=True,
            padding_value=IGNORED,
        ).to(device)
        # A token is predicted at the place before it; the vocabulary is only needed there.
        asked = labels[:, 1:] != IGNORED
        logits = self.model.language_model.lm_head(hidden[:, :-1][asked]).float()
        targets = labels[:, 1:][asked]
        losses = functional.cross_entropy(logits, targets, reduction="none")
        if self.weighting is Weighting.CONVERSATION:
            shares = 1 / asked.sum(1, keepdim=True).clamp(min=1)
            losses = losses * shares.expand_as(asked)[asked]
        loss = losses.sum()
        if self.naming:
            loss = loss + self.naming * self._name(conversations, embeds)
        if not any(sample.regions for sample in samples):
            # Processes wait for one another's gradients of all that learns, also of this.
            parts = (self.model.object_tokenizer, self.model.region_projector)
            loss = loss + 0 * sum(p.sum() for part in parts for p in part.parameters())
        return Totals(loss, (logits.argmax(1) == targets).sum(), len(targets))

    def _name(
        self, conversations: Sequence[PreparedConversation], embeds: Sequence[torch.Tensor]
    ) -> torch.Tensor:
        """Return the weighted loss of naming, 0 where none is about one region or two."""
        seen, words, weights = [], [], []
        for conversation, read in zip(conversations, embeds, strict=True):
            regions = conversation.sample.regions
            if len(regions) in (1, 2):
                is_object = conversation.sample.token_ids == self.model.prompts.region_id
                tokens = read[torch.from_numpy(is_object).to(read.device)]
                counts = [region.token_count for region in regions]
                first, *second = (part.mean(0) for part in torch.split(tokens, counts))
                seen.append(first - second[0] if second else first)
                words.append(self._words(conversation))
                weights.append(self.weight(conversation))
        if not seen:
            return embeds[0].new_zeros(())
        language_model = self.model.language_model
        scores = language_model.lm_head(language_model.model.norm(torch.stack(seen))).float()
        losses = functional.cross_entropy(scores, _even(words, scores), reduction="none")
        return (losses * torch.tensor(weights, device=losses.device)).sum()


class WordObjective(Objective):
    """Pre-training of the vision encoder: which words do people use about this object?

    A linear head, thrown away afterwards, reads the mean of the features under the masks and
    spreads its probability evenly over the tokens of the answers. Only object views are encoded,
    around 64 patches each, so this is several times as fast as whole conversations.
    """

    def __init__(self, model: PixelRefer) -> None:
        super().__init__(model)
        model.requires_grad_(False)
        model.vision_encoder.requires_grad_(True)
        width, words = int(model.config.vision.hidden_size), model.config.language.vocab_size
        self.head = nn.Linear(width, words)

    def weight(self, conversation: PreparedConversation) -> float:
        """Return 1: every conversation counts the same."""
        return 1.0

    def forward(self, conversations: Sequence[PreparedConversation]) -> Totals:
        """Return the loss and how many of the k likeliest words are among the k right ones."""
        regions = [region for c in conversations for region in c.sample.regions]
        features = self.model.encode_views([region.object_view for region in regions])
        cells = self.model.object_tokenizer.under_masks(
            [features[region.object_view] for region in regions], regions
        )
        counts = [sum(len(region.cells) for region in c.sample.regions) for c in conversations]
        means = torch.stack([under.mean(0) for under in torch.split(cells, counts)])
        scores = self.head(means).float()
        words = [self._words(conversation) for conversation in conversations]
        wanted = _even(words, scores)
        loss = functional.cross_entropy(scores, wanted, reduction="sum")
        rank = scores.argsort(1, descending=True).argsort(1)
        correct = ((rank < (wanted > 0).sum(1, keepdim=True)) & (wanted > 0)).sum()
        return Totals(loss, correct, int(sum(map(len, words))))


def _even(words: Sequence[NDArray[np.int64]], scores: torch.Tensor) -> torch.Tensor:
    """Return rows like `scores`, [M, vocabulary], each spread evenly over M times some words."""
    wanted = torch.zeros_like(scores)
    for row, ids in zip(wanted, words, strict=True):
        row[torch.from_numpy(ids).to(row.device)] = 1 / len(ids)
    return wanted
