"""Keys and values of all rows that are being decoded, in one place."""

from __future__ import annotations

import torch
from transformers import Qwen2ForCausalLM

COLUMN_BLOCK = 64


def dtype_between_layers(language_model: Qwen2ForCausalLM) -> torch.dtype:
    """Return the number type of what passes from layer to layer, which its norms are in."""
    weight: torch.Tensor = language_model.model.norm.weight
    return weight.dtype


class KeyValueCache:
    """Room for `rows` rows of `columns` tokens each; a row's first token is in its first column.

    Where rows end differs, so whoever reads hides the columns behind the end of each: they hold
    finite numbers. It has room for `rows` and `columns` from the start, to which `shrink`
    returns; `reserve` makes more. keys, values: per layer [rows, columns, heads, width of a head].
    """

    def __init__(
        self, language_model: Qwen2ForCausalLM, *, rows: int = 0, columns: int = 0
    ) -> None:
        config = language_model.config
        assert config.num_key_value_heads is not None
        self._heads = config.num_key_value_heads
        self._width = config.hidden_size // config.num_attention_heads
        self._dtype, self._device = dtype_between_layers(language_model), language_model.device
        self._lasting = [self._room(rows, columns) for _ in range(2 * config.num_hidden_layers)]
        self._buffers = self._lasting

    @property
    def rows(self) -> int:
        """Rows there is room for."""
        return self._buffers[0].shape[0]

    @property
    def columns(self) -> int:
        """Tokens of a row there is room for."""
        return self._buffers[0].shape[1]

    @property
    def has_grown(self) -> bool:
        """True while there is more room than at the start, in another place of the memory."""
        return self._buffers is not self._lasting

    @property
    def nbytes(self) -> int:
        """Memory it takes, bytes."""
        return sum(buffer.nbytes for buffer in self._buffers)

    def reserve(self, rows: int, columns: int) -> None:
        """Make room for so many rows and columns; what is in these rows stays."""
        if rows <= self.rows and columns <= self.columns:
            return
        columns = max(-(-columns // COLUMN_BLOCK) * COLUMN_BLOCK, self.columns)
        buffers = [self._room(rows, columns) for _ in self._buffers]
        for new, old in zip(buffers, self._buffers, strict=True):
            new[: len(old), : old.shape[1]] = old[:rows]
        self._buffers = buffers

    def shrink(self, rows: int, columns: int) -> None:
        """Go back to the room of the start, if the first rows and columns have place there."""
        lasting = self._lasting[0]
        if not self.has_grown or rows > lasting.shape[0] or columns > lasting.shape[1]:
            return
        for start, grown in zip(self._lasting, self._buffers, strict=True):
            start[:rows, :columns] = grown[:rows, :columns]
            start[:rows, columns:] = 0
        self._buffers = self._lasting

    def move(self, source: int, target: int) -> None:
        """Put the row `source` in the place of the row `target`."""
        for buffer in self._buffers:
            buffer[target] = buffer[source]

    def put_prompts(self, layer: int, first: int, keys: torch.Tensor, values: torch.Tensor) -> None:
        """Begin rows from `first` on, with keys and values [N, heads, tokens, width]."""
        count, tokens = keys.shape[0], keys.shape[2]
        for buffer, new in zip(self._layer(layer), (keys, values), strict=True):
            rows = buffer[first : first + count]
            rows[:, :tokens] = new.transpose(1, 2)
            # What a row before left here could be no number, which no mask hides.
            rows[:, tokens:] = 0

    def places(self, positions: torch.Tensor) -> torch.Tensor:
        """Return where `put_tokens` puts the tokens of the first N rows, at positions [N]."""
        rows = torch.arange(len(positions), device=positions.device)
        return rows * self.columns + positions

    def put_tokens(
        self, layer: int, places: torch.Tensor, keys: torch.Tensor, values: torch.Tensor
    ) -> None:
        """Put one token into each of the first N rows, keys and values [N, heads * width]."""
        for buffer, new in zip(self._layer(layer), (keys, values), strict=True):
            buffer.view(-1, new.shape[1]).index_copy_(0, places, new)

    def first(self, layer: int, rows: int, columns: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return keys and values [rows, heads, columns, width] of the first rows and columns."""
        keys, values = self._layer(layer)
        return keys[:rows, :columns].transpose(1, 2), values[:rows, :columns].transpose(1, 2)

    def _layer(self, layer: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self._buffers[2 * layer], self._buffers[2 * layer + 1]

    def _room(self, rows: int, columns: int) -> torch.Tensor:
        shape = (rows, columns, self._heads, self._width)
        return torch.zeros(shape, dtype=self._dtype, device=self._device)
