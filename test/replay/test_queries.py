from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.replay import queries
from pixelrefer_ros.replay.queries import HISTORY_S, load_schema, read_queries
from pixelrefer_ros.resources import find_demo

APPLE = "\N{RED APPLE}"
GOOD = """\
queries:
- id: cup
  topic: /camera/image_raw
  stamp: 1.5
  regions:
  - box: [1, 2, 3, 4]
  prompt: What is <region>?
"""


def write(folder: Path, text: str, name: str = "queries.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_all_fields(tmp_path):
    Image.fromarray(np.eye(4, dtype=np.uint8) * 255).save(tmp_path / "cup.png")
    text = """\
queries:
- id: all
  topic: /camera/image_raw
  stamp_ns: 1700000000250000000
  regions:
  - box: [1, 2, 3, 4]
  - polygon: [[0, 0], [9.5, 0], [5, 8]]
  - mask: cup.png
  - rle: {size: [2, 3], counts: [1, 2, 3]}
  prompt: Is <region> on <region>, <region> or <region>?
  num_frames: 8
  history: 2.5
  references: [A cup., The cup.]
  category: no
  choices: [yes, no]
  answer: no
  positive: [red]
  negative: [blue, green]
- id: least
  stamp: 0
  regions: [{box: [0, 0, 1, 1]}]
"""
    query, least = read_queries(write(tmp_path, text))
    assert (query.stamp_ns, query.is_from_start) == (1700000000250000000, False)
    assert [region.object_id for region in query.regions] == ["1", "2", "3", "4"]
    assert query.regions[0].box == (1, 2, 3, 4)
    assert query.regions[1].polygon == [(0.0, 0.0), (9.5, 0.0), (5.0, 8.0)]
    assert np.array_equal(query.regions[2].mask, np.eye(4, dtype=bool))
    assert query.regions[3].mask.tolist() == [[False, True, False], [True, False, False]]
    assert (query.num_frames, query.history_ns) == (8, 2_500_000_000)
    assert query.choices == ("yes", "no")
    assert query.category == query.answer == "no", "a word, not False as in YAML 1.1"
    assert query.references == ("A cup.", "The cup.")
    assert (query.positive, query.negative) == (("red",), ("blue", "green"))
    assert query.answer_count == 1
    assert (least.topic, least.prompt, least.num_frames, least.is_from_start) == ("", "", 1, True)


@pytest.mark.parametrize(
    ("fields", "num_frames", "history_s"),
    [
        ("num_frames: 0", 1, 0),
        ("num_frames: 1", 1, 0),
        ("history: 0", 1, 0),
        ("history: 2.5", 1, 0),
        ("num_frames: 1\n  history: 2.5", 1, 0),
        ("num_frames: 3", 3, HISTORY_S),
        ("num_frames: 3\n  history: 0", 3, HISTORY_S),
        ("num_frames: 3\n  history: 2.5", 3, 2.5),
    ],
)
def test_frames_and_history_mean_what_they_mean_to_the_node(
    tmp_path, fields, num_frames, history_s
):
    [query] = read_queries(write(tmp_path, f"{GOOD}  {fields}\n"))
    assert (query.num_frames, query.history_ns) == (num_frames, history_s * 10**9)


def test_json_will_do(tmp_path):
    values = {"queries": [{"id": "a", "stamp": 1, "regions": [{"box": [0, 0, 1, 1]}]}]}
    [query] = read_queries(write(tmp_path, json.dumps(values), "queries.json"))
    assert (query.id, query.stamp_ns) == ("a", 10**9)


def test_characters_that_json_writes_in_two_halves_are_whole(tmp_path):
    text = json.dumps(
        {"queries": [{"id": "a", "stamp": 1, "regions": [{"box": [0, 0, 1, 1]}], "prompt": APPLE}]}
    )
    assert "\\ud83c\\udf4e" in text
    [query] = read_queries(write(tmp_path, text))
    assert query.prompt == APPLE


def test_masks_of_a_file_are_bounded(tmp_path, monkeypatch):
    text = GOOD.replace("box: [1, 2, 3, 4]", "rle: {size: [20, 30], counts: [0, 600]}")
    text += text.removeprefix("queries:\n").replace("cup", "cup2")
    monkeypatch.setattr(queries, "MAX_MASK_BYTES", 1199)
    with pytest.raises(CommandError, match=r"11: queries\[1\]\.regions makes 1200 bytes of masks"):
        read_queries(write(tmp_path, text))
    monkeypatch.setattr(queries, "MAX_MASK_BYTES", 1200)
    assert len(read_queries(write(tmp_path, text))) == 2


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("prompt:", "promt:", "7: queries[0].promt is unknown, fields are answer, category, "),
        ("[1, 2, 3, 4]", "[1, 2, 3]", "6: queries[0].regions[0].box has 3 entries, needs 4"),
        ("[1, 2, 3, 4]", "[1, 2, -3, 4]", "regions[0].box[2] is -3, must be at least 0"),
        ("[1, 2, 3, 4]", "[1, 2, 3.0, 4]", "box[2] is 3.0, must be a whole number"),
        ("box: [1, 2, 3, 4]", "polygon: [[1, 2]]", "polygon has 1 entries, needs at least 3"),
        ("box: [1, 2, 3, 4]", "box: [1, 2, 3, 4]\n    mask: a.png", "has box and mask, needs one"),
        ("box: [1, 2, 3, 4]", "{}", "6: queries[0].regions[0] has no shape, needs one of box, "),
        ("box: [1, 2, 3, 4]", "mask: a.png", "6: queries[0].regions[0].mask: mask '"),
        ("box: [1, 2, 3, 4]", "rle: {size: [2, 2], counts: [1]}", "rle: the counts of a mask add"),
        ("stamp: 1.5", "stamp: -1", "4: queries[0].stamp is -1, must be at least 0"),
        ("stamp: 1.5", "stamp: .nan", "4: queries[0].stamp is NaN, must be a number"),
        ("stamp: 1.5", "stamp: soon", '4: queries[0].stamp is "soon", must be a number'),
        ("stamp: 1.5", "stamp: 1\n  stamp_ns: 1", "queries[0] has stamp and stamp_ns, needs one"),
        ("  stamp: 1.5\n", "", "2: queries[0] has neither, needs one of stamp, stamp_ns"),
        ("id: cup", "id: a/b", '2: queries[0].id is "a/b", must be at most 100 letters'),
        ("id: cup", "id: 7", "2: queries[0].id is 7, must be text"),
        ("stamp: 1.5", "history: -1\n  stamp: 1", "queries[0].history is -1, must be at least 0"),
        ("stamp: 1.5", "num_frames: 256\n  stamp: 1", "num_frames is 256, must be at most 255"),
        ("stamp: 1.5", "choices: [a, b]\n  stamp: 1", "lacks answer, which goes with choices"),
        ("stamp: 1.5", "choices: [a]\n  answer: c\n  stamp: 1", "5: queries[0].answer is 'c'"),
        ("prompt: What is <region>?", "prompt: 3", "7: queries[0].prompt is 3, must be text"),
        ("queries:", "questions:", "1: questions is unknown"),
        ("[1, 2, 3, 4]", "[1, 2", "not YAML: expected ',' or ']'"),
        ("id: cup", "id: cup\n  id: cup", "3: not YAML: found duplicate key"),
        ("stamp: 1.5", "stamp: &a 1\n  prompt: *a", "5: queries[0].prompt is an alias, *a: write"),
        ("stamp: 1.5", "stamp: !!python/name:os.system x", "4: queries[0].stamp has the tag tag:"),
        ("stamp: 1.5", "{a: b}: 1", "4: queries[0] has a key that is not text"),
        ("stamp: 1.5", "stamp: 1\n  1: 1", "5: queries[0].1 is unknown, fields are answer,"),
        ("id: cup", 'id: "cup\\n"', '2: queries[0].id is "cup\\n", must be at most 100 letters'),
        ("What is", "'\x07", "7: not YAML: special characters are not allowed"),
        ("What is <region>?", '"\\ud83d"', "7: queries[0].prompt holds half a character"),
        ("1.5", "9" * 5000, "4: queries[0].stamp is 99999"),
        ("1.5", "9" * 400, "queries[0].stamp is 99999"),
        ("1.5", "[" * 25, "4: queries[0].stamp[0][0]"),
        ("[1, 2, 3, 4]", "[1, 2, 3, 4]\n---\n", "7: not YAML: found another document"),
        ("box: [1, 2, 3, 4]", "mask: ../a.png", "mask: '../a.png' leads out of the folder of this"),
        ("box: [1, 2, 3, 4]", "mask: /a.png", "mask: '/a.png' leads out of the folder of this"),
        ("box: [1, 2, 3, 4]", "polygon: [[0, 0], [1, 1], [0, 1" + "0" * 400 + "]]", "at most 2147"),
    ],
)  # fmt: skip
def test_errors_name_line_and_field(tmp_path, old, new, message):
    assert old in GOOD
    path = write(tmp_path, GOOD.replace(old, new))
    with pytest.raises(CommandError) as error:
        read_queries(path)
    text = str(error.value)
    assert text.startswith(f"{path}:")
    assert message in text
    assert "\n" not in text


