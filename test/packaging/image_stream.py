"""Publish or receive 1080p images, best effort, as camera drivers do; print how many.

python image_stream.py publish|receive COUNT
"""

import sys
import time

import rclpy
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image

TOPIC = "fastdds_profile_test/image"
PERIOD_S = 0.05
WAIT_S = 20.0

role, count = sys.argv[1], int(sys.argv[2])
rclpy.init()
node = rclpy.create_node(f"{role}_images")
deadline = time.monotonic() + WAIT_S

if role == "publish":
    publisher = node.create_publisher(Image, TOPIC, qos_profile_sensor_data)
    image = Image(height=1080, width=1920, encoding="rgb8", step=3 * 1920)
    image.data = bytes(3 * 1920 * 1080)
    while publisher.get_subscription_count() == 0 and time.monotonic() < deadline:
        time.sleep(0.05)
    for number in range(count):
        image.header.stamp.sec = number
        publisher.publish(image)
        time.sleep(PERIOD_S)
    time.sleep(1.0)  # the last images are still on their way
    print(count)
else:
    received: list[int] = []
    node.create_subscription(
        Image, TOPIC, lambda image: received.append(image.header.stamp.sec), qos_profile_sensor_data
    )
    while time.monotonic() < deadline and (not received or received[-1] < count - 1):
        rclpy.spin_once(node, timeout_sec=1.0)
    print(len(received))
