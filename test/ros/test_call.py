"""A request on its way, withdrawn at any moment."""

from __future__ import annotations

from pixelrefer_ros.engine.pending import PendingAnswers
from pixelrefer_ros.ros.call import Call


def test_what_was_said_until_it_was_withdrawn_is_kept():
    words = ["a"]
    pending = PendingAnswers()
    pending.so_far = lambda: list(words)

    def settled(_: object) -> None:
        words.append("told before it was canceled")
        pending.so_far = list

    pending.add_done_callback(settled)
    call = Call("planner")
    call.follow(pending)
    for _ in range(2):
        call.withdraw("the client canceled the request")
    assert pending.cancelled()
    assert call.partial == ["a", "told before it was canceled"]


def test_what_is_answered_stays_answered():
    pending = PendingAnswers()
    call = Call("planner")
    call.follow(pending)
    pending.set_result([])
    call.withdraw("the node was deactivated before the answer came")
    assert not pending.cancelled()
    assert call.partial == []
