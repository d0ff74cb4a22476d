from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from pixelrefer_ros.demo.questions import Question, middle_of, read_questions
from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.regions.reference import Region


def write(folder, content: object):
    path = folder / "queries.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_boxes_polygons_and_stamps(tmp_path):
    path = write(
        tmp_path,
        [
            {"box": [1, 2, 3, 4], "prompt": "What is this?", "stamp_ns": 1700000000250000000},
            {"polygon": [[1, 2], [3.5, 4], [5, 6]], "object_id": "cup", "expected": "red"},
        ],
    )
    assert read_questions(path) == [
        Question([Region(box=(1, 2, 3, 4))], "What is this?", 1700000000250000000),
        Question([Region(polygon=[(1, 2), (3.5, 4), (5, 6)], object_id="cup")], expected="red"),
    ]


def test_a_mask_lies_beside_the_file(tmp_path):
    Image.fromarray(np.eye(2, dtype=np.uint8)).save(tmp_path / "cup.png")
    [question] = read_questions(write(tmp_path, [{"mask": "cup.png"}]))
    assert question.regions[0].mask.tolist() == [[True, False], [False, True]]


def test_a_question_about_several_objects(tmp_path):
    regions = [{"box": [0, 0, 9, 9], "object_id": "a"}, {"box": [5, 5, 9, 9], "object_id": "b"}]
    prompt = "Is <region> on <region>?"
    [question] = read_questions(write(tmp_path, [{"regions": regions, "prompt": prompt}]))
    assert [region.object_id for region in question.regions] == ["a", "b"]
    assert question.prompt == prompt


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[{", "is not JSON"),
        ({}, "must hold a list of at least one query"),
        ([], "must hold a list of at least one query"),
        ([7], "[0] is 7, must be an object"),
        ([{}], "[0] has no region, needs one of box, polygon, mask"),
        ([{"box": [0, 0, 1, 1]}, {"prompt": "?"}], "[1] has no region"),
        ([{"box": [0, 0, 1, 1], "polygon": []}], "[0] has box and polygon, needs one of"),
        ([{"box": [0, 0, 1]}], "[0].box is [0, 0, 1], must be 4 whole pixels [x, y, w, h]"),
        ([{"box": [0, 0, 1.5, 1]}], "[0].box is [0, 0, 1.5, 1], must be 4 whole pixels"),
        ([{"box": [-1, 0, 1, 1]}], "[0].box is [-1, 0, 1, 1], must be 4 whole pixels"),
        ([{"box": [True, 0, 1, 1]}], "[0].box is [True, 0, 1, 1], must be 4 whole pixels"),
        ([{"box": "0,0,1,1"}], "[0].box is '0,0,1,1', must be 4 whole pixels"),
        ([{"polygon": [[0, 0], [1]]}], "[0].polygon is [[0, 0], [1]], must be a list of [x, y]"),
        ([{"polygon": 5}], "[0].polygon is 5, must be a list of [x, y]"),
        ([{"mask": "no.png"}], "[0].mask: mask '"),
        ([{"mask": 5}], "[0].mask is 5, must be text"),
        ([{"box": [0, 0, 1, 1], "prompt": 5}], "[0].prompt is 5, must be text"),
        ([{"box": [0, 0, 1, 1], "expected": 5}], "[0].expected is 5, must be text"),
        ([{"box": [0, 0, 1, 1], "stamp_ns": 1.5}], "[0].stamp_ns is 1.5, must be whole nanosec"),
        ([{"box": [0, 0, 1, 1], "stamp_ns": 0}], "[0].stamp_ns is 0, must be whole nanoseconds"),
        ([{"bax": [0, 0, 1, 1]}], "[0].bax is unknown, fields are box, expected, mask"),
        ([{"regions": []}], "[0].regions must be a list of at least one region"),
        ([{"regions": [5]}], "[0].regions[0] is 5, must be an object"),
        ([{"regions": [{"box": [1]}]}], "[0].regions[0].box is [1], must be 4 whole pixels"),
        ([{"regions": [{"box": [0, 0, 1, 1], "prompt": "?"}]}], "[0].regions[0].prompt is unknown"),
    ],
)
def test_a_broken_file_is_refused_by_entry_and_field(tmp_path, content, message):
    path = write(tmp_path, content)
    with pytest.raises(CommandError) as error:
        read_questions(path)
    assert str(error.value).startswith(f"queries '{path}'")
    assert message in str(error.value)


def test_a_missing_file(tmp_path):
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        read_questions(tmp_path / "missing.json")


def test_the_middle_of_a_frame():
    [region] = middle_of(480, 640).regions
    assert region.box == (160, 120, 320, 240)
    for size in ((1, 1), (1, 2), (3, 5)):
        assert middle_of(*size).regions[0].to_mask(*size).any()
