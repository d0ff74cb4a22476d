"""Publish 1080p images, best effort, as camera drivers do, or receive some.

python image_stream.py publish
python image_stream.py receive COUNT

publish goes on until it is ended. receive prints how many images came, and how many were sent from
the first of them to the last.
"""

import sys
import time

import rclpy
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image

TOPIC = "fastdds_profile_test/image"
PERIOD_S = 0.05
WAIT_S = 60.0

role = sys.argv[1]
rclpy.init()
node = rclpy.create_node(f"{role}_images")

if role == "publish":
    publisher = node.create_publisher(Image, TOPIC, qos_profile_sensor_data)
    image = Image(height=1080, width=1920, encoding="rgb8", step=3 * 1920)
    image.data = bytes(3 * 1920 * 1080)
    while rclpy.ok():
        publisher.publish(image)
        image.header.stamp.sec += 1
        time.sleep(PERIOD_S)
else:
    count, deadline = int(sys.argv[2]), time.monotonic() + WAIT_S
    received: list[int] = []
    node.create_subscription(
        Image, TOPIC, lambda image: received.append(image.header.stamp.sec), qos_profile_sensor_data
    )
    while time.monotonic() < deadline and len(received) < count:
        rclpy.spin_once(node, timeout_sec=1.0)
    print(len(received), received[-1] - received[0] + 1 if received else 0)
