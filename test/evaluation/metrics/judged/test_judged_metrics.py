from __future__ import annotations

import json
from typing import Any

import pytest
from judge_server import Reply, serve

from pixelrefer_ros.evaluation.metrics import JUDGED, METRICS, Scored, applicable, questions, score
from pixelrefer_ros.evaluation.metrics.judged.endpoint import Endpoint
from pixelrefer_ros.evaluation.metrics.judged.judge_model import JudgeModel
from pixelrefer_ros.evaluation.metrics.judged.reply_cache import ReplyCache
from pixelrefer_ros.evaluation.metrics.report import MetricReport


def material(request: dict[str, Any]) -> dict[str, Any]:
    """Return what the judge was sent to judge."""
    return json.loads(request["messages"][1]["content"])


@pytest.fixture
def judged(tmp_path):
    """Score items with a judge that answers by what it is sent."""

    def run(items: list[Scored], names: list[str], answer) -> tuple[MetricReport, list[Any]]:
        def reply(request: dict[str, Any]) -> Reply:
            return Reply(json.dumps(answer(material(request))))

        with serve(reply) as server:
            endpoint = Endpoint(server.url, "m", first_wait_s=0.01)
            report = score(items, names, JudgeModel(endpoint, ReplyCache(tmp_path)))
        return report, [material(request) for request in server.requests]

    return run


def test_clair_is_the_mean_of_hundredths(judged):
    items = [
        Scored("1", "a mug", references=("a cup", "a red mug")),
        Scored("2", "a dog", references=("a cat",)),
        Scored("3", "a dog"),
    ]
    marks = {"a mug": 90, "a dog": "15"}
    report, sent = judged(items, ["clair"], lambda given: {"score": marks[given["candidate"]]})
    assert report.values == {"clair": pytest.approx((0.90 + 0.15) / 2)}
    assert report.items["2"] == {"clair": 0.15}
    assert {"candidate": "a mug", "references": ["a cup", "a red mug"]} in sent
    assert len(sent) == 2


def test_videorefer_bench_gives_four_marks_and_their_mean(judged):
    items = [Scored(text, text, references=("It walks.",)) for text in ("first", "second")]
    marks = {
        "first": {"subject": 5, "appearance": 4, "temporal": 3, "hallucination": 2.5},
        "second": {"subject": 1, "appearance": 0, "temporal": 2, "hallucination": 4},
    }
    names = [name for name in JUDGED if name.startswith("videorefer")]
    report, sent = judged(items, names, lambda given: marks[given["description"]])
    assert report.values == {
        "videorefer_subject": 3.0,
        "videorefer_appearance": 2.0,
        "videorefer_temporal": 2.5,
        "videorefer_hallucination": 3.25,
        "videorefer_average": pytest.approx((14.5 / 4 + 7 / 4) / 2),
    }
    assert len(sent) == 2  # one question for all four


def test_ferret_bench_compares_the_sums_of_both_marks(judged):
    items = [
        Scored("1", "short", references=("It is hot.", "A stove is on."), question="Why?"),
        Scored("2", "long", references=("It is wet.",), question="Why?"),
        Scored("3", "no question", references=("It is wet.",)),
    ]
    marks = {"short": {"first": 8, "second": 4}, "long": {"first": 10, "second": 9}}
    report, sent = judged(items, ["ferret_reasoning"], lambda given: marks[given["second"]])
    assert report.values == {"ferret_reasoning": pytest.approx((4 + 9) / (8 + 10))}
    assert report.items == {
        "1": {"ferret_reasoning": 0.5},
        "2": {"ferret_reasoning": pytest.approx(0.9)},
    }
    assert {
        "question": "Why?",
        "context": ["A stove is on."],
        "first": "It is hot.",
        "second": "short",
    } in sent


DLC = ["dlc_positive", "dlc_negative", "dlc_average"]


def verdicts(given: dict[str, Any]) -> dict[str, Any]:
    """Find words in the description: `no red` contradicts red."""
    text = given["description"]
    return {
        "object": "same" if given.get("object", "") in text else "other",
        "attributes": {
            number: "contradicted"
            if f"no {attribute}" in text
            else "stated"
            if attribute in text
            else "missing"
            for number, attribute in given["attributes"].items()
        },
    }


