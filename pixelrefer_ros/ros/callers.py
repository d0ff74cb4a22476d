"""Who is calling: the middleware knows, rclpy does not tell."""

from __future__ import annotations

import ctypes
from collections.abc import Awaitable, Callable
from typing import Any

from rclpy.exceptions import InvalidHandle
from rclpy.executors import SingleThreadedExecutor
from rclpy.service import Service

Answer = Callable[[Any, Any, str], Awaitable[Any]]
"""Fills the response to a request of a caller and returns it."""

GUID_BYTES = 16

POINTER_OFFSET = object.__basicsize__
"""Where pybind11 keeps the pointer to the C structure a Python object wraps."""

INSTANCE_BYTES = POINTER_OFFSET + 5 * ctypes.sizeof(ctypes.c_void_p)
"""Size of such an object: the pointer, its holder of two words, weak references, flags."""


class _RequestId(ctypes.Structure):
    """`rmw_request_id_t`."""

    _fields_ = (
        ("writer_guid", ctypes.c_uint8 * GUID_BYTES),
        ("sequence_number", ctypes.c_int64),
    )


def caller_of(header: Any) -> str:
    """Return who sent the request a header belongs to: the GUID of its writer in hexadecimal.

    rclpy wraps `rmw_request_id_t` and shows all of it but the GUID, so it is read from the memory
    of the structure. Where rclpy is built otherwise than expected, every caller is "".
    """
    request_id = getattr(header, "request_id", header)
    if type(request_id).__basicsize__ != INSTANCE_BYTES:
        return ""
    address = ctypes.c_void_p.from_address(id(request_id) + POINTER_OFFSET).value
    if not address:
        return ""
    found = _RequestId.from_address(address)
    if found.sequence_number != request_id.sequence_number:
        return ""
    return bytes(found.writer_guid).hex()


def with_caller(answer: Answer) -> Callable[[Any, Any], Awaitable[Any]]:
    """Make `answer(request, response, caller)` the callback of a service.

    A `CallerExecutor` says who calls; under any other every caller is "".
    """

    async def callback(request: Any, response: Any) -> Any:
        return await answer(request, response, "")

    callback.answer = answer  # type: ignore[attr-defined]
    return callback


class CallerExecutor(SingleThreadedExecutor):
    """Tells the callbacks of services made by `with_caller` who calls."""

    def _take_service(self, service: Service) -> Callable[[], Awaitable[None]] | None:
        answer: Answer | None = getattr(service.callback, "answer", None)
        if answer is None:
            taken: Callable[[], Awaitable[None]] | None = super()._take_service(service)
            return taken
        try:
            with service.handle:
                request, header = service.handle.service_take_request(service.srv_type.Request)
        except InvalidHandle:
            return None

        async def execute() -> None:
            if header is not None:
                response = service.srv_type.Response()
                response = await answer(request, response, caller_of(header))
                service.send_response(response, header)

        return execute
