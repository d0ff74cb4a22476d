"""What happens when a parameter is set while the node runs: check at once, then take effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter as RosParameter

from pixelrefer_ros.engine.device import resolve_device, resolve_dtype
from pixelrefer_ros.engine.weight_quantization import resolve_quantization
from pixelrefer_ros.errors import DeviceError, PixelReferError
from pixelrefer_ros.ros.parameter import Parameter
from pixelrefer_ros.ros.parameter_resources import RESOURCES, check_resources
from pixelrefer_ros.ros.parameters import PARAMETERS, camera_parameters, declare_cameras


class ParameterChanges:
    """Refuses a value the node could not be configured with, and tells of the others.

    The reason names the parameter, its value and the limit; type and range are checked by rclpy
    itself. What has no effect in the state the node is in, of which `is_in` tells whether it is in
    one that an `Effect` names, is refused. `on_change` is called after values were set. Make it
    after the parameters are declared.
    """

    def __init__(
        self, node: Node, *, is_in: Callable[[str], bool], on_change: Callable[[], None]
    ) -> None:
        self._node = node
        self._is_in = is_in
        self._on_change = on_change
        node.add_on_set_parameters_callback(self._check)
        node.add_post_set_parameters_callback(self._apply)

    def _check(self, changed: Sequence[RosParameter]) -> SetParametersResult:
        """Never raises: an error here would leave `spin`."""
        try:
            self._check_values({parameter.name: parameter.value for parameter in changed})
        except (PixelReferError, ValueError) as error:
            return SetParametersResult(successful=False, reason=str(error))
        except Exception as error:
            return SetParametersResult(
                successful=False, reason=f"cannot be checked: {type(error).__name__}: {error}"
            )
        return SetParametersResult(successful=True)

    def _check_values(self, values: Mapping[str, Any]) -> None:
        cameras = [*self._current("camera_names"), *values.get("camera_names", ())]
        table = {parameter.name: parameter for parameter in PARAMETERS} | camera_parameters(cameras)
        for name, value in values.items():
            if name in table:  # `use_sim_time` is rclpy's
                table[name].check_value(name, value)
                self._check_effect(table[name], name, value)
        _check_device(self._together(DEVICE, values), values)
        check_resources(self._together(RESOURCES, values), values)

    def _check_effect(self, parameter: Parameter, name: str, value: Any) -> None:
        effect = parameter.effect
        if self._is_in(effect.refused_while) and value != self._current(name):
            raise ValueError(
                f"{name} is {self._current(name)!r} and takes effect {effect.value}: it cannot "
                f"become {value!r} while the node is {effect.refused_while}; {effect.cure}"
            )

    def _together(self, names: Sequence[str], values: Mapping[str, Any]) -> dict[str, Any]:
        """Return parameters as they would be with new values."""
        return {name: values.get(name, self._current(name)) for name in names}

    def _current(self, name: str) -> Any:
        return self._node.get_parameter(name).value

    def _apply(self, changed: Sequence[RosParameter]) -> None:
        try:
            declare_cameras(self._node)
            self._on_change()
        except Exception as error:
            # Such as parameters given wrongly at the start for a camera that is only now named.
            self._node.get_logger().error(f"parameters: {error}")


DEVICE = ("model.device", "model.dtype", "model.quantization")
"""What must go together."""


def _check_device(values: Mapping[str, str], changed: Mapping[str, Any]) -> None:
    """Raise `DeviceError` if what changed does not go together with the rest of `DEVICE`."""
    if not any(name in changed for name in DEVICE):
        return
    device, dtype, quantization = (values[name] for name in DEVICE)
    try:
        where = resolve_device(device)
    except DeviceError as error:
        if "model.device" in changed:
            raise DeviceError(f"model.{error}") from error
        return  # the start gave what does not exist: the rest can only be checked after it
    try:
        resolve_quantization(quantization, where, resolve_dtype(dtype, where))
    except DeviceError as error:
        raise DeviceError(f"model.{error}") from error
