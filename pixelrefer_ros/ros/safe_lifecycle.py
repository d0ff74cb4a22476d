"""A lifecycle node that survives illegal transitions."""

from __future__ import annotations

from rclpy._rclpy_pybind11 import RCLError
from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn


class SafeLifecycleNode(LifecycleNode):
    """Answers an illegal transition with failure.

    rclpy lets the error of an illegal transition escape from `spin`, which ends the process; only
    this private method stands between the request and the state machine.
    """

    def _LifecycleNodeMixin__change_state(self, transition_id: int) -> TransitionCallbackReturn:  # noqa: N802
        try:
            return super()._LifecycleNodeMixin__change_state(transition_id)
        except RCLError as error:
            self.get_logger().warning(f"transition refused: {error}", throttle_duration_sec=1.0)
            return TransitionCallbackReturn.FAILURE
