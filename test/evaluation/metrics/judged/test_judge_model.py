from __future__ import annotations

import threading
import time

import pytest
from judge_server import Reply, in_turn, serve

from pixelrefer_ros.errors import MetricError
from pixelrefer_ros.evaluation.metrics.judged.endpoint import Endpoint
from pixelrefer_ros.evaluation.metrics.judged.judge_model import JudgeModel
from pixelrefer_ros.evaluation.metrics.judged.replies import read_object
from pixelrefer_ros.evaluation.metrics.judged.reply_cache import ReplyCache


@pytest.fixture
def cache(tmp_path) -> ReplyCache:
    return ReplyCache(tmp_path)


def judge_of(url: str, cache: ReplyCache) -> JudgeModel:
    return JudgeModel(Endpoint(url, "m", first_wait_s=0.01), cache)


def message(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def ask(judge: JudgeModel, *texts: str) -> list[str | MetricError]:
    return judge.ask([message(text) for text in texts], [read_object] * len(texts))


def echo(request) -> Reply:
    return Reply(f'{{"said": "{request["messages"][0]["content"]}"}}')


def test_replies_come_in_the_order_of_the_questions(cache):
    texts = [f"question {number}" for number in range(20)]
    seen: list[tuple[int, int]] = []
    with serve(echo) as server:
        judge = judge_of(server.url, cache)
        judge.progress = lambda done, total: seen.append((done, total))
        replies = ask(judge, *texts)
    assert [read_object(reply)["said"] for reply in replies] == texts
    assert seen == [(done, 20) for done in range(1, 21)]


def test_nothing_is_asked_twice(cache):
    with serve(echo) as server:
        first = ask(judge_of(server.url, cache), "one", "two", "one")
        assert first.pop() == first[0]
        judge = judge_of(server.url, cache)
        assert judge.knows(message("one"))
        assert not judge.knows(message("three"))
        assert ask(judge, "two", "one", "three")[:2] == first[::-1]
    asked = [request["messages"][0]["content"] for request in server.requests]
    assert sorted(asked) == ["one", "three", "two"]


def test_nonsense_is_answered_with_what_is_wrong_with_it(cache):
    with serve(in_turn("I like it.", '{"said": "fine"}')) as server:
        assert ask(judge_of(server.url, cache), "one") == ['{"said": "fine"}']
        assert ask(judge_of(server.url, cache), "one") == ['{"said": "fine"}']
    first, second = server.requests
    assert second["messages"][:2] == [
        *first["messages"],
        {"role": "assistant", "content": "I like it."},
    ]
    assert "no JSON object in 'I like it.'" in second["messages"][2]["content"]


def test_who_talks_nonsense_only_gives_no_reply_and_is_not_kept(cache):
    answers = {"good": Reply('{"said": "yes"}'), "bad": Reply("Hm."), "long": Reply("no", 400)}
    with serve(lambda request: answers[request["messages"][0]["content"]]) as server:
        bad, good, long = ask(judge_of(server.url, cache), "bad", "good", "long")
        assert good == '{"said": "yes"}'
        assert "no JSON object in 'Hm.'" in str(bad)
        assert "status 400" in str(long)
        assert not judge_of(server.url, cache).knows(message("bad"))
    assert len(server.requests) == 3 + 1 + 1


def test_when_the_key_is_wrong_nobody_else_is_asked_and_what_came_is_kept(cache):
    count = threading.Semaphore(3)

    def answer(request) -> Reply:
        if count.acquire(blocking=False):
            return echo(request)
        time.sleep(0.3)  # for the first refusal to be heard before the next comes
        return Reply("no more", status=401)

    with serve(answer) as server:
        with pytest.raises(MetricError, match="status 401, no more"):
            ask(judge_of(server.url, cache), *map(str, range(100)))
        judge = judge_of(server.url, cache)
        assert sum(judge.knows(message(str(number))) for number in range(100)) == 3
    assert len(server.requests) < 20
