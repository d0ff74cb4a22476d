"""How much of an answer's attention goes to object tokens, image tokens and text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pixelrefer_ros.model.preprocessing import PreparedSample
from pixelrefer_ros.model.prompts import PromptWriter


@dataclass(frozen=True, eq=False)
class AnswerAttention:
    """Where the language model looked while it chose the A tokens of an answer, heads averaged.

    For every layer and token, `objects`, `image` and `text` sum to 1.

    objects: [layers, A, N] on each object token, one mask after the other.
    mask_of: [N] the mask each object token stands for.
    image: [layers, A] on all image tokens together.
    text: [layers, A] on the question and what was said so far.
    image_tokens, text_tokens: how many of these the prompt has.
    """

    objects: NDArray[np.float32]
    mask_of: NDArray[np.intp]
    image: NDArray[np.float32]
    text: NDArray[np.float32]
    image_tokens: int
    text_tokens: int

    @property
    def objects_by_layer(self) -> NDArray[np.float32]:
        """Attention to the object tokens of each mask, mean of the answer's tokens, [layers, M]."""
        by_token = self.objects.mean(1)
        masks = range(int(self.mask_of.max()) + 1)
        return np.stack([by_token[:, self.mask_of == mask].sum(1) for mask in masks], 1)

    @property
    def image_by_layer(self) -> NDArray[np.float32]:
        """Attention to the image tokens, mean of the answer's tokens, [layers]."""
        return np.asarray(self.image.mean(1))

    @property
    def text_by_layer(self) -> NDArray[np.float32]:
        """Attention to the text, mean of the answer's tokens, [layers]."""
        return np.asarray(self.text.mean(1))

    @property
    def most_looking_layer(self) -> int:
        """The layer that looks most at object tokens, counted from 0."""
        return int(self.objects_by_layer.sum(1).argmax())


def share_out(
    rows: NDArray[np.float32], sample: PreparedSample, prompts: PromptWriter
) -> AnswerAttention:
    """Sort attention [layers, A, L] by what stands at each of the L places.

    The first of them are those of the prompt of `sample`, the others what was said.
    """
    places = np.full(rows.shape[2], -1, np.int64)
    places[: len(sample.token_ids)] = sample.token_ids
    is_object, is_image = places == prompts.region_id, places == prompts.image_id
    counts = [region.token_count for region in sample.regions]
    return AnswerAttention(
        objects=rows[:, :, is_object],
        mask_of=np.repeat(np.arange(len(counts)), counts),
        image=rows[:, :, is_image].sum(2),
        text=rows[:, :, ~(is_object | is_image)].sum(2),
        image_tokens=int(is_image.sum()),
        text_tokens=len(sample.token_ids) - int((is_object | is_image).sum()),
    )
