from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from judge_server import Reply, in_turn, serve

from pixelrefer_ros.errors import MetricError
from pixelrefer_ros.evaluation.metrics.judged.endpoint import (
    ATTEMPTS,
    Endpoint,
    RequestRefusedError,
)

MESSAGES = [{"role": "user", "content": "Is a mug a cup? Größe"}]


def endpoint(url: str, key: str = "", **options: float) -> Endpoint:
    return Endpoint(url, "some-model", key, **{"first_wait_s": 0.01, **options})


def test_what_is_sent_and_what_comes_back():
    with serve(in_turn("yes")) as server:
        assert endpoint(server.url + "/", key="secret").ask(MESSAGES) == "yes"
    assert server.requests == [{"model": "some-model", "messages": MESSAGES, "temperature": 0}]
    assert server.headers[0]["Authorization"] == "Bearer secret"


def test_without_a_key_none_is_sent():
    with serve(in_turn("yes")) as server:
        endpoint(server.url).ask(MESSAGES)
    assert "Authorization" not in server.headers[0]


@pytest.mark.parametrize(
    "trouble",
    [
        Reply("too many requests", status=429),
        Reply("overloaded", status=503),
        Reply(body=b"<html>bad gateway</html>", status=502),
        Reply(body=b"<html>welcome</html>"),
        Reply(body=b'{"choices": []}'),
        Reply(body=b"[" * 100_000),
    ],
)
def test_what_may_pass_is_tried_again(trouble):
    with serve(in_turn(trouble, trouble, "yes")) as server:
        assert endpoint(server.url).ask(MESSAGES) == "yes"
    assert len(server.requests) == 3


def test_in_the_end_the_reason_is_told():
    with (
        serve(in_turn(Reply("slow down", status=429))) as server,
        pytest.raises(MetricError, match=r"/v1: status 429, slow down, 6 times"),
    ):
        endpoint(server.url).ask(MESSAGES)
    assert len(server.requests) == ATTEMPTS


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_the_server_says_how_long_to_wait(form):
    started = time.monotonic()
    later = datetime.now(timezone.utc) + timedelta(seconds=2)
    value = "0.5" if form == "seconds" else format_datetime(later, usegmt=True)
    busy = Reply("wait", status=429, headers={"Retry-After": value})
    with serve(in_turn(busy, "yes")) as server:
        assert endpoint(server.url).ask(MESSAGES) == "yes"
    assert time.monotonic() - started > 0.45


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_request_that_is_refused_is_not_repeated(status):
    with (
        serve(in_turn(Reply("too\nlong", status=status))) as server,
        pytest.raises(RequestRefusedError, match=f"status {status}, too long$"),
    ):
        endpoint(server.url).ask(MESSAGES)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [401, 403, 404])
def test_nor_is_one_without_the_right_key(status):
    with (
        serve(in_turn(Reply("wrong key", status=status))) as server,
        pytest.raises(MetricError, match=f"status {status}, wrong key$") as caught,
    ):
        endpoint(server.url, key="secret").ask(MESSAGES)
    assert not isinstance(caught.value, RequestRefusedError)
    assert "secret" not in str(caught.value)
    assert len(server.requests) == 1


def test_a_redirect_does_not_get_the_key():
    with serve(in_turn("yes")) as other:
        away = Reply(status=302, headers={"Location": f"{other.url}/chat/completions"})
        with serve(in_turn(away)) as server, pytest.raises(MetricError, match="status 302"):
            endpoint(server.url, key="secret").ask(MESSAGES)
    assert other.requests == []


def test_nobody_listens():
    with serve(in_turn("yes")) as server:
        pass
    with pytest.raises(MetricError, match=r"not reached \(.*refused.*\), 6 times"):
        endpoint(server.url).ask(MESSAGES)


def test_a_server_that_says_nothing_is_given_up():
    still = threading.Event()
    with serve(lambda _: (still.wait(60) and Reply("")) or Reply("late")) as server:
        started = time.monotonic()
        try:
            with pytest.raises(MetricError, match="timed out"):
                endpoint(server.url, timeout_s=0.1).ask(MESSAGES)
        finally:
            still.set()
    assert time.monotonic() - started < 50


def test_who_waits_can_be_stopped():
    busy = Reply("wait", status=429, headers={"Retry-After": "50"})
    with serve(in_turn(busy)) as server:
        asking = endpoint(server.url)
        threading.Timer(0.2, asking.stop).start()
        with pytest.raises(MetricError, match="stopped"):
            asking.ask(MESSAGES)


@pytest.mark.parametrize(
    "url",
    ["", "host/v1", "file:///etc/passwd", "http://", "https://me:secret@host/v1", "http://h:x/v1",
     "http://[::1/v1", "http://a b/v1"],
)  # fmt: skip
def test_a_url_of_no_use(url):
    with pytest.raises(MetricError, match="judge URL is"):
        Endpoint(url, "some-model")


def test_a_key_of_no_use_is_not_repeated():
    with pytest.raises(MetricError, match="key holds characters") as caught:
        Endpoint("http://host/v1", "some-model", "sec\nret")
    assert "ret" not in str(caught.value)
