"""The node: keeps the frames of each camera and answers questions about regions on them."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from contextlib import ExitStack, suppress

import torch
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup, ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from sensor_msgs.msg import Image

from pixelrefer_ros.action import TrackRegion
from pixelrefer_ros.engine.describer import Describer
from pixelrefer_ros.engine.device import free_memory
from pixelrefer_ros.errors import (
    DeadlineError,
    ErrorCode,
    InferenceError,
    NotActiveError,
    PixelReferError,
    UnknownCameraError,
)
from pixelrefer_ros.msg import RegionQuery, RegionResult
from pixelrefer_ros.resources import find_model
from pixelrefer_ros.ros.annotation import Annotator
from pixelrefer_ros.ros.call import Call
from pixelrefer_ros.ros.callers import with_caller
from pixelrefer_ros.ros.calls import Calls
from pixelrefer_ros.ros.camera import Camera
from pixelrefer_ros.ros.conversions import to_header
from pixelrefer_ros.ros.describe_action import DescribeRegionServer
from pixelrefer_ros.ros.diagnostics import build_diagnostics
from pixelrefer_ros.ros.engine_settings import apply_limits, load_engine, name_engine
from pixelrefer_ros.ros.memory import leave_out_what_is_loaded
from pixelrefer_ros.ros.parameter_changes import ParameterChanges
from pixelrefer_ros.ros.parameters import (
    CameraSettings,
    Settings,
    declare_parameters,
    read_settings,
)
from pixelrefer_ros.ros.pointing import find_buffer
from pixelrefer_ros.ros.qos import SERVICE_QOS
from pixelrefer_ros.ros.region_query import build_error, build_result, build_withdrawn, read_query
from pixelrefer_ros.ros.safe_lifecycle import SafeLifecycleNode
from pixelrefer_ros.ros.track import Sighting, Track
from pixelrefer_ros.ros.track_region import TrackRegionServer
from pixelrefer_ros.ros.waiting import wait_in_executor
from pixelrefer_ros.ros.watching import Watching
from pixelrefer_ros.srv import DescribeRegion, ListFrames
from pixelrefer_ros.streams.frame_buffer import FrameBuffer


class PixelReferNode(SafeLifecycleNode):
    """Lifecycle node `pixelrefer`.

    configure loads the model, activate starts the cameras, deactivate stops both answering and
    receiving, cleanup frees the model. Services and action are there from the start: outside the
    active state they answer NOT_ACTIVE.
    """

    def __init__(self) -> None:
        super().__init__("pixelrefer")
        declare_parameters(self)
        ParameterChanges(self, is_in=self._is_in, on_change=self._on_parameters)
        self._threads_as_torch_likes = torch.get_num_threads()
        self._settings: Settings | None = None
        self._describer: Describer | None = None
        self._watching: Watching | None = None
        self._cameras: dict[str, Camera] = {}
        self._calls = Calls(self, ["~/describe_region", "~/describe_region/_action/send_goal"])
        # Requests wait for the model side by side, while images keep coming.
        options = {"qos_profile": SERVICE_QOS, "callback_group": ReentrantCallbackGroup()}
        self.create_service(
            DescribeRegion, "~/describe_region", with_caller(self._on_describe_region), **options
        )
        DescribeRegionServer(self, self._describe)
        self.create_service(ListFrames, "~/list_frames", self._on_list_frames, **options)
        self._results = self.create_publisher(RegionResult, "~/results", 10)
        self._annotator = Annotator(self.create_publisher(Image, "~/annotated", 2))
        self._track_server = TrackRegionServer(self, self._start_track)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        # Steady: simulated time may stand still, and a silent camera must be reported all the same.
        self.create_timer(
            1.0,
            self._on_watch,
            callback_group=MutuallyExclusiveCallbackGroup(),
            clock=Clock(clock_type=ClockType.STEADY_TIME),
        )

    @property
    def idle_s(self) -> float:
        """For how long no request or goal was on its way."""
        return min(self._track_server.idle_s, self._calls.idle_s)

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Check the parameters and load the model; on failure say why and stay unconfigured."""
        try:
            self._settings = settings = read_settings(self)
            torch.set_num_threads(settings.threads or self._threads_as_torch_likes)
            path = find_model(settings.model_path)
            self._watching = Watching(settings, self._annotator)
            self.get_logger().info(f"loading model {path}")
            started = time.monotonic()
            self._describer = load_engine(path, settings)
        except (PixelReferError, ValueError) as error:
            self.stop()
            return self._refuse("configure", str(error))
        except Exception as error:
            self.stop()
            return self._refuse("configure", f"{type(error).__name__}: {error}")
        leave_out_what_is_loaded()
        seconds = time.monotonic() - started
        self.get_logger().info(f"{name_engine(self._describer)}, ready in {seconds:.1f} s")
        return TransitionCallbackReturn.SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe to the cameras and start answering."""
        assert self._settings is not None
        try:
            for camera in self._settings.cameras:
                self._cameras[camera.name] = Camera(self, camera, self._buffer(camera))
                self.get_logger().info(f"camera '{camera.name}': {camera.topic}")
        except Exception as error:
            self._stop_cameras()
            return self._refuse("activate", f"{type(error).__name__}: {error}")
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop receiving and forget the frames; requests on their way are answered CANCELED."""
        self._stop_cameras()
        if self._watching is not None:
            self._watching.cancel_all()
        self._calls.withdraw_all("the node was deactivated before the answer came")
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the model."""
        stopped = self.stop()
        if stopped is not None:
            device = stopped.model.language_model.device
            stopped.close()
            del stopped
            free_memory(device)
        return TransitionCallbackReturn.SUCCESS

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Go back to unconfigured after a transition that failed unexpectedly."""
        return self.on_cleanup(state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop everything and free the model; requests on their way are answered NOT_ACTIVE."""
        return self.on_cleanup(state)

    def stop(self) -> Describer | None:
        """Stop the cameras and the model; requests on their way are answered NOT_ACTIVE.

        Returns the model's engine, which may need a moment to end: the replies must leave first.
        """
        self._stop_cameras()
        if self._watching is not None:
            self._watching.close()
            self._watching = None
        stopped, self._describer = self._describer, None
        gc.unfreeze()
        if stopped is not None:
            stopped.stop()
        return stopped

    def _refuse(self, transition: str, reason: str) -> TransitionCallbackReturn:
        self.get_logger().error(f"cannot {transition}: {reason}")
        return TransitionCallbackReturn.FAILURE

    def _is_in(self, state: str) -> bool:
        return {"active": bool(self._cameras), "configured": self._describer is not None}.get(
            state, False
        )

    def _buffer(self, camera: CameraSettings) -> FrameBuffer:
        assert self._settings is not None
        return FrameBuffer(camera.name, **self._settings.buffer_limits)

    def _on_parameters(self) -> None:
        """Let what was set take effect, as far as it does before configure or activate."""
        if self._settings is None:
            return
        self._settings = settings = read_settings(self)
        for camera in self._cameras.values():
            camera.buffer.change_limits(**settings.buffer_limits)
        if self._describer is not None:
            apply_limits(self._describer, settings)
        if self._watching is not None:
            self._watching.apply_settings(settings)

    def _stop_cameras(self) -> None:
        for camera in self._cameras.values():
            camera.close()
        self._cameras = {}

    def _on_watch(self) -> None:
        for camera in self._cameras.values():
            self._try(camera.watch)
        self._try(self._calls.withdraw_abandoned)
        self._try(self._publish_diagnostics)

    def _publish_diagnostics(self) -> None:
        name = self.get_fully_qualified_name().lstrip("/")
        now, cameras = self.get_clock().now(), self._cameras.values()
        message = build_diagnostics(
            name, self._describer, self._watching, cameras, self._settings, now
        )
        self._diagnostics.publish(message)

    async def _on_describe_region(
        self, request: DescribeRegion.Request, response: DescribeRegion.Response, caller: str
    ) -> DescribeRegion.Response:
        call = Call(caller)
        response.result = await self._describe(request.query, call)
        call.end()
        return response

    async def _describe(self, message: RegionQuery, call: Call) -> RegionResult:
        """Answer a query of a service call or a goal; what goes wrong is a result with a code."""
        describer = self._describer
        try:
            with self._calls.underway(call):
                result = await self._answer(message, call)
        except PixelReferError as error:
            result = build_error(error)
        except Exception as error:
            reason = f"request failed: {type(error).__name__}: {error}"
            self.get_logger().error(reason, throttle_duration_sec=10.0)
            result = build_error(InferenceError(reason))
        if describer is not None:
            result.model_id = describer.model.model_id
            describer.measurements.count_result(ErrorCode(result.error_code))
        self._try(lambda: self._results.publish(result))
        return result

    async def _answer(self, message: RegionQuery, call: Call) -> RegionResult:
        received = time.monotonic()
        describer, watching, settings = self._check_active()
        inquiry = read_query(message, self._buffers(), watching.tracks, settings, self._now_ns())
        deadline = received + inquiry.timeout_s
        with ExitStack() as pins:
            for frame in inquiry.frames:
                pins.enter_context(inquiry.buffer.pin(frame))
            try:
                if watching.finder.has_work(inquiry):
                    frames = len(inquiry.frames) if inquiry.follow else 1
                    with describer.room_for(inquiry.query, frames=frames, client=call.caller):
                        finding = watching.finder.find(
                            inquiry,
                            timeout_s=deadline - time.monotonic(),
                            client=call.caller,
                            on_progress=call.on_progress,
                        )
                        call.prepare(finding)
                        inquiry = await wait_in_executor(finding, self.executor)
                    if call.withdrawn:
                        return build_withdrawn(inquiry, call)
                    describer.measurements.count_finding(inquiry.finding_s)
                pending = describer.submit(
                    inquiry.query,
                    on_token=call.on_token,
                    on_progress=call.on_progress,
                    deadline=deadline,
                    client=call.caller,
                )
                call.follow(pending)
                answers = await wait_in_executor(pending, self.executor)
            except DeadlineError as error:
                raise DeadlineError(
                    f"timeout is {inquiry.timeout_s:.3f} s and passed before the answer came"
                ) from error
            except CancelledError:
                return build_withdrawn(inquiry, call)
            result = build_result(inquiry, answers)
            if not call.withdrawn:
                self._try(lambda: watching.show(inquiry, answers, call.caller))
        return result

    def _start_track(self, goal: TrackRegion.Goal, on_step: Callable[[Sighting], None]) -> Track:
        _, watching, _ = self._check_active()
        return watching.start_track(goal, self._buffers(), self._now_ns(), on_step)

    def _check_active(self) -> tuple[Describer, Watching, Settings]:
        describer, watching, settings = self._describer, self._watching, self._settings
        if not self._cameras or not describer or not watching or not settings:
            raise NotActiveError("the node is not active; configure and activate it first")
        return describer, watching, settings

    def _buffers(self) -> dict[str, FrameBuffer]:
        return {name: camera.buffer for name, camera in self._cameras.items()}

    def _now_ns(self) -> int:
        now: int = self.get_clock().now().nanoseconds
        return now

    def _try(self, action: Callable[[], None]) -> None:
        """Do what must not cost a planner its answer."""
        try:
            action()
        except Exception as error:
            self.get_logger().error(f"{type(error).__name__}: {error}", throttle_duration_sec=10.0)

    def _on_list_frames(
        self, request: ListFrames.Request, response: ListFrames.Response
    ) -> ListFrames.Response:
        with suppress(UnknownCameraError):
            buffer = find_buffer(request.camera, self._buffers())
            response.frames = [to_header(frame) for frame in buffer.frames()]
        return response
