from __future__ import annotations

from pixelrefer_ros.engine.streaming import TextStream


def test_pieces_join_to_the_text_and_hold_back_half_characters(tiny_model):
    tokenizer = tiny_model.tokenizer
    text = "a café, 你好"
    pieces: list[str] = []
    stream = TextStream(tokenizer, pieces.append)
    for token_id in tokenizer.encode(text, add_special_tokens=False).ids:
        stream.put(token_id)
    assert "".join(pieces) == text
    assert not any("\ufffd" in piece for piece in pieces)
