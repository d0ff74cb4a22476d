from __future__ import annotations

import json
from pathlib import Path

import pytest
from drawn_shapes import write_records

from pixelrefer_ros.datasets.records import DataFile, read_records
from pixelrefer_ros.errors import DatasetError


def said(image: str, text: str, task: str = "colour") -> dict:
    turns = [{"from": "human", "value": "What?"}, {"from": "gpt", "value": text}]
    return {"image": image, "task": task, "conversations": turns}


def test_lines_and_lists_are_the_same(tmp_path):
    records = [said("a.png", "red"), said("b.png", "blue")]
    write_records(tmp_path / "d.jsonl", records)
    (tmp_path / "d.json").write_text(json.dumps(records))
    lines = read_records([DataFile(str(tmp_path / "d.jsonl"))])
    items = read_records([DataFile(str(tmp_path / "d.json"))])
    assert [r.values() for r in lines.records] == [r.values() for r in items.records] == records
    assert [r.name for r in lines.records] == ["d.jsonl:1", "d.jsonl:2"]
    assert [r.name for r in items.records] == ["d.json[0]", "d.json[1]"]
    assert list(lines.texts()) == ["What?", "red", "What?", "blue"]
    assert lines.records[0].root == tmp_path


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_text_may_hold_ends_of_lines_of_other_kinds(tmp_path, end):
    records = [said("a.png", "a\u2028b\u2029c\u0085d"), said("b.png", "blue")]
    lines = [json.dumps(record, ensure_ascii=False) + end for record in records]
    (tmp_path / "d.jsonl").write_text("".join(lines), encoding="utf-8", newline="")
    found = read_records([DataFile(str(tmp_path / "d.jsonl"))]).records
    assert [record.values() for record in found] == records
    assert [record.name for record in found] == ["d.jsonl:1", "d.jsonl:2"]


def test_records_on_one_picture_are_a_group(tmp_path):
    path = write_records(tmp_path / "d.jsonl", [said("a", "x"), said("b", "y"), said("a", "z")])
    assert read_records([DataFile(str(path))]).groups == [[0, 2], [1]]
    assert read_records([DataFile(str(path), repeat=2)]).groups == [[0, 4], [1, 5], [2], [3]]


def test_tasks_choose_and_images_may_lie_elsewhere(tmp_path):
    path = write_records(tmp_path / "d.jsonl", [said("a", "x"), said("a", "y", "caption")])
    chosen = read_records([DataFile(str(path), images="elsewhere", tasks=("caption",))])
    assert [record.name for record in chosen.records] == ["d.jsonl:2"]
    assert str(chosen.records[0].root) == "elsewhere"
    with pytest.raises(DatasetError, match="no records of the tasks"):
        read_records([DataFile(str(path), tasks=("motion",))])


def test_topics_choose_too(tmp_path):
    rows = [{**said("a", "yes", "yes_no"), "topic": topic} for topic in ("colour", "part")]
    path = write_records(tmp_path / "d.jsonl", [*rows, said("a", "red", "colour")])
    chosen = read_records([DataFile(str(path), tasks=("yes_no",), topics=("part",))])
    assert [record.name for record in chosen.records] == ["d.jsonl:2"]
    with pytest.raises(DatasetError, match=r"tasks any, topics \['state'\]"):
        read_records([DataFile(str(path), topics=("state",))])


def test_answers_choose_too(tmp_path):
    rows = [{**said("a", "It is a mug.", "category"), "expected": "mug"}, said("a", "mug")]
    path = write_records(tmp_path / "d.jsonl", rows)
    chosen = read_records([DataFile(str(path), answers=("mug", "vase"))])
    assert [record.name for record in chosen.records] == ["d.jsonl:1"]
    with pytest.raises(DatasetError, match=r"tasks any, answers \['vase'\]"):
        read_records([DataFile(str(path), answers=("vase",))])


def test_a_broken_line_fails_when_it_is_used(tmp_path):
    path = write_records(tmp_path / "d.jsonl", [said("a", "x"), '{"image": ', "[1]"])
    records = read_records([DataFile(str(path))])
    assert len(records.records) == 3
    with pytest.raises(DatasetError, match="not readable as JSON"):
        records.records[1].values()
    with pytest.raises(DatasetError, match="holds a list"):
        records.records[2].values()


@pytest.mark.parametrize("text", ["[]", " [ ] \n", '[{"a": 1} , \n{"b": [2]}\t]\n', '[1,"]",null]'])
def test_lists_are_read_as_json_reads_them(tmp_path, text):
    path = tmp_path / "d.json"
    path.write_text(text)
    items = json.loads(text)
    if not items:
        with pytest.raises(DatasetError, match="no records"):
            read_records([DataFile(str(path))])
        return
    records = read_records([DataFile(str(path))]).records
    assert [json.loads(record.text) for record in records] == items


@pytest.mark.parametrize(
    "text", ["", "[", "[{}", "[{},", "[{},]", "[{} {}]", "[{}]]", "[{}] 1", "[,{}]"]
)
def test_a_list_that_is_no_json_is_refused(tmp_path, text):
    path = tmp_path / "d.json"
    path.write_text(text)
    with pytest.raises(DatasetError, match=r"d\.json: not readable"):
        read_records([DataFile(str(path))])


def test_what_is_listed_for_several_tasks_is_read_once(tmp_path, monkeypatch):
    path = write_records(tmp_path / "d.jsonl", [said("a", "x"), said("a", "y", "caption")])
    reads, read = [], Path.read_text
    monkeypatch.setattr(Path, "read_text", lambda *a, **k: reads.append(1) or read(*a, **k))
    files = [DataFile(str(path), tasks=(task,), repeat=2) for task in ("caption", "colour")]
    found = read_records(files)
    assert len(reads) == 1
    assert [r.name for r in found.records] == ["d.jsonl:1"] * 2 + ["d.jsonl:2"] * 2
    assert found.groups == [[0], [1], [2], [3]]


def test_a_file_of_no_use_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"none\.json: not readable"):
        read_records([DataFile(str(tmp_path / "none.json"))])
    (tmp_path / "object.json").write_text("{}")
    with pytest.raises(DatasetError, match="holds a dict, must be a list"):
        read_records([DataFile(str(tmp_path / "object.json"))])
