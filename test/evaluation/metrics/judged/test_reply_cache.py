from __future__ import annotations

import json

import pytest

from pixelrefer_ros.errors import MetricError
from pixelrefer_ros.evaluation.metrics.judged.reply_cache import ReplyCache

QUESTION = {"model": "m", "messages": [{"role": "user", "content": "Größe?"}]}


def test_a_reply_is_found_by_what_was_asked(tmp_path):
    cache = ReplyCache(tmp_path / "a" / "b")
    assert cache.get(QUESTION) is None
    cache.put(QUESTION, "groß")
    cache.put(QUESTION, "größer")
    again = ReplyCache(tmp_path / "a" / "b")
    assert again.get(dict(reversed(QUESTION.items()))) == "größer"
    assert again.get({**QUESTION, "model": "other"}) is None
    [path] = (path for path in tmp_path.rglob("*") if path.is_file())
    assert json.loads(path.read_text(encoding="utf-8"))["question"] == QUESTION


@pytest.mark.parametrize("text", ["", "{", "[]", '{"reply": 3}'])
def test_a_damaged_file_is_no_reply(tmp_path, text):
    cache = ReplyCache(tmp_path)
    cache.put(QUESTION, "yes")
    [path] = (path for path in tmp_path.rglob("*") if path.is_file())
    path.write_text(text)
    assert cache.get(QUESTION) is None


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MetricError, match=r"cache of the judge's replies: .*file"):
        ReplyCache(tmp_path / "file")
