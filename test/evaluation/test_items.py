from __future__ import annotations

import json

import cv2
from drawn_shapes import run_lengths, shape

from pixelrefer_ros.datasets.conversations import read_conversation
from pixelrefer_ros.datasets.pictures import read_image
from pixelrefer_ros.datasets.records import Record
from pixelrefer_ros.engine.questions import make_questions, make_sample
from pixelrefer_ros.evaluation.items import Item
from pixelrefer_ros.model.recently_prepared import RecentlyPrepared
from pixelrefer_ros.training.preparation import IGNORED, prepare_conversation


def test_what_comes_into_a_clip_late_is_asked_about_as_it_was_taught(tiny_model, tmp_path):
    track = {}
    for frame in range(4):
        image, mask, _ = shape(frame)
        cv2.imwrite(str(tmp_path / f"{frame}.png"), image)
        if frame:
            track[str(frame)] = {"size": list(mask.shape), "counts": run_lengths(mask)}
    values = {
        "video": [f"{frame}.png" for frame in range(4)],
        "times": [0.0, 0.4, 0.8, 1.2],
        "conversations": [
            {"from": "human", "value": "When does <region> appear?"},
            {"from": "gpt", "value": "At about 0.4 s."},
        ],
        "annotation": [track],
        "task": "appear",
        "accepted": ["0.4"],
        "areas": [500],
    }
    record = Record("late", tmp_path, json.dumps(values))
    query = Item.of_record(record).query(read_image, 8)
    masks = [region.mask for region in query.regions]
    [question] = make_questions(query, masks, is_lite=True)
    images = [frame.rgb() for frame in query.frames]
    sample = make_sample(question, images, [frame.stamp_ns for frame in query.frames])
    asked = tiny_model.prepare(sample).token_ids
    taught = prepare_conversation(
        read_conversation(record, is_lite=True),
        tiny_model.config,
        tiny_model.prompts,
        RecentlyPrepared(),
    )
    assert (taught.sample.token_ids[taught.labels == IGNORED] == asked).all()
    assert "Time 0.4" in tiny_model.tokenizer.decode(list(asked), skip_special_tokens=False)
