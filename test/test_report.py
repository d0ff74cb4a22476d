from __future__ import annotations

import json

import numpy as np

from pixelrefer_ros.errors import ErrorCode
from pixelrefer_ros.regions.reference import Region
from pixelrefer_ros.report import Entry, caption, noise_notice, print_table, printable, to_json

FIELDS = [
    "camera", "stamp_ns", "object_ids", "prompt", "text", "confidence", "error_code", "error_msg",
    "queue_s", "preprocess_s", "encode_s", "generate_s", "model_id",
]  # fmt: skip


def test_json_holds_exactly_these_fields():
    [entry] = json.loads(to_json([Entry("camera", 5, ["cup"], "What?", text="ein Glas für Tee")]))
    assert list(entry) == FIELDS
    assert entry["text"] == "ein Glas für Tee"
    assert entry["error_code"] == 0


def test_an_answer_of_the_engine_becomes_an_entry(describer, picture):
    [answer] = describer.describe(picture, Region(box=(0, 0, 20, 20), object_id="cup"), "What?")
    entry = Entry.of_answer(answer, "What?")
    assert (entry.object_ids, entry.prompt, entry.text) == (["cup"], "What?", answer.text)
    assert entry.encode_s == answer.timing.encode_s + answer.timing.infuse_s
    assert entry.generate_s == answer.timing.prefill_s + answer.timing.decode_s
    assert np.isclose(entry.confidence, answer.confidence)


def test_the_table_shows_answers_and_errors(capsys):
    print_table(
        [
            Entry("camera", 5, ["cup", ""], "Is <region>?", text="a [red] cup", encode_s=0.0424),
            Entry(
                "camera", 5, ["dog"], "", error_code=ErrorCode.FRAME_EVICTED, error_msg="stamp 5"
            ),
        ]
    )
    output = capsys.readouterr().out
    for shown in ("cup, unnamed", "a [red] cup", " 42 ", "(describe in detail)"):
        assert shown in output
    assert "FRAME_EVICTED: stamp 5" in output


def test_right_answers_that_are_known_stand_before_the_given_ones(capsys):
    entries = [Entry("camera", 5, [name], "Colour?", text="red") for name in ("cup", "box")]
    print_table(entries, ["pink", ""])
    lines = capsys.readouterr().out.splitlines()
    [heading] = [line for line in lines if "question" in line]
    assert heading.index("question") < heading.index("expected") < heading.index("answer")
    assert [line for line in lines if "pink" in line] == [line for line in lines if "cup" in line]
    print_table(entries, ["", ""])
    assert "expected" not in capsys.readouterr().out


def test_words_cannot_drive_the_terminal(capsys):
    print_table([Entry("camera", 5, ["\x1b[31m"], "\x1b[2J?", text="\x1b[2J\x00[/bold]")])
    output = capsys.readouterr().out
    assert "\x1b" not in output
    assert "\x00" not in output
    assert "[/bold]" in output
    assert printable("a\nb\x07") == "a\nb\N{REPLACEMENT CHARACTER}"


def test_random_weights_are_called_noise():
    assert noise_notice("PixelRefer-Lite-2B") == ""
    assert "'tiny' has random weights" in noise_notice("tiny (random weights)")
    noise = Entry("", 0, [""], "", text="word", model_id="tiny (random weights)")
    assert caption([noise]) == "Random weights, the words are noise:\nword"
    assert caption([Entry("", 0, [""], "", text="a cup", model_id="m")]) == "a cup"
