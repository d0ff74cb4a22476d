"""Starts the node `pixelrefer` and, unless told otherwise, configures and activates it.

With `build_only` it builds the TensorRT engine of an exported encoder instead, and ends.
"""

from launch import LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    ExecuteProcess,
    GroupAction,
    RegisterEventHandler,
)
from launch.conditions import IfCondition
from launch.events import matches_action
from launch.substitutions import (
    EqualsSubstitution,
    LaunchConfiguration,
    NotEqualsSubstitution,
    PathJoinSubstitution,
)
from launch_ros.actions import LifecycleNode, SetParameter, SetParametersFromFile
from launch_ros.event_handlers import OnStateTransition
from launch_ros.events.lifecycle import ChangeState
from launch_ros.substitutions import FindPackagePrefix, FindPackageShare
from lifecycle_msgs.msg import Transition


def generate_launch_description() -> LaunchDescription:
    """Describe the arguments, the node and its way to `active`."""
    arguments = [
        DeclareLaunchArgument(
            "namespace", default_value="", description="Namespace of the node, e.g. robot1."
        ),
        DeclareLaunchArgument(
            "params_file",
            default_value=PathJoinSubstitution(
                [FindPackageShare("pixelrefer_ros"), "config", "perception.yaml"]
            ),
            description="Parameter file; config/ has one for each kind of computer.",
        ),
        DeclareLaunchArgument(
            "use_sim_time",
            default_value="false",
            choices=["true", "false"],
            description="Take the time from /clock (simulation, bag playback).",
        ),
        DeclareLaunchArgument(
            "autostart",
            default_value="true",
            choices=["true", "false"],
            description="Configure and activate the node; false leaves that to a manager.",
        ),
        DeclareLaunchArgument(
            "log_level",
            default_value="info",
            choices=["debug", "info", "warn", "error", "fatal"],
            description="Least severe messages to log.",
        ),
        DeclareLaunchArgument(
            "camera_topic",
            default_value="",
            description="Image topic of the camera named 'camera'; empty: as in params_file.",
        ),
        DeclareLaunchArgument(
            "model",
            default_value="",
            description="Model folder, shipped model or hub id; empty: as in params_file.",
        ),
        DeclareLaunchArgument(
            "build_only",
            default_value="",
            description="Folder with an exported encoder whose TensorRT engine is to be built, of "
            "'model' (empty: the default one), instead of starting the node; empty: start it.",
        ),
    ]
    node = LifecycleNode(
        package="pixelrefer_ros",
        executable="pixelrefer_node",
        name="pixelrefer",
        namespace=LaunchConfiguration("namespace"),
        arguments=["--ros-args", "--log-level", LaunchConfiguration("log_level")],
        output="screen",
    )
    # As parameters of a group and not of the node: the file comes first, what is set after it wins.
    configured_node = GroupAction(
        [
            SetParametersFromFile(LaunchConfiguration("params_file")),
            SetParameter("use_sim_time", LaunchConfiguration("use_sim_time")),
            SetParameter(
                "cameras.camera.topic",
                LaunchConfiguration("camera_topic"),
                condition=IfCondition(
                    NotEqualsSubstitution(LaunchConfiguration("camera_topic"), "")
                ),
            ),
            SetParameter(
                "model.path",
                LaunchConfiguration("model"),
                condition=IfCondition(NotEqualsSubstitution(LaunchConfiguration("model"), "")),
            ),
            node,
        ]
    )
    # Once: a node that somebody deactivates later stays so.
    activate_when_configured = RegisterEventHandler(
        OnStateTransition(
            target_lifecycle_node=node,
            start_state="configuring",
            goal_state="inactive",
            entities=[_change_state(node, Transition.TRANSITION_ACTIVATE)],
            handle_once=True,
        ),
        condition=IfCondition(LaunchConfiguration("autostart")),
    )
    configure = _change_state(
        node,
        Transition.TRANSITION_CONFIGURE,
        condition=IfCondition(LaunchConfiguration("autostart")),
    )
    build_only = LaunchConfiguration("build_only")
    running_node = GroupAction(
        [activate_when_configured, configured_node, configure],
        condition=IfCondition(EqualsSubstitution(build_only, "")),
    )
    build = ExecuteProcess(
        cmd=[
            PathJoinSubstitution(
                [FindPackagePrefix("pixelrefer_ros"), "lib", "pixelrefer_ros", "pixelrefer"]
            ),
            *["export", "--format", "tensorrt", "--build-only"],
            *["--model", LaunchConfiguration("model"), "--out", build_only],
        ],
        output="screen",
        condition=IfCondition(NotEqualsSubstitution(build_only, "")),
    )
    return LaunchDescription([*arguments, running_node, build])


def _change_state(
    node: LifecycleNode, transition: int, condition: IfCondition | None = None
) -> EmitEvent:
    event = ChangeState(lifecycle_node_matcher=matches_action(node), transition_id=transition)
    return EmitEvent(event=event, condition=condition)
