from __future__ import annotations

import pytest
from known_answers import TIMES, write_discs

from pixelrefer_ros.datasets.records import Record
from pixelrefer_ros.errors import DatasetError
from pixelrefer_ros.evaluation.items import Item
from pixelrefer_ros.motion.clips import SPACING_NS, MotionQuestion, read_questions
from pixelrefer_ros.motion.pointing import (
    POINTINGS,
    box_on_one_frame,
    mask_on_one_frame,
    masks_on_all_frames,
)
from pixelrefer_ros.regions.reference import bounding_box


def items(folder, *changes) -> list[Item]:
    """Return the question about the clip of discs, once for each of the changes to its record."""
    import json

    record = write_discs(folder)[-1]
    record["frames"] = [f"clip/{frame}.png" for frame in range(len(TIMES))]
    texts = [json.dumps({**record, **change}) for change in changes]
    return [Item.of_record(Record(f"r{k}", folder, text)) for k, text in enumerate(texts)]


@pytest.fixture
def question(tmp_path) -> MotionQuestion:
    [question] = read_questions(items(tmp_path, {}))
    return question


def test_frames_are_sent_as_they_lie_on_the_disk(question, tmp_path):
    frames = list(question.clip.frames("front"))
    assert [bytes(frame.image.data) for frame in frames] == [
        (tmp_path / "clip" / f"{number}.png").read_bytes() for number in range(len(TIMES))
    ]
    first = frames[0].stamp_ns
    assert [(frame.stamp_ns - first) / 1e9 for frame in frames] == TIMES
    assert question.prompt == "How does <region> move?"


def test_each_clip_has_its_own_time_whatever_is_asked_about_it(tmp_path):
    one, other, same = read_questions(items(tmp_path, {}, {"video": "other"}, {}))
    assert one.clip is same.clip
    assert other.clip.stamps_ns[0] - one.clip.stamps_ns[0] == SPACING_NS


def test_a_record_without_times_is_named(tmp_path):
    [item] = items(tmp_path, {})
    text = item.record.text.replace('"times"', '"moments"')
    with pytest.raises(DatasetError, match="r0: times is missing"):
        read_questions([Item.of_record(Record("r0", tmp_path, text))])


def test_pointing_from_all_that_is_known_to_a_box(question):
    everywhere = masks_on_all_frames(question)
    assert [stamp_ns for _, stamp_ns in everywhere] == list(question.clip.stamps_ns)
    assert {region.object_id for region, _ in everywhere} == {"0"}
    [(mask, stamp_ns)] = mask_on_one_frame(question)
    assert stamp_ns == question.clip.stamps_ns[-1]
    assert (mask.mask == everywhere[-1][0].mask).all()
    [(box, _)] = box_on_one_frame(question)
    assert box.mask is None
    assert box.box == bounding_box(mask.mask)
    assert list(POINTINGS) == ["masks_on_all_frames", "mask_on_one_frame", "box_on_one_frame"]
