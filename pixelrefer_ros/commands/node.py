"""`pixelrefer node`: start the node where there is no `ros2 launch`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from pixelrefer_ros.commands.ros_environment import prepare_ros
from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.resources import find_config, find_model

DESCRIPTION = """\
Start the node, configured and active, until Ctrl-C. All other arguments go to ROS as they are.

For large images the Fast DDS profile config/fastdds.xml is used unless
FASTRTPS_DEFAULT_PROFILES_FILE is set; start the camera driver with it as well.
"""

EXAMPLES = """\
examples:
  pixelrefer node --topic /camera/color/image_raw
  pixelrefer node --topic /cam/compressed -p cameras.camera.transport:=compressed
  pixelrefer node --params-file robot.yaml -r __ns:=/robot1
"""


def add_parser(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "node",
        help="start the node where there is no ros2 launch",
        usage="%(prog)s [-h] [--topic T] [--model M] [--params-file FILE] [ROS ARGUMENT ...]",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--topic", metavar="T", help="image topic of the camera named 'camera'")
    parser.add_argument(
        "--model", metavar="M", help="model folder, shipped model, or downloaded hub id"
    )
    parser.add_argument(
        "--params-file",
        metavar="FILE",
        type=Path,
        help="parameters of the node; default: config/perception.yaml, which lists them all",
    )
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Run the node in this process until it is told to stop."""
    prepare_ros()
    if arguments.model:
        find_model(arguments.model)
    from pixelrefer_ros.ros.main import run_node

    return run_node(
        ros_arguments(
            arguments.params_file,
            {"model.path": arguments.model, "cameras.camera.topic": arguments.topic},
            arguments.ros_arguments,
        ),
        autostart=True,
    )


def ros_arguments(
    params_file: Path | None, parameters: dict[str, str | None], others: Sequence[str] = ()
) -> list[str]:
    """Write the command line of the node; later arguments win. Raises `CommandError`."""
    path = params_file or find_config("perception.yaml")
    if not path.is_file():
        raise CommandError(f"--params-file '{path}' is not a file")
    given = ["--ros-args", "--params-file", str(path)]
    for name, value in parameters.items():
        if value is not None:
            # Quoted, because a value is read as YAML: a folder may be called 1.0 or on.
            given += ["-p", f"{name}:={json.dumps(value)}"]
    return [*given, *others]
