from __future__ import annotations

import json

import pytest

from pixelrefer_ros.evaluation.benchmarks.entries import Entry, read_list


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_text_may_hold_ends_of_lines_of_other_kinds(tmp_path, end):
    values = [{"caption": "a\u2028b\u2029c\u0085d"}, {"caption": "e"}]
    lines = [json.dumps(one, ensure_ascii=False) + end for one in values]
    path = tmp_path / "captions.jsonl"
    path.write_text("".join(lines), encoding="utf-8", newline="")
    assert list(read_list(path)) == [
        Entry(f"captions.jsonl[{k}]", one) for k, one in enumerate(values)
    ]
