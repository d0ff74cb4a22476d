"""Words from token ids as they come."""

from __future__ import annotations

from collections.abc import Callable

from tokenizers import Tokenizer


class TextStream:
    """Turns token ids into text pieces; joined and stripped, they are the final answer.

    A token can end in the middle of a character: its bytes are held back until the rest is there,
    and never told if the answer ends before.
    """

    def __init__(self, tokenizer: Tokenizer, on_text: Callable[[str], None]) -> None:
        self._tokenizer = tokenizer
        self._on_text = on_text
        self._token_ids: list[int] = []
        self._told = ""

    def put(self, token_id: int) -> None:
        """Take the next token and pass on what it makes readable."""
        self._token_ids.append(token_id)
        text: str = self._tokenizer.decode(self._token_ids, skip_special_tokens=True)
        if len(text) > len(self._told) and not text.endswith("\ufffd"):
            self._on_text(text[len(self._told) :])
            self._told = text
