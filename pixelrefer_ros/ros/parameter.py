"""One parameter of the node: its default, its limits, and when a new value takes effect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor

Value = bool | int | float | str | list[str]


class Effect(Enum):
    """When a value that is set while the node runs takes effect."""

    AT_ONCE = "at once"
    AT_ACTIVATE = "at activate"
    AT_CONFIGURE = "at configure"

    @property
    def refused_while(self) -> str:
        """The state of the node in which another value would have no effect, "" for none."""
        return {
            Effect.AT_ONCE: "",
            Effect.AT_ACTIVATE: "active",
            Effect.AT_CONFIGURE: "configured",
        }[self]

    @property
    def cure(self) -> str:
        """What to do to change such a parameter in that state."""
        return {
            Effect.AT_ONCE: "",
            Effect.AT_ACTIVATE: "deactivate the node, set it, activate the node",
            Effect.AT_CONFIGURE: "deactivate and clean up the node, set it, configure and activate",
        }[self]


@dataclass(frozen=True)
class Parameter:
    """One parameter.

    low, high: bound numbers, both inclusive.
    choices: the values that are allowed, if there are only a few.
    check: called with the full name and a value, raises `ValueError` if that cannot be used.
    """

    name: str
    default: Value
    description: str
    low: float | None = None
    high: float | None = None
    effect: Effect = Effect.AT_CONFIGURE
    choices: tuple[str, ...] = ()
    check: Callable[[str, Any], None] | None = None

    @property
    def limits(self) -> str:
        """The range or the choices in words, empty if there are none."""
        if self.low is not None and self.high is not None:
            return f"{self.low} to {self.high}"
        return ", ".join(self.choices)

    def descriptor(self) -> ParameterDescriptor:
        """Describe the parameter the ROS way; what has no field of its own is in the constraints.

        These are one sentence about the choices, if there are any, and one about the effect.
        """
        constraints = [f"One of {self.limits}."] if self.choices else []
        state = self.effect.refused_while
        refused = f"; refused while the node is {state}" if state else ""
        constraints.append(f"Takes effect {self.effect.value}{refused}.")
        descriptor = ParameterDescriptor(
            name=self.name,
            description=self.description,
            additional_constraints=" ".join(constraints),
            read_only=False,
        )
        if self.low is not None and self.high is not None:
            if isinstance(self.default, float):
                bounds = FloatingPointRange(from_value=float(self.low), to_value=float(self.high))
                descriptor.floating_point_range = [bounds]
            else:
                limits = IntegerRange(from_value=int(self.low), to_value=int(self.high), step=1)
                descriptor.integer_range = [limits]
        return descriptor

    def check_value(self, full_name: str, value: Any) -> None:
        """Raise `ValueError` for what neither type nor range forbids and yet cannot be used."""
        if self.choices and value not in self.choices:
            raise ValueError(f"{full_name} is '{value}', must be one of {self.limits}")
        if self.check is not None:
            self.check(full_name, value)
