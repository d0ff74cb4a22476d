"""A camera in a process of its own: publishes a known picture until it is told to stop.

Prints the number of frames sent when it ends.
"""

from __future__ import annotations

import argparse
import signal
import time

import moving_square
import numpy as np
import rclpy
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Header

from pixelrefer_ros.ros.conversions import to_image_message, to_time
from pixelrefer_ros.streams.image_codec import RawImage, encode_jpeg, from_rgb

parser = argparse.ArgumentParser()
parser.add_argument("--topic", default="/camera/image_raw")
parser.add_argument("--rate", type=float, default=30.0)
parser.add_argument("--size", default="160x120")
parser.add_argument("--encoding", default="rgb8")
parser.add_argument("--compressed", action="store_true")
parser.add_argument("--reliable", action="store_true")
parser.add_argument("--moving", action="store_true", help="the moving square instead")
parser.add_argument("--hide-after", type=float, default=1e9, help="seconds; then it is gone")
parser.add_argument("--truncated", action="store_true", help="send half of the data")
parser.add_argument("--start", type=float, help="stamp of the first frame, seconds; default: now")
parser.add_argument("--count", type=int, default=1_000_000)
arguments = parser.parse_args()

width, height = map(int, arguments.size.split("x"))
rows, columns = np.mgrid[0:height, 0:width]
picture = np.stack([columns % 256, rows % 256, (rows + columns) % 256], -1).astype(np.uint8)
picture[height // 4 : height // 2, width // 4 : width // 2] = (200, 30, 30)

if arguments.compressed:
    jpeg = encode_jpeg(picture, 90)
    message = CompressedImage(format=jpeg.format, data=bytes(jpeg.data))
elif arguments.encoding in ("rgb8", "bgr8"):
    message = to_image_message(from_rgb(picture, arguments.encoding), Header())
else:
    depth = np.zeros((height, width), np.uint16)
    message = to_image_message(
        RawImage(height, width, arguments.encoding, False, 2 * width, depth.tobytes()), Header()
    )
if arguments.truncated:
    message.data = bytes(message.data)[: len(message.data) // 2]
message.header.frame_id = "camera_optical_frame"

running = True


def stop(*_: object) -> None:
    global running
    running = False


signal.signal(signal.SIGTERM, stop)
rclpy.init(signal_handler_options=rclpy.signals.SignalHandlerOptions.NO)
node = rclpy.create_node("test_camera", start_parameter_services=False)
reliability = ReliabilityPolicy.RELIABLE if arguments.reliable else ReliabilityPolicy.BEST_EFFORT
publisher = node.create_publisher(
    type(message), arguments.topic, QoSProfile(depth=10, reliability=reliability)
)
sent = 0
first = arguments.start if arguments.start is not None else time.time()
begin = time.monotonic()
while running and sent < arguments.count:
    offset = sent / arguments.rate
    message.header.stamp = to_time(int((first + offset) * 1e9))
    if arguments.moving:
        seen = moving_square.draw(first + offset, hidden=offset > arguments.hide_after)
        message.data = seen.tobytes()
    publisher.publish(message)
    sent += 1
    time.sleep(max(0.0, begin + sent / arguments.rate - time.monotonic()))
while running:
    time.sleep(0.05)
print(sent, flush=True)
node.destroy_node()
rclpy.shutdown()