def test_ids_differ(tmp_path):
    text = GOOD + GOOD.removeprefix("queries:\n")
    with pytest.raises(CommandError, match=r"8: queries\[1\]\.id is 'cup', as in line 2"):
        read_queries(write(tmp_path, text))


def test_what_is_expected_belongs_to_one_answer(tmp_path):
    text = GOOD.replace("<region>", "it").replace("  prompt", "  - box: [1, 1, 1, 1]\n  prompt")
    assert read_queries(write(tmp_path, text))[0].answer_count == 2
    with pytest.raises(CommandError, match=r"9: queries\[0\]\.category is one for 2 answers"):
        read_queries(write(tmp_path, text + "  category: cup\n"))


def test_files_that_are_none(tmp_path):
    for path, message in (
        (tmp_path / "missing", "cannot be read: No such file"),
        (tmp_path, "cannot be read: Is a directory"),
    ):
        with pytest.raises(CommandError, match=message):
            read_queries(path)
    (tmp_path / "latin.yaml").write_bytes("queries: ä".encode("latin1"))
    with pytest.raises(CommandError, match="UTF-8"):
        read_queries(tmp_path / "latin.yaml")


def test_the_fingerprint_changes_with_what_is_asked(tmp_path):
    def fingerprint(text: str) -> str:
        return read_queries(write(tmp_path, text))[0].fingerprint

    assert fingerprint(GOOD) == fingerprint(GOOD.replace("\n  prompt", "  # a remark\n  prompt"))
    assert fingerprint(GOOD) != fingerprint(GOOD.replace("What", "Where"))
    masked = GOOD.replace("box: [1, 2, 3, 4]", "mask: a.png")
    Image.fromarray(np.eye(4, dtype=np.uint8)).save(tmp_path / "a.png")
    before = fingerprint(masked)
    Image.fromarray(np.ones((4, 4), np.uint8)).save(tmp_path / "a.png")
    assert fingerprint(masked) != before


def test_the_schema_is_one_and_the_demo_follows_it():
    from jsonschema import Draft202012Validator

    Draft202012Validator.check_schema(load_schema())
    assert len(read_queries(find_demo("queries.yaml"))) == 8
