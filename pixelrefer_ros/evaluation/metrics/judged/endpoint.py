"""A language model behind the chat-completions protocol that OpenAI began and most servers speak.

POST URL/chat/completions (https://platform.openai.com/docs/api-reference/chat), without streaming.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from pixelrefer_ros.errors import MetricError

Message = dict[str, str]
"""With `role` and `content`."""

ATTEMPTS = 6
LONGEST_WAIT_S = 60.0
MAX_BYTES = 1_000_000
MAX_QUOTE = 200

BUSY = (408, 409, 425, 429)
"""Besides all from 500 on: try again later."""

OF_THE_REQUEST = (400, 413, 422)
"""The request is refused, as when it is too long; another may not be."""


class RequestRefusedError(MetricError):
    """The server does not want this request; others may be answered."""


class _BusyError(Exception):
    """Worth another attempt, after the wait that the server asks for, in seconds."""

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class _NoRedirect(HTTPRedirectHandler):
    """A redirect would hand the key to whatever server it names."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Endpoint:
    """Sends messages, returns what the model says. May be used by several threads.

    url: up to `/v1`. key: sent as bearer token if not empty, and nowhere else.
    timeout_s: for one attempt. first_wait_s: before the second attempt; doubles with each.
    """

    def __init__(
        self,
        url: str,
        model: str,
        key: str = "",
        *,
        timeout_s: float = 120.0,
        first_wait_s: float = 1.0,
    ) -> None:
        """Raise `MetricError` if url or key are of no use."""
        if not _is_usable(url):
            raise MetricError(f"judge URL is '{url}', must be like https://host/v1, without a key")
        if not (key.isascii() and key.isprintable()):
            raise MetricError("the judge's key holds characters that cannot be sent")
        self.url = url.rstrip("/")
        self.model = model
        self._key = key
        self._timeout_s = timeout_s
        self._first_wait_s = first_wait_s
        self._opener = build_opener(_NoRedirect)
        self._stopped = threading.Event()

    def body(self, messages: Sequence[Message]) -> dict[str, Any]:
        """Return what is sent; greedy, so that the same question gets the same answer."""
        return {"model": self.model, "messages": list(messages), "temperature": 0}

    def stop(self) -> None:
        """End all waits; who waits gets a `MetricError`."""
        self._stopped.set()

    def ask(self, messages: Sequence[Message]) -> str:
        """Return the reply's text.

        What may pass, such as too many requests, is tried again, six times in all. Raises
        `RequestRefusedError` for what is wrong with this request and `MetricError` for the rest.
        """
        wait_s = self._first_wait_s
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._attempt(messages)
            except _BusyError as busy:
                if attempt == ATTEMPTS:
                    raise MetricError(f"judge {self.url}: {busy}, {ATTEMPTS} times") from busy
                # Not all threads at the same moment.
                pause = busy.wait_s if busy.wait_s is not None else wait_s * random.uniform(1, 1.25)
                if self._stopped.wait(min(pause, LONGEST_WAIT_S)):
                    raise MetricError("stopped") from busy
                wait_s *= 2
        raise AssertionError("not reached")

    def _attempt(self, messages: Sequence[Message]) -> str:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "pixelrefer",
        } | ({"Authorization": f"Bearer {self._key}"} if self._key else {})
        request = Request(
            f"{self.url}/chat/completions", json.dumps(self.body(messages)).encode(), headers
        )
        deadline = time.monotonic() + self._timeout_s
        try:
            with self._opener.open(request, timeout=self._timeout_s) as response:
                return _content(_read(response, deadline))
        except HTTPError as error:
            with error:
                retry_after = _retry_after(error.headers.get("Retry-After", ""))
                raise self._refusal(error.code, retry_after, error.read(MAX_BYTES)) from None
        except (OSError, HTTPException) as error:  # URLError and timeouts among them
            raise _BusyError(f"not reached ({error})") from error

    def _refusal(self, status: int, retry_after: float | None, body: bytes) -> Exception:
        message = _message(body)
        reason = f"status {status}" + (f", {message}" if message else "")
        if status in BUSY or status >= 500:
            return _BusyError(reason, retry_after)
        kind = RequestRefusedError if status in OF_THE_REQUEST else MetricError
        return kind(f"judge {self.url}: {reason}")


def _is_usable(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port or 80
    except ValueError:
        return False
    is_web = parts.scheme in ("http", "https") and bool(parts.hostname) and port > 0
    return is_web and not parts.username and url.isascii() and " " not in url


def _read(response: Any, deadline: float) -> bytes:
    """Read a body, at most so long: a timeout of urllib is for each packet."""
    parts, size = [], 0
    while part := response.read1(65536):
        parts.append(part)
        size += len(part)
        if size > MAX_BYTES:
            raise _BusyError(f"reply above {MAX_BYTES} bytes")
        if time.monotonic() > deadline:
            raise _BusyError("reply not complete in time")
    return b"".join(parts)


def _content(body: bytes) -> str:
    try:
        content = json.loads(body)["choices"][0]["message"]["content"]
    except (ValueError, LookupError, TypeError, RecursionError):
        raise _BusyError(f"no chat completion: '{_quote(body)}'") from None
    return content if isinstance(content, str) else ""


def _message(body: bytes) -> str:
    """Return what a server says of an error, in one line."""
    try:
        found = json.loads(body)["error"]
        return _quote(str(found["message"] if isinstance(found, dict) else found).encode())
    except (ValueError, LookupError, TypeError, RecursionError):
        return _quote(body)


def _quote(text: bytes) -> str:
    line = " ".join(text.decode(errors="replace").split())
    return "".join(filter(str.isprintable, line))[:MAX_QUOTE]


def _retry_after(value: str) -> float | None:
    """Read the header: seconds or a date."""
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None
