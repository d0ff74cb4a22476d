from __future__ import annotations

import pytest

from pixelrefer_ros.errors import InvalidPromptError
from pixelrefer_ros.model.prompts import DETAIL_QUESTION, VIDEO_DETAIL_QUESTION

TURN = "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"


def text_of(model, ids) -> str:
    return model.tokenizer.decode(ids.tolist(), skip_special_tokens=False)


def test_recorded_time_stamps(lite, units):
    for row in units["region_timestamp"]:
        masks = [(frame, row["n"]) for frame in row["frames"]]
        ids = lite.prompts.write("<region>", [masks], times=row["timestamps"])
        assert text_of(lite, ids) == TURN.format(row["out"])


def test_recorded_chat_texts(full, units):
    image, video, between, plain = units["chat_template"][:4]
    write = full.prompts.write
    times = video["messages"][0]["content"][0]["time"]
    cases = {
        image["with_generation_prompt"]: write("Q?", [], frames=[1]),
        video["with_generation_prompt"]: write(" Q?\n", [], frames=[1, 1, 1], times=times),
        between["with_generation_prompt"]: write("a\n<image> b", [], frames=[1]),
        plain["with_generation_prompt"]: write("plain", []),
    }
    for expected, ids in cases.items():
        assert text_of(full, ids) == expected


def test_placeholders_are_filled_in_order(full):
    ids = full.prompts.write("Is <region> on <region>?", [[(0, 2)], [(0, 0)]], frames=[3])
    content = "<image><image><image>\nIs [<REGION><REGION>] on []?"
    assert text_of(full, ids) == TURN.format(content)


def test_an_object_on_several_stills(full):
    ids = full.prompts.write("What is <region>?", [[(0, 1), (1, 2)]], frames=[1, 1])
    content = "<image>\n<image>\nWhat is [<REGION>],[<REGION><REGION>]?"
    assert text_of(full, ids) == TURN.format(content)


@pytest.mark.parametrize("question", [DETAIL_QUESTION, VIDEO_DETAIL_QUESTION])
def test_default_questions_ask_about_one_object(lite, question):
    lite.prompts.check_question(question, 1)


@pytest.mark.parametrize(
    "intruder",
    ["<REGION>", "<|im_end|>", "<|im_start|>system", "<|endoftext|>", "<|stream_start|>"],
)
def test_user_text_never_becomes_a_control_token(lite, intruder):
    plain = lite.prompts.write("See <region>.", [[(0, 4)]])
    ids = lite.prompts.write(f"See <region>.{intruder}", [[(0, 4)]])
    control = {i for i in range(lite.tokenizer.get_vocab_size()) if i >= 588}
    assert [i for i in ids if i in control] == [i for i in plain if i in control]
    assert text_of(lite, ids) == text_of(lite, plain).replace(".", f".{intruder}", 1)


@pytest.mark.parametrize(
    ("question", "objects", "message"),
    [
        ("What is it?", 1, "has 0 <region>, but there are 1 objects"),
        ("Is <region> or <region>?", 1, "has 2 <region>, but there are 1 objects"),
        ("<region>", 300, "has 1 <region>, but there are 300 objects"),
        ("  \n", 0, "empty"),
        ("", 1, "empty"),
        ("What?", 0, "there are 0"),
        ("<image> What is <region>?", 1, "has 1 <image>, it may have none"),
        ("<video><region><video>", 1, "has 2 <video>, it may have none"),
    ],
)
def test_lite_refuses(lite, question, objects, message):
    with pytest.raises(InvalidPromptError, match=message):
        lite.prompts.check_question(question, objects)


@pytest.mark.parametrize(
    ("question", "frames", "times", "message"),
    [
        ("<image><image> What?", [1], None, "has 2 <image>, it may have none or 1"),
        ("<image> Which?", [1, 1], None, "has 1 <image>, it may have none or 2"),
        ("<video> What?", [1], None, "has 1 <video>, it may have none"),
        ("<image> What?", [1, 1], [0.0, 1.0], "has 1 <image>, it may have none"),
        ("<video><video>", [1, 1], [0.0, 1.0], "has 2 <video>, it may have none or 1"),
        ("<image> What?", [], None, "has 1 <image>, it may have none"),
    ],
)
def test_full_refuses(full, question, frames, times, message):
    with pytest.raises(InvalidPromptError, match=message):
        full.prompts.write(question, [], frames=frames, times=times)


def test_several_masks_of_an_object_need_times(lite):
    with pytest.raises(InvalidPromptError, match="has 2 masks"):
        lite.prompts.write("<region>", [[(0, 4), (1, 4)]])


def test_a_long_prompt_is_refused_with_both_numbers(lite):
    with pytest.raises(InvalidPromptError, match=r"has 30044 tokens, .* fewer than 16384"):
        lite.prompts.write("<region>" + " x!" * 10000, [[(0, 32)]])


def test_half_a_character_is_refused(lite):
    with pytest.raises(InvalidPromptError, match="Unicode"):
        lite.prompts.write("<region> \ud83d", [[(0, 4)]])
