"""The node with a model that can be broken while it runs, by writing an order into a file.

faulty_node.py FILE [ROS ARGUMENT ...]. Orders, obeyed by each step of the decoder: `raise`,
`sleep SECONDS`, `hang` (until the order changes); anything else: work as ever.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from pixelrefer_ros.engine.generation.steps import PlainSteps
from pixelrefer_ros.ros.main import main

orders = Path(sys.argv[1])
step = PlainSteps.run


def faulty_step(steps: PlainSteps, *arguments: object) -> object:
    order = orders.read_text()
    if order == "raise":
        raise RuntimeError("an order to fail")
    if order.startswith("sleep"):
        time.sleep(float(order.split()[1]))
    while orders.read_text() == "hang":
        time.sleep(0.05)
    return step(steps, *arguments)


PlainSteps.run = faulty_step
sys.exit(main(["faulty_node", *sys.argv[2:]]))
