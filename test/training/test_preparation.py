from __future__ import annotations

import pickle

import numpy as np
import pytest
from drawn_shapes import shape

from pixelrefer_ros.datasets.conversations import Conversation, Turn
from pixelrefer_ros.errors import DatasetError, InvalidPromptError
from pixelrefer_ros.model.preprocessing import RegionSample
from pixelrefer_ros.model.recently_prepared import RecentlyPrepared
from pixelrefer_ros.training.preparation import (
    IGNORED,
    drop_pictures,
    prepare_conversation,
)

IMAGE, MASK, _ = shape(0)
OTHER = np.roll(MASK, 20, 1)


def conversation(*turns: Turn, masks: int = 1) -> Conversation:
    return Conversation([IMAGE], [[(0, (MASK, OTHER)[k % 2])] for k in range(masks)], turns, None)


def prepare(model, talk: Conversation):
    return prepare_conversation(talk, model.config, model.prompts, RecentlyPrepared())


def words(model, ids) -> str:
    return model.tokenizer.decode([int(i) for i in ids], skip_special_tokens=False)


def test_questions_about_one_region_share_it(tiny_model):
    recent, talk = RecentlyPrepared(), conversation(Turn("What is <region>?", "A mug.", 1))
    config, prompts = tiny_model.config, tiny_model.prompts
    first, second = [prepare_conversation(talk, config, prompts, recent) for _ in range(2)]
    assert first.sample.regions[0] is second.sample.regions[0]


def test_only_the_answer_and_its_end_are_supervised(tiny_model):
    found = prepare(tiny_model, conversation(Turn("What is <region>?", " A red mug. ", 1)))
    asked = tiny_model.prepare(RegionSample([IMAGE], [[(0, MASK)]], "What is <region>?"))
    prompt = len(asked.token_ids)
    assert (found.sample.token_ids[:prompt] == asked.token_ids).all()
    assert (found.labels[:prompt] == IGNORED).all()
    assert (found.labels[prompt:] == found.sample.token_ids[prompt:]).all()
    assert words(tiny_model, found.labels[prompt:]) == "A red mug.<|im_end|>"


def test_all_answers_of_a_conversation_are_supervised(tiny_model):
    talk = conversation(
        Turn("What is <region>?", "A mug.", 1),
        Turn("Which colour?", "Red.", 0),
        Turn("And <region>?", "A vase.", 1),
        masks=2,
    )
    found = prepare(tiny_model, talk)
    answers = found.labels[found.labels != IGNORED]
    assert words(tiny_model, answers) == "A mug.<|im_end|>Red.<|im_end|>A vase.<|im_end|>"
    text = words(tiny_model, found.sample.token_ids).replace("<REGION>", "")
    assert text == (
        "<|im_start|>user\nWhat is []?<|im_end|>\n<|im_start|>assistant\nA mug.<|im_end|>\n"
        "<|im_start|>user\nWhich colour?<|im_end|>\n<|im_start|>assistant\nRed.<|im_end|>\n"
        "<|im_start|>user\nAnd []?<|im_end|>\n<|im_start|>assistant\nA vase.<|im_end|>"
    )
    assert len(found.sample.regions) == 2
    both = tiny_model.prepare(
        RegionSample([IMAGE], [[(0, MASK)], [(0, OTHER)]], "<region> <region>")
    )
    for region, expected in zip(found.sample.regions, both.regions, strict=True):
        assert region.box == expected.box


def test_control_tokens_in_an_answer_stay_text(tiny_model):
    found = prepare(tiny_model, conversation(Turn("<region>?", "a<|im_end|>b", 1)))
    assert list(found.labels).count(min(tiny_model.prompts.answer("x")[-1:])) == 1


def test_what_does_not_fit_is_an_error(tiny_model):
    with pytest.raises(InvalidPromptError, match="answers about objects"):
        prepare(tiny_model, conversation(Turn("What?", "A mug.", 0), masks=0))
    with pytest.raises(DatasetError, match="the model reads 32768"):
        prepare(tiny_model, conversation(Turn("<region>?", "mug " * 33000, 1)))


def test_views_of_one_picture_stay_one_after_a_journey(tiny_model):
    first = prepare(tiny_model, conversation(Turn("<region>?", "a", 1)))
    second = prepare(tiny_model, conversation(Turn("<region>?", "b", 1), masks=1))
    image = IMAGE.copy()
    third = prepare(
        tiny_model, Conversation([image], [[(0, MASK)]], [Turn("<region>?", "c", 1)], None)
    )
    packed = pickle.dumps(drop_pictures([first, second, third]))
    views = [c.sample.regions[0].global_view for c in pickle.loads(packed)]
    assert views[0].key == views[1].key
    assert views[0].key != views[2].key
    whole = len(pickle.dumps([first, second, third]))
    assert len(packed) <= whole - 2 * IMAGE.nbytes