def test_dlc_bench_counts_what_is_stated(judged):
    items = [
        # +1 red, -1 lid, 0 round, 0 tall; of two false ones one is stated
        Scored(
            "1",
            "a red striped mug, no lid",
            category="mug",
            positive=("red", "lid", "round", "tall"),
            negative=("striped", "blue"),
        ),
        # of something else: avoiding what is false is no merit; what is said still counts
        Scored("2", "a red vase", category="mug", positive=("red",), negative=("blue",)),
        Scored("3", "a red vase", negative=("blue", "red", "tall")),
        Scored("4", "a red vase", positive=("red",)),
    ]
    report, sent = judged(items, DLC, verdicts)
    assert report.items == {
        "1": {"dlc_positive": 0.0, "dlc_negative": 0.5, "dlc_average": 0.25},
        "2": {"dlc_positive": 1.0, "dlc_negative": 0.0, "dlc_average": 0.5},
        "3": {"dlc_negative": pytest.approx(2 / 3)},
        "4": {"dlc_positive": 1.0},
    }
    assert report.values == {
        "dlc_positive": pytest.approx(2 / 3),
        "dlc_negative": pytest.approx((0.5 + 0 + 2 / 3) / 3),
        "dlc_average": pytest.approx(0.375),
    }
    [first] = (given for given in sent if "lid" in given["description"])
    # In an order that does not tell which are true.
    assert [*first["attributes"].values()] == ["blue", "lid", "red", "round", "striped", "tall"]


def test_one_item_without_a_mark_does_not_spoil_the_others(judged):
    items = [Scored(text, text, references=("a",)) for text in ("good", "bad")]
    report, _ = judged(
        items, ["clair"], lambda given: {"score": 50 if given["candidate"] == "good" else 500}
    )
    assert report.values == {"clair": 0.5}
    assert report.counts == {"clair": 1}
    assert report.failed == {"clair": {"bad": "'score' is 500, must be 0 to 100"}}


@pytest.mark.parametrize(
    "reply",
    [
        {},
        {"attributes": "stated"},
        {"attributes": {"1": "stated"}},
        {"attributes": {"1": "stated", "2": "so so"}, "object": "same"},
        {"attributes": {"1": "stated", "2": "missing"}},
    ],
)
def test_half_a_verdict_is_none(judged, reply):
    item = Scored("1", "a red mug", category="mug", positive=("red", "blue"))
    report, sent = judged([item], ["dlc_positive"], lambda _: reply)
    assert report.values == {}
    assert report.left_out == {"dlc_positive": "no item has a value"}
    assert {*report.failed["dlc_positive"]} == {"1"}
    assert len(sent) == 3


def test_a_judge_out_of_reach_leaves_only_its_metrics_out(tmp_path):
    with serve(lambda _: Reply("")) as server:
        pass
    judge = JudgeModel(Endpoint(server.url, "m", first_wait_s=0.01), ReplyCache(tmp_path))
    report = score([Scored("1", "a", references=("a",))], ["siou", "clair"], judge)
    assert report.values == {"siou": 1.0}
    assert "not reached" in report.left_out["clair"]


def test_without_a_judge_it_is_said_how_to_name_one():
    report = score([Scored("1", "a", references=("a",))], ["clair"])
    assert report.left_out == {"clair": "asks a judge; name one with --judge-url and --judge-model"}


def test_nobody_is_asked_unless_told():
    items = [Scored("1", "a", references=("a",), positive=("a",), question="Why?")]
    assert not {*applicable(items)} & {*JUDGED}
    assert all(METRICS[name].applies(items[0]) for name in JUDGED)


def test_every_question_has_instructions_a_form_and_nothing_but_json_to_judge():
    items = [Scored("1", 'a "mug"', references=("a",), positive=("a",), question="Why?")]
    asked = questions(items, ["siou", *JUDGED])
    assert len(asked) == 4
    for instructions, given in asked:
        assert instructions["role"] == "system"
        assert "never an instruction" in instructions["content"]
        assert 'a "mug"' in json.loads(given["content"]).values()
